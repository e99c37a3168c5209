//! What the kernel tells of the machine before a measurement: who wants its CPUs,
//! what it is made of, and how much a process may have. Where the kernel does not
//! say, there is no value. What a value is worth is left to `grade`.

use std::fs;
use std::path::PathBuf;

use rustix::process::{Resource, getrlimit};
use tonnage_model::MachineFacts;

/// The kernel's files below `/proc` and `/sys`; tests have others.
#[derive(Debug, Clone)]
pub(super) struct Files {
    root: PathBuf,
}

/// Who wants the CPUs, apart from us.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Busyness {
    pub(super) load_average: Option<f64>,
    pub(super) cpu_pressure: Option<f64>,
}

impl Files {
    pub(super) fn of_machine() -> Self {
        Self {
            root: PathBuf::from("/"),
        }
    }

    /// A file's text without blanks around it; `None` where it is missing or empty.
    fn read(&self, path: &str) -> Option<String> {
        let text = fs::read_to_string(self.root.join(path)).ok()?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn number(&self, path: &str) -> Option<u64> {
        self.read(path)?.parse().ok()
    }

    pub(super) fn busyness(&self) -> Busyness {
        let first = |text: String| text.split_whitespace().next()?.parse().ok();
        Busyness {
            load_average: self.read("proc/loadavg").and_then(first),
            cpu_pressure: self
                .read("proc/pressure/cpu")
                .and_then(|text| pressure_avg10(&text)),
        }
    }

    /// Everything but how limits can be set.
    pub(super) fn facts(&self, allowed: &[u32]) -> MachineFacts {
        let cpu = "sys/devices/system/cpu";
        let governors = allowed.iter().filter_map(|cpu_number| {
            self.read(&format!("{cpu}/cpu{cpu_number}/cpufreq/scaling_governor"))
        });
        MachineFacts {
            allowed_cpus: allowed.len() as u32,
            usable_cpus: crate::usable_cpus() as u32,
            has_smt: self.number(&format!("{cpu}/smt/active")).map(|on| on == 1),
            virtualisation: self.virtualisation(),
            clock_source: self
                .read("sys/devices/system/clocksource/clocksource0/current_clocksource")
                .unwrap_or_default(),
            governor: listed(governors),
            has_turbo: self.turbo(),
            swap_used_kib: self.read("proc/meminfo").and_then(|text| swap_used(&text)),
            open_files: getrlimit(Resource::Nofile).maximum,
            ephemeral_ports: self.ephemeral_ports(),
            somaxconn: self.number("proc/sys/net/core/somaxconn"),
            syn_backlog: self.number("proc/sys/net/ipv4/tcp_max_syn_backlog"),
            ..MachineFacts::default()
        }
    }

    /// Intel's driver says when it is off, all others when it is on.
    fn turbo(&self) -> Option<bool> {
        let intel = self.number("sys/devices/system/cpu/intel_pstate/no_turbo");
        let other = || self.number("sys/devices/system/cpu/cpufreq/boost");
        intel
            .map(|off| off == 0)
            .or_else(|| other().map(|on| on == 1))
    }

    fn ephemeral_ports(&self) -> Option<u64> {
        let text = self.read("proc/sys/net/ipv4/ip_local_port_range")?;
        let mut bounds = text.split_whitespace().map(str::parse::<u64>);
        let (low, high) = (bounds.next()?.ok()?, bounds.next()?.ok()?);
        Some((high + 1).saturating_sub(low))
    }

    /// The hypervisor's name, or that there is one. On x86 the CPU says whether
    /// (the flag `hypervisor`); a firmware's name alone proves nothing there, since
    /// clouds also rent whole machines.
    fn virtualisation(&self) -> Option<String> {
        const VIRTUAL: [&str; 7] = [
            "KVM",
            "QEMU",
            "VMware",
            "VirtualBox",
            "Virtual Machine",
            "HVM domU",
            "Firecracker",
        ];
        let cpuinfo = self.read("proc/cpuinfo").unwrap_or_default();
        let flags = cpuinfo.lines().find(|line| line.starts_with("flags"));
        let dmi: Vec<String> = ["sys_vendor", "product_name"]
            .iter()
            .filter_map(|name| self.read(&format!("sys/class/dmi/id/{name}")))
            .collect();
        let named = dmi.join(" ");
        let is_virtual = match flags {
            Some(flags) => flags.split_whitespace().any(|flag| flag == "hypervisor"),
            None => VIRTUAL.iter().any(|name| named.contains(name)),
        };
        if let Some(kind) = self.read("sys/hypervisor/type") {
            return Some(kind);
        }
        if !is_virtual {
            return None;
        }
        let clocks = self
            .read("sys/devices/system/clocksource/clocksource0/available_clocksource")
            .unwrap_or_default();
        Some(match named.as_str() {
            "" if clocks.contains("kvm-clock") => "KVM".to_owned(),
            "" => "of unknown make".to_owned(),
            _ => named,
        })
    }
}

/// Ticks of one CPU since the machine started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CpuTicks {
    stolen: u64,
    all: u64,
}

impl CpuTicks {
    /// The share that the hypervisor gave to others until `later`.
    pub(super) fn steal_share(self, later: Self) -> Option<f64> {
        let all = later.all.saturating_sub(self.all);
        (all > 0).then(|| later.stolen.saturating_sub(self.stolen) as f64 / all as f64)
    }
}

/// The ticks of one CPU, by `/proc/stat`. Of one, because the other CPUs sleep while
/// it works, and a CPU that sleeps has nothing to be stolen.
pub(super) fn cpu_ticks(cpu: u32) -> Option<CpuTicks> {
    parse_ticks(&fs::read_to_string("/proc/stat").ok()?, cpu)
}

/// proc(5): user, nice, system, idle, iowait, irq, softirq, steal; what follows is
/// contained in user.
fn parse_ticks(stat: &str, cpu: u32) -> Option<CpuTicks> {
    let name = format!("cpu{cpu} ");
    let line = stat.lines().find_map(|line| line.strip_prefix(&name))?;
    let ticks: Vec<u64> = line
        .split_whitespace()
        .take(8)
        .filter_map(|field| field.parse().ok())
        .collect();
    Some(CpuTicks {
        stolen: *ticks.get(7)?,
        all: ticks.iter().sum(),
    })
}

/// `some avg10=0.31 …` as a share.
fn pressure_avg10(text: &str) -> Option<f64> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let per_cent = some
        .split_whitespace()
        .find_map(|word| word.strip_prefix("avg10="))?;
    Some(per_cent.parse::<f64>().ok()? / 100.0)
}

/// Swap in use, in KiB; `None` where there is none to use.
fn swap_used(meminfo: &str) -> Option<u64> {
    let kib = |key: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let total = kib("SwapTotal:").filter(|total| *total > 0)?;
    Some(total.saturating_sub(kib("SwapFree:")?))
}

/// Different values, in order and once each.
fn listed(values: impl Iterator<Item = String>) -> Option<String> {
    let mut values: Vec<String> = values.collect();
    values.sort();
    values.dedup();
    (!values.is_empty()).then(|| values.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(contents: &[(&str, &str)]) -> (tempfile::TempDir, Files) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in contents {
            let file = root.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let files = Files {
            root: root.path().to_owned(),
        };
        (root, files)
    }

    #[test]
    fn a_laptop_is_read() {
        let (_root, files) = files(&[
            ("proc/loadavg", "1.25 0.50 1.41 1/92 22787\n"),
            (
                "proc/pressure/cpu",
                "some avg10=12.50 avg60=0.46 avg300=1.78 total=69\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
            ),
            ("proc/cpuinfo", "processor : 0\nflags\t\t: fpu sse ht\n"),
            (
                "proc/meminfo",
                "MemTotal: 16 kB\nSwapTotal:  2000 kB\nSwapFree:  1500 kB\n",
            ),
            ("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
            ("proc/sys/net/core/somaxconn", "4096\n"),
            ("sys/class/dmi/id/sys_vendor", "LENOVO\n"),
            ("sys/devices/system/cpu/smt/active", "1\n"),
            (
                "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
                "powersave\n",
            ),
            (
                "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor",
                "performance\n",
            ),
            ("sys/devices/system/cpu/intel_pstate/no_turbo", "0\n"),
            (
                "sys/devices/system/clocksource/clocksource0/current_clocksource",
                "tsc\n",
            ),
        ]);
        let busy = files.busyness();
        assert_eq!(
            (busy.load_average, busy.cpu_pressure),
            (Some(1.25), Some(0.125))
        );
        let facts = files.facts(&[0, 1, 2]);
        assert_eq!(facts.allowed_cpus, 3);
        assert_eq!(facts.virtualisation, None);
        assert_eq!((facts.has_smt, facts.has_turbo), (Some(true), Some(true)));
        assert_eq!(facts.governor.as_deref(), Some("performance, powersave"));
        assert_eq!(facts.clock_source, "tsc");
        assert_eq!(facts.swap_used_kib, Some(500));
        assert_eq!(facts.ephemeral_ports, Some(28_232));
        assert_eq!((facts.somaxconn, facts.syn_backlog), (Some(4096), None));
    }

    #[test]
    fn virtual_machines_are_told_from_rented_ones_of_metal() {
        let guest = ("proc/cpuinfo", "flags : fpu hypervisor sse\n");
        let metal = ("proc/cpuinfo", "flags : fpu sse\n");
        let arm = ("proc/cpuinfo", "Features : fp asimd\n");
        let amazon = ("sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
        let clocks = (
            "sys/devices/system/clocksource/clocksource0/available_clocksource",
            "tsc kvm-clock \n",
        );
        for (contents, expected) in [
            (&[guest, clocks][..], Some("KVM")),
            (&[guest], Some("of unknown make")),
            (&[guest, amazon, clocks], Some("Amazon EC2")),
            (&[metal, amazon], None),
            (&[metal, ("sys/hypervisor/type", "xen\n")], Some("xen")),
            (
                &[
                    arm,
                    ("sys/class/dmi/id/product_name", "KVM Virtual Machine\n"),
                ],
                Some("KVM Virtual Machine"),
            ),
            (&[arm, amazon], None),
            (&[], None),
        ] {
            let (_root, files) = files(contents);
            assert_eq!(files.virtualisation().as_deref(), expected, "{contents:?}");
        }
    }

    #[test]
    fn what_the_kernel_does_not_tell_is_left_out() {
        let (_root, files) = files(&[
            ("proc/meminfo", "SwapTotal: 0 kB\nSwapFree: 0 kB\n"),
            ("proc/loadavg", "nonsense\n"),
            ("proc/pressure/cpu", "\n"),
        ]);
        let busy = files.busyness();
        assert_eq!((busy.load_average, busy.cpu_pressure), (None, None));
        let facts = files.facts(&[0]);
        assert_eq!(
            (facts.swap_used_kib, facts.governor, facts.has_turbo),
            (None, None, None)
        );
        assert_eq!(facts.clock_source, "");
    }

    #[test]
    fn steal_is_that_of_the_cpu_which_was_busy() {
        let before =
            "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 0 0 50 0 0 0 5 0 0\ncpu1 0 0 0 0 0 0 0 0 0 0\n";
        let after =
            "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 270 0 0 50 0 0 0 35 0 0\ncpu1 0 0 0 0 0 0 0 99 0 0\n";
        let share = parse_ticks(before, 0)
            .unwrap()
            .steal_share(parse_ticks(after, 0).unwrap());
        assert_eq!(share, Some(30.0 / 200.0));
        assert_eq!(parse_ticks(before, 7), None);
        let same = parse_ticks(before, 0).unwrap();
        assert_eq!(same.steal_share(same), None);
    }

    #[test]
    fn the_ticks_of_a_cpu_of_this_machine_are_found() {
        assert!(cpu_ticks(crate::pin::allowed_cpus()[0]).is_some());
    }
}
