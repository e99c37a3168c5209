//! Two runs beside each other: two commits of an app, two versions of a stack, two
//! machines. Their blocks have nothing in common, so that nothing cancels by itself;
//! where both have reference trials, ratios are also given against these.

use std::collections::{BTreeMap, BTreeSet};

use tonnage_stats::{Comparison, Interval, judge, unpaired_ratio_interval};

use crate::analysis::Analysis;
use crate::causes::{Cause, has_think_time, has_upstream};
use crate::cells::CellView;
use crate::factors::{Factor, factors, labels};
use crate::noise::Versus;
use crate::{interval, quotient};

/// Factors that say how long was measured, not what: two runs may differ in them.
const IGNORED: [&str; 2] = ["duration", "warmup"];

/// A cell that both runs have.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedCell {
    /// What tells it from the other cells compared.
    pub label: String,
    /// Index of the cell in the first and in the second run.
    pub cells: (usize, usize),
    /// The figure in the first run.
    pub a: Interval,
    /// The figure in the second run.
    pub b: Interval,
    /// Second ÷ first, and what it says.
    pub ratio: Versus,
    /// The same, divided by how the references of the two runs differ; `None` where a
    /// run has none, or where the speed of the CPUs is not what limits the cell.
    pub normalised: Option<Versus>,
    /// Why its figures are not the server's, such as `generator-bound in the first
    /// run`; `None` where they are.
    pub mark: Option<String>,
}

/// Two runs beside each other.
#[derive(Debug, Clone, PartialEq)]
pub struct RunComparison {
    /// The figure that is compared.
    pub figure: String,
    /// The factors in which the runs differ as a whole, as `(factor, first, second)`:
    /// each has one value in all of the first run and another in all of the second.
    pub differing: Vec<(String, String, String)>,
    /// The cells that both have, in the first run's order.
    pub rows: Vec<ComparedCell>,
    /// Cells of the first run without a counterpart that can be compared.
    pub only_a: Vec<String>,
    /// Cells of the second run, likewise.
    pub only_b: Vec<String>,
    /// How the references differ, second ÷ first; `None` where a run has none.
    pub reference: Option<Versus>,
    /// The larger of the runs' noise floors, as |ln|.
    pub floor: f64,
}

impl RunComparison {
    /// Compares a figure between two runs.
    ///
    /// Cells are the same where their factors are: the locked packages and the lengths
    /// of window and warm-up may differ. Cells that are left then are matched without
    /// the factors in which the runs differ as a whole (another `stack`, say), as long
    /// as that leaves no two alike in either run.
    pub fn of(a: &Analysis<'_>, b: &Analysis<'_>, figure: &str) -> Self {
        let floor = a.noise_of(figure).ln.max(b.noise_of(figure).ln);
        let rows_a = keys(a);
        let rows_b = keys(b);
        let (matched, differing) = matches(&rows_a, &rows_b);
        let seed = a.run.conditions.seed;
        let reference = versus(
            &values(&a.reference_of(figure)),
            &values(&b.reference_of(figure)),
            floor,
            seed,
        );
        let of_rows: Vec<Vec<Factor>> = matched.iter().map(|(i, _)| rows_a[*i].clone()).collect();
        let mut comparison = Self {
            figure: figure.to_owned(),
            differing,
            rows: Vec::new(),
            only_a: Vec::new(),
            only_b: Vec::new(),
            reference,
            floor,
        };
        for ((index_a, index_b), label) in matched.into_iter().zip(labels(&of_rows)) {
            let of_a = values(&a.cells[index_a].by_block(figure));
            let of_b = values(&b.cells[index_b].by_block(figure));
            let by_cpu = limited_by_cpu(a, index_a) && limited_by_cpu(b, index_b);
            let both = a.cells[index_a].counts && b.cells[index_b].counts;
            let intervals = interval::of_values(figure, &of_a, seed)
                .zip(interval::of_values(figure, &of_b, seed))
                .zip(versus(&of_a, &of_b, floor, seed))
                .filter(|_| both);
            if let Some(((of_a, of_b), ratio)) = intervals {
                comparison.rows.push(ComparedCell {
                    label,
                    cells: (index_a, index_b),
                    a: of_a,
                    b: of_b,
                    ratio,
                    normalised: reference
                        .filter(|_| by_cpu)
                        .and_then(|reference| normalised(&ratio, &reference, floor)),
                    mark: mark(&a.cells[index_a], &b.cells[index_b]),
                });
            }
        }
        let compared = |side: fn(&ComparedCell) -> usize| -> BTreeSet<usize> {
            comparison.rows.iter().map(side).collect()
        };
        let (in_a, in_b) = (compared(|row| row.cells.0), compared(|row| row.cells.1));
        let rest = |analysis: &Analysis<'_>, compared: &BTreeSet<usize>| {
            let left = (0..analysis.cells.len()).filter(|index| !compared.contains(index));
            left.map(|index| analysis.cells[index].name().to_owned())
                .collect()
        };
        comparison.only_a = rest(a, &in_a);
        comparison.only_b = rest(b, &in_b);
        comparison
    }
}

/// Whether a faster machine makes a cell faster: its CPUs limit it as they limit the
/// reference, or nothing is known that makes it wait for something else.
fn limited_by_cpu(analysis: &Analysis<'_>, cell: usize) -> bool {
    let view = &analysis.cells[cell];
    if let Some(main) = view.causes.first() {
        return matches!(
            main.cause,
            Cause::CpuBound
                | Cause::CpuContended
                | Cause::GilBound
                | Cause::SpawnBound
                | Cause::Throttled
        );
    }
    let waits = has_think_time(view.cell) || view.cell.rate_rps.is_some();
    !waits && !has_upstream(view, analysis.study)
}

/// In what way the figures of either are not the server's.
fn mark(a: &CellView<'_>, b: &CellView<'_>) -> Option<String> {
    let of = |view: &CellView<'_>, run: &str| {
        let bound = view.generator_bound.as_ref();
        let what = bound.map(|_| "generator-bound".to_owned());
        Some(format!(
            "{} in the {run} run",
            what.or_else(|| view.bias_text())?
        ))
    };
    let marks: Vec<String> = [of(a, "first"), of(b, "second")]
        .into_iter()
        .flatten()
        .collect();
    (!marks.is_empty()).then(|| marks.join(", "))
}

fn versus(a: &[f64], b: &[f64], floor: f64, seed: u64) -> Option<Versus> {
    let ratio = unpaired_ratio_interval(b, a, seed)?;
    Some(Versus {
        comparison: judge(&ratio, floor),
        ratio,
    })
}

fn normalised(ratio: &Versus, reference: &Versus, floor: f64) -> Option<Versus> {
    let ratio = quotient(&ratio.ratio, &reference.ratio)?;
    Some(Versus {
        comparison: judge(&ratio, floor),
        ratio,
    })
}

fn values(by_block: &BTreeMap<u32, f64>) -> Vec<f64> {
    by_block.values().copied().collect()
}

fn keys(analysis: &Analysis<'_>) -> Vec<Vec<Factor>> {
    let key = |cell| -> Vec<Factor> {
        let all = factors(cell).into_iter();
        all.filter(|(name, _)| !IGNORED.contains(&name.as_str()))
            .collect()
    };
    analysis.cells.iter().map(|view| key(view.cell)).collect()
}

type Differing = Vec<(String, String, String)>;

/// The pairs of equal cells, and in what the runs differ as a whole.
fn matches(a: &[Vec<Factor>], b: &[Vec<Factor>]) -> (Vec<(usize, usize)>, Differing) {
    let exact = pairs_by(a, b, &[]);
    if !exact.is_empty() {
        return (exact, Vec::new());
    }
    let differing = differing(a, b);
    let dropped: Vec<&str> = differing.iter().map(|(name, _, _)| name.as_str()).collect();
    (pairs_by(a, b, &dropped), differing)
}

/// Pairs that are equal without the `dropped` factors; what is not unique has none.
fn pairs_by(a: &[Vec<Factor>], b: &[Vec<Factor>], dropped: &[&str]) -> Vec<(usize, usize)> {
    let key = |row: &Vec<Factor>| -> BTreeMap<String, String> {
        let kept = row
            .iter()
            .filter(|(name, _)| !dropped.contains(&name.as_str()));
        kept.cloned().collect()
    };
    let keys_a: Vec<_> = a.iter().map(key).collect();
    let keys_b: Vec<_> = b.iter().map(key).collect();
    let unique = |keys: &[BTreeMap<String, String>], wanted: &BTreeMap<String, String>| {
        let mut places = (0..keys.len()).filter(|index| keys[*index] == *wanted);
        places.next().filter(|_| places.next().is_none())
    };
    (0..a.len())
        .filter(|index| unique(&keys_a, &keys_a[*index]).is_some())
        .filter_map(|index| Some((index, unique(&keys_b, &keys_a[index])?)))
        .collect()
}

/// The factors that have one value in all of `a` and another in all of `b`.
fn differing(a: &[Vec<Factor>], b: &[Vec<Factor>]) -> Differing {
    let only = |rows: &[Vec<Factor>], name: &str| -> Option<String> {
        let values: BTreeSet<Option<&str>> = rows
            .iter()
            .map(|row| {
                row.iter()
                    .find(|(known, _)| known == name)
                    .map(|(_, v)| v.as_str())
            })
            .collect();
        let mut values = values.into_iter();
        let first = values.next()?.unwrap_or("none").to_owned();
        values.next().is_none().then_some(first)
    };
    let names: BTreeSet<&str> = a
        .iter()
        .chain(b)
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    names
        .into_iter()
        .filter_map(|name| {
            let (of_a, of_b) = (only(a, name)?, only(b, name)?);
            (of_a != of_b).then(|| (name.to_owned(), of_a, of_b))
        })
        .collect()
}

impl ComparedCell {
    /// What the comparison says that suits the question better: the normalised one
    /// where there is one.
    pub fn verdict(&self) -> Comparison {
        self.normalised.as_ref().unwrap_or(&self.ratio).comparison
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, Sketch, blocks};

    fn cells(stack: &str, slower: f64) -> Vec<Sketch> {
        [(2, 300.0), (4, 500.0)]
            .map(|(clients, rps)| Sketch {
                cell: fixture::cell(stack, clients),
                rps: rps / slower,
                ..Sketch::new()
            })
            .to_vec()
    }

    fn compare(a: &[Sketch], b: &[Sketch], machine_b: f64) -> RunComparison {
        let (run, study) = (fixture::run(), fixture::study("", ""));
        let of_a = blocks(a, 6, 0.01, 1, |_| 1.0);
        let of_b = blocks(b, 6, 0.01, 12, |_| machine_b);
        let a = Analysis::of(&run, &study, &of_a, &[]);
        let b = Analysis::of(&run, &study, &of_b, &[]);
        RunComparison::of(&a, &b, "rps")
    }

    #[test]
    fn two_runs_of_the_same_are_alike() {
        let mut again = cells("flask", 1.0);
        for sketch in &mut again {
            "another".clone_into(&mut sketch.cell.lock);
            sketch.cell.duration_us *= 2;
        }
        let found = compare(&cells("flask", 1.0), &again, 1.0);
        assert_eq!(found.rows.len(), 2);
        assert!(
            found.rows.iter().all(|row| row.ratio.text() == "≈"),
            "{:?}",
            found.rows
        );
        assert_eq!(found.rows[0].label, "clients=2");
        assert!(found.differing.is_empty() && found.only_a.is_empty());
    }

    #[test]
    fn a_slower_commit_is_found_on_a_slower_machine_too() {
        let found = compare(&cells("flask", 1.0), &cells("flask", 1.3), 0.7);
        for row in &found.rows {
            assert!((row.ratio.ratio.estimate - 0.7 / 1.3).abs() < 0.02);
            let normalised = row.normalised.unwrap();
            assert!(
                (normalised.ratio.estimate - 1.0 / 1.3).abs() < 0.02,
                "{normalised:?}"
            );
            assert_eq!(row.verdict(), Comparison::Smaller);
        }
        // The machine alone makes no difference.
        let same = compare(&cells("flask", 1.0), &cells("flask", 1.0), 0.7);
        assert_eq!(same.rows[0].ratio.comparison, Comparison::Smaller);
        assert_eq!(same.rows[0].verdict(), Comparison::Alike);
        assert!((same.reference.unwrap().ratio.estimate - 0.7).abs() < 0.02);
    }

    #[test]
    fn what_waits_is_not_measured_against_the_machines_speed() {
        let mut paced = cells("flask", 1.0);
        for sketch in &mut paced {
            sketch.cell.rate_rps = Some(sketch.rps);
        }
        let found = compare(&paced, &paced, 0.99);
        for row in &found.rows {
            assert!(row.normalised.is_none() && row.mark.is_none(), "{row:?}");
            assert_eq!(row.verdict(), row.ratio.comparison);
        }
        let mut behind = cells("flask", 1.0);
        for sketch in &mut behind {
            sketch.upstream_calls = Some(20_000);
        }
        let found = compare(&behind, &behind, 0.7);
        assert!(found.rows.iter().all(|row| row.normalised.is_none()));
    }

    #[test]
    fn figures_that_are_not_the_servers_are_marked() {
        let mut lossy = cells("flask", 1.0);
        lossy[1].failed = 5000;
        let found = compare(&cells("flask", 1.0), &lossy, 1.0);
        assert_eq!(found.rows[0].mark, None);
        assert_eq!(
            found.rows[1].mark.as_deref(),
            Some("50 % of the requests failed in the second run")
        );
    }

    #[test]
    fn runs_that_differ_as_a_whole_are_matched_by_the_rest() {
        let mut b = cells("falcon", 1.0);
        b[1].cell.clients = 8;
        let found = compare(&cells("flask", 1.0), &b, 1.0);
        assert_eq!(
            found.differing,
            [("stack".to_owned(), "flask".to_owned(), "falcon".to_owned())]
        );
        assert_eq!(found.rows.len(), 1);
        assert_eq!((found.only_a.len(), found.only_b.len()), (1, 1));
    }
}
