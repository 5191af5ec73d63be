//! Which builds are built again cold and compared, and what is said of it.
//!
//! What a build's log says does not decide: text of a layout gets into it, and no layout shall be able to keep out of
//! this. A build of an image that starts warm, and was not told to be cold, is one of those. One that used nothing prepared,
//! as its keymap could not be built so, may be compared in vain.

use shared::{
    job::Outcome,
    store::{
        comparisons::{self, Compared},
        jobs::Claimed,
    },
};
use tracing::{error, info, warn};

use crate::{
    container::{ContainerRuntime, label},
    context::Context,
    execute::Run,
};

/// Whether a build is to be built again cold: the lot decides.
pub(crate) async fn is_drawn<R: ContainerRuntime>(run: &Run<R>, outcome: &Outcome) -> bool {
    let (claimed, context) = (&run.claimed, &run.context);
    matches!(outcome, Outcome::Built(_))
        && !claimed.cold
        && fastrand::u8(0..100) < context.settings.worker.compare_percent
        && starts_warm(context, claimed).await
}

/// An engine that does not answer costs a comparison, and no build its end.
async fn starts_warm<R: ContainerRuntime>(context: &Context<R>, claimed: &Claimed) -> bool {
    let labels = context.runtime.labels_of(&claimed.image).await;
    let labels = labels.unwrap_or_else(|error| {
        warn!(job.id = %claimed.held.id, %error, "It could not be asked whether a build started warm, it is not compared");
        None
    });
    let keyboards = labels.and_then(|mut labels| labels.remove(label::WARM));
    keyboards.is_some_and(|keyboards| !keyboards.trim().is_empty())
}

/// Says how a comparison ended.
pub(crate) fn say(claimed: &Claimed, compared: Compared) {
    let (id, keyboard, controller) = (claimed.held.id, &claimed.keyboard, &claimed.controller);
    let warm = claimed.compares.map(|warm| warm.to_string());
    match compared {
        Compared::Same => {
            info!(job.id = %id, warm, keyboard, controller, "A cold build made the same firmware as the warm one");
        }
        Compared::Different { doubted } => {
            error!(
                job.id = %id, warm, keyboard, controller, image = claimed.image, doubted,
                "A cold build of {keyboard} by {controller} made another firmware than the warm one: it is built cold \
                 from now on, and {doubted} builds are marked as doubtful"
            );
        }
        Compared::Not => {
            info!(job.id = %id, warm, keyboard, controller, "A comparison of a warm build came to nothing");
        }
    }
}

/// Lets a comparison that this worker runs wait again, where somebody's build waits for its slot.
///
/// # Errors
/// When the table cannot be written.
pub(crate) async fn give_way<R>(context: &Context<R>) -> shared::store::Result<()> {
    if let Some(id) = comparisons::give_way(&context.store, &context.me.id).await? {
        info!(job.id = %id, "A comparison gives way to a build");
        // Its run is told as one whose build was cancelled, and ends the container.
        context.rows_changed.notify_waiters();
    }
    Ok(())
}
