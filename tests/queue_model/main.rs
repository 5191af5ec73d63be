//! The real table against a model of it: whatever several workers, clients and an operator do in whatever order, each
//! row is where the model says. `PROPTEST_CASES` sets how many stories are told; one that fails is shown with as
//! few steps as were found to do.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop, and its helpers too"
)]

/// What should be: rows in plain Rust.
mod model;
/// What is: the same done to a real table.
mod real;
/// What can happen, and which of it can happen now.
mod steps;
/// Which of it happens how often.
mod stories;

use proptest::test_runner::Config;
use proptest_state_machine::prop_state_machine;

use real::Table;

/// A story takes some hundredths of a second, nearly all of it for the disk.
fn some_stories() -> Config {
    let usual = Config::default();
    Config {
        cases: (usual.cases / 4).max(1),
        // The shortest story that fails is printed whole, and belongs into a test with a name.
        failure_persistence: None,
        ..usual
    }
}

prop_state_machine! {
    #![proptest_config(some_stories())]

    #[test]
    fn whatever_happens_in_whatever_order_each_row_is_where_the_model_says(sequential 1..100 => Table);
}
