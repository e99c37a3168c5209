//! `tonnage doctor` on this machine.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{Home, text};

#[test]
fn the_doctor_describes_this_machine_and_is_done_with_any_grade() {
    let home = Home::new();
    let output = home.tonnage(&["doctor", "--brief"]);
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert!(errors.is_empty(), "{errors}");
    let grade = out
        .strip_prefix("Noise grade ")
        .and_then(|rest| rest.chars().next());
    assert!(grade.is_some_and(|grade| "ABCD".contains(grade)), "{out}");
    for part in [
        "steadiness",
        "generator",
        "CPUs",
        "clock",
        "limits",
        "connections",
    ] {
        assert!(out.contains(part), "no {part:?} in: {out}");
    }
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
}

#[test]
fn the_json_has_every_figure() {
    let home = Home::new();
    let output = home.tonnage(&["doctor", "--brief", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["schema"], "tonnage.doctor/1");
    let spins = found["spins"].as_array().unwrap();
    assert!(!spins.is_empty());
    for spin in spins {
        assert!(spin["pieces"].as_u64().unwrap() >= 10, "{spin}");
        assert!(spin["variation"].as_f64().unwrap() > 0.0, "{spin}");
    }
    assert!(found["ceiling_rps"].as_f64().unwrap() > 100.0);
    assert!(found["machine"]["usable_cpus"].as_u64().unwrap() >= 1);
    for finding in found["findings"].as_array().unwrap() {
        let grade = finding["grade"].as_str().unwrap();
        // Grades are letters, so that the worst is the greatest.
        assert!(grade <= found["grade"].as_str().unwrap(), "{found}");
        assert!(
            finding["text"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
    }
}

#[test]
fn ctrl_c_ends_the_examination() {
    let home = Home::new();
    let mut doctor = home.start(&["doctor"]);
    crate::common::wait_until("it listens for signals", || {
        listens_for_int(doctor.child.id())
    });
    let asked = Instant::now();
    doctor.signal("INT");
    let (code, out, errors) = doctor.finish();
    // A fifth of a second where nothing else runs; tests run beside this one.
    let patience = Duration::from_secs(2);
    assert!(asked.elapsed() < patience, "{:?}", asked.elapsed());
    assert_eq!((code, out.as_str()), (Some(130), ""), "{errors}");
}

/// Whether a process handles SIGINT (bit 1 of `SigCgt`), so that one sent now is an
/// orderly request.
fn listens_for_int(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 0b10 != 0)
}
