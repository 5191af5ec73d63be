//! A Docker engine of a test's own, which may be stopped and killed without harm to anybody.
//!
//! Its data, its sockets and its containerd are in a directory that goes with it. The user's engine never
//! hears of it.

use std::{
    fs::{self, File},
    io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use crate::{engine, program::pause, quick_controller};

/// Longer than an engine takes to stop whose containers end at SIGTERM.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at what an engine is doing: nothing else says from outside that it answers.
const LOOK: Duration = Duration::from_millis(50);

/// Whether tests with an engine of their own run; see [`engine::is_wanted`].
#[must_use]
pub fn is_wanted() -> bool {
    engine::is_wanted_with(what_is_missing)
}

/// What an engine of one's own lacks on this machine.
#[must_use]
pub fn what_is_missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("an engine of the tests' own needs root".to_owned());
    }
    let there = |name: &str| {
        let mut asked = command(name);
        asked
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    };
    if !there("dockerd") || !there("docker") {
        return Some("no dockerd to start: run `scripts/ensure-docker` first".to_owned());
    }
    quick_controller::what_is_missing()
}

/// The engine. It ends with this value, and its containers and its files with it.
pub struct PrivateEngine {
    directory: TempDir,
    process: Option<Child>,
}

impl PrivateEngine {
    /// Starts one that has no image and no container.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start() -> Self {
        // A socket's path has to be short, so that this is not below `target`.
        let directory = tempfile::Builder::new().prefix("kiisrv-engine-").tempdir();
        let mut engine = Self {
            directory: directory.expect("a directory"),
            process: None,
        };
        engine.start_again();
        engine
    }

    /// Starts it after [`Self::stop`] or [`Self::kill`], and returns when it answers.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let answers = self.spawn().is_ok() && self.answers_soon();
        assert!(answers, "it does not start:\n{}", self.log());
    }

    fn spawn(&mut self) -> io::Result<()> {
        // Only a machine whose init reaps at once lets an engine see that its former self is dead.
        for stale in ["pid", "exec/containerd/containerd.pid"] {
            drop(fs::remove_file(self.path(stale)));
        }
        let log = self.path("log");
        let log = File::options().create(true).append(true).open(log)?;
        // In a network of its own: without a bridge it would take away the bridge of the machine's engine.
        let mut dockerd = command("unshare");
        dockerd.args(["--net", "dockerd"]);
        for (flag, name) in [
            ("--data-root", "data"),
            ("--exec-root", "exec"),
            ("--pidfile", "pid"),
        ] {
            dockerd.arg(flag).arg(self.path(name));
        }
        dockerd.args(["--bridge=none", "--iptables=false", "--ip6tables=false"]);
        dockerd.args(["--host", &self.address()]);
        dockerd.stdin(Stdio::null()).stdout(Stdio::null());
        self.process = Some(dockerd.stderr(log).spawn()?);
        Ok(())
    }

    fn answers_soon(&self) -> bool {
        is_soon(|| {
            UnixStream::connect(self.socket()).is_ok() && self.docker(&["version"]).is_some()
        })
    }

    /// Ends it as a service manager does: its containers are told to end, then it goes.
    ///
    /// # Panics
    /// When it does not go.
    pub fn stop(&mut self) {
        self.end(Signal::TERM);
    }

    /// Kills it. Its containerd goes down with it; its containers run on until it is started again.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    /// Lets it stand still: it is there, and answers nothing. Its containers run on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().expect("it runs");
        rustix::process::kill_process(Pid::from_child(process), signal).expect("it is there");
    }

    fn end(&mut self, signal: Signal) {
        let containerd = fs::read_to_string(self.path("exec/containerd/containerd.pid"));
        self.signal(signal);
        let mut process = self.process.take().expect("it runs");
        wait_for(&mut process);
        if let Some(pid) = containerd
            .ok()
            .and_then(|text| text.trim().parse::<u32>().ok())
        {
            assert!(is_soon(|| !runs(pid)), "its containerd does not go");
        }
    }

    /// Whether it was started and neither stopped nor killed since.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Where it listens, in the form of `DOCKER_HOST`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// The socket's path.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.path("sock")
    }

    /// What it said of itself, for the message of a test that fails.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The engine's command line, spoken to this engine.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        docker_at(&self.address(), arguments)
    }

    /// Runs the engine's command line; `None` where it fails.
    #[must_use]
    pub fn docker(&self, arguments: &[&str]) -> Option<String> {
        let output = self.command(arguments).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Containers with this label, running or not; `None` where it does not answer.
    #[must_use]
    pub fn containers_with(&self, label: &str) -> Option<Vec<String>> {
        let filter = format!("label={label}");
        let listed = self.docker(&["ps", "-aq", "--no-trunc", "--filter", &filter])?;
        Some(listed.lines().map(str::to_owned).collect())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn unmount(&self) {
        // Each start mounts the data over itself, and a kill leaves that behind.
        let below = |mount: &&str| Path::new(mount).starts_with(self.directory.path());
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
        let mut points: Vec<_> = points.filter(below).collect();
        points.reverse();
        for point in points {
            drop(command("umount").args(["--lazy", point]).status());
        }
    }
}

impl Drop for PrivateEngine {
    fn drop(&mut self) {
        // Only an engine ends its containers in an orderly way: it runs for that, and does not stand still.
        if self.process.is_some() {
            self.thaw();
        } else if self.spawn().is_ok() {
            self.answers_soon();
        }
        let containers = self.docker(&["ps", "-aq"]).unwrap_or_default();
        for container in containers.lines() {
            drop(self.docker(&["rm", "--force", container]));
        }
        if let Some(mut process) = self.process.take() {
            // One that is gone already needs no signal.
            let _ = rustix::process::kill_process(Pid::from_child(&process), Signal::TERM);
            wait_for(&mut process);
        }
        self.unmount();
    }
}

/// The engine's command line, spoken to the engine at this address.
#[must_use]
pub fn docker_at(address: &str, arguments: &[&str]) -> Command {
    let mut docker = command("docker");
    docker.args(["--host", address]).args(arguments);
    docker
}

/// Whether something comes true before patience ends.
fn is_soon(is_so: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        if Instant::now() >= deadline {
            return false;
        }
        pause(LOOK);
    }
    true
}

/// Waits for a process's end, and ends it where that takes too long.
fn wait_for(process: &mut Child) {
    let deadline = Instant::now() + PATIENCE;
    while matches!(process.try_wait(), Ok(None)) {
        if Instant::now() >= deadline {
            drop(process.kill());
        }
        pause(LOOK);
    }
}

/// Whether a process is there and no mere entry that nobody has reaped yet.
fn runs(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| stat.rsplit(')').next().map(str::to_owned))
        .is_some_and(|rest| !rest.trim_start().starts_with('Z'))
}

fn command(name: &str) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "the engine is started and asked as a person does it"
    )]
    let command = Command::new(name);
    command
}
