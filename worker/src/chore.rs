//! Small containers that are no builds: the proof of the host's paths, the removal of what root left.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tracing::warn;
use uuid::Uuid;

use crate::{
    container::{ContainerError, ContainerRuntime, ContainerSpec, Exit, label},
    context::Context,
};

/// A chore is over in seconds; one that hangs must not keep a worker from starting.
const LONGEST: Duration = Duration::from_mins(2);

/// After this long nobody waits for a chore any more: its worker died beside it. Longer than
/// [`LONGEST`] with all that an engine may take to answer.
const FORGOTTEN: Duration = Duration::from_mins(10);

/// Runs a container that does this script to its end, and removes it.
///
/// # Errors
/// When the engine refuses a step, or the script has no end.
pub(crate) async fn run<R: ContainerRuntime>(
    context: &Context<R>,
    role: &str,
    script: &str,
    spec: ContainerSpec,
) -> Result<Exit, ContainerError> {
    let until = (now() + FORGOTTEN.as_secs()).to_string();
    let spec = ContainerSpec {
        name: format!("kiisrv-{role}-{}", Uuid::now_v7()),
        entrypoint: Some(["/bin/sh", "-c", script].map(str::to_owned).to_vec()),
        labels: [
            (label::ROLE.to_owned(), role.to_owned()),
            (label::UNTIL.to_owned(), until),
        ]
        .into(),
        ..spec
    };
    let container = context.create(spec).await?;
    let ended = tokio::time::timeout(LONGEST, async {
        context.runtime.start(&container).await?;
        context.runtime.wait(&container).await
    })
    .await;
    if let Err(error) = context.runtime.remove(&container).await {
        warn!(container, %error, "A container could not be removed yet");
    }
    ended.unwrap_or_else(|_| {
        Err(ContainerError::Step {
            step: "end a container",
            cause: format!("the {role} has no end"),
        })
    })
}

/// Whether this moment, as [`label::UNTIL`] has it, is over.
pub(crate) fn is_over(until: Option<&str>) -> bool {
    until
        .and_then(|until| until.parse().ok())
        .is_some_and(|until: u64| until < now())
}

/// Whether a directory is that of a chore that nobody waits for: its name bears the time.
pub(crate) fn is_forgotten(directory: &str) -> bool {
    directory
        .strip_prefix(PROOF_DIRECTORY)
        .and_then(|id| id.parse::<Uuid>().ok()?.get_timestamp())
        .is_some_and(|made| made.to_unix().0 + FORGOTTEN.as_secs() < now())
}

/// What the names of a proof's directories begin with; a UUID v7 follows.
pub(crate) const PROOF_DIRECTORY: &str = "proof-";

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use uuid::Timestamp;

    use super::*;

    #[test]
    fn a_proofs_directory_is_forgotten_after_ten_minutes_and_no_other_ever_is() {
        let made = |ago: u64| {
            let at = Timestamp::from_unix(uuid::NoContext, now() - ago, 0);
            format!("{PROOF_DIRECTORY}{}", Uuid::new_v7(at))
        };
        assert!(is_forgotten(&made(700)));
        assert!(!is_forgotten(&made(60)));
        assert!(!is_forgotten("proof-of-something"));
        assert!(!is_forgotten("somebody's"));
    }

    #[test]
    fn a_chore_is_over_after_its_moment_and_not_without_one() {
        assert!(is_over(Some("1")));
        assert!(!is_over(Some(&(now() + 60).to_string())));
        assert!(!is_over(Some("soon")));
        assert!(!is_over(None));
    }
}
