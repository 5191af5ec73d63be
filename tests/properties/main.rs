//! What holds for every input, on inputs that nobody thought of. `PROPTEST_CASES` sets how many of them; what fails is
//! shown in its smallest form.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

mod diagnoses;
mod fingerprints;
mod kll;
mod left_behind;
mod names;
mod pictures;
mod requests;
mod values;

use proptest::test_runner::Config;

/// As many cases as are usual, or that part of them where each takes a while.
fn one_in(part: u32) -> Config {
    let usual = Config::default();
    Config {
        cases: (usual.cases / part).max(1),
        // The smallest failing input is printed whole, and belongs into a test with a name.
        failure_persistence: None,
        ..usual
    }
}
