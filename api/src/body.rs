//! Reading what is sent, within bounds of size, of time, and of memory for all senders together.

use std::{pin::Pin, sync::Arc, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use warp::{Filter, Rejection, http::StatusCode};

use crate::error::Problem;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The predecessor's limit. The largest layout that we know has 150 KB.
const MAX_BODY: usize = 10 * MIB;

/// Time for the whole of a body: ten megabytes over a slow line.
const MAX_TIME: Duration = Duration::from_secs(30);

/// Bytes of all bodies that are being read or looked at.
const MAX_TOGETHER: usize = 128 * MIB;

/// A value takes some 70 bytes once it is read, so that ten megabytes of `[1,1,…` would take hundreds. The largest
/// layout that we know has some ten thousand values.
const MAX_VALUES: usize = 250_000;

/// A request's body as it comes in.
pub(crate) type Incoming = Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send>>;

/// The request's body, unread.
pub(crate) fn incoming() -> impl Filter<Extract = (Incoming,), Error = Rejection> + Copy {
    warp::body::stream().map(|parts| -> Incoming { Box::pin(to_bytes(parts)) })
}

fn to_bytes<B: Buf>(
    parts: impl Stream<Item = Result<B, warp::Error>>,
) -> impl Stream<Item = Result<Bytes, warp::Error>> {
    parts.map(|part| part.map(|mut part| part.copy_to_bytes(part.remaining())))
}

/// Reads bodies within bounds.
#[derive(Clone)]
pub(crate) struct Bodies {
    pub(crate) max_body: usize,
    pub(crate) max_time: Duration,
    /// One permit is a KiB.
    memory: Arc<Semaphore>,
}

impl Default for Bodies {
    fn default() -> Self {
        Self::new(MAX_BODY, MAX_TIME, MAX_TOGETHER)
    }
}

/// A whole body. Its memory is accounted for until it is dropped.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    _memory: Option<OwnedSemaphorePermit>,
}

impl Bodies {
    pub(crate) fn new(max_body: usize, max_time: Duration, max_together: usize) -> Self {
        Self {
            max_body,
            max_time,
            memory: Arc::new(Semaphore::new(max_together / KIB)),
        }
    }

    /// The whole body, or why it is not taken.
    pub(crate) async fn read(&self, incoming: Incoming) -> Result<Body, Problem> {
        tokio::time::timeout(self.max_time, self.collect(incoming))
            .await
            .map_err(|_| {
                Problem::new(
                    StatusCode::REQUEST_TIMEOUT,
                    format!("the body took more than {} s", self.max_time.as_secs()),
                )
            })?
    }

    async fn collect(&self, mut incoming: Incoming) -> Result<Body, Problem> {
        let mut bytes = BytesMut::new();
        let mut memory = None;
        while let Some(part) = incoming.next().await {
            let part = part.map_err(|_| Problem::bad_request("the body has no proper end"))?;
            let so_far = bytes.len() + part.len();
            if so_far > self.max_body {
                drop((bytes, memory));
                self.pass_over(incoming).await;
                return Err(Problem::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!("a body may have {} bytes at most", self.max_body),
                ));
            }
            self.account_for(&mut memory, so_far)?;
            bytes.extend_from_slice(&part);
        }
        Ok(Body {
            bytes: bytes.freeze(),
            _memory: memory,
        })
    }

    /// Whoever is still sending when the connection is closed gets an error of the network's instead of our answer.
    /// So a little more is taken and thrown away.
    async fn pass_over(&self, mut incoming: Incoming) {
        let mut left = self.max_body;
        while let Some(Ok(part)) = incoming.next().await {
            match left.checked_sub(part.len()) {
                Some(less) => left = less,
                None => return,
            }
        }
    }

    /// Memory is taken as bytes arrive, so that whoever announces much and sends nothing takes none. Where there is
    /// no more, waiting would let half-read bodies wait for each other.
    fn account_for(
        &self,
        memory: &mut Option<OwnedSemaphorePermit>,
        bytes: usize,
    ) -> Result<(), Problem> {
        let has = memory.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let needs = bytes.div_ceil(KIB).saturating_sub(has);
        let needs = u32::try_from(needs).unwrap_or(u32::MAX);
        let more = Arc::clone(&self.memory)
            .try_acquire_many_owned(needs)
            .map_err(|_| Problem::unavailable("too much is being sent just now; ask again"))?;
        match memory {
            Some(memory) => memory.merge(more),
            None => *memory = Some(more),
        }
        Ok(())
    }
}

/// Refuses a text that would take far more memory than it has bytes. A value that is not the first of its kind has a
/// comma before it, and a first one an opening bracket.
pub(crate) fn refuse_too_many_values(json: &[u8]) -> Result<(), Problem> {
    let (mut in_text, mut escaped, mut values) = (false, false, 0);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => values += 1,
            _ => {}
        }
    }
    if values > MAX_VALUES {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("a body may have {MAX_VALUES} values at most"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: Vec<&'static [u8]>) -> Incoming {
        let parts = parts.into_iter().map(|part| Ok(Bytes::from_static(part)));
        Box::pin(futures_util::stream::iter(parts))
    }

    #[tokio::test]
    async fn a_body_in_parts_is_put_together() {
        let body = Bodies::default().read(of(vec![b"{", b"}"])).await.unwrap();
        assert_eq!(body.bytes, "{}");
    }

    #[tokio::test]
    async fn a_body_that_grows_too_large_is_refused() {
        let bodies = Bodies::new(4, MAX_TIME, MIB);
        let refused = bodies.read(of(vec![b"abc", b"de"])).await.unwrap_err();
        assert_eq!(refused.status(), 413);
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_refused() {
        let bodies = Bodies::new(4, Duration::from_millis(20), MIB);
        let never: Incoming = Box::pin(futures_util::stream::pending());
        assert_eq!(bodies.read(never).await.unwrap_err().status(), 408);
    }

    #[tokio::test]
    async fn all_bodies_together_have_a_bound_that_is_given_back() {
        let bodies = Bodies::new(MIB, MAX_TIME, 2 * KIB);
        let first = bodies.read(of(vec![&[0; 1500]])).await.unwrap();
        let refused = bodies.read(of(vec![&[0; 10]])).await.unwrap_err();
        assert_eq!(refused.status(), 503);
        drop(first);
        bodies.read(of(vec![&[0; 10]])).await.unwrap();
    }

    #[test]
    fn values_are_counted_outside_of_texts() {
        let text = format!("[\"{}\\\",\"]", ",[".repeat(MAX_VALUES));
        assert!(refuse_too_many_values(text.as_bytes()).is_ok());
        let many = format!("[{}1]", "1,".repeat(MAX_VALUES));
        assert_eq!(
            refuse_too_many_values(many.as_bytes())
                .unwrap_err()
                .status(),
            413
        );
    }
}
