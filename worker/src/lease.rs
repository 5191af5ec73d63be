//! Holding a job: its lease is renewed beside the build, apart from the build's own time limit.

use std::time::Duration;

use shared::store::{Store, jobs};
use tokio::time::Instant;
use tracing::warn;

/// How long a silent worker keeps a job. Longer than the slowest renewal on a disk that is busy.
pub const LEASE: Duration = Duration::from_secs(20);

/// Three renewals may fail before the lease ends.
const RENEWAL: Duration = Duration::from_secs(5);

/// Renews the lease and returns only when it is lost: to another worker, or because the table could
/// not be reached until its end.
pub async fn keep_until_lost(store: &Store, held: &jobs::Held) {
    let mut ends = Instant::now() + LEASE;
    loop {
        tokio::time::sleep(RENEWAL).await;
        let renewed_at = Instant::now();
        match jobs::renew(store, held, LEASE).await {
            Ok(true) => ends = renewed_at + LEASE,
            Ok(false) => return,
            Err(error) if Instant::now() >= ends => {
                warn!(job.id = %held.id, %error, "The lease ended, as it could not be renewed");
                return;
            }
            Err(error) => {
                warn!(job.id = %held.id, %error, "The lease could not be renewed, trying again");
            }
        }
    }
}
