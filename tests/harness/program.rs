//! The program itself, as its user starts it: built once, run as processes that tests may kill.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::OnceLock,
    time::Duration,
};

use rustix::process::{Pid, Signal};
use serde_json::Value;

/// Waits where nothing says from outside that something has happened.
pub fn pause(duration: Duration) {
    let until = std::time::Instant::now() + duration;
    while let Some(left) = until.checked_duration_since(std::time::Instant::now()) {
        std::thread::park_timeout(left);
    }
}

/// Where the program is. It is built first: tests know it as a library at most.
///
/// # Panics
/// When it cannot be built.
pub fn path() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build)
}

fn build() -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "cargo is asked as a person does it"
    )]
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    // All members together, so that libraries are built with the features that the tests' own have.
    cargo.args(["build", "--workspace", "--bin", "kiisrv", "--locked", "-q"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    // What cargo tells a test of itself makes some packages' build scripts run again.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_") {
            cargo.env_remove(name);
        }
    }
    let output = cargo
        .arg("--message-format=json")
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "the program cannot be built");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)))
        .expect("cargo says where the program is")
}

/// A running `kiisrv`. It is killed with this value.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a command of the program, with these variables and a file for what it says.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(command: &str, variables: &[(String, String)], log: &Path) -> Self {
        let file = File::create(log).expect("a log");
        #[expect(clippy::disallowed_methods, reason = "the program as its user runs it")]
        let mut program = Command::new(path());
        let child = program
            .arg(command)
            .envs(variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log"))
            .stderr(file)
            .spawn()
            .expect("the program starts");
        Self {
            child,
            log: log.to_owned(),
        }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it cannot be sent.
    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal)
            .expect("the process is there");
    }

    /// How it ended, if it has.
    ///
    /// # Panics
    /// When that cannot be found out.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of ours")
    }

    /// What it said so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
