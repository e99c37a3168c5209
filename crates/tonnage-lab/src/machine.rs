//! Facts about the machine that a run's record keeps.

use std::fs;

use tonnage_model::Host;

/// Reads the facts; what cannot be read is left empty.
pub(crate) fn describe() -> Host {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let clock = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    Host {
        cpu_model: value_of(&cpuinfo, "model name"),
        usable_cpus: crate::usable_cpus(),
        online_cpus: cpuinfo
            .lines()
            .filter(|line| line.starts_with("processor"))
            .count(),
        memory_kib: value_of(&meminfo, "MemTotal")
            .split_whitespace()
            .next()
            .and_then(|kib| kib.parse().ok())
            .unwrap_or(0),
        kernel: rustix::system::uname()
            .release()
            .to_string_lossy()
            .into_owned(),
        clock_source: fs::read_to_string(clock)
            .unwrap_or_default()
            .trim()
            .to_owned(),
    }
}

/// The value of the first `key : value` line.
fn value_of(text: &str, key: &str) -> String {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_memory_cpus_and_a_kernel() {
        let host = describe();
        assert!(host.memory_kib > 0 && host.usable_cpus > 0 && host.online_cpus > 0);
        assert!(!host.kernel.is_empty());
    }
}
