//! Ladders: cells that differ only in their number of clients, and from how many on
//! more of them gain nothing.

use tonnage_model::{Cell, RunRecord, format_significant};
use tonnage_stats::usl::{Band, FEWEST_LOADS, band};
use tonnage_stats::{
    AsymptoticBounds, Interval, Knee, Rung, bounds_knee, doubling_knee, doublings,
};

use crate::causes::{Cause, available_cpus, has_think_time};
use crate::cells::CellView;
use crate::factors::{factors, key, labels};

pub use tonnage_stats::Doubling;

/// Points of the band for each octave of clients: enough for a smooth curve.
const BAND_POINTS_PER_OCTAVE: f64 = 4.0;

/// Fewer steps have no bend.
const FEWEST_STEPS: usize = 3;

/// What D · Xmax may be beyond the CPUs: the knee by doubling counts no less a gain.
const NEGLIGIBLE: f64 = 1.05;

/// A number of clients that was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LadderStep {
    /// Index into [`Analysis::cells`](crate::Analysis::cells).
    pub cell: usize,
    /// Users of the closed loop.
    pub clients: u32,
    /// Throughput in requests per second; `None` where nothing counts.
    pub rps: Option<Interval>,
}

/// Where throughput stops growing, by two rules that know nothing of each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bend {
    /// The least number of clients whose doubling gains less than 5 % (the rule of
    /// seed 004); `None` where each doubling gains more, or none was measured.
    pub by_doubling: Option<Knee>,
    /// N* = D · Xmax of the asymptotic bounds; `None` with think time.
    pub by_bounds: Option<Knee>,
}

/// Cells that differ only in their number of clients.
#[derive(Debug, Clone)]
pub struct LadderView {
    /// What tells it from the run's other ladders; empty where it is the only one.
    pub label: String,
    /// Its steps, fewest clients first; at least two.
    pub steps: Vec<LadderStep>,
    /// Index into `steps` of the one with the largest throughput.
    pub peak: Option<usize>,
    /// First and last index into `steps` of those around the peak that differ from it
    /// by less than two copies of a cell differ from each other: they cannot be told
    /// apart, and the peak may be any of them. `None` where the peak stands alone, or
    /// no cell was measured twice.
    pub alike: Option<(usize, usize)>,
    /// What each doubling of the clients gained.
    pub doublings: Vec<Doubling>,
    /// Where throughput stops growing.
    pub knee: Bend,
    /// Asymptotic bounds of the levels measured; `None` with think time, or where
    /// nothing succeeded.
    pub bounds: Option<AsymptoticBounds>,
    /// The Universal Scalability Law with its band and its peak; or why there is none.
    pub usl: Result<Band, String>,
    /// What is left out or doubtful.
    pub notes: Vec<String>,
}

impl LadderView {
    /// The step with the largest throughput.
    pub fn peak_step(&self) -> Option<&LadderStep> {
        self.steps.get(self.peak?)
    }
}

/// The ladders of a run's cells, in the order in which they first appear.
///
/// `apart` is how far equal cells differ in throughput, as |ln|.
pub(crate) fn ladders(cells: &[CellView<'_>], run: &RunRecord, apart: f64) -> Vec<LadderView> {
    let mut groups: Vec<(Cell, Vec<usize>)> = Vec::new();
    for (index, view) in cells.iter().enumerate() {
        let key = Cell {
            clients: 0,
            ..key(view.cell)
        };
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(index),
            None => groups.push((key, vec![index])),
        }
    }
    groups.retain(|(cell, members)| members.len() > 1 && cell.rate_rps.is_none());
    let all: Vec<_> = groups
        .iter()
        .map(|(cell, _)| {
            let mut factors = factors(cell);
            factors.retain(|(name, _)| name != "clients");
            factors
        })
        .collect();
    let labels = labels(&all);
    groups
        .into_iter()
        .zip(labels)
        .map(|((cell, members), label)| ladder(cells, (&cell, members), label, run, apart))
        .collect()
}

fn ladder(
    cells: &[CellView<'_>],
    (cell, mut members): (&Cell, Vec<usize>),
    label: String,
    run: &RunRecord,
    apart: f64,
) -> LadderView {
    let seed = run.conditions.seed;
    members.sort_by_key(|member| cells[*member].cell.clients);
    let steps: Vec<LadderStep> = members
        .iter()
        .map(|&cell| {
            let view = &cells[cell];
            LadderStep {
                cell,
                clients: view.cell.clients,
                rps: view.counts.then(|| view.interval("rps")).flatten(),
            }
        })
        .collect();
    let usable: Vec<&CellView<'_>> = members
        .iter()
        .map(|member| &cells[*member])
        .filter(|view| view.counts && view.generator_bound.is_none())
        .collect();
    let rungs = rungs(&usable);
    let doublings = doublings(&rungs, seed);
    let closed = !has_think_time(cell);
    let points: Vec<(u32, f64)> = steps
        .iter()
        .filter_map(|step| Some((step.clients, step.rps?.estimate)))
        .collect();
    // Two steps have no bend between them.
    let bends = usable.len() >= FEWEST_STEPS;
    let knee = Bend {
        by_doubling: bends.then(|| doubling_knee(&doublings)).flatten(),
        by_bounds: (bends && closed)
            .then(|| bounds_knee(&rungs, seed))
            .flatten(),
    };
    let peak = peak(&steps);
    let mut notes = notes(&steps, &usable, &knee);
    let at_peak = peak.map(|index| &cells[steps[index].cell]);
    notes.extend(at_peak.and_then(|view| slow_alone(&usable, view, &knee, run)));
    LadderView {
        label,
        alike: peak.and_then(|peak| plateau(&steps, peak, apart)),
        peak,
        knee,
        bounds: closed
            .then(|| AsymptoticBounds::from_points(&points))
            .flatten(),
        usl: fit(&usable, closed, seed),
        notes,
        doublings,
        steps,
    }
}

/// Throughput by block of each step, in rows of equal length.
fn rungs(usable: &[&CellView<'_>]) -> Vec<Rung> {
    let by_block: Vec<_> = usable.iter().map(|view| view.by_block("rps")).collect();
    let mut blocks: Vec<u32> = by_block
        .iter()
        .flat_map(|row| row.keys().copied())
        .collect();
    blocks.sort_unstable();
    blocks.dedup();
    usable
        .iter()
        .zip(&by_block)
        .map(|(view, row)| Rung {
            clients: view.cell.clients,
            throughput_rps: blocks.iter().map(|block| row.get(block).copied()).collect(),
        })
        .collect()
}

fn fit(usable: &[&CellView<'_>], closed: bool, seed: u64) -> Result<Band, String> {
    if !closed {
        return Err("users who think are no load of their full number".to_owned());
    }
    if usable.len() < FEWEST_LOADS {
        return Err(format!(
            "{} numbers of clients count, but a fit needs {FEWEST_LOADS}",
            usable.len()
        ));
    }
    let mut blocks: std::collections::BTreeMap<u32, Vec<(f64, f64)>> =
        std::collections::BTreeMap::new();
    for view in usable {
        for (block, rps) in view.by_block("rps") {
            blocks
                .entry(block)
                .or_default()
                .push((f64::from(view.cell.clients), rps));
        }
    }
    let blocks: Vec<Vec<(f64, f64)>> = blocks.into_values().collect();
    let clients = usable.iter().map(|view| f64::from(view.cell.clients));
    let (least, most) = (
        clients.clone().fold(f64::INFINITY, f64::min),
        clients.fold(0.0, f64::max),
    );
    let steps = ((most / least).log2() * BAND_POINTS_PER_OCTAVE)
        .ceil()
        .max(1.0) as u32;
    let grid: Vec<f64> = (0..=steps)
        .map(|step| least * (most / least).powf(f64::from(step) / f64::from(steps)))
        .collect();
    band(&blocks, &grid, seed).map_err(|error| error.to_string())
}

fn peak(steps: &[LadderStep]) -> Option<usize> {
    let rps = |step: &LadderStep| step.rps.map(|rps| rps.estimate).filter(|rps| *rps > 0.0);
    (0..steps.len())
        .filter_map(|index| Some((index, rps(&steps[index])?)))
        .reduce(|best, other| if other.1 > best.1 { other } else { best })
        .map(|(index, _)| index)
}

/// The first and the last step around the peak whose throughput is no further from it
/// than equal cells are apart; `None` where the peak stands alone.
fn plateau(steps: &[LadderStep], peak: usize, apart: f64) -> Option<(usize, usize)> {
    let best = steps[peak].rps?.estimate;
    let alike = |step: &LadderStep| {
        step.rps
            .is_some_and(|rps| rps.estimate > 0.0 && (best / rps.estimate).ln() < apart)
    };
    let below = steps[..peak].iter().rev().take_while(|step| alike(step));
    let above = steps[peak + 1..].iter().take_while(|step| alike(step));
    let (first, last) = (peak - below.count(), peak + above.count());
    (first < last).then_some((first, last))
}

/// Where D · Xmax is more than the CPUs that work: D, the time of a request alone, is
/// then more than its work.
fn slow_alone(
    usable: &[&CellView<'_>],
    peak: &CellView<'_>,
    knee: &Bend,
    run: &RunRecord,
) -> Option<String> {
    let knee = knee.by_bounds?.estimate;
    let alone = usable.first().is_some_and(|view| view.cell.clients == 1);
    let main = peak.causes.first().map(|finding| finding.cause);
    let cpus = available_cpus(peak, run);
    (alone && main == Some(Cause::CpuBound) && knee > NEGLIGIBLE * cpus).then(|| {
        format!(
            "D · Xmax is {}, but only {} CPUs can work: with one client a request took longer than its work (a CPU that idles in between clocks down and has to wake up), and the knee by bounds comes out too large.",
            format_significant(knee, 3),
            format_significant(cpus, 3)
        )
    })
}

fn notes(steps: &[LadderStep], usable: &[&CellView<'_>], knee: &Bend) -> Vec<String> {
    let mut notes = Vec::new();
    if usable.len() < steps.len() {
        notes.push(format!(
            "{} of {} steps do not count and are in no fit.",
            steps.len() - usable.len(),
            steps.len()
        ));
    }
    let fewest = usable.first().map_or(0, |view| view.cell.clients);
    if knee.by_bounds.is_some() && fewest > 1 {
        notes.push(format!(
            "The demand D was taken at {fewest} clients, the fewest measured: requests may already wait there, and D and the knee by bounds come out too large."
        ));
    }
    if usable.iter().any(|view| view.has_survivors_bias()) {
        notes.push("In some steps more than 1 % of the requests failed; their throughput is that of the survivors.".to_owned());
    }
    let fitted = usable.iter().all(|view| !has_think_time(view.cell));
    if fitted && (FEWEST_LOADS..6).contains(&usable.len()) {
        notes.push("The scalability law is fitted to fewer than six numbers of clients, which says little.".to_owned());
    }
    notes
}
