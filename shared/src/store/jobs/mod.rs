//! One file for each thing that can happen to a build's row.

pub mod admit;
pub mod cancel;
pub mod claim;
pub mod enqueue;
pub mod finish;
pub mod give_back;
pub mod leave;
pub mod renew;
pub mod rescue;
pub mod show;
pub mod watch;

pub use admit::{Admitted, Hold, Limits, admit};
pub use cancel::{Cancelled, cancel};
pub use claim::{Claimed, Held, claim_next};
pub use enqueue::{Enqueued, NewBuild, enqueue};
pub use finish::{Recorded, finish};
pub use give_back::{Pause, give_back};
pub use leave::{LeaveToken, Left, leave};
pub use renew::{container_created, renew};
pub use rescue::{Rescued, make_due_builds_wait, rescue_expired};
pub use show::{Build, show, show_answer, who_holds};
pub use watch::{Changes, wait_until};

/// Container starts after which a build is set aside, as it seems to take its workers down.
pub const MAX_STARTS: u32 = 3;

/// Claims after which a build is set aside although its container never started: the engine refuses
/// it, and trying for ever would block others.
pub const MAX_CLAIMS: u32 = 10;
