//! Every threshold when it is passed, and what a finding says.

use tonnage_model::{Isolation, MachineFacts, Spin};

use super::facts::CLOCK_READ_NS;
use super::noise::{LOAD, PRESSURE, SPIN_VARIATION, SPIN_WORST, STEAL};
use super::*;

/// A machine without a fault.
fn quiet() -> Noise {
    let spin = |cpu, variation, worst| Spin {
        cpu,
        pieces: 40,
        median_ms: 50.0,
        variation,
        worst,
        waited_share: Some(0.0),
        steal_share: Some(0.0),
    };
    Noise {
        spins: vec![spin(0, 0.002, 0.01), spin(1, 0.004, 0.02)],
        steal_share: Some(0.0),
        load_average: Some(0.05),
        cpu_pressure: Some(0.003),
        ceiling_rps: Some(180_000.0),
        clock_read_ns: Some(24.0),
        machine: MachineFacts {
            allowed_cpus: 4,
            usable_cpus: 4,
            has_smt: Some(false),
            clock_source: "tsc".to_owned(),
            governor: Some("performance".to_owned()),
            has_turbo: Some(false),
            open_files: Some(20_000),
            ephemeral_ports: Some(28_232),
            somaxconn: Some(4096),
            syn_backlog: Some(2048),
            isolation: Isolation::CgroupV2,
            isolation_text: "control groups".to_owned(),
            ..MachineFacts::default()
        },
        ..Noise::default()
    }
}

/// The one finding that a change to a quiet machine makes.
#[track_caller]
fn only(change: impl FnOnce(&mut Noise)) -> Finding {
    let mut noise = quiet();
    change(&mut noise);
    let mut findings = findings(&noise);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    findings.remove(0)
}

#[test]
fn a_quiet_machine_has_an_a_and_no_findings() {
    assert_eq!(findings(&quiet()), []);
    assert_eq!(grade(&[]), NoiseGrade::A);
}

#[test]
fn each_threshold_costs_its_grade_when_it_is_passed() {
    use NoiseGrade::{B, C, D};
    type Set = fn(&mut Noise, f64);
    let variation: Set = |noise, value| noise.spins[1].variation = value;
    let worst: Set = |noise, value| noise.spins[0].worst = value;
    let steal: Set = |noise, value| noise.steal_share = Some(value);
    let pressure: Set = |noise, value| noise.cpu_pressure = Some(value);
    let load: Set = |noise, value| noise.load_average = Some(value * 4.0);
    let clock: Set = |noise, value| noise.clock_read_ns = Some(value);
    for (set, Steps(b, c, d)) in [
        (variation, SPIN_VARIATION),
        (worst, SPIN_WORST),
        (steal, STEAL),
        (pressure, PRESSURE),
        (load, LOAD),
        (clock, CLOCK_READ_NS),
    ] {
        let mut at_the_step = quiet();
        set(&mut at_the_step, b);
        assert_eq!(findings(&at_the_step), []);
        for (step, expected) in [(b, B), (c, C), (d, D)] {
            if step.is_finite() {
                let found = only(|noise| set(noise, step * 1.01));
                assert_eq!(found.grade, expected, "{found:?}");
                assert!(!found.remedy.is_empty());
                assert!(found.text.chars().any(|c| c.is_ascii_digit()), "{found:?}");
            }
        }
    }
}

#[test]
fn an_uneven_cpu_comes_with_its_cause() {
    let uneven = |waited, stolen| {
        only(|noise| {
            noise.spins[1].variation = 0.05;
            noise.spins[1].waited_share = waited;
            noise.spins[1].steal_share = stolen;
        })
    };
    let found = uneven(Some(0.2), Some(0.1));
    assert_eq!(
        found.text,
        "CPU 1 took times for the same work that vary by 5.0 % (40 pieces of 50 ms)"
    );
    assert!(found.remedy.contains("had the CPU for 20.0 %"), "{found:?}");
    assert!(
        uneven(Some(0.0), Some(0.1))
            .remedy
            .contains("hypervisor took the CPU away for 10.0 %")
    );
    assert!(uneven(None, None).remedy.contains("its speed changes"));
}

#[test]
fn what_a_machine_is_costs_no_more_than_its_due() {
    use NoiseGrade::{A, B, C};
    type Change = fn(&mut MachineFacts);
    let changes: [(Change, NoiseGrade, &str); 12] = [
        (
            |m| m.virtualisation = Some("KVM".to_owned()),
            B,
            "virtual machine (KVM)",
        ),
        (
            |m| m.governor = Some("powersave".to_owned()),
            B,
            "governor powersave",
        ),
        (|m| m.has_turbo = Some(true), B, "turbo"),
        (|m| m.has_smt = Some(true), B, "SMT"),
        (|m| m.swap_used_kib = Some(1 << 20), B, "1GiB"),
        (
            |m| m.clock_source = "hpet".to_owned(),
            B,
            "(hpet) takes 24 ns",
        ),
        (|m| m.usable_cpus = 2, C, "2 of its 4 CPUs"),
        (|m| m.open_files = Some(1024), A, "1024 files"),
        (|m| m.ephemeral_ports = Some(1000), A, "1000 local ports"),
        (|m| m.somaxconn = Some(128), B, "128 connections"),
        (|m| m.syn_backlog = Some(128), A, "128 half-open"),
        (
            |m| m.isolation = Isolation::None,
            A,
            "cells with limits cannot run: control groups",
        ),
    ];
    for (change, grade, part) in changes {
        let found = only(|noise| change(&mut noise.machine));
        assert_eq!(found.grade, grade, "{found:?}");
        assert!(found.text.contains(part), "{found:?}");
    }
    let alone = only(|noise| {
        noise.machine.allowed_cpus = 1;
        noise.machine.usable_cpus = 1;
    });
    assert_eq!(alone.grade, C);
}

#[test]
fn a_slow_or_absent_generator_is_said() {
    let slow = only(|noise| noise.ceiling_rps = Some(9000.4));
    assert!(
        slow.text.contains("takes in 9000 responses per second"),
        "{slow:?}"
    );
    assert_eq!(slow.grade, NoiseGrade::A);
    assert_eq!(only(|noise| noise.ceiling_rps = None).grade, NoiseGrade::C);
}

#[test]
fn without_a_cpu_that_could_be_timed_nothing_is_worth_measuring() {
    assert_eq!(only(|noise| noise.spins.clear()).grade, NoiseGrade::D);
}

#[test]
fn the_gravest_finding_comes_first_and_gives_the_grade() {
    let mut noise = quiet();
    noise.machine.open_files = Some(1024);
    noise.machine.virtualisation = Some("KVM".to_owned());
    noise.cpu_pressure = Some(0.6);
    let found = findings(&noise);
    let grades: Vec<NoiseGrade> = found.iter().map(|finding| finding.grade).collect();
    assert_eq!(grades, [NoiseGrade::D, NoiseGrade::B, NoiseGrade::A]);
    assert_eq!(grade(&found), NoiseGrade::D);
}

#[test]
fn what_the_kernel_does_not_tell_is_no_finding() {
    let noise = Noise {
        spins: quiet().spins,
        ceiling_rps: quiet().ceiling_rps,
        machine: MachineFacts {
            isolation: Isolation::CgroupV1,
            ..MachineFacts::default()
        },
        ..Noise::default()
    };
    assert_eq!(findings(&noise), []);
}
