//! Connections as they are, over a socket.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use super::{Service, request_for};
use crate::{
    body::Bodies,
    server::{Limits, serve},
};

const LIMITS: Limits = Limits {
    connections: 8,
    connections_of_client: 8,
    head: Duration::from_millis(100),
    unread: Duration::from_secs(1),
    grace: Duration::from_millis(200),
};

/// A server on a port of its own.
struct Server {
    service: Service,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        Self::of(Service::start().await, limits).await
    }

    async fn of(service: Service, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let state = service.state.clone();
        let running = tokio::spawn(async move {
            let shutdown = async { drop(stopped.await) };
            serve(state, listener, limits, shutdown).await;
        });
        Self {
            service,
            address,
            stop,
            running,
        }
    }

    /// Sends this text and gives back all that is answered until the connection ends.
    async fn say(&self, text: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

const CLOSE: &str = "Host: x\r\nConnection: close\r\n";

#[tokio::test]
async fn a_body_in_chunks_is_a_body() {
    let server = Server::start(LIMITS).await;
    let body = request_for("MD1-Standard").to_string();
    let (first, second) = body.split_at(100);
    let answer = server
        .say(&format!(
            "POST /v1/builds HTTP/1.1\r\n{CLOSE}Transfer-Encoding: chunked\r\n\r\n\
             {:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
            first.len(),
            second.len()
        ))
        .await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
}

#[tokio::test]
async fn whoever_sends_too_much_is_told_so() {
    let mut service = Service::start().await;
    service.state.bodies = Bodies::new(100_000, Duration::from_secs(5), 1 << 20);
    let server = Server::of(service, LIMITS).await;
    let answer = server
        .say(&format!(
            "POST /v1/builds HTTP/1.1\r\n{CLOSE}Content-Length: 190000\r\n\r\n{}",
            " ".repeat(190_000)
        ))
        .await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_head_has_the_length_and_no_body() {
    let server = Server::start(LIMITS).await;
    let answer = server
        .say(&format!(
            "HEAD /layouts/MD1-Standard.json HTTP/1.1\r\n{CLOSE}\r\n"
        ))
        .await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("\r\ncontent-length: "), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_watcher_that_hangs_up_is_noticed_and_one_that_stays_is_let_go_by_a_stop() {
    let server = Server::start(LIMITS).await;
    let id = server.service.submit(&request_for("MD1-Standard")).await;
    let watch = async || {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let request = format!("GET /v1/builds/{id}/events HTTP/1.1\r\n{CLOSE}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        while !text.contains("event:status") {
            let mut piece = [0; 1024];
            let length = stream.read(&mut piece).await.unwrap();
            assert_ne!(length, 0, "{text}");
            text.push_str(std::str::from_utf8(&piece[..length]).unwrap());
        }
        stream
    };
    drop(watch().await);
    let patience = Duration::from_secs(20);
    let noticed = server.service.nobody_watches();
    tokio::time::timeout(patience, noticed).await.unwrap();

    let mut stays = watch().await;
    server.stop.send(()).unwrap();
    let mut rest = String::new();
    let ended = tokio::time::timeout(patience, stays.read_to_string(&mut rest));
    ended.await.unwrap().unwrap();
    assert!(rest.ends_with("0\r\n\r\n"), "not cut, but ended: {rest}");
    server.running.await.unwrap();
}

#[tokio::test]
async fn a_slow_head_and_an_idle_connection_are_cut() {
    let server = Server::start(LIMITS).await;
    let started = Instant::now();
    server.say("GET /healthz HTTP/1.1\r\nHost:").await;
    let answer = server.say("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_connection_too_many_waits_for_its_turn() {
    let limits = Limits {
        connections: 1,
        ..LIMITS
    };
    let server = Server::start(limits).await;
    let idle = TcpStream::connect(server.address).await.unwrap();
    let answer = server
        .say(&format!("GET /healthz HTTP/1.1\r\n{CLOSE}\r\n"))
        .await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    drop(idle);
}

#[tokio::test]
async fn a_stop_answers_whoever_waits_and_ends() {
    let server = Server::start(LIMITS).await;
    let id = server.service.submit(&request_for("MD1-Standard")).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET /v1/builds/{id}?wait=30 HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    // The request has arrived when an answer to a later one is here.
    server
        .say(&format!("GET /healthz HTTP/1.1\r\n{CLOSE}\r\n"))
        .await;
    let started = Instant::now();
    server.stop.send(()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("\"status\":\"queued\""), "{answer}");
    server.running.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_stop_does_not_wait_for_whoever_sends_slowly() {
    let server = Server::start(LIMITS).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"POST /v1/builds HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        .await
        .unwrap();
    server
        .say(&format!("GET /healthz HTTP/1.1\r\n{CLOSE}\r\n"))
        .await;
    let started = Instant::now();
    server.stop.send(()).unwrap();
    server.running.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_client_with_too_many_connections_is_told_so_and_gets_their_places_back() {
    let limits = Limits {
        connections_of_client: 1,
        head: Duration::from_secs(5),
        ..LIMITS
    };
    let server = Server::start(limits).await;
    let idle = TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET /healthz HTTP/1.1\r\n{CLOSE}\r\n");
    let answer = server.say(&request).await;
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    assert!(answer.contains("\r\nretry-after: "), "{answer}");
    assert!(
        answer.contains("\r\naccess-control-allow-origin: *"),
        "{answer}"
    );
    drop(idle);
    let patience = Instant::now() + Duration::from_secs(20);
    while !server.say(&request).await.starts_with("HTTP/1.1 200 ") {
        assert!(Instant::now() < patience, "the place is not given back");
    }
}

#[tokio::test]
async fn a_trusted_proxy_is_no_client() {
    let service = Service::start_with(&[("KIISRV_TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let limits = Limits {
        connections_of_client: 1,
        ..LIMITS
    };
    let server = Server::of(service, limits).await;
    let _idle = TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET /healthz HTTP/1.1\r\n{CLOSE}\r\n");
    let answer = server.say(&request).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn whoever_is_refused_before_all_is_sent_can_read_why() {
    let service = Service::start_with(&[("KIISRV_DISK_RESERVE_MB", "999999999999")]).await;
    let server = Server::of(service, LIMITS).await;
    let length = 8 << 20;
    let head = format!("POST /v1/builds HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
    // As clients do: all is sent before the answer is looked at.
    let answer = server.say(&format!("{head}{}", " ".repeat(length))).await;
    assert!(answer.starts_with("HTTP/1.1 507 "), "{answer}");
}
