//! Everything that is measured, in the order in which it is printed. A new measurement is a line here and a file.

use crate::{containers, http, measured::Measured, programs, queue, run::Bench};

/// What measures, and gives one result or several.
type Measure = Box<dyn Fn(&Bench) -> anyhow::Result<Vec<Measured>>>;

/// One line of the table.
pub(crate) struct Line {
    /// What its results are called, all of them.
    pub(crate) names: Vec<String>,
    pub(crate) measure: Measure,
}

impl Line {
    /// Whether one of its results has one of these in its name. None at all means every line.
    pub(crate) fn is_wanted(&self, only: &[String]) -> bool {
        let has = |part: &String| self.names.iter().any(|name| name.contains(part.as_str()));
        only.is_empty() || only.iter().any(has)
    }
}

fn line(
    names: impl IntoIterator<Item = impl Into<String>>,
    measure: impl Fn(&Bench) -> anyhow::Result<Vec<Measured>> + 'static,
) -> Line {
    Line {
        names: names.into_iter().map(Into::into).collect(),
        measure: Box::new(measure),
    }
}

/// The lines. A machine has its quietest moments first, and the queue's figures are the finest.
pub(crate) fn all() -> Vec<Line> {
    [queues(), builds(), answers(), parts()]
        .into_iter()
        .flatten()
        .collect()
}

/// The queue.
fn queues() -> Vec<Line> {
    use queue::{
        crowded::{self, With},
        drain, enqueue, wakeup,
    };
    let enqueues = [1, 16, 64, 256].map(|producers| {
        let name = format!("enqueue_{producers}_vs_limit");
        line([name], move |bench| enqueue::vs_limit(bench, producers))
    });
    let drains = [1, 4].map(|processes| {
        let name = format!("drain_{processes}_vs_limit");
        line([name], move |bench| drain::vs_limit(bench, processes))
    });
    let crowds = [With::AMillionFinished, With::AHundredThousandWaiting]
        .map(|with| line(with.names(), move |bench| crowded::vs_empty(bench, with)));
    let others = [
        line(["enqueue_16_vs_apalis"], |bench| {
            enqueue::vs_apalis(bench, 16)
        }),
        line(
            ["wakeup_p50_vs_datagram", "wakeup_p99_vs_datagram"],
            wakeup::vs_datagram,
        ),
    ];
    enqueues
        .into_iter()
        .chain(drains)
        .chain(others)
        .chain(crowds)
        .collect()
}

/// Builds in containers.
fn builds() -> Vec<Line> {
    use containers::{composed, keyboards, noop};
    let noops = [
        line(["noop_post_to_zip_vs_docker_run"], noop::vs_docker_run),
        line(
            ["service_share_ms", "noop_post_to_zip_vs_container"],
            noop::service_share,
        ),
        line(
            [
                "request_in_compose_vs_program",
                "build_in_compose_vs_program",
            ],
            composed::vs_program,
        ),
    ];
    let keyboards = keyboards::KEYBOARDS.map(|keyboard| {
        line(keyboards::names(keyboard.0), move |bench| {
            keyboards::warm_vs_cold(bench, keyboard)
        })
    });
    noops.into_iter().chain(keyboards).collect()
}

/// The API.
fn answers() -> Vec<Line> {
    use http::{crowded, load, mixed, reads, submits, waiting};
    let submitted = [1, 64, 256].map(|connections| {
        let names = load::names(&format!("http_submits_{connections}"), "limit");
        line(names, move |bench| {
            submits::different_vs_limit(bench, connections)
        })
    });
    let read = [
        ("http_versions", "/versions"),
        ("http_layouts", "/layouts/KType-Standard.json"),
    ]
    .map(|(what, path)| {
        line(load::names(what, "bare"), move |bench| {
            reads::vs_bare(bench, what, path)
        })
    });
    let others = [
        line(
            load::names("http_same_build", "bare"),
            submits::same_vs_bare,
        ),
        line(
            load::names("http_cached_build", "bare"),
            submits::cached_vs_bare,
        ),
        line(
            ["http_2000_waiting_memory_vs_bare"],
            waiting::memory_vs_bare,
        ),
        line(
            ["http_told_among_2000_vs_alone"],
            waiting::told_among_2000_vs_alone,
        ),
        line(
            ["mixed_load_worst_client_vs_median"],
            mixed::worst_client_vs_median,
        ),
        line(crowded::names(), crowded::vs_empty),
    ];
    submitted.into_iter().chain(read).chain(others).collect()
}

/// The programs.
fn parts() -> Vec<Line> {
    use programs::{idle, loaded, size, start};
    vec![
        line(["size_program"], |_| size::program()),
        line(["size_image_api"], |_| size::image("api")),
        line(["size_image_worker"], |_| size::image("worker")),
        line(
            ["start_to_first_answer_new_table", "start_to_first_answer"],
            start::to_first_answer,
        ),
        line(
            [
                "idle_memory_api",
                "idle_memory_worker",
                "idle_processor_api",
                "idle_processor_worker",
            ],
            idle::memory_and_processor,
        ),
        line(["loaded_memory_api"], loaded::api),
        line(["loaded_memory_worker"], loaded::worker),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_results_have_one_name_and_a_part_of_a_name_finds_its_line() {
        let all = all();
        let names: Vec<_> = all.iter().flat_map(|line| &line.names).collect();
        let different: BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len());
        let only = ["wakeup_p99".to_owned()];
        let found = all.iter().filter(|line| line.is_wanted(&only));
        assert_eq!(found.count(), 1);
        assert!(all.iter().all(|line| line.is_wanted(&[])));
    }
}
