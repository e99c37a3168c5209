//! Planted ladders of clients: knees, peaks, and what is no peak.

use super::*;

#[test]
fn a_ladder_has_its_knee_its_peak_and_its_law() {
    let steps: Vec<Sketch> = [1, 2, 3, 4, 6, 8, 12, 16, 24].map(bending).to_vec();
    let trials = blocks(&steps, 4, 0.01, 9, |_| 1.0);
    plain(&trials, |analysis| {
        assert_eq!(analysis.ladders.len(), 1);
        let ladder = &analysis.ladders[0];
        assert_eq!(ladder.steps.len(), 9);
        let knee = ladder.knee.by_doubling.unwrap();
        assert_eq!((knee.low, knee.estimate, knee.high), (4.0, 6.0, 6.0));
        let bounds = ladder.knee.by_bounds.unwrap();
        assert!(bounds.low < 6.3 && bounds.high > 5.9, "{bounds:?}");
        assert!(ladder.bounds.is_some());
        let band = ladder.usl.as_ref().unwrap();
        assert!(band.points.len() >= 9 && band.points.iter().all(|p| p.low_rps <= p.high_rps));
        assert!(
            analysis
                .headline()
                .contains("gains less than 5 % by doubling from 6.0 clients (4.0–6.0)"),
            "{}",
            analysis.headline()
        );
    });
    // Three steps are no law, and users who think are no load.
    let few: Vec<Sketch> = [1, 2, 4].map(bending).to_vec();
    let trials = blocks(&few, 1, 0.01, 9, |_| 1.0);
    plain(&trials, |analysis| {
        assert_eq!(
            analysis.ladders[0].usl,
            Err("3 numbers of clients count, but a fit needs 4".to_owned())
        );
    });
    let thinking: Vec<Sketch> = few
        .into_iter()
        .map(|mut sketch| {
            "exp:1s".clone_into(&mut sketch.cell.think);
            sketch
        })
        .collect();
    let trials = blocks(&thinking, 1, 0.01, 9, |_| 1.0);
    plain(&trials, |analysis| {
        let ladder = &analysis.ladders[0];
        assert!(ladder.bounds.is_none() && ladder.knee.by_bounds.is_none() && ladder.usl.is_err());
    });
}

#[test]
fn steps_that_differ_less_than_equal_cells_are_no_peak() {
    // As measured on an idle machine: 4 clients 194, 8 clients 195, its copy 197.4.
    let rps = [(1, 95.0), (2, 182.8), (4, 194.0), (8, 195.0)];
    let steps = rps.map(|(clients, rps)| Sketch {
        rps,
        cpus_used: 1.94,
        ..bending(clients)
    });
    let mut trials = blocks(&steps, 1, 1e-9, 17, |_| 1.0);
    let copy = Sketch {
        kind: TrialKind::Duplicate,
        position: 90,
        rps: 197.4,
        ..steps[3].clone()
    };
    trials.retain(|trial| trial.kind != TrialKind::Duplicate);
    plain(&trials, |analysis| {
        assert!(analysis.ladders[0].alike.is_none());
        assert!(analysis.answers()[0].starts_with("peaks at 195"));
    });
    trials.push(copy.trial());
    plain(&trials, |analysis| {
        assert_eq!(analysis.ladders[0].alike, Some((2, 3)));
        let answers = analysis.answers();
        assert!(
            answers[0].contains("requests/s (the steps from 4 clients on cannot be told apart)"),
            "{answers:?}"
        );
        // 8 clients ÷ 1 client is 2.05 servers: within 5 % of the two CPUs.
        assert!(
            analysis.ladders[0]
                .notes
                .iter()
                .all(|n| !n.starts_with("D · Xmax"))
        );
    });
}

#[test]
fn a_request_that_is_slower_alone_makes_the_knee_by_bounds_too_large() {
    let steps = [(1, 60.0), (2, 182.8), (8, 195.0)].map(|(clients, rps)| Sketch {
        rps,
        cpus_used: if clients > 2 { 1.94 } else { 0.9 },
        ..bending(clients)
    });
    let trials = blocks(&steps, 3, 0.001, 18, |_| 1.0);
    plain(&trials, |analysis| {
        let notes = &analysis.ladders[0].notes;
        assert!(
            notes.iter().any(|note| note.starts_with("D · Xmax is 3.2")
                && note.contains("but only 2.00 CPUs can work")),
            "{notes:?}"
        );
    });
}

#[test]
fn two_steps_have_no_knee_and_equal_notes_are_one() {
    let ladder = |stacks: &[&str], clients: &[u32]| -> Vec<Sketch> {
        let steps = stacks.iter().flat_map(|name| {
            clients.iter().map(move |clients| {
                let mut sketch = bending(*clients);
                (*name).clone_into(&mut sketch.cell.stack);
                sketch
            })
        });
        steps.collect()
    };
    let trials = blocks(&ladder(&["flask", "falcon"], &[2, 10]), 3, 0.01, 19, |_| {
        1.0
    });
    plain(&trials, |analysis| {
        let knees = analysis.ladders.iter().map(|ladder| ladder.knee);
        assert!(
            knees
                .into_iter()
                .all(|knee| knee.by_bounds.is_none() && knee.by_doubling.is_none())
        );
        assert!(
            !analysis
                .notes()
                .iter()
                .any(|note| note.contains("demand D"))
        );
    });
    let three = ladder(&["flask", "falcon"], &[2, 4, 10]);
    let trials = blocks(&three, 3, 0.01, 19, |_| 1.0);
    plain(&trials, |analysis| {
        let notes = analysis.notes();
        let demand: Vec<_> = notes.iter().filter(|n| n.contains("demand D")).collect();
        assert_eq!(demand.len(), 1, "{notes:?}");
        assert!(demand[0].starts_with("2 ladders: The demand D"));
    });
}

#[test]
fn the_grid_of_workers_and_clients_has_a_short_answer() {
    let cells: Vec<Sketch> = [2, 5]
        .into_iter()
        .flat_map(|workers: u32| {
            [1, 2, 4].map(|clients: u32| {
                let mut sketch = bending(clients);
                sketch.cell.workers = Some(workers);
                sketch.cell.worker_rule = workers.to_string();
                sketch.rps = f64::from(clients.min(workers)) * 50.0;
                sketch
            })
        })
        .collect();
    let trials = blocks(&cells, 4, 0.002, 14, |_| 1.0);
    let study = fixture::study("", "[show]\nhypothesis = \"2n+1\"\n");
    analysed(&trials, &study, |analysis| {
        let answers = analysis.answers();
        assert!(
            answers[0].starts_with("workers=5 clients=4 wins with"),
            "{answers:?}"
        );
        assert_eq!(answers[1], "2n+1: supported in 3 of 3 groups of cells");
        assert!(
            analysis.headline().ends_with(&answers[1]),
            "{}",
            analysis.headline()
        );
        assert_eq!(answers.len(), 2, "ladders are details here");
    });
}

#[test]
fn two_ladders_stand_beside_the_contest_of_their_peaks_and_three_are_details() {
    let climbed = |stacks: &[&str]| -> Vec<Sketch> {
        let steps = stacks.iter().enumerate().flat_map(|(faster, stack)| {
            [1, 2, 4, 8].map(|clients| {
                let mut sketch = bending(clients);
                sketch.cell.stack = (*stack).to_owned();
                sketch.rps *= 1.0 + 0.2 * faster as f64;
                sketch
            })
        });
        steps.collect()
    };
    let trials = blocks(&climbed(&["one", "two"]), 4, 0.002, 21, |_| 1.0);
    plain(&trials, |analysis| {
        let answers = analysis.answers();
        assert_eq!(answers.len(), 3, "{answers:?}");
        assert!(answers[0].starts_with("two clients="), "{answers:?}");
        assert!(answers[1].starts_with("one: "), "{answers:?}");
        assert!(answers[2].contains("knee by bounds"), "{answers:?}");
    });
    let trials = blocks(&climbed(&["one", "two", "three"]), 4, 0.002, 22, |_| 1.0);
    plain(&trials, |analysis| {
        let answers = analysis.answers();
        assert_eq!(answers.len(), 1, "{answers:?}");
    });
}
