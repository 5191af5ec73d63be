//! Work that holds its thread: files and directories, of which a build may leave many.

use std::io;

/// Does it beside the tasks that must go on, such as those that renew leases. It goes on to its end even
/// where nobody waits for it any more.
///
/// # Errors
/// When it panicked.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)
}
