//! What the servers used over time, and how fast the machine was over the run.

use plotters::style::RGBColor;
use tonnage_analysis::{Analysis, CellView};
use tonnage_model::{TrialRecord, Usage, UsagePoint, format_significant};

use super::{Figure, chosen};
use crate::Document;
use crate::chart::{Drawing, Line, Marker, Plot, Series, color, round_ticks};

/// Bytes of a MiB.
const MIB: f64 = 1_048_576.0;
/// More cells than this, with two curves each, hide each other.
const MAX_CELLS: usize = 6;
/// A curve has about as many points as the chart has pixels to spare for them.
const MAX_POINTS: usize = 300;
/// CPU time is counted over stretches of about this many microseconds: the kernel's
/// own period of a quota is a tenth of a second, and shorter stretches show its teeth.
const STRETCH_US: u64 = 500_000;

/// The trial of a cell whose usage is drawn: the first shown, else the first at all.
fn drawn<'a>(view: &CellView<'a>) -> Option<(&'a TrialRecord, &'a Usage)> {
    let excluded = view.excluded.iter().map(|excluded| excluded.trial);
    let mut trials = view.shown.iter().copied().chain(excluded);
    trials.find_map(|trial| {
        let usage = trial.usage.as_ref()?;
        (usage.series.len() > 1).then_some((trial, usage))
    })
}

fn seconds(point: &UsagePoint) -> f64 {
    point.at_us as f64 / 1e6
}

/// Every n-th stretch's largest value, so that no peak is lost.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let step = points.len().div_ceil(MAX_POINTS).max(1);
    let largest = |piece: &[(f64, f64)]| {
        let pieces = piece.iter().copied();
        pieces.reduce(|most, point| if point.1 > most.1 { point } else { most })
    };
    points.chunks(step).filter_map(largest).collect()
}

fn memory_of(usage: &Usage, read: fn(&UsagePoint) -> Option<u64>) -> Vec<(f64, f64)> {
    let points = usage.series.iter();
    points
        .filter_map(|point| Some((seconds(point), read(point)? as f64 / MIB)))
        .collect()
}

/// Memory over time of a trial of each cell: what its group was charged, and PSS.
pub(super) fn memory(document: &Document, analysis: &Analysis<'_>) -> Option<Figure> {
    let (cells, note) = chosen(analysis, |view| drawn(view).is_some(), MAX_CELLS);
    let mut series = Vec::new();
    let mut peak: Option<(f64, f64)> = None;
    for (index, view) in cells.iter().enumerate() {
        let Some((_, usage)) = drawn(view) else {
            continue;
        };
        let color = color(index);
        let group = memory_of(usage, |point| point.memory_bytes);
        let pss = memory_of(usage, |point| point.pss_bytes);
        for (at, mib) in group.iter().chain(&pss) {
            if peak.is_none_or(|(_, most)| *mib > most) {
                peak = Some((*at, *mib));
            }
        }
        series.extend(pair(
            view,
            color,
            "group",
            thinned(&group),
            "PSS",
            thinned(&pss),
        ));
    }
    let (at, mib) = peak?;
    let peak = format!(
        "{} MiB after {} s",
        format_significant(mib, 3),
        format_significant(at, 3)
    );
    let plot = over_time(
        format!("{}: memory, at most {peak}", document.study.title),
        "memory in MiB",
        "MiB",
        series,
        Some((at, mib, format!("peak {peak}"))),
    );
    let caption = format!(
        "Memory of the first trial of each cell from its server's start to its end, ten looks a second. Solid: what the control group was charged, page cache and kernel memory included. Dashed: PSS summed over the processes, shared pages counted once.{note}"
    );
    Some(Figure::new("memory", caption, Drawing::Curves(plot)))
}

/// Two curves of one cell in one colour, the second dashed.
fn pair(
    view: &CellView<'_>,
    color: RGBColor,
    first: &str,
    firsts: Vec<(f64, f64)>,
    second: &str,
    seconds: Vec<(f64, f64)>,
) -> [Series; 2] {
    [
        Series::new(&format!("{} {first}", view.name()), color, firsts),
        Series {
            line: Line::Dashed,
            ..Series::new(&format!("{} {second}", view.name()), color, seconds)
        },
    ]
}

/// How fast a counter of microseconds grew, in seconds per second, over stretches.
fn rate(usage: &Usage, read: fn(&UsagePoint) -> Option<u64>) -> Vec<(f64, f64)> {
    let mut rates = Vec::new();
    let mut from: Option<(&UsagePoint, u64)> = None;
    for point in &usage.series {
        let Some(count) = read(point) else { continue };
        let Some((start, before)) = from else {
            from = Some((point, count));
            continue;
        };
        let elapsed = point.at_us.saturating_sub(start.at_us);
        if elapsed < STRETCH_US {
            continue;
        }
        let middle = f64::midpoint(seconds(start), seconds(point));
        // A group's counters never fall; those of processes that ended are gone.
        let grown = count.saturating_sub(before) as f64;
        rates.push((middle, grown / elapsed as f64));
        from = Some((point, count));
    }
    rates
}

/// CPUs used and threads kept waiting by the quota, over time.
pub(super) fn cpu(document: &Document, analysis: &Analysis<'_>) -> Option<Figure> {
    let (cells, note) = chosen(analysis, |view| drawn(view).is_some(), MAX_CELLS);
    let mut series = Vec::new();
    let mut throttled = false;
    for (index, view) in cells.iter().enumerate() {
        let Some((_, usage)) = drawn(view) else {
            continue;
        };
        let used = rate(usage, |point| Some(point.cpu_us));
        let mut waiting = rate(usage, |point| point.throttled_us);
        if waiting.iter().all(|(_, waiting)| *waiting <= 0.0) {
            waiting.clear();
        }
        throttled |= !waiting.is_empty();
        series.extend(pair(
            view,
            color(index),
            "used",
            thinned(&used),
            "throttled",
            thinned(&waiting),
        ));
    }
    let all = series.iter().flat_map(|series| &series.points);
    let most = all.map(|(_, cpus)| *cpus).reduce(f64::max)?;
    let what = if throttled {
        "CPU and throttling"
    } else {
        "CPU"
    };
    let plot = over_time(
        format!(
            "{}: {what}, at most {}",
            document.study.title,
            format_significant(most, 2)
        ),
        "CPU-seconds per second",
        "CPUs",
        series,
        None,
    );
    let waits = if throttled {
        " Dashed: time in which runnable threads were kept waiting by the quota, summed over CPUs; the kernel books a wait when it ends."
    } else {
        ""
    };
    let caption = format!(
        "CPUs that the first trial of each cell used, over stretches of half a second.{waits}{note}"
    );
    Some(Figure::new("cpu", caption, Drawing::Curves(plot)))
}

fn over_time(
    title: String,
    y_title: &str,
    y_unit: &'static str,
    series: Vec<Series>,
    cross: Option<(f64, f64, String)>,
) -> Plot {
    let ends = series.iter().filter_map(|series| series.points.last());
    let last = ends.map(|(at, _)| *at).fold(1e-3, f64::max);
    Plot {
        title,
        y_title: y_title.to_owned(),
        y_unit,
        x_title: "seconds since the server's start".to_owned(),
        x_unit: "s",
        span: Some((0.0, last)),
        ticks: round_ticks(0.0, last, 10.0),
        series,
        cross,
        ..Plot::default()
    }
}

/// The machine's speed over the run, by the reference.
pub(super) fn machine(analysis: &Analysis<'_>) -> Option<Figure> {
    let reference = &analysis.drift.reference;
    let first = reference.first()?.started_unix_us;
    let minutes = |us: u64| us.saturating_sub(first) as f64 / 60e6;
    let points: Vec<(f64, f64)> = reference
        .iter()
        .map(|point| (minutes(point.started_unix_us), point.rps))
        .collect();
    if points.len() < 3 {
        return None;
    }
    let last = points.last().map_or(1.0, |(at, _)| *at).max(0.1);
    let steps = analysis.drift.steps.iter().filter_map(|(index, level)| {
        let at = points.get(*index)?.0;
        Some((at, format!("× {}", format_significant(*level, 3))))
    });
    let rates = points.iter().map(|(_, rps)| *rps);
    let (slowest, fastest) = rates.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), rps| {
        (low.min(rps), high.max(rps))
    });
    let plot = Plot {
        title: format!(
            "The machine's speed: the reference served {} to {} requests/s",
            format_significant(slowest, 3),
            format_significant(fastest, 3)
        ),
        y_title: "requests per second".to_owned(),
        y_unit: "requests/s",
        x_title: "minutes since the first trial of the reference".to_owned(),
        x_unit: "min",
        span: Some((0.0, last)),
        ticks: round_ticks(0.0, last, 10.0),
        marks: steps.collect(),
        series: vec![Series {
            marker: Marker::Circle,
            ..Series::new("reference", color(0), points)
        }],
        height: 320,
        ..Plot::default()
    };
    let caption = "A native service under the same load, at the beginning and the end of each block: where it is slower, so is the machine. Dashed lines mark where it changed its level.";
    Some(Figure::new("machine", caption, Drawing::Curves(plot)))
}
