//! What the kernel says of a process: its memory and its processor time.

use std::fs;

use anyhow::Context;

/// Memory that is its own just now, in MiB.
pub(crate) fn resident(id: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    kib_in(&status, "VmRSS").map(|kib| kib / 1024.0)
}

fn kib_in(status: &str, name: &str) -> anyhow::Result<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let value = line.and_then(|line| line.trim_start_matches(':').trim().strip_suffix(" kB"));
    Ok(value.context("no such value")?.parse()?)
}

/// Processor time that all its threads have had, in milliseconds. A thread that has ended is not in it.
pub(crate) fn processor_time(id: u32) -> anyhow::Result<f64> {
    let mut nanoseconds = 0.0;
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        // A thread may end between the list and this look.
        let Ok(times) = fs::read_to_string(thread?.path().join("schedstat")) else {
            continue;
        };
        nanoseconds += on_processor(&times)?;
    }
    Ok(nanoseconds / 1e6)
}

/// The first of three figures; the others say how long it waited, and how often it ran.
fn on_processor(times: &str) -> anyhow::Result<f64> {
    let first = times.split_whitespace().next();
    Ok(first.context("no times")?.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_understood() {
        let status = "Name:\tkiisrv\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n";
        assert!((kib_in(status, "VmRSS").unwrap() - 1024.0).abs() < 1e-9);
        assert!(kib_in(status, "VmSwap").is_err());
        assert!((on_processor("5000000 7 3\n").unwrap() - 5e6).abs() < 1e-9);
    }

    #[test]
    fn this_process_has_memory_and_has_had_time() {
        let me = std::process::id();
        assert!(resident(me).unwrap() > 0.5);
        assert!(processor_time(me).unwrap() > 0.0);
    }
}
