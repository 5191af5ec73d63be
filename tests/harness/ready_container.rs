//! What the engine and the file system tell of the containers that a service keeps ready.

use std::{fs, os::unix::fs::OpenOptionsExt};

use rustix::fs::OFlags;

use crate::{
    engine::{containers_with, docker},
    service::Service,
};

/// The containers of this service that wait for a build, or will when they have started.
#[must_use]
pub fn waiting(service: &Service) -> Vec<String> {
    let name = service.at_the_table(async |store| store.service_id());
    let all = containers_with(&format!("kiisrv.service={name}"));
    let ready = containers_with("kiisrv.role=prepared");
    all.into_iter().filter(|one| ready.contains(one)).collect()
}

/// Returns when one waits at its bell, and no other is there.
#[must_use]
pub fn until_one_waits(service: &Service) -> String {
    loop {
        // What the engine runs for us takes longer than its answer to the worker, which only then gives builds to it.
        if let [one] = &waiting(service)[..]
            && somebody_is_at_a_bell(service)
            && docker(&["exec", one, "true"]).is_some()
        {
            return one.clone();
        }
        std::thread::yield_now();
    }
}

fn somebody_is_at_a_bell(service: &Service) -> bool {
    let inputs = fs::read_dir(&service.settings.worker.tmp_config)
        .into_iter()
        .flatten()
        .flatten();
    inputs.into_iter().any(|input| {
        fs::OpenOptions::new()
            .write(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(input.path().join("go"))
            .is_ok()
    })
}
