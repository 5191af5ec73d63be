//! One file for each thing that can happen to a build's row.

pub mod admit;
pub mod adopt;
pub mod attempts;
pub mod cancel;
pub mod claim;
pub mod diagnostics;
pub mod enqueue;
pub mod finish;
pub mod give_back;
pub mod hand_over;
pub mod history;
pub mod leave;
pub mod overview;
pub mod renew;
pub mod rescue;
pub mod retry;
pub mod show;
pub mod watch;

pub use admit::{Admitted, Hold, Limits, admit};
pub use adopt::{Adopted, Adoption, Orphan, adopt, orphans};
pub use attempts::{Attempt, attempts};
pub use cancel::{Cancelled, cancel, cancel_by};
pub use claim::{Claimed, Held, claim_next};
pub use diagnostics::diagnostics;
pub use enqueue::{Enqueued, NewBuild, enqueue};
pub use finish::{Ended, Recorded, finish, finish_as};
pub use give_back::{Pause, give_back, make_due_builds_wait};
pub use hand_over::{LettingGo, hand_over};
pub use history::{Event, What, history};
pub use leave::{LeaveToken, Left, leave};
pub use overview::{Filter, Overview, Summary, overview, summary};
pub use renew::{container_created, container_started, container_taken, is_held, renew};
pub use rescue::{Rescued, end_leases_of, holders, rescue, rescue_expired};
pub use retry::{MadeOf, Wish, made_of, retry, wish};
pub use show::{Build, is_wanted, runs_in, show, show_answer};
pub use watch::{Changes, wait_until};

/// Workers that may die with a build. After the last it is set aside, as it seems to be what kills them.
pub const MAX_LOSSES: u32 = 3;

/// Troubles of engine, disk or program after which a build is set aside: trying for ever would block others.
pub const MAX_TROUBLES: u32 = 10;
