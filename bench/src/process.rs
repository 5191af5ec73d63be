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

/// Processor time that all its threads have had, those that have ended too, in milliseconds.
pub(crate) fn processor_time(id: u32) -> anyhow::Result<f64> {
    let ticks = ticks(&fs::read_to_string(format!("/proc/{id}/stat"))?)?;
    Ok(ticks * 1e3 / rustix::param::clock_ticks_per_second() as f64)
}

/// In the program and in the kernel. The name of the program, before them, may hold blanks and brackets.
fn ticks(stat: &str) -> anyhow::Result<f64> {
    let (_, after_name) = stat.rsplit_once(')').context("no name")?;
    let mut times = after_name.split_whitespace().skip(11);
    let mut next = || anyhow::Ok(times.next().context("no times")?.parse::<f64>()?);
    Ok(next()? + next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_understood() {
        let status = "Name:\tkiisrv\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n";
        assert!((kib_in(status, "VmRSS").unwrap() - 1024.0).abs() < 1e-9);
        assert!(kib_in(status, "VmSwap").is_err());
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 21 0 0 0 300 50 0 0 20 0 9 0 5";
        assert!((ticks(stat).unwrap() - 350.0).abs() < 1e-9);
    }

    #[test]
    fn this_process_has_memory_and_has_had_time() {
        let me = std::process::id();
        assert!(resident(me).unwrap() > 0.5);
        while processor_time(me).unwrap() <= 0.0 {}
    }
}
