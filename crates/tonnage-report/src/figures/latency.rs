//! Latency over clients, and by percentile.

use tonnage_analysis::{Analysis, CellView, Interval, LadderView};
use tonnage_model::format_significant;

use super::throughput::{CLIENTS, published};
use super::{Figure, MAX_CURVES, chosen, ticks, whisker};
use crate::Document;
use crate::chart::{
    AT_MOST, Drawing, Line, Marker, PUBLISHED, Plot, Scale, Series, color, last_odds, marker,
    nines, supported,
};

/// Times that differ by more than this factor are drawn on a tenfold axis.
const WIDE: f64 = 20.0;

/// The percentiles of a single ladder: median, 95th and 99th.
const SINGLE: [(&str, Line); 3] = [
    ("p50_ms", Line::Dashed),
    ("p95_ms", Line::Solid),
    ("p99_ms", Line::Dashed),
];

/// Service time over clients. Of several ladders only the 95th percentile, lest more
/// lines hide each other.
pub(super) fn over_clients(document: &Document, analysis: &Analysis<'_>) -> Option<Figure> {
    let first = analysis.ladders.first()?;
    let mut series = Vec::new();
    let theirs = published(document, analysis, first, "p95_ms");
    if !theirs.is_empty() {
        series.push(Series {
            marker: Marker::Triangle,
            ..Series::new("published p95", PUBLISHED, theirs)
        });
    }
    let single = analysis.ladders.len() == 1;
    if single {
        for (index, (figure, line)) in SINGLE.iter().enumerate() {
            let label = figure.trim_end_matches("_ms");
            series.push(Series {
                line: *line,
                ..curve(analysis, first, figure, label, index)
            });
        }
    } else {
        for (index, ladder) in analysis.ladders.iter().take(MAX_CURVES).enumerate() {
            series.push(curve(analysis, ladder, "p95_ms", &ladder.label, index));
        }
    }
    if series.iter().all(|series| series.points.is_empty()) {
        return None;
    }
    let what = if single {
        "the percentiles"
    } else {
        "the 95th percentile"
    };
    let more = analysis.ladders.len().saturating_sub(MAX_CURVES);
    let more = if more > 0 {
        format!(" The first {MAX_CURVES} ladders are drawn, {more} are not.")
    } else {
        String::new()
    };
    let plot = Plot {
        title: format!("{}: {}", document.study.title, range(&series)),
        y_title: "service time in milliseconds".to_owned(),
        y_unit: "ms",
        y_scale: scale(&series),
        x_title: CLIENTS.to_owned(),
        x_unit: "clients",
        scale: Scale::Doubling,
        ticks: ticks(&series),
        series,
        ..Plot::default()
    };
    let caption = format!(
        "Service time of the requests that succeeded, from the first byte sent to the last received: {what}, of all blocks together, with 95 % intervals.{more}"
    );
    Some(Figure::new("latency", caption, Drawing::Curves(plot)))
}

fn curve(
    analysis: &Analysis<'_>,
    ladder: &LadderView,
    figure: &str,
    label: &str,
    index: usize,
) -> Series {
    let measured: Vec<(f64, Interval)> = ladder
        .steps
        .iter()
        .filter_map(|step| {
            let view = &analysis.cells[step.cell];
            let interval = view.counts.then(|| view.interval(figure)).flatten()?;
            Some((f64::from(step.clients), interval))
        })
        .collect();
    let points = measured
        .iter()
        .map(|(clients, interval)| (*clients, interval.estimate));
    Series {
        marker: marker(index),
        whiskers: measured
            .iter()
            .filter_map(|(x, interval)| whisker(*x, interval))
            .collect(),
        ..Series::new(label, color(index), points.collect())
    }
}

/// How p95 grows from the fewest clients to the most.
fn range(series: &[Series]) -> String {
    let p95 = series.iter().find(|series| {
        let is_p95 = series.label == "p95" || !series.label.starts_with('p');
        is_p95 && !series.points.is_empty()
    });
    let ends = p95.and_then(|series| series.points.first().zip(series.points.last()));
    let Some(((fewest, low), (most, high))) = ends else {
        return "too few requests for a p95".to_owned();
    };
    let ms = |value: &f64| format_significant(*value, 3);
    format!(
        "p95 {} ms with {fewest} clients, {} ms with {most}",
        ms(low),
        ms(high)
    )
}

/// A tenfold axis where an even one would press the short times flat.
fn scale(series: &[Series]) -> Scale {
    let values = series
        .iter()
        .flat_map(|series| series.points.iter().map(|(_, ms)| *ms));
    let positive = values.filter(|ms| *ms > 0.0);
    let (least, most) = positive.fold((f64::INFINITY, 0.0), |(least, most): (f64, f64), ms| {
        (least.min(ms), most.max(ms))
    });
    if most > WIDE * least {
        Scale::Tenfold
    } else {
        Scale::Linear
    }
}

/// The service time by percentile of each cell.
pub(super) fn distribution(document: &Document, analysis: &Analysis<'_>) -> Option<Figure> {
    let has = |view: &CellView<'_>| view.counts && view.succeeded() > 0;
    let (cells, note) = chosen(analysis, has, MAX_CURVES);
    let series: Vec<Series> = cells
        .iter()
        .enumerate()
        .map(|(index, view)| {
            let times = supported(&view.service_times());
            Series::new(view.name(), color(index), times)
        })
        .filter(|series| series.points.len() > 1)
        .enumerate()
        // After six the colours repeat: then dashed.
        .map(|(index, series)| Series {
            line: if index / 6 % 2 == 1 {
                Line::Dashed
            } else {
                Line::Solid
            },
            ..series
        })
        .collect();
    if series.is_empty() {
        return None;
    }
    let last = last_odds(&series);
    let plot = Plot {
        title: format!("{}: service time by percentile", document.study.title),
        y_title: "service time in milliseconds".to_owned(),
        y_unit: "ms",
        y_scale: scale(&series),
        x_title: AT_MOST.to_owned(),
        scale: Scale::Nines,
        span: Some((1.0, last)),
        ticks: nines(last),
        series,
        ..Plot::default()
    };
    let caption = format!(
        "The share of requests that were at most this slow; each nine takes as much room as the one before. All blocks together, as far as ten samples lie beyond.{note}"
    );
    Some(Figure::new("distribution", caption, Drawing::Curves(plot)))
}
