//! Every attempt with the end that it must have. What it does is in `image/attempts.py`; those that are
//! refused piece by piece are in `image/probes.py`.

/// An attempt's name, and the reason for which its build ends; `None` is a success.
pub(crate) type Attempt = (&'static str, Option<&'static str>);

pub(crate) const ATTEMPTS: &[Attempt] = &[
    ("fork_bomb", Some("too_many_processes")),
    ("fork_bomb_without_end", Some("too_many_processes")),
    ("memory_bomb", Some("out_of_memory")),
    ("tmp_full", Some("scratch_full")),
    ("tmp_files", Some("scratch_full")),
    ("tmp_large_file", Some("file_too_large")),
    ("output_huge_file", Some("output_too_large")),
    ("output_small_files", Some("output_too_large")),
    ("output_sparse_files", Some("output_too_large")),
    ("output_deep_tree", Some("output_too_large")),
    ("output_closed_directory", Some("output_too_large")),
    ("output_and_gone", Some("output_too_large")),
    ("log_flood", Some("log_too_large")),
    ("log_of_one_line", Some("log_too_large")),
    ("log_of_no_text", Some("build_failed")),
    ("log_of_terminal_escapes", Some("build_failed")),
    ("ignores_sigterm", Some("timed_out")),
    ("hint_of_the_machines_trouble", Some("build_failed")),
    // It may say so: nothing of it is kept, and it was its own build.
    ("hint_that_lies", Some("out_of_memory")),
    ("hint_that_is_huge", Some("build_failed")),
    ("hint_that_is_a_pipe", Some("build_failed")),
    ("hint_that_is_a_link", Some("build_failed")),
    // What all other zips are but for one thing.
    ("zip_that_is_fine", None),
    ("zip_that_is_a_link", Some("no_artifact")),
    ("zip_that_is_a_link_to_the_host", Some("no_artifact")),
    ("zip_with_two_names", Some("no_artifact")),
    ("zip_that_is_a_pipe", Some("no_artifact")),
    ("zip_that_is_a_socket", Some("no_artifact")),
    ("zip_that_is_a_directory", Some("no_artifact")),
    ("zip_bomb", Some("no_artifact")),
    ("zip_that_leads_up", Some("no_artifact")),
    ("zip_that_leads_to_the_root", Some("no_artifact")),
    ("zip_that_holds_a_link", Some("no_artifact")),
    ("zip_with_one_name_twice", Some("no_artifact")),
    ("network", PROBE),
    ("engine_socket", PROBE),
    ("other_builds", PROBE),
    ("host_files", PROBE),
    ("proc_and_sys", PROBE),
    ("setuid", PROBE),
    ("namespaces", PROBE),
    ("mounts", PROBE),
    ("ptrace", PROBE),
    ("devices", PROBE),
    ("kernel_calls", PROBE),
];

/// A probe says line by line what was refused, and ends as a failed compile does.
const PROBE: Option<&str> = Some("build_failed");

/// What is wrong with a log of an attempt; `None` where it was contained.
pub(crate) fn escaped(log: &str) -> Option<String> {
    let lines = |word: &str| log.lines().filter(|line| line.starts_with(word)).count();
    if let Some(line) = log.lines().find(|line| line.starts_with("ESCAPED")) {
        return Some(line.to_owned());
    }
    let tried = log.lines().find_map(|line| line.strip_prefix("TRIED "))?;
    let refused = lines("REFUSED");
    (refused == 0 || tried != refused.to_string())
        .then(|| format!("{refused} of {tried} attempts were refused"))
}
