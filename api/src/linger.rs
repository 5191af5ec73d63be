//! The end of a connection that may still be sending: it is read from a little longer.
//!
//! Whoever is refused before all of its body was read still sends. Were the socket closed at once, the system would
//! answer with a reset, and the refusal that had been sent would be thrown away unread at the other end.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::oneshot,
};

/// For all of it.
const TIME: Duration = Duration::from_secs(5);

/// For one that sends nothing and does not close either.
const SILENCE: Duration = Duration::from_secs(1);

/// As much as a body may have and some more.
const BYTES: usize = 16 * 1024 * 1024;

/// A stream that is lent to somebody who drops it, and comes back then.
pub(crate) struct Lent {
    stream: Option<TcpStream>,
    back: Option<oneshot::Sender<TcpStream>>,
}

/// Lends a stream.
pub(crate) fn lend(stream: TcpStream) -> (Lent, oneshot::Receiver<TcpStream>) {
    let (back, returned) = oneshot::channel();
    let lent = Lent {
        stream: Some(stream),
        back: Some(back),
    };
    (lent, returned)
}

/// Reads what still comes after our answer has ended, until the other end closes or has had enough time.
pub(crate) async fn linger(returned: oneshot::Receiver<TcpStream>) {
    let Ok(mut stream) = returned.await else {
        return;
    };
    let read_on = async {
        let (mut buffer, mut left) = (vec![0; 16 * 1024], BYTES);
        while let Ok(Ok(read @ 1..)) = tokio::time::timeout(SILENCE, stream.read(&mut buffer)).await
        {
            match left.checked_sub(read) {
                Some(less) => left = less,
                None => return,
            }
        }
    };
    // Whether it closed in time or not, nothing more is owed to it.
    drop(tokio::time::timeout(TIME, read_on).await);
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(stream), Some(back)) = (self.stream.take(), self.back.take()) {
            // Where nobody waits for it, it is closed.
            drop(back.send(stream));
        }
    }
}

impl Lent {
    fn stream(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        let stream = self.get_mut().stream.as_mut();
        stream
            .map(Pin::new)
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Lent {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Lent {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream
            .as_ref()
            .is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}
