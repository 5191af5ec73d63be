//! Holding a job: its lease is renewed beside the build, apart from the build's own time limit.

use std::time::Duration;

use shared::store::{Store, jobs};
use tokio::{sync::Notify, time::Instant};
use tracing::warn;

/// How long a silent worker keeps a job. Longer than the slowest renewal on a disk that is busy.
pub const LEASE: Duration = Duration::from_secs(20);

/// Three renewals may fail before the lease ends.
const RENEWAL: Duration = Duration::from_secs(5);

/// Between two looks whether somebody cancelled the job, in case that the word of it got lost.
const SLOW_LOOK: Duration = Duration::from_millis(500);

/// Renews the lease and returns only when it is lost: to another worker, to somebody who cancelled the
/// job, or because the table could not be reached until its end. `changed` is a reason to look at once.
pub async fn keep_until_lost(store: &Store, held: &jobs::Held, changed: &Notify) {
    let mut ends = Instant::now() + LEASE;
    let mut renewal = Instant::now() + RENEWAL;
    loop {
        tokio::select! {
            () = changed.notified() => {}
            () = tokio::time::sleep(SLOW_LOOK) => {}
        }
        let looked = Instant::now();
        let still_held = if looked < renewal {
            jobs::is_held(store, held).await
        } else {
            let renewed = jobs::renew(store, held, LEASE).await;
            if let Ok(true) = renewed {
                (ends, renewal) = (looked + LEASE, looked + RENEWAL);
            }
            renewed
        };
        match still_held {
            Ok(true) => {}
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
