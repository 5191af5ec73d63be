//! One connection that stays open, and what comes back over it.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Method, Request, StatusCode, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A connection with one request at a time.
pub(crate) struct Client {
    sender: http1::SendRequest<Full<Bytes>>,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> anyhow::Result<serde_json::Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// This answer, if it is a good one.
    pub(crate) fn good(self) -> anyhow::Result<Self> {
        let is_good = self.status.is_success() || self.status.is_redirection();
        let said = String::from_utf8_lossy(&self.body);
        anyhow::ensure!(is_good, "{}: {said}", self.status);
        Ok(self)
    }
}

impl Client {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the sender; what goes wrong with it, the sender tells.
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn ask(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let (head, body) = answer.into_parts();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body.collect().await?.to_bytes(),
        })
    }

    /// A good answer to `GET`.
    pub(crate) async fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.ask(get(path)?).await?.good()
    }

    /// A good answer to `POST`.
    pub(crate) async fn post(&mut self, path: &str, body: Bytes) -> anyhow::Result<Answer> {
        self.ask(post(path, body)?).await?.good()
    }
}

/// `GET` of a path.
pub(crate) fn get(path: &str) -> anyhow::Result<Request<Full<Bytes>>> {
    request(Method::GET, path, Bytes::new())
}

/// `POST` of a body.
pub(crate) fn post(path: &str, body: Bytes) -> anyhow::Result<Request<Full<Bytes>>> {
    request(Method::POST, path, body)
}

fn request(method: Method, path: &str, body: Bytes) -> anyhow::Result<Request<Full<Bytes>>> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost")
        .header(header::USER_AGENT, "kiisrv-bench (X11; Linux x86_64)");
    Ok(request.body(Full::new(body))?)
}

/// Whether a path answers well just now.
pub(crate) async fn answers(address: SocketAddr, path: &str) -> bool {
    let Ok(mut client) = Client::connect(address).await else {
        return false;
    };
    client.get(path).await.is_ok()
}
