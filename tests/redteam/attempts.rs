//! Every attempt with the end that it must have. What it does is in `image/attempts.py`; those that are
//! refused piece by piece are in `image/probes.py`.

use End::{Failed, Firmware, Refused};

/// How an attempt's build must end.
#[derive(Clone, Copy)]
pub(crate) enum End {
    /// As one that wanted nothing but firmware.
    Firmware,
    /// For this reason.
    Failed(&'static str),
    /// As a failed compile, whose log says line by line what was refused.
    Refused,
}

/// An attempt's name and its end.
pub(crate) type Attempt = (&'static str, End);

pub(crate) const ATTEMPTS: &[Attempt] = &[
    ("fork_bomb", Failed("too_many_processes")),
    ("fork_bomb_without_end", Failed("too_many_processes")),
    ("memory_bomb", Failed("out_of_memory")),
    ("tmp_full", Failed("scratch_full")),
    ("tmp_files", Failed("scratch_full")),
    ("tmp_large_file", Failed("file_too_large")),
    ("output_huge_file", Failed("output_too_large")),
    ("output_small_files", Failed("output_too_large")),
    ("output_sparse_files", Failed("output_too_large")),
    ("output_deep_tree", Failed("output_too_large")),
    ("output_closed_directory", Failed("output_too_large")),
    ("output_and_gone", Failed("output_too_large")),
    ("log_flood", Failed("log_too_large")),
    ("log_of_one_line", Failed("log_too_large")),
    ("log_of_no_text", Failed("build_failed")),
    ("log_of_terminal_escapes", Failed("build_failed")),
    ("ignores_sigterm", Failed("timed_out")),
    ("hint_of_the_machines_trouble", Failed("build_failed")),
    // It may say so: nothing of it is kept, and it was its own build.
    ("hint_that_lies", Failed("out_of_memory")),
    ("hint_that_is_huge", Failed("build_failed")),
    ("hint_that_is_a_pipe", Failed("build_failed")),
    ("hint_that_is_a_link", Failed("build_failed")),
    // What all other zips are but for one thing.
    ("zip_that_is_fine", Firmware),
    ("zip_that_is_a_link", Failed("no_artifact")),
    ("zip_that_is_a_link_to_the_host", Failed("no_artifact")),
    ("zip_with_two_names", Failed("no_artifact")),
    ("zip_that_is_a_pipe", Failed("no_artifact")),
    ("zip_that_is_a_socket", Failed("no_artifact")),
    ("zip_that_is_a_directory", Failed("no_artifact")),
    ("zip_bomb", Failed("no_artifact")),
    ("zip_that_leads_up", Failed("no_artifact")),
    ("zip_that_leads_to_the_root", Failed("no_artifact")),
    ("zip_that_holds_a_link", Failed("no_artifact")),
    ("zip_with_one_name_twice", Failed("no_artifact")),
    ("network", Refused),
    ("engine_socket", Refused),
    ("other_builds", Refused),
    ("host_files", Refused),
    ("proc_and_sys", Refused),
    ("setuid", Refused),
    ("namespaces", Refused),
    ("mounts", Refused),
    ("ptrace", Refused),
    ("devices", Refused),
    ("kernel_calls", Refused),
];

/// Attempts on an output that is in memory. The first one would fill a disk, as nobody can count it there.
pub(crate) const BOUND: &[Attempt] = &[
    ("output_without_names", Failed("out_of_memory")),
    ("zip_that_is_fine", Firmware),
];

impl End {
    pub(crate) const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Firmware => None,
            Self::Failed(reason) => Some(reason),
            Self::Refused => Some("build_failed"),
        }
    }

    /// What the log of such an end must not say, or what it lacks.
    pub(crate) fn trouble_in(self, log: &str) -> Option<String> {
        let Self::Refused = self else { return None };
        if let Some(line) = log.lines().find(|line| line.starts_with("ESCAPED")) {
            return Some(line.to_owned());
        }
        let refused = log.lines().filter(|line| line.starts_with("REFUSED"));
        let refused = refused.count();
        let tried = log.lines().find_map(|line| line.strip_prefix("TRIED "));
        (refused == 0 || tried != Some(&refused.to_string()))
            .then(|| format!("{refused} attempts of {tried:?} were refused"))
    }
}
