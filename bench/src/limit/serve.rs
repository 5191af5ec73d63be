//! An HTTP server that does nothing but what it must: it answers what is always the same, holds what is to be held,
//! and writes what is posted into the table of the limit.

use std::{convert::Infallible, future::pending, net::Ipv4Addr, path::Path};

use bytes::Bytes;
use harness::store::a_build;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use shared::store::jobs::NewBuild;
use tokio::{net::TcpListener, runtime::Runtime};

use super::enqueue::Writer;
use crate::child;

/// What is written into the table before it is answered.
pub(crate) const WRITTEN: &str = "/written";

/// What is never answered.
pub(crate) const HELD: &str = "/held";

/// In a process of its own: says its port and answers until it is killed.
pub(crate) fn serve(directory: &Path, answer: &Path) -> anyhow::Result<()> {
    let answer = Bytes::from(std::fs::read(answer)?);
    let (writer, _thread) = Writer::start(directory)?;
    Runtime::new()?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        child::ready()?;
        child::say(listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let (writer, answer) = (writer.clone(), answer.clone());
            let service = service_fn(move |request| {
                let (writer, answer) = (writer.clone(), answer.clone());
                async move { Ok::<_, Infallible>(reply(&writer, answer, request).await) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    })
}

async fn reply(
    writer: &Writer,
    answer: Bytes,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    let status = match (path.as_str(), request.into_body().collect().await) {
        (HELD, _) => pending().await,
        (WRITTEN, Ok(body)) => match writer.write(build(&body.to_bytes())).await {
            Ok(()) => StatusCode::ACCEPTED,
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
        },
        (_, Ok(_)) => StatusCode::OK,
        (_, Err(_)) => StatusCode::BAD_REQUEST,
    };
    let mut response = Response::new(Full::new(answer));
    *response.status_mut() = status;
    response
}

/// A row of what was posted. Nothing looks into it.
fn build(body: &[u8]) -> NewBuild {
    let name = format!("KType-{}", uuid::Uuid::now_v7());
    let build = a_build(&name).with(|build| {
        "Standard".clone_into(&mut build.layout);
        build.config = String::from_utf8_lossy(body).into_owned();
    });
    build.into()
}
