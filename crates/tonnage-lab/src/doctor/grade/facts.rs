//! What the machine is and allows: its CPUs, clock and memory, what a process may have
//! of the network, and what cannot be measured on it at all. How noisy it is is left
//! to `noise`.

use tonnage_model::{Finding, HumanBytes, Isolation, Noise, NoiseGrade};

use super::{Steps, finding};

/// Cost of reading the clock, in nanoseconds. In user space it is 20 to 50; a system
/// call is 100 to 400; HPET and ACPI timers take a microsecond or more, and a request
/// is timed three times.
pub(super) const CLOCK_READ_NS: Steps = Steps(150.0, 1000.0, f64::INFINITY);

/// Clock sources that are read in user space, on x86, KVM, Hyper-V, ARM, RISC-V, POWER
/// and s390.
const GOOD_CLOCKS: [&str; 7] = [
    "tsc",
    "kvm-clock",
    "hyperv_clocksource_tsc_page",
    "arch_sys_counter",
    "riscv_clocksource",
    "timebase",
    "tod",
];

/// Swap in use that is more than a few pages put away at boot, in KiB.
const SWAP_KIB: u64 = 64 * 1024;

/// Fewer open files than this and a ladder of users ends at the limit.
const OPEN_FILES: u64 = 4096;

/// The kernel's own range has 28 232 ports; fewer were set by somebody.
const EPHEMERAL_PORTS: u64 = 28_232;

/// Fewer than this and a burst of new connections meets a full queue. The kernel's own
/// value was 128 and is 4096 since 5.4.
const SOMAXCONN: u64 = 1024;

/// The kernel's least, on machines with little memory, is 128.
const SYN_BACKLOG: u64 = 256;

/// Responses per second and thread below which fast servers outrun the generator: the
/// fastest Python servers reach that on one core.
const CEILING_RPS: f64 = 50_000.0;

/// What the CPUs are.
pub(super) fn cpus(noise: &Noise) -> Vec<Finding> {
    let machine = &noise.machine;
    let mut findings = Vec::new();
    let mut add = |grade, text: String, remedy: &str| findings.push(finding(grade, text, remedy));
    if machine.usable_cpus == 1 {
        add(
            NoiseGrade::C,
            "there is 1 CPU: the generator takes it away from the server that it measures"
                .to_owned(),
            "use two CPUs or more; until then compare CPU time per request, not rates",
        );
    }
    if machine.usable_cpus < machine.allowed_cpus {
        let text = format!(
            "a quota gives this process the time of {} of its {} CPUs: it stands still when that is used up",
            machine.usable_cpus, machine.allowed_cpus
        );
        add(
            NoiseGrade::C,
            text,
            "lift the quota of its control group or container, or pin it to CPUs instead",
        );
    }
    if let Some(name) = &machine.virtualisation {
        add(
            NoiseGrade::B,
            format!(
                "this is a virtual machine ({name}): what its neighbours take from caches and memory shows nowhere"
            ),
            "for differences of a few per cent use a machine without a hypervisor",
        );
    }
    if let Some(governor) = machine
        .governor
        .as_deref()
        .filter(|name| *name != "performance")
    {
        add(
            NoiseGrade::B,
            format!("the CPUs' frequency follows the load (governor {governor})"),
            "`cpupower frequency-set -g performance`",
        );
    }
    if machine.has_turbo == Some(true) {
        add(
            NoiseGrade::B,
            "the CPUs run faster while they are cool (turbo)".to_owned(),
            "turn it off in the firmware, or: echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo (elsewhere: echo 0 > /sys/devices/system/cpu/cpufreq/boost)",
        );
    }
    if machine.has_smt == Some(true) {
        add(
            NoiseGrade::B,
            "two CPUs are one core each (SMT): what one does slows the other".to_owned(),
            "echo off > /sys/devices/system/cpu/smt/control",
        );
    }
    findings
}

pub(super) fn clock(noise: &Noise) -> Option<Finding> {
    let source = noise.machine.clock_source.as_str();
    let cost_ns = noise.clock_read_ns.unwrap_or(0.0);
    let dear = CLOCK_READ_NS.grade(cost_ns);
    let name = match source {
        "" => "of unknown name",
        name => name,
    };
    let is_good = source.is_empty() || GOOD_CLOCKS.contains(&source);
    if is_good && dear.is_none() {
        return None;
    }
    Some(finding(
        dear.unwrap_or(NoiseGrade::B),
        format!("a reading of the clock ({name}) takes {cost_ns:.0} ns"),
        "choose another of /sys/devices/system/clocksource/clocksource0/available_clocksource: tsc where the kernel offers it",
    ))
}

pub(super) fn memory(noise: &Noise) -> Option<Finding> {
    let used_kib = noise.machine.swap_used_kib.filter(|kib| *kib > SWAP_KIB)?;
    Some(finding(
        NoiseGrade::B,
        format!(
            "{} of memory are in swap: whoever needs them waits for a disk",
            HumanBytes(used_kib * 1024)
        ),
        "swapoff -a, where memory suffices",
    ))
}

/// What a process may have of the network. It makes nothing noisier, but ends a
/// ladder, or adds seconds to single connections.
pub(super) fn network(noise: &Noise) -> Vec<Finding> {
    let machine = &noise.machine;
    let mut findings = Vec::new();
    let mut add = |grade, text: String, remedy: &str| findings.push(finding(grade, text, remedy));
    if let Some(files) = machine.open_files.filter(|files| *files < OPEN_FILES) {
        let text = format!(
            "a process may have {files} files and sockets open, so that more connections cannot be asked for"
        );
        add(
            NoiseGrade::A,
            text,
            "raise the hard limit (`ulimit -Hn`, /etc/security/limits.conf)",
        );
    }
    if let Some(ports) = machine
        .ephemeral_ports
        .filter(|ports| *ports < EPHEMERAL_PORTS)
    {
        let text = format!(
            "connections to one address have {ports} local ports; without keep-alive they are used up in seconds"
        );
        add(
            NoiseGrade::A,
            text,
            "sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"",
        );
    }
    if let Some(length) = machine.somaxconn.filter(|length| *length < SOMAXCONN) {
        let text = format!(
            "{length} connections may wait for a listener; whoever comes then tries again after 1 s, which counts as latency"
        );
        add(NoiseGrade::B, text, "sysctl -w net.core.somaxconn=4096");
    }
    if let Some(length) = machine.syn_backlog.filter(|length| *length < SYN_BACKLOG) {
        let text = format!("a listener remembers {length} half-open connections");
        add(
            NoiseGrade::A,
            text,
            "sysctl -w net.ipv4.tcp_max_syn_backlog=4096",
        );
    }
    findings
}

/// What cannot be measured here at all.
pub(super) fn abilities(noise: &Noise) -> Vec<Finding> {
    let mut findings = Vec::new();
    match noise.ceiling_rps {
        None => findings.push(finding(
            NoiseGrade::C,
            "the generator could not be measured against a server on loopback".to_owned(),
            "see whether this process may listen on 127.0.0.1",
        )),
        Some(rps) if rps < CEILING_RPS => {
            let (because, remedy) = if cfg!(debug_assertions) {
                (
                    " (it was built without optimisation)",
                    "build it with --release",
                )
            } else {
                (
                    "",
                    "use a faster machine, or more threads and CPUs for the generator",
                )
            };
            findings.push(finding(
                NoiseGrade::A,
                format!("a thread of the generator takes in {rps:.0} responses per second{because}: servers faster than half of that outrun it"),
                remedy,
            ));
        }
        Some(_) => {}
    }
    if noise.machine.isolation == Isolation::None {
        findings.push(finding(
            NoiseGrade::A,
            format!(
                "CPU and memory cannot be limited here, so that cells with limits cannot run: {}",
                noise.machine.isolation_text
            ),
            "",
        ));
    }
    findings
}
