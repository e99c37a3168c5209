//! Searches with planted edges.

use super::memory::bytes_text;
use tonnage_model::AssertionResult;

use super::*;
use crate::fixture::{self, Sketch};

fn memory(mb: u64, oom_kills: u64) -> TrialRecord {
    let mut sketch = Sketch::new();
    sketch.kind = TrialKind::Search;
    sketch.cell.limits.memory_bytes = Some(mb * 1_000_000);
    sketch.oom_kills = oom_kills;
    sketch.trial()
}

#[test]
fn the_cliff_is_told_by_kills() {
    let tries = [
        (100, 0),
        (20, 8),
        (45, 4),
        (58, 2),
        (61, 0),
        (61, 0),
        (61, 0),
    ];
    let trials: Vec<TrialRecord> = tries
        .iter()
        .map(|(mb, kills)| memory(*mb, *kills))
        .collect();
    let cliffs = memory_cliffs(&trials, &[]);
    assert_eq!(cliffs.len(), 1);
    assert_eq!(cliffs[0].least_bytes, Some(61_000_000));
    assert_eq!(cliffs[0].killed_at_bytes, Some(58_000_000));
    assert_eq!(
        cliffs[0].text,
        "needs 61MB: 2 OOM kills at 58MB, none at 61MB"
    );
    assert!(!cliffs[0].contradictory);
    assert_eq!(cliffs[0].attempts.len(), 5);
    let cliff = memory_cliffs(&[memory(50, 0), memory(58, 1), memory(61, 0)], &[]).remove(0);
    assert!(cliff.contradictory && cliff.least_bytes == Some(61_000_000));
    assert_eq!(bytes_text(61_340_672), "61.3 MB");
}

#[test]
fn without_the_counter_nothing_is_said() {
    let mut trial = memory(50, 0);
    trial.usage.as_mut().unwrap().oom_kills = None;
    let cliff = memory_cliffs(&[trial], &[]).remove(0);
    assert_eq!((cliff.least_bytes, cliff.attempts.len()), (None, 0));
}

#[test]
fn the_largest_rate_keeps_its_objective_and_its_requests() {
    let study = fixture::study("", "[search.rate]\nobjective = \"p99<50ms\"\n");
    let rate = |rps: f64, mean_ms: f64, failed: u64| {
        let mut sketch = Sketch::new();
        sketch.kind = TrialKind::Search;
        sketch.cell.rate_rps = Some(rps);
        sketch.cell.clients = rps as u32;
        (sketch.rps, sketch.mean_ms, sketch.failed) = (rps, Some(mean_ms), failed);
        sketch.trial()
    };
    let trials = [
        rate(100.0, 10.0, 0),
        rate(800.0, 40.0, 0),
        rate(400.0, 20.0, 0),
        rate(600.0, 12.0, 500),
    ];
    let found = largest_rates(&trials, &study, &[]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].largest_rps, Some(400.0));
    assert_eq!(found[0].missed_at_rps, Some(600.0));
    assert!(
        found[0].text.contains("7.7 % failed at 600"),
        "{}",
        found[0].text
    );
    assert!(memory_cliffs(&trials, &[]).is_empty());
}

#[test]
fn a_try_that_cannot_be_told_is_no_try_that_was_not_made() {
    let study = fixture::study("", "[search.rate]\nobjective = \"p99<50ms\"\n");
    let rate = |rps: f64, holds: Option<bool>, bound: bool| {
        let mut sketch = Sketch::new();
        sketch.kind = TrialKind::Search;
        (sketch.cell.rate_rps, sketch.rps) = (Some(rps), rps);
        sketch.generator_bound = bound;
        sketch.assertions = vec![AssertionResult {
            assertion: "p99<50ms".to_owned(),
            holds,
            figure: if holds.is_some() { "41.0 ms" } else { "n/a" }.to_owned(),
        }];
        sketch.trial()
    };
    let text = |trials: &[TrialRecord]| largest_rates(trials, &study, &[]).remove(0);
    let found = text(&[
        rate(40.0, Some(true), false),
        rate(80.0, None, false),
        rate(80.0, None, false),
    ]);
    assert_eq!(
        found.text,
        "p99<50ms at 40.0 requests/s (41.0 ms), too few requests for p99 at 80.0 requests/s, so that more cannot be told"
    );
    assert_eq!((found.largest_rps, found.missed_at_rps), (Some(40.0), None));
    assert_eq!(found.attempts[1].untold, 2);
    let found = text(&[rate(40.0, None, false)]);
    assert_eq!(
        found.text,
        "p99<50ms cannot be told: too few requests for p99 at 40.0 requests/s"
    );
    let found = text(&[
        rate(400.0, Some(true), false),
        rate(600.0, Some(true), true),
        rate(800.0, Some(false), false),
    ]);
    assert_eq!(
        found.text,
        "p99<50ms up to 400 requests/s: 41.0 ms there, generator-bound at 600 requests/s, 41.0 ms at 800"
    );
    let met = [Some(true), Some(false), None].map(|holds| objective_met(&rate(1.0, holds, false)));
    assert_eq!(met, [Some(true), Some(false), None]);
    assert_eq!(objective_met(&rate(1.0, Some(true), true)), None);
    let mut failing = rate(100.0, None, false);
    failing.load.as_mut().unwrap().counts.failed = 500;
    assert_eq!(objective_met(&failing), Some(false));
    failing.outcome = tonnage_model::TrialOutcome::Failed("it died".to_owned());
    assert_eq!(objective_met(&failing), None);
    assert!(
        text(&[failing])
            .text
            .ends_with("cannot be told: it died at 100 requests/s")
    );
}
