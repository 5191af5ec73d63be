//! Whether the machine has memory for containers that only wait: what the builds of all slots may use comes first.

use std::fs;

/// Whether this many bytes are available. A machine that does not say so has them.
pub(super) fn has(bytes: u64) -> bool {
    fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| available_in(&text))
        .is_none_or(|available| available >= bytes)
}

fn available_in(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_available_is_read_and_not_what_is_free() {
        let meminfo = "MemTotal:       24683932 kB\nMemFree:         6419880 kB\nMemAvailable:   23781500 kB\n";
        assert_eq!(available_in(meminfo), Some(23_781_500 << 10));
        assert_eq!(available_in("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn this_machine_has_a_byte_and_not_all_there_are() {
        assert!(has(1));
        assert!(!has(u64::MAX));
    }
}
