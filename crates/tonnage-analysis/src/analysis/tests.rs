//! Planted truths: whole invented runs whose answer is known.

mod answers;
mod ladders;

use tonnage_model::{PublishedFigure, TrialRecord, parse_published};
use tonnage_stats::Comparison;

use super::*;
use crate::causes::Cause;
use crate::comparison::{Standing, Unranked};
use crate::fixture::{self, Sketch, blocks};
use crate::hypothesis::HypothesisVerdict;
use crate::published::Ours;

fn stack(name: &str, rps: f64) -> Sketch {
    Sketch {
        cell: fixture::cell(name, 4),
        rps,
        ..Sketch::new()
    }
}

/// An analysis and what is read in it, without the lifetimes.
fn analysed<T>(trials: &[TrialRecord], study: &Study, read: impl FnOnce(&Analysis<'_>) -> T) -> T {
    let run = fixture::run();
    read(&Analysis::of(&run, study, trials, &[]))
}

fn plain<T>(trials: &[TrialRecord], read: impl FnOnce(&Analysis<'_>) -> T) -> T {
    analysed(trials, &fixture::study("", ""), read)
}

#[test]
fn a_stack_that_drops_most_requests_does_not_win() {
    // It serves twice as many of those it lets in, and loses 70 %.
    let mut dropping = stack("dropping", 400.0);
    dropping.failed = 9333;
    let trials = blocks(
        &[dropping, stack("honest", 200.0), stack("slow", 50.0)],
        5,
        0.02,
        1,
        |_| 1.0,
    );
    plain(&trials, |analysis| {
        let contest = &analysis.contests[0];
        let order: Vec<&str> = contest
            .ranked
            .iter()
            .map(|(cell, _)| analysis.cells[*cell].name())
            .collect();
        assert_eq!(order, ["honest", "slow", "dropping"]);
        assert_eq!(
            analysis.cells[0].rank.unwrap().standing,
            Standing::SurvivorsBias
        );
        assert!((analysis.cells[0].error_share() - 0.7).abs() < 0.01);
        let headline = analysis.headline();
        assert!(
            headline.starts_with("Planted: honest wins with 19")
                || headline.starts_with("Planted: honest wins with 20"),
            "{headline}"
        );
        assert!(
            analysis
                .notes()
                .iter()
                .any(|note| note.starts_with("dropping: 70 % of the requests failed"))
        );
    });
}

#[test]
fn a_duplicate_that_is_slower_by_three_tenths_is_found() {
    // As a cell of its own …
    let trials = blocks(
        &[stack("flask", 260.0), stack("again", 200.0)],
        5,
        0.02,
        2,
        |_| 1.0,
    );
    plain(&trials, |analysis| {
        assert_eq!(analysis.cells[1].rank.unwrap().standing, Standing::Worse);
        let versus = analysis.cells[1].rank.unwrap().to_best.unwrap();
        assert_eq!(versus.comparison, Comparison::Smaller);
        assert!(
            (versus.ratio.estimate * 1.3 - 1.0).abs() < 0.05,
            "{versus:?}"
        );
        assert!(versus.ratio.high < 0.85, "{versus:?}");
        assert!(
            analysis.headline().contains("flask wins with"),
            "{}",
            analysis.headline()
        );
        assert!(!analysis.noise.equals_differ());
    });
    // … and as the very copy that measures the noise.
    let mut trials = blocks(
        &[stack("flask", 260.0), stack("other", 250.0)],
        5,
        0.02,
        2,
        |_| 1.0,
    );
    for trial in trials
        .iter_mut()
        .filter(|trial| trial.kind == TrialKind::Duplicate)
    {
        trial.load.as_mut().unwrap().throughput.goodput_rps /= 1.3;
    }
    plain(&trials, |analysis| {
        assert!(analysis.noise.equals_differ());
        assert!(
            analysis.notes()[0]
                .starts_with("Two copies of the same cell differ by a factor of 1.3")
        );
        assert_eq!(analysis.cells[1].rank.unwrap().to_best.unwrap().text(), "≈");
    });
}

#[test]
fn a_squeezed_generator_makes_no_ranking() {
    let mut sketches = [stack("flask", 260.0), stack("falcon", 261.0)];
    for sketch in &mut sketches {
        sketch.generator_bound = true;
    }
    let trials = blocks(&sketches, 5, 0.02, 3, |_| 1.0);
    plain(&trials, |analysis| {
        let contest = &analysis.contests[0];
        assert!(contest.ranked.is_empty() && contest.best().is_none());
        assert!(
            contest
                .unranked
                .iter()
                .all(|(_, why)| matches!(why, Unranked::GeneratorBound(_)))
        );
        assert!(analysis.cells.iter().all(|view| view.rank.is_none()));
        assert_eq!(
            analysis.headline(),
            "Planted: generator-bound: no ranking, since in 2 of 2 cells the generator was the limit"
        );
        assert_eq!(analysis.cells[0].causes[0].cause, Cause::GeneratorBound);
    });
    // One of four that is slower than the others all the same leaves a ranking.
    let mut sketches = [
        stack("a", 300.0),
        stack("b", 200.0),
        stack("c", 100.0),
        stack("d", 50.0),
    ];
    sketches[3].generator_bound = true;
    let trials = blocks(&sketches, 5, 0.02, 3, |_| 1.0);
    plain(&trials, |analysis| {
        assert_eq!(analysis.contests[0].ranked.len(), 3);
        assert!(
            analysis
                .headline()
                .ends_with("(not ranked, as generator-bound: d)")
        );
    });
    // One that looks best does not: it is not known how good it is.
    sketches[3].rps = 500.0;
    let trials = blocks(&sketches, 5, 0.02, 3, |_| 1.0);
    plain(&trials, |analysis| {
        assert!(analysis.contests[0].no_ranking.is_some());
    });
}

#[test]
fn a_worker_that_is_killed_and_respawned_is_memory_killed() {
    let mut killed = stack("flask", 80.0);
    (killed.oom_kills, killed.respawned) = (3, 3);
    let trials = blocks(&[killed, stack("falcon", 100.0)], 3, 0.02, 4, |_| 1.0);
    plain(&trials, |analysis| {
        assert_eq!(analysis.cells[0].causes[0].cause, Cause::MemoryKilled);
        assert!(analysis.cells[1].causes.is_empty());
    });
}

#[test]
fn a_machine_that_slows_halfway_changes_no_paired_comparison() {
    let sketches = [
        stack("flask", 260.0),
        stack("falcon", 200.0),
        stack("bottle", 259.0),
    ];
    let ratios = |machine: fn(u32) -> f64| {
        let trials = blocks(&sketches, 6, 0.02, 5, machine);
        plain(&trials, |analysis| {
            let contest = &analysis.contests[0];
            let rank = |(cell, rank): &(usize, crate::Rank)| {
                (
                    *cell,
                    rank.standing,
                    rank.to_best.map(|versus| versus.ratio),
                )
            };
            (
                contest.ranked.iter().map(rank).collect::<Vec<_>>(),
                analysis.cells[0]
                    .interval("rps")
                    .unwrap()
                    .relative_half_width(),
            )
        })
    };
    let (steady, narrow) = ratios(|_| 1.0);
    let (slowed, wide) = ratios(|block| if block >= 3 { 0.6 } else { 1.0 });
    assert!(
        wide > 3.0 * narrow,
        "the level itself is uncertain: {wide} {narrow}"
    );
    assert_eq!(steady.len(), slowed.len());
    for (a, b) in steady.iter().zip(&slowed) {
        assert_eq!((a.0, a.1), (b.0, b.1));
        if let (Some(a), Some(b)) = (a.2, b.2) {
            assert!((a.estimate / b.estimate - 1.0).abs() < 1e-9);
            assert!((a.low / b.low - 1.0).abs() < 1e-9 && (a.high / b.high - 1.0).abs() < 1e-9);
        }
    }
}

#[test]
fn identical_cells_are_alike_in_nineteen_of_twenty_runs() {
    // Of 1,000 runs of each kind 992, 989 and 979 were.
    for (count, cv, runs) in [(3, 0.02, 60), (5, 0.05, 60), (8, 0.1, 20)] {
        let alike = (0..runs).filter(|seed| {
            let twins = [stack("one", 200.0), stack("two", 200.0)];
            let short = twins.map(|sketch| Sketch {
                histograms: false,
                ..sketch
            });
            let trials = blocks(&short, count, cv, *seed, |_| 1.0);
            plain(&trials, |analysis| {
                let second = analysis.contests[0].ranked[1].1;
                second.standing == Standing::AlikeBest && second.to_best.unwrap().text() == "≈"
            })
        });
        let alike = alike.count() as u64;
        println!("{count} blocks, CV {cv}: {alike} of {runs}");
        assert!(
            20 * alike >= 19 * runs,
            "{count} blocks, CV {cv}: {alike} of {runs}"
        );
    }
}

#[test]
fn too_few_blocks_tell_nothing_apart() {
    let trials = blocks(
        &[stack("flask", 260.0), stack("falcon", 100.0)],
        2,
        0.01,
        6,
        |_| 1.0,
    );
    plain(&trials, |analysis| {
        let contest = &analysis.contests[0];
        assert!(
            contest
                .ranked
                .iter()
                .all(|(_, rank)| rank.standing == Standing::TooFew)
        );
        assert!(
            analysis
                .headline()
                .contains("fewer than 3 blocks tell nothing apart")
        );
    });
    plain(&[], |analysis| {
        assert!(analysis.cells.is_empty() && analysis.notes().is_empty());
        assert_eq!(analysis.headline(), "Planted: nothing measured");
    });
}

#[test]
fn what_is_asked_differently_is_not_compared() {
    let cells: Vec<Sketch> = ["cpu", "io"]
        .into_iter()
        .flat_map(|workload| {
            [("flask", 100.0), ("falcon", 150.0)].map(|(name, rps)| {
                let mut sketch = stack(name, rps);
                workload.clone_into(&mut sketch.cell.workload);
                sketch
            })
        })
        .collect();
    let trials = blocks(&cells, 4, 0.01, 7, |_| 1.0);
    plain(&trials, |analysis| {
        let labels: Vec<&str> = analysis.contests.iter().map(|c| c.label.as_str()).collect();
        assert_eq!(labels, ["cpu", "io"]);
        let headline = analysis.headline();
        assert!(
            headline.contains("cpu: falcon wins with") && headline.contains("io: falcon wins"),
            "{headline}"
        );
    });
}

#[test]
fn the_figure_of_the_study_decides() {
    // More throughput, and more CPU for each request.
    let mut fast = stack("fast", 200.0);
    fast.cpus_used = 1.6;
    let trials = blocks(&[fast, stack("frugal", 150.0)], 4, 0.01, 8, |_| 1.0);
    let study = fixture::study("", "[show]\nfigure = \"cpu_us_per_request\"\n");
    analysed(&trials, &study, |analysis| {
        let contest = &analysis.contests[0];
        assert_eq!(analysis.cells[contest.best().unwrap()].name(), "frugal");
        let versus = analysis.cells[0].rank.unwrap().to_best.unwrap();
        assert_eq!(versus.comparison, Comparison::Larger);
        assert!(
            analysis.headline().contains("µs of CPU per request"),
            "{}",
            analysis.headline()
        );
    });
}

/// Throughput of a ladder that bends at six clients.
fn bending(clients: u32) -> Sketch {
    Sketch {
        cell: fixture::cell("gunicorn-sync", clients),
        rps: f64::from(clients.min(6)) * 50.0,
        window_s: 2,
        ..Sketch::new()
    }
}

fn with_workers(levels: &[(u32, f64)], seed: u64, cv: f64) -> Vec<TrialRecord> {
    let cells: Vec<Sketch> = levels
        .iter()
        .map(|(workers, rps)| {
            let mut sketch = stack("fastapi", *rps);
            sketch.cell.workers = Some(*workers);
            sketch.cell.worker_rule = workers.to_string();
            sketch
        })
        .collect();
    blocks(&cells, 5, cv, seed, |_| 1.0)
}

#[test]
fn a_rule_for_workers_is_supported_refuted_or_left_open() {
    let study = fixture::study("", "[show]\nhypothesis = \"2n+1\"\n");
    let tested = |levels: &[(u32, f64)], cv: f64| {
        let trials = with_workers(levels, 10, cv);
        analysed(&trials, &study, |analysis| {
            assert_eq!(analysis.hypotheses.len(), 1);
            analysis.hypotheses[0].clone()
        })
    };
    // Two CPUs: 2n+1 is five.
    let found = tested(&[(2, 150.0), (4, 199.0), (5, 200.0), (6, 199.0)], 0.01);
    assert_eq!(found.verdict, HypothesisVerdict::Supported);
    assert_eq!((found.rule_workers, found.tested_workers), (5, 5));
    let found = tested(&[(2, 300.0), (4, 210.0), (5, 200.0)], 0.01);
    assert_eq!(
        (found.verdict, found.best_workers),
        (HypothesisVerdict::Refuted, 2)
    );
    assert!(found.gain.unwrap().ratio.contains(1.5), "{found:?}");
    assert!(
        found
            .text
            .starts_with("2n+1 = 5 workers: refuted; 2 workers are 5"),
        "{}",
        found.text
    );
    let found = tested(&[(2, 205.0), (4, 200.0)], 0.3);
    assert_eq!(
        found.verdict,
        HypothesisVerdict::CannotTell,
        "{}",
        found.text
    );
    assert_eq!((found.rule_workers, found.tested_workers), (5, 4));
    assert!(
        found.text.contains("of which 4 were measured in place"),
        "{}",
        found.text
    );
}

fn ladder_figures() -> Vec<PublishedFigure> {
    let text = "seed,row,metric,value,unit,note\n004,vus=1,rps,69.5,req/s,\n004,vus=2,rps,133.7,req/s,\n004,vus=2,failed,0,count,\n004,vus=16,rps,280.4,req/s,\n004,vus=16,cpu,3,,\n004,total,rps,1,req/s,\n003,vus=1,rps,7,req/s,\n";
    parse_published(text).unwrap()
}

#[test]
fn published_figures_stand_beside_ours() {
    let study = fixture::study(
        "",
        "[[published]]\nseed = \"004\"\nrow = \"vus={clients}\"\nmetrics = { rps = \"rps\", failed = \"failed\" }\n",
    );
    let cells: Vec<Sketch> = [1, 2].map(bending).to_vec();
    let trials = blocks(&cells, 3, 0.01, 11, |_| 1.0);
    let run = fixture::run();
    let analysis = Analysis::of(&run, &study, &trials, &ladder_figures());
    let rows: Vec<(&str, &str)> = analysis
        .published
        .iter()
        .map(|row| (row.row.as_str(), row.figure.as_str()))
        .collect();
    assert_eq!(
        rows,
        [
            ("vus=1", "rps"),
            ("vus=2", "rps"),
            ("vus=2", "failed"),
            ("vus=16", "rps")
        ]
    );
    let first = &analysis.published[0];
    let Ours::Measured(ours) = &first.ours else {
        panic!("{first:?}")
    };
    assert!((first.ratio.unwrap().estimate - ours.estimate / 69.5).abs() < 1e-9);
    assert_eq!(first.ratio.unwrap().blocks, 3);
    assert_eq!(analysis.published[2].ratio, None, "nothing over nothing");
    assert_eq!(
        (&analysis.published[3].ours, analysis.published[3].cell),
        (&Ours::NotReached, None)
    );
}

#[test]
fn a_cell_that_failed_says_so_beside_what_was_published() {
    let study = fixture::study(
        "",
        "[[published]]\nseed = \"004\"\nrow = \"vus={clients}\"\nmetrics = { rps = \"rps\" }\n",
    );
    let mut trials = blocks(&[bending(1)], 1, 0.01, 11, |_| 1.0);
    for trial in &mut trials {
        trial.outcome = tonnage_model::TrialOutcome::Failed("it never answered".to_owned());
        trial.load = None;
    }
    let run = fixture::run();
    let analysis = Analysis::of(&run, &study, &trials, &ladder_figures());
    assert_eq!(
        analysis.published[0].ours,
        Ours::Failed("it never answered".to_owned())
    );
}

#[test]
fn limits_that_are_too_tight_are_part_of_the_answer() {
    let limited = |cpus: f64, memory_mb: u64, rps: f64| {
        let mut sketch = stack("gunicorn-sync", rps);
        sketch.cell.limits = fixture::quota(cpus);
        sketch.cell.limits.memory_bytes = Some(memory_mb * 1_000_000);
        (sketch.cell.clients, sketch.cell.think) = (500, "exp:1s".to_owned());
        sketch.mean_ms = Some(500.0 / rps * 1e3 - 1e3);
        sketch.cpus_used = cpus.min(0.6);
        sketch
    };
    let mut cells = [
        limited(2.0, 1000, 480.0),
        limited(1.0, 1000, 479.0),
        limited(0.2, 1000, 150.0),
        limited(1.0, 50, 300.0),
    ];
    cells[2].throttled_share = Some(0.97);
    cells[3].oom_kills = 5;
    let trials = blocks(&cells, 4, 0.005, 13, |_| 1.0);
    plain(&trials, |analysis| {
        let headline = analysis.headline();
        for part in [
            "memory=1GB leads with 48",
            "not distinguishable from cpus=",
            "memory=1GB; that is the load offered",
            "memory-killed with cpus=1 memory=50MB, throttled with cpus=0.2 memory=1GB",
        ] {
            assert!(headline.contains(part), "{part}: {headline}");
        }
    });
}
