//! The server that does nothing but what it must, in a process of its own: what stands beside the API.

use std::net::SocketAddr;

use tempfile::TempDir;

use crate::{
    child::{Process, Role},
    run::Bench,
};

/// The server. It ends with this value.
pub(crate) struct Bare {
    /// Where it answers.
    pub(crate) address: SocketAddr,
    /// Its process.
    pub(crate) process: Process,
    _directory: TempDir,
}

impl Bare {
    /// Starts one that always answers this.
    pub(crate) fn answering(bench: &Bench, answer: &[u8]) -> anyhow::Result<Self> {
        let directory = bench.fresh()?;
        let file = directory.path().join("answer");
        std::fs::write(&file, answer)?;
        let mut process = Process::start(&Role::Serve {
            directory: directory.path().to_owned(),
            answer: file,
        })?;
        process.go()?;
        Ok(Self {
            address: process.hear()?.parse()?,
            process,
            _directory: directory,
        })
    }
}
