//! Nobody has more than they need: what a worker asks of its engine, and what a build is told.
#![expect(clippy::unwrap_used, reason = "a test may stop")]
#![expect(clippy::print_stderr, reason = "a test that is passed over says so")]
#![expect(
    clippy::disallowed_methods,
    reason = "a proxy is started, and what a test run shall do is said from outside"
)]

mod recorder;

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use harness::{
    engine::{self, TestImage, docker},
    service::{Service, layout},
};
use recorder::Recorder;
use regex::Regex;
use tempfile::TempDir;

const ENGINE: &str = "/var/run/docker.sock";
const PROXY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/socket-proxy");

/// What a shell and an engine add to every environment.
const ALWAYS_THERE: [&str; 6] = ["HOME", "HOSTNAME", "OLDPWD", "PWD", "SHLVL", "_"];

/// The list that people configure their proxies by.
fn endpoints() -> Vec<Regex> {
    let list = std::fs::read_to_string(format!("{PROXY}/endpoints.txt")).unwrap();
    list.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| Regex::new(line).unwrap())
        .collect()
}

/// A build that succeeds, and one that has to be killed.
fn build_all_ways(docker_host: &str, name: &str) {
    let _image = TestImage::running(name, "sleep 600");
    let service = Service::start(&[("DOCKER_HOST", docker_host), ("KIISRV_BUILD_SECONDS", "30")]);
    let built = service.build(&layout("KType-Standard.json"), "latest");
    assert_eq!(built["status"], "succeeded", "{built}");
    service.assert_nothing_is_left(&built);
    drop(service);

    let service = Service::start(&[("DOCKER_HOST", docker_host), ("KIISRV_BUILD_SECONDS", "1")]);
    service.stand_for(name, name);
    let killed = service.build(&layout("KType-Standard.json"), name);
    assert_eq!(killed["reason"], "timed_out", "{killed}");
    service.assert_nothing_is_left(&killed);
}

#[test]
fn a_worker_asks_its_engine_for_all_that_is_listed_and_for_nothing_else() {
    if !engine::is_wanted() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("engine.sock");
    let recorder = Recorder::listen(&socket, Path::new(ENGINE));
    build_all_ways(&format!("unix://{}", socket.display()), "941");
    let (listed, asked) = (endpoints(), recorder.asked());
    for request in &asked {
        assert!(
            listed.iter().any(|endpoint| endpoint.is_match(request)),
            "{request} is not in docs/socket-proxy/endpoints.txt"
        );
    }
    for endpoint in &listed {
        assert!(
            asked.iter().any(|request| endpoint.is_match(request)),
            "{endpoint} is listed, and no worker asks for it"
        );
    }
}

/// The proxy as an operator starts it.
struct Proxy {
    child: Child,
    directory: TempDir,
}

impl Proxy {
    /// `None` where there is no haproxy, with a word; a failure where somebody relies on it.
    fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let started = Command::new("haproxy")
            .args(["-db", "-f", &format!("{PROXY}/haproxy.cfg")])
            .env("ENGINE_SOCKET", ENGINE)
            .env("PROXY_SOCKET", directory.path().join("engine.sock"))
            .env("PROXY_GID", rustix::process::getgid().as_raw().to_string())
            .env("ENDPOINTS", format!("{PROXY}/endpoints.txt"))
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = started else {
            let advice = "no haproxy: run scripts/ensure-test-tools";
            let relied_on = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!relied_on, "{advice}");
            eprintln!("SKIPPED: {advice}");
            return None;
        };
        let proxy = Self { child, directory };
        for _ in 0..200 {
            if UnixStream::connect(proxy.socket()).is_ok() {
                return Some(proxy);
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        panic!("haproxy does not start with {PROXY}/haproxy.cfg");
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("engine.sock")
    }

    /// The status of the answer to a request without a body.
    fn asked(&self, request: &str) -> u16 {
        let mut socket = UnixStream::connect(self.socket()).unwrap();
        let rest = "Host: engine\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        write!(socket, "{request} HTTP/1.1\r\n{rest}").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop((self.child.kill(), self.child.wait()));
    }
}

#[test]
fn a_worker_builds_through_the_socket_proxy() {
    if !engine::is_wanted() {
        return;
    }
    let Some(proxy) = Proxy::start() else { return };
    build_all_ways(&format!("unix://{}", proxy.socket().display()), "942");
}

#[test]
fn the_socket_proxy_refuses_what_no_worker_needs() {
    if !engine::is_wanted() {
        return;
    }
    let Some(proxy) = Proxy::start() else { return };
    let id = "0".repeat(64);
    assert_eq!(proxy.asked("GET /v1.41/_ping"), 200);
    assert_eq!(proxy.asked("GET /images/json"), 200);
    let unknown = proxy.asked(&format!("GET /containers/{id}/json"));
    assert_eq!(
        unknown, 404,
        "the engine answers, and has no such container"
    );
    let exec = format!("POST /v1.41/containers/{id}/exec");
    let archive = format!("GET /containers/{id}/archive?path=/etc");
    for request in [
        "POST /images/create?fromImage=x",
        "POST /build",
        "DELETE /images/kiisrv-controller-057",
        "GET /volumes",
        "POST /volumes/create",
        "POST /networks/create",
        "GET /secrets",
        "GET /events",
        "POST /containers/prune",
        "POST /info",
        "GET //info",
        "GET /info/../volumes",
        "GET /v1.41/info%2f..%2fvolumes",
        "GET /containers/some-name/json",
        "PUT /containers/json",
        &exec,
        &archive,
    ] {
        assert_eq!(proxy.asked(request), 403, "{request}");
    }
}

#[test]
fn a_build_is_told_nothing_of_its_workers_environment() {
    if !engine::is_wanted() {
        return;
    }
    let call = [
        "DefaultMapOverride",
        "PartialMapsExpandedOverride",
        "Layout",
        "CCACHE_DIR",
    ];
    let strict = "FROM kiisrv-base:bookworm\nLABEL kiisrv.protocol=2\n";
    let legacy = "FROM kiisrv-base:bookworm\n";
    for (name, from, told) in [("943", strict, &[][..]), ("944", legacy, &call)] {
        let entrypoint = r#"ENTRYPOINT ["/bin/sh", "-c", "env; exit 1"]"#;
        let _image = TestImage::of_dockerfile(name, &format!("{from}{entrypoint}\n"));
        let service = Service::start(&[]);
        service.stand_for(name, name);
        let build = service.build(&layout("KType-Standard.json"), name);
        assert_eq!(build["reason"], "build_failed", "{build}");
        let log = service.get(build["log_url"].as_str().unwrap()).text();
        let names = names_in(&log);
        let format = "{{range .Config.Env}}{{println .}}{{end}}";
        let image = format!("kiisrv-controller-{name}");
        let its_own = docker(&["image", "inspect", "-f", format, &image]).unwrap();
        let mut known = names_in(&its_own);
        known.extend(
            told.iter()
                .chain(&ALWAYS_THERE)
                .map(|&name| name.to_owned()),
        );
        assert!(names.contains("PATH"), "{log}");
        assert!(names.is_subset(&known), "{:?}", &names - &known);
    }
}

/// The names in what `env` writes.
fn names_in(environment: &str) -> BTreeSet<String> {
    let lines = environment.lines();
    lines
        .filter_map(|line| Some(line.split_once('=')?.0.to_owned()))
        .collect()
}
