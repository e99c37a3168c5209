//! What the throughput chart shows. One ladder stands with its bounds, its knee
//! and the published curve; of several each is a line with its knee in the legend.

use tonnage_model::format_significant;
use tonnage_stats::AsymptoticBounds;

use super::axis::Scale;
use super::plot::{
    BOUND, CLIENTS, HEIGHT, Line, Marker, PUBLISHED, Plot, Series, as_points, as_ticks, color,
    marker,
};
use crate::ladder::curve;
use crate::{Document, LadderView, headline};

/// How finely the rising bound, a curve on the logarithmic axis, is drawn.
const BOUND_STEPS: u32 = 64;

pub(crate) fn plot(document: &Document, ladders: &[LadderView<'_>]) -> Plot {
    let mut series = Vec::new();
    let only = match ladders {
        [only] => Some(only),
        _ => None,
    };
    let bounds = only.and_then(|ladder| ladder.bounds).filter(|_| {
        // A single step is its own bound: there is nothing to see yet.
        only.is_some_and(|ladder| ladder.points.len() > 1)
    });
    if let Some((ladder, bounds)) = only.zip(bounds) {
        series.extend(bound_lines(ladder, bounds));
    }
    if let Some(published) = ladders
        .iter()
        .map(|l| &l.published_points)
        .find(|p| !p.is_empty())
    {
        series.push(Series {
            label: "published".to_owned(),
            color: PUBLISHED,
            line: Line::Solid,
            marker: Marker::Triangle,
            points: as_points(published),
        });
    }
    for (index, ladder) in ladders.iter().enumerate() {
        series.push(Series {
            label: label(ladder),
            color: color(index),
            line: Line::Solid,
            marker: marker(index),
            points: as_points(&curve(ladder, "rps")),
        });
    }
    Plot {
        title: headline(document),
        y_title: "requests per second",
        x_title: CLIENTS,
        scale: Scale::Clients,
        span: None,
        ticks: as_ticks(&ticks(ladders)),
        height: HEIGHT,
        series,
        knee_clients: bounds.map(|bounds| bounds.knee_clients()),
    }
}

fn label(ladder: &LadderView<'_>) -> String {
    match ladder.bounds {
        _ if ladder.label.is_empty() => "ours".to_owned(),
        Some(bounds) if ladder.points.len() > 1 => {
            format!("{} (knee {:.1})", ladder.label, bounds.knee_clients())
        }
        _ => ladder.label.clone(),
    }
}

/// Every number of clients with a point in any curve.
pub(crate) fn ticks(ladders: &[LadderView<'_>]) -> Vec<u32> {
    let mut ticks: Vec<u32> = ladders
        .iter()
        .flat_map(|ladder| {
            let ours = ladder.points.iter().map(|point| point.clients);
            ours.chain(ladder.published_points.iter().map(|(clients, _)| *clients))
        })
        .collect();
    ticks.sort_unstable();
    ticks.dedup();
    ticks
}

fn bound_lines(ladder: &LadderView<'_>, bounds: AsymptoticBounds) -> [Series; 2] {
    let all = ticks(std::slice::from_ref(ladder));
    let first = all.first().map_or(1.0, |&n| f64::from(n));
    let last = all
        .last()
        .map_or(1.0, |&n| f64::from(n))
        .max(bounds.knee_clients());
    // A little past the knee, so that the crossing shows.
    let end = bounds.knee_clients() * 1.06;
    let rising = (0..=BOUND_STEPS).map(|step| {
        let share = f64::from(step) / f64::from(BOUND_STEPS);
        let clients = first * (end / first).powf(share);
        (clients, bounds.light_load_rps(clients))
    });
    let line = |label: String, points| Series {
        label,
        color: BOUND,
        line: Line::Dashed,
        marker: Marker::None,
        points,
    };
    let demand = format_significant(bounds.demand_s * 1e3, 3);
    let peak = format_significant(bounds.peak_rps, 3);
    [
        line(
            format!("bounds: N/D with D = {demand} ms, Xmax = {peak}/s"),
            rising.collect(),
        ),
        // Named together with the other line, which looks the same.
        line(
            String::new(),
            vec![(first, bounds.peak_rps), (last, bounds.peak_rps)],
        ),
    ]
}
