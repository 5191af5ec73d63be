//! A clock that all processes of this machine share.

/// Nanoseconds since some moment, which is the same for all of them.
pub(crate) fn now() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Milliseconds from one such moment to another.
#[expect(clippy::cast_precision_loss, reason = "a duration")]
pub(crate) fn milliseconds(from: i64, to: i64) -> f64 {
    (to - from) as f64 / 1e6
}
