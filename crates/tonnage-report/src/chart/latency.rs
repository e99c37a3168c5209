//! What the latency chart shows: median and 95th percentile of the service time.
//! Of several ladders only the 95th, lest twice as many lines hide each other.

use super::axis::Scale;
use super::plot::{
    CLIENTS, HEIGHT, Line, Marker, PUBLISHED, Plot, Series, as_points, as_ticks, color, marker,
};
use super::throughput::ticks;
use crate::answer::latency_headline;
use crate::ladder::curve;
use crate::{Document, LadderView};

pub(crate) fn plot(document: &Document, ladders: &[LadderView<'_>]) -> Plot {
    let mut series = Vec::new();
    if let Some(points) = ladders
        .iter()
        .map(published_p95)
        .find(|points| !points.is_empty())
    {
        series.push(Series {
            label: "published p95".to_owned(),
            color: PUBLISHED,
            line: Line::Solid,
            marker: Marker::Triangle,
            points,
        });
    }
    let one = ladders.len() == 1;
    for (index, ladder) in ladders.iter().enumerate() {
        let curve_of = |figure: &str, label: String, line| Series {
            label,
            color: color(index),
            line,
            marker: marker(index),
            points: as_points(&curve(ladder, figure)),
        };
        if one {
            series.push(curve_of("p50_ms", "p50".to_owned(), Line::Dashed));
            series.push(curve_of("p95_ms", "p95".to_owned(), Line::Solid));
        } else {
            series.push(curve_of(
                "p95_ms",
                format!("{} p95", ladder.label),
                Line::Solid,
            ));
        }
    }
    Plot {
        title: latency_headline(&document.study, ladders),
        y_title: "service time in milliseconds",
        x_title: CLIENTS,
        scale: Scale::Clients,
        span: None,
        ticks: as_ticks(&ticks(ladders)),
        height: HEIGHT,
        series,
        knee_clients: None,
    }
}

fn published_p95(ladder: &LadderView<'_>) -> Vec<(f64, f64)> {
    ladder
        .comparison
        .iter()
        .filter(|row| row.figure == "p95_ms")
        .filter_map(|row| Some((f64::from(row.clients), row.published?)))
        .collect()
}
