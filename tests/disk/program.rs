//! The real program as a process: started, asked, killed.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

use harness::service::{Answer, LAYOUTS, layout};
use serde_json::{Value, json};

/// Longer than anything here takes on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(40);

/// A running program. It is killed with this value.
pub(crate) struct Program {
    child: Child,
    url: String,
    log: PathBuf,
    agent: ureq::Agent,
}

impl Program {
    /// Starts what [`command`] made.
    pub(crate) fn start(mut command: Command) -> Self {
        let log = command.get_current_dir().unwrap().join("log");
        let file = File::create(&log).unwrap();
        let child = command.stdout(file.try_clone().unwrap()).stderr(file);
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build()
            .into();
        Self {
            child: child.spawn().unwrap(),
            url: String::new(),
            log,
            agent,
        }
    }

    /// Waits until its API listens.
    pub(crate) fn listening(mut self) -> Self {
        self.url = until("the API listens", || address_in(&self.log()));
        self
    }

    /// Waits until it has ended by itself, with a failure, and gives its log.
    pub(crate) fn ended(mut self) -> String {
        let status = until("the program ends", || self.child.try_wait().unwrap());
        assert!(!status.success(), "{}", self.log());
        self.log()
    }

    /// What it has said so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// `GET`.
    pub(crate) fn get(&self, path: &str) -> Answer {
        let asked = self.agent.get(format!("{}{path}", self.url));
        Answer::from(asked.call().unwrap())
    }

    /// Asks for a build that differs from all others by this word.
    pub(crate) fn ask_for(&self, word: &str) -> Answer {
        let mut config = layout("KType-Standard.json");
        config["header"]["Author"] = word.into();
        let body = json!({ "config": config, "env": "latest" }).to_string();
        let asked = self.agent.post(format!("{}/v1/builds", self.url));
        Answer::from(asked.send(&body).unwrap())
    }

    /// Waits until a build is accepted, and gives its id.
    pub(crate) fn accepted(&self, word: &str) -> String {
        until("a build is accepted", || id_of(&self.ask_for(word)))
    }

    /// Waits until a build has succeeded.
    pub(crate) fn succeeded(&self, id: &str) {
        until("the build succeeds", || {
            let build = self.get(&format!("/v1/builds/{id}?wait=5")).json();
            assert_ne!(build["status"], "failed", "{build}");
            (build["status"] == "succeeded").then_some(())
        });
    }

    /// Waits until `/readyz` has such a check, and gives the words of it.
    pub(crate) fn says(&self, check: &str, ok: bool) -> String {
        until(&format!("the check of the {check} is {ok}"), || {
            let found: Value = self.get("/readyz").json()["checks"][check].clone();
            (found["ok"] == ok).then(|| found["detail"].as_str().unwrap().to_owned())
        })
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop((self.child.kill(), self.child.wait()));
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

/// The id in an answer that says that a build is accepted.
pub(crate) fn id_of(answer: &Answer) -> Option<String> {
    matches!(answer.status, 200 | 202).then(|| answer.json()["id"].as_str().unwrap().to_owned())
}

/// Asks again and again until there is an answer.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "it does not happen that {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// `kiisrv <part>`, with its API on a free port. All its places are below `home`, where the variables do
/// not say otherwise.
pub(crate) fn command(part: &str, home: &Path, variables: &[(&str, &str)]) -> Command {
    #[expect(clippy::disallowed_methods, reason = "the real program is tested")]
    let mut command = Command::new(harness::program::path());
    command
        .arg(part)
        .current_dir(home)
        .env("KIISRV_HOST", "127.0.0.1")
        .env("KIISRV_PORT", "0")
        .env("KIISRV_LAYOUTS", LAYOUTS)
        .env("KIISRV_DISK_RESERVE_MB", "1")
        // Everybody here asks from one address.
        .env("KIISRV_MAX_WAITING_PER_CLIENT", "100000")
        .envs(variables.iter().copied());
    command
}

/// Where the API listens, by its log.
fn address_in(log: &str) -> Option<String> {
    let (_, rest) = log.split_once("listens on http://")?;
    let address: SocketAddr = rest.split_whitespace().next()?.parse().ok()?;
    Some(format!("http://{address}"))
}
