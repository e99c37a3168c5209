//! Planted trials that were cut off, lost requests or broke their limits, and the words
//! for what was found.

use super::*;

#[test]
fn a_trial_that_was_cut_off_before_launch_makes_no_cell_of_its_own() {
    let mut trials = blocks(&[stack("flask", 260.0)], 2, 0.01, 15, |_| 1.0);
    let mut ghost = trials[1].clone();
    ghost.outcome = tonnage_model::TrialOutcome::Interrupted;
    (ghost.cell.lock, ghost.load, ghost.usage) = (String::new(), None, None);
    trials.insert(1, ghost);
    plain(&trials, |analysis| {
        assert_eq!(analysis.cells.len(), 1);
        assert_eq!(analysis.cells[0].cell.lock, "5f2c");
        assert_eq!(analysis.cells[0].excluded.len(), 1);
        assert_eq!(analysis.noise.pairs, 2);
    });
}

#[test]
fn requests_that_the_window_cut_off_are_lost() {
    let zoo = |name: &str, rps: f64| {
        let mut sketch = stack(name, rps);
        (sketch.cell.requests, sketch.cell.clients) = (Some(100), 100);
        (sketch.window_s, sketch.unfinished) = (1, Some(0));
        sketch
    };
    let mut cut = zoo("dev", 5.0);
    cut.unfinished = Some(95);
    let trials = blocks(&[zoo("flask", 100.0), cut], 1, 1e-9, 16, |_| 1.0);
    plain(&trials, |analysis| {
        let (whole, cut) = (&analysis.cells[0], &analysis.cells[1]);
        assert!(!whole.has_survivors_bias() && whole.cut_off().is_none());
        assert_eq!(cut.cut_off(), Some((95, 100)));
        assert_eq!(cut.rank.unwrap().standing, Standing::SurvivorsBias);
        let text = "dev: 95 of 100 requests were cut off by the end of the window, so that";
        let notes = analysis.notes();
        assert!(notes.iter().any(|note| note.starts_with(text)), "{notes:?}");
        let headline = analysis.headline();
        assert!(
            headline.contains("dev lost 95 % of its requests"),
            "{headline}"
        );
    });
}

#[test]
fn a_quota_that_did_not_hold_is_said() {
    let notes = |cpus_used: f64, memory_limit_hits: u64| {
        let mut sketch = stack("flask", 100.0);
        (sketch.cell.limits, sketch.cpus_used) = (fixture::quota(0.2), cpus_used);
        let mut trials = blocks(&[sketch], 2, 1e-9, 21, |_| 1.0);
        for usage in trials.iter_mut().filter_map(|trial| trial.usage.as_mut()) {
            usage.memory_limit_hits = Some(memory_limit_hits);
        }
        let is_it = |note: &String| note.contains("its quota of 0.2 did not hold");
        plain(&trials, |analysis| analysis.notes().into_iter().find(is_it))
    };
    // Ten seconds are 100 periods, of which the window may cut one.
    assert_eq!(notes(0.205, 0), None);
    let note = notes(0.21, 0).unwrap();
    assert!(note.starts_with("flask: in 2 of 2 trials"), "{note}");
    assert_eq!(
        notes(0.21, 5),
        None,
        "reclaim by the kernel is not throttled"
    );
}

#[test]
fn a_figure_has_its_unit_before_its_bounds() {
    let study = fixture::study("", "[show]\nfigure = \"mean_ms\"\n");
    let cells = ["flask", "falcon"].map(|name| {
        let mut sketch = stack(name, 500.0);
        (sketch.cell.clients, sketch.cell.think) = (500, "exp:1s".to_owned());
        // The invented distribution has a mean that is a hundredth larger.
        sketch.mean_ms = Some(2.31);
        sketch
    });
    let trials = blocks(&cells, 1, 1e-9, 20, |_| 1.0);
    analysed(&trials, &study, |analysis| {
        assert_eq!(analysis.cells[0].causes[0].cause, Cause::OfferedLoad);
        let headline = analysis.headline();
        assert!(
            headline.contains("came first with a mean of 2.33 ms (one block), but fewer"),
            "{headline}"
        );
        assert!(!headline.contains("load offered"), "{headline}");
    });
    plain(&trials, |analysis| {
        let headline = analysis.headline();
        assert!(
            headline.contains("500 requests/s (one block)"),
            "{headline}"
        );
        assert!(headline.contains("that is the load offered"), "{headline}");
    });
}
