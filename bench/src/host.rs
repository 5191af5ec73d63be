//! The machine that is measured, as far as figures depend on it.

use std::{fs, path::Path};

use crate::disk::{self, Sync};

/// What stands at the head of a report.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Host {
    /// The processor's own name.
    processor: String,
    /// As many as the system lets us have.
    processors: usize,
    memory_mib: u64,
    kernel: String,
    /// What one sync of this disk costs: no durable commit is quicker.
    pub(crate) disk_sync: Sync,
    /// Whoever loads the service takes processor time from it.
    load_is_on_the_same_machine: bool,
}

impl Host {
    /// Looks at this machine, and at the disk that this directory is on.
    pub(crate) fn look(directory: &Path) -> anyhow::Result<Self> {
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib = value(&memory, "MemTotal").and_then(|value| value.split(' ').next());
        Ok(Self {
            processor: value(&processors, "model name")
                .unwrap_or("unknown")
                .to_owned(),
            processors: std::thread::available_parallelism()?.get(),
            memory_mib: kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024,
            kernel: rustix::system::uname()
                .release()
                .to_string_lossy()
                .into_owned(),
            disk_sync: disk::sync(directory)?,
            load_is_on_the_same_machine: true,
        })
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} × {}, {} MiB, Linux {}; one sync of its disk: {:.3} ms, one in a hundred {:.3} ms",
            self.processors,
            self.processor,
            self.memory_mib,
            self.kernel,
            self.disk_sync.p50_ms,
            self.disk_sync.p99_ms
        )
    }
}

/// What stands behind a name in one of the kernel's lists.
fn value<'text>(list: &'text str, name: &str) -> Option<&'text str> {
    list.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_what_stands_behind_its_name() {
        let list = "MemTotal:   24 kB\nMemFree: 1 kB\nmodel name\t: A: B\n";
        assert_eq!(value(list, "MemFree"), Some("1 kB"));
        assert_eq!(value(list, "model name"), Some("A: B"));
        assert_eq!(value(list, "Mem"), None);
    }
}
