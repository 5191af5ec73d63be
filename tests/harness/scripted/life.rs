//! A scripted container's output and end, followed as they come.

use bytes::Bytes;
use tokio::sync::watch;
use worker::container::{ContainerError, Exit};

/// What others see of a container that runs.
#[derive(Default)]
pub(super) struct Life {
    pub(super) log: Vec<Bytes>,
    pub(super) end: Option<Exit>,
}

pub(super) type Piece = (
    Result<Bytes, ContainerError>,
    (watch::Receiver<Life>, usize),
);

/// The next piece of its output, once it is there; `None` after its end.
pub(super) async fn next_piece((mut life, at): (watch::Receiver<Life>, usize)) -> Option<Piece> {
    let piece = {
        let more = |life: &Life| life.log.len() > at || life.end.is_some();
        let now = life.wait_for(more).await.ok()?;
        now.log.get(at).cloned()?
    };
    Some((Ok(piece), (life, at + 1)))
}
