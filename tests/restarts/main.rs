//! Workers that stop and die while they build, as processes on the real engine, and what becomes of their
//! builds.
#![expect(clippy::unwrap_used, reason = "a test may stop, and its helpers too")]

mod crash_points;
mod ready;
mod rolling;

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use harness::{
    engine::{TestImage, docker},
    service::Service,
};
use rustix::process::{Pid, Signal};

/// Says a line, takes its time, says another and leaves firmware.
fn slow_image(name: &str, seconds: &str) -> TestImage {
    TestImage::running(name, &slow_script(seconds))
}

fn slow_script(seconds: &str) -> String {
    let script = "cd /tmp && mkdir log && echo first && sleep SECONDS && echo second | tee log/build.log && \
                  touch kiibohd.dfu.bin && cp /mnt/config/input/*.json . && \
                  zip -q /mnt/builds/firmware.zip *.json log/build.log kiibohd.dfu.bin";
    script.replace("SECONDS", seconds)
}

/// A worker in a process of its own. It is killed with this value.
struct Process(Child);

impl Process {
    /// Starts one that dies at this moment, and waits until it is ready.
    fn start(service: &Service, moment: &str) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "a process that can be killed is what this is about"
        )]
        let mut child = Command::new(env!("CARGO_BIN_EXE_worker-process"))
            .arg(service.path())
            .arg(moment)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }

    fn terminate(&self) {
        let pid = Pid::from_child(&self.0);
        rustix::process::kill_process(pid, Signal::TERM).unwrap();
    }

    /// As by `kill -9`.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.ended();
    }

    fn ended(&mut self) {
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// How often the engine started a container of this service's builds, by its own account.
fn starts_since(since: &str, builds: &[String]) -> usize {
    let now = docker(&["info", "--format", "{{.SystemTime}}"]).unwrap();
    let events = docker(&[
        "events",
        "--since",
        since,
        "--until",
        &now,
        "--filter",
        "event=start",
        "--filter",
        "label=kiisrv.role=build",
        "--format",
        "{{index .Actor.Attributes \"kiisrv.build\"}}",
    ]);
    let events = events.unwrap_or_default();
    let of_ours = events
        .lines()
        .filter(|build| builds.iter().any(|id| id == build));
    of_ours.count()
}
