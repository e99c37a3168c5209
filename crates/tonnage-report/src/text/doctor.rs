//! What `tonnage doctor` says of a machine, as text or JSON.

use serde::Serialize;
use tonnage_model::{Finding, Isolation, MachineFacts, Noise, NoiseGrade, format_bytes};

use super::wrap;
use crate::ReportError;
use crate::figure::{counted, grouped, percent};

/// Name and version of the JSON form; the number grows when a reader of the old form
/// would misread the new one.
pub const DOCTOR_SCHEMA: &str = "tonnage.doctor/1";

/// Columns of the names of facts.
const INDENT: usize = 14;

/// The examination as text; lines of at most `width` columns.
pub fn doctor_text(noise: &Noise, width: usize) -> String {
    let grade = noise.grade;
    let advice = match grade {
        NoiseGrade::D => ". A study has to be forced (--force)",
        _ => "",
    };
    let verdict = format!("Noise grade {grade}: {}{advice}.", grade.meaning());
    let mut text = wrap("", &verdict, width, 0);
    text.push('\n');
    for (name, value) in facts(noise) {
        text.push_str(&wrap(&format!("{name:<INDENT$}"), &value, width, INDENT));
    }
    let (costs, notes): (Vec<_>, Vec<_>) = noise
        .findings
        .iter()
        .partition(|finding| finding.grade > NoiseGrade::A);
    if !costs.is_empty() {
        text.push_str("\nWhat costs the grade:\n");
    }
    for finding in costs {
        text.push_str(&finding_text(
            &format!("{}  ", finding.grade),
            finding,
            width,
        ));
    }
    if !notes.is_empty() {
        text.push_str("\nWorth knowing:\n");
    }
    for finding in notes {
        text.push_str(&finding_text("-  ", finding, width));
    }
    text
}

/// The examination as JSON, with the fields of [`Noise`].
pub fn doctor_json(noise: &Noise) -> Result<String, ReportError> {
    #[derive(Serialize)]
    struct DoctorJson<'a> {
        schema: &'static str,
        meaning: &'static str,
        #[serde(flatten)]
        noise: &'a Noise,
    }
    Ok(serde_json::to_string_pretty(&DoctorJson {
        schema: DOCTOR_SCHEMA,
        meaning: noise.grade.meaning(),
        noise,
    })?)
}

fn finding_text(mark: &str, finding: &Finding, width: usize) -> String {
    let mut text = wrap(mark, &sentence(&finding.text), width, 3);
    if !finding.remedy.is_empty() {
        text.push_str(&wrap("   → ", &finding.remedy, width, 5));
    }
    text
}

/// With a capital at the beginning and a full stop at the end.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    let mut sentence: String = first.into_iter().flatten().chain(letters).collect();
    if !sentence.ends_with(['.', ')']) {
        sentence.push('.');
    }
    sentence
}

/// Every figure that is known, with its name.
fn facts(noise: &Noise) -> Vec<(&'static str, String)> {
    let machine = &noise.machine;
    let facts = [
        ("steadiness", steadiness(noise)),
        ("others", others(noise)),
        ("generator", noise.ceiling_rps.map(generator)),
        ("CPUs", Some(cpus(machine))),
        ("clock", clock(noise)),
        ("limits", limits(machine)),
        ("connections", connections(machine)),
        (
            "swap",
            machine
                .swap_used_kib
                .map(|kib| format!("{} in use", format_bytes(kib as f64 * 1024.0))),
        ),
    ];
    facts
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

fn steadiness(noise: &Noise) -> Option<String> {
    let first = noise.spins.first()?;
    let each = match noise.spins.len() {
        1 => format!("CPU {}", first.cpu),
        count => format!("each of {count} CPUs"),
    };
    Some(format!(
        "the same {:.0} ms of work, {} times on {each}, took times that vary by {}; the slowest was {} above the median",
        first.median_ms,
        first.pieces,
        percent(noise.spin_variation),
        percent(noise.spin_worst)
    ))
}

fn others(noise: &Noise) -> Option<String> {
    let facts = [
        noise
            .steal_share
            .map(|share| format!("{} stolen by the hypervisor", percent(share))),
        noise.cpu_pressure.map(|share| {
            format!(
                "in {} of the last 10 s somebody waited for a CPU",
                percent(share)
            )
        }),
        noise
            .load_average
            .map(|load| format!("load average {load:.2}")),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    (!facts.is_empty()).then(|| facts.join(", "))
}

fn generator(ceiling_rps: f64) -> String {
    // Three digits are all that a second of load supports.
    let rounded = |rps: f64| {
        let step = 10f64.powf(rps.max(1.0).log10().floor() - 2.0).max(1.0);
        grouped(((rps / step).round() * step) as u64)
    };
    format!(
        "{} responses per second and thread from a server that does nothing; rates up to {} can be measured",
        rounded(ceiling_rps),
        rounded(ceiling_rps / 2.0)
    )
}

fn cpus(machine: &MachineFacts) -> String {
    let (usable, allowed) = (machine.usable_cpus, machine.allowed_cpus);
    let mut facts = Vec::new();
    if usable < allowed {
        facts.push(format!("the time of {usable} of {allowed} CPUs"));
    } else if usable > 0 {
        facts.push(counted(usable.into(), "CPU"));
    }
    let mut either = |fact: Option<bool>, yes: &str, no: &str| {
        facts.extend(fact.map(|is_so| if is_so { yes } else { no }.to_owned()));
    };
    either(machine.has_smt, "two to a core", "one to a core");
    either(machine.has_turbo, "turbo on", "turbo off");
    facts.push(match &machine.virtualisation {
        Some(name) => format!("virtual machine ({name})"),
        None => "no hypervisor".to_owned(),
    });
    facts.extend(
        machine
            .governor
            .iter()
            .map(|name| format!("governor {name}")),
    );
    facts.join(", ")
}

fn clock(noise: &Noise) -> Option<String> {
    let source = match noise.machine.clock_source.as_str() {
        "" => "unknown",
        name => name,
    };
    Some(format!(
        "{source}, {:.0} ns a reading",
        noise.clock_read_ns?
    ))
}

fn limits(machine: &MachineFacts) -> Option<String> {
    if machine.isolation_text.is_empty() {
        return None;
    }
    Some(match machine.isolation {
        Isolation::None => "none can be set here".to_owned(),
        _ => format!("CPU time, CPUs and memory: {}", machine.isolation_text),
    })
}

fn connections(machine: &MachineFacts) -> Option<String> {
    let fact =
        |value: Option<u64>, what: &str| value.map(|value| format!("{} {what}", grouped(value)));
    let facts = [
        fact(machine.open_files, "open files"),
        fact(machine.ephemeral_ports, "local ports"),
        fact(machine.somaxconn, "may wait to be accepted"),
        fact(machine.syn_backlog, "half open"),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().collect();
    (!facts.is_empty()).then(|| facts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use tonnage_model::Spin;

    fn noise() -> Noise {
        let spin = |cpu, variation| Spin {
            cpu,
            pieces: 40,
            median_ms: 50.02,
            variation,
            worst: 0.062,
            waited_share: Some(0.001),
            steal_share: Some(0.0),
        };
        Noise {
            grade: NoiseGrade::B,
            spin_variation: 0.018,
            spin_worst: 0.062,
            spins: vec![spin(0, 0.011), spin(1, 0.018)],
            steal_share: Some(0.0),
            load_average: Some(0.03),
            cpu_pressure: Some(0.0031),
            ceiling_rps: Some(182_345.6),
            clock_read_ns: Some(27.06),
            machine: MachineFacts {
                allowed_cpus: 2,
                usable_cpus: 2,
                has_smt: Some(false),
                virtualisation: Some("KVM".to_owned()),
                clock_source: "tsc".to_owned(),
                open_files: Some(20_000),
                ephemeral_ports: Some(28_232),
                somaxconn: Some(4096),
                syn_backlog: Some(128),
                isolation: Isolation::CgroupV1,
                isolation_text: "cgroup v1 at /sys/fs/cgroup/{cpu,cpuacct,cpuset,memory,pids}"
                    .to_owned(),
                ..MachineFacts::default()
            },
            findings: vec![
                Finding {
                    grade: NoiseGrade::B,
                    text:
                        "CPU 1 took times for the same work that vary by 1.8 % (40 pieces of 50 ms)"
                            .to_owned(),
                    remedy: "nobody here had the CPU".to_owned(),
                },
                Finding {
                    grade: NoiseGrade::A,
                    text: "a listener remembers 128 half-open connections".to_owned(),
                    remedy: "sysctl -w net.ipv4.tcp_max_syn_backlog=4096".to_owned(),
                },
            ],
        }
    }

    #[test]
    fn a_machine_is_described_and_told_what_to_mend() {
        assert_snapshot!(doctor_text(&noise(), 76), @r"
        Noise grade B: differences of a tenth can be seen.

        steadiness    the same 50 ms of work, 40 times on each of 2 CPUs, took times
                      that vary by 1.8 %; the slowest was 6.2 % above the median
        others        0 % stolen by the hypervisor, in 0.3 % of the last 10 s
                      somebody waited for a CPU, load average 0.03
        generator     182 000 responses per second and thread from a server that
                      does nothing; rates up to 91 200 can be measured
        CPUs          2 CPUs, one to a core, virtual machine (KVM)
        clock         tsc, 27 ns a reading
        limits        CPU time, CPUs and memory: cgroup v1 at
                      /sys/fs/cgroup/{cpu,cpuacct,cpuset,memory,pids}
        connections   20 000 open files, 28 232 local ports, 4 096 may wait to be
                      accepted, 128 half open

        What costs the grade:
        B  CPU 1 took times for the same work that vary by 1.8 % (40 pieces of 50
           ms)
           → nobody here had the CPU

        Worth knowing:
        -  A listener remembers 128 half-open connections.
           → sysctl -w net.ipv4.tcp_max_syn_backlog=4096
        ");
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let unknown = Noise {
            grade: NoiseGrade::D,
            ..Noise::default()
        };
        assert_snapshot!(doctor_text(&unknown, 60), @r"
        Noise grade D: what is measured here says little. A study
        has to be forced (--force).

        CPUs          no hypervisor
        ");
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        for width in [60, 80, 120] {
            let text = doctor_text(&noise(), width);
            assert!(
                text.lines().all(|line| line.chars().count() <= width),
                "{text}"
            );
        }
    }

    #[test]
    fn the_json_is_read_back() {
        let json = doctor_json(&noise()).unwrap();
        assert!(json.contains(DOCTOR_SCHEMA) && json.contains("a tenth"));
        assert_eq!(serde_json::from_str::<Noise>(&json).unwrap(), noise());
    }
}
