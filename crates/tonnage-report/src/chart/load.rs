//! What the charts of one load show: rates, latencies and requests under way over
//! time, and the response time by percentile.

use plotters::style::RGBColor;
use tonnage_model::{
    Histogram, LatencySummary, LoadReport, MIN_TAIL_SAMPLES, Slice, format_micros,
    format_significant,
};

use super::axis::{Scale, round_ticks};
use super::palette::{PUBLISHED, color};
use super::plot::{Line, Marker, Plot, Series};
use crate::figure::{NOT_AVAILABLE, grouped};

/// Four charts stand below each other; each is lower than those of a run.
const LOW: u32 = 300;
/// More points than this hide each other's markers.
const MAX_MARKERS: usize = 60;
/// About how many ticks the time axis has.
const TICKS: f64 = 10.0;
/// Rows of the distribution for each halving of what is left.
const TICKS_PER_HALF_DISTANCE: u32 = 10;

pub(super) fn rates(report: &LoadReport) -> Plot {
    let throughput = &report.throughput;
    let mut series = curve(report, "succeeded", color(0), middle, |slice| {
        Some(slice.goodput_rps())
    });
    // A line along zero says no more than the title does.
    if report.counts.failed > 0 {
        series.extend(curve(report, "failed", PUBLISHED, middle, |slice| {
            Some(slice.failed_rps())
        }));
    }
    let rps = |rate| format_significant(rate, 4);
    over_time(
        report,
        format!(
            "Rate: {} requests/s succeeded, {} failed",
            rps(throughput.goodput_rps),
            rps(throughput.failed_rps)
        ),
        "requests per second",
        series,
    )
}

pub(super) fn latencies(report: &LoadReport) -> Plot {
    let ms = |us: Option<f64>| us.map(|us| us / 1e3);
    let mut series = curve(report, "p50", color(0), middle, |s| ms(s.p50_us));
    series.extend(curve(report, "p90", color(1), middle, |s| ms(s.p90_us)));
    series.extend(curve(report, "p99", color(2), middle, |s| ms(s.p99_us)));
    over_time(
        report,
        format!("Response time: {}", percentiles(&report.response_time)),
        "response time in ms",
        series,
    )
}

pub(super) fn under_way(report: &LoadReport) -> Plot {
    let slices = &report.series.slices;
    let most = |read: fn(&Slice) -> u64| grouped(slices.iter().map(read).max().unwrap_or(0));
    let mut title = format!("In flight: at most {}", most(|s| s.in_flight));
    let mut series = curve(report, "in flight", color(0), end, |slice| {
        Some(slice.in_flight as f64)
    });
    if report.arrivals.is_some() {
        title = format!("{title}, waiting: at most {}", most(|s| s.queued));
        series.extend(curve(report, "waiting", color(3), end, |slice| {
            Some(slice.queued as f64)
        }));
    }
    over_time(report, title, "requests at a slice's end", series)
}

pub(super) fn distribution(report: &LoadReport) -> Plot {
    let line = |label: &str, color, line, times: &LatencySummary| Series {
        line,
        ..Series::new(label, color, supported(&times.histogram()))
    };
    let series = vec![
        line(
            "response time",
            color(0),
            Line::Solid,
            &report.response_time,
        ),
        line("service time", color(1), Line::Dashed, &report.service_time),
    ];
    let last = last_odds(&series);
    Plot {
        title: format!(
            "Response time by percentile: {}",
            percentiles(&report.response_time)
        ),
        y_title: "time in ms".to_owned(),
        y_unit: "ms",
        x_title: AT_MOST.to_owned(),
        scale: Scale::Nines,
        span: Some((1.0, last)),
        ticks: nines(last),
        height: LOW,
        series,
        ..Plot::default()
    }
}

/// What is below the axis of a distribution.
pub(crate) const AT_MOST: &str = "share of requests that were at most this slow";

/// How far the axis of a distribution goes, as 1 ÷ (1 − p).
pub(crate) fn last_odds(series: &[Series]) -> f64 {
    let ends = series.iter().filter_map(|series| series.points.last());
    ends.map(|(odds, _)| *odds).fold(2.0, f64::max)
}

/// The ticks of the axis of a distribution.
pub(crate) fn nines(last: f64) -> Vec<f64> {
    let nines = (2..=9).map(|n| 10f64.powi(n));
    let ticks = [1.0, 2.0, 4.0, 10.0, 20.0].into_iter().chain(nines);
    ticks.filter(|odds| *odds <= last).collect()
}

/// The percentiles as far as the sample supports them: 1 ÷ (1 − p) and the time in
/// milliseconds.
pub(crate) fn supported(histogram: &Histogram) -> Vec<(f64, f64)> {
    let most = histogram.count() as f64 / MIN_TAIL_SAMPLES as f64;
    histogram
        .quantile_steps(TICKS_PER_HALF_DISTANCE)
        .into_iter()
        .filter(|step| step.quantile < 1.0)
        .map(|step| (1.0 / (1.0 - step.quantile), step.value_ns as f64 / 1e6))
        .take_while(|(odds, _)| *odds <= most)
        .collect()
}

fn percentiles(times: &LatencySummary) -> String {
    let shown = |percentile: f64| {
        let value = times.percentile_us(percentile);
        let value = value.map_or_else(|| NOT_AVAILABLE.to_owned(), format_micros);
        format!("p{percentile} {value}")
    };
    [50.0, 99.0].map(shown).join(", ")
}

/// The middle of a slice in seconds: where its rate and its latencies belong.
fn middle(slice: &Slice) -> f64 {
    (slice.start_us as f64 + slice.length_us as f64 / 2.0) / 1e6
}

/// The end of a slice in seconds: where what was counted at its end belongs.
fn end(slice: &Slice) -> f64 {
    (slice.start_us + slice.length_us) as f64 / 1e6
}

/// A curve over the slices, interrupted where they have no value; only its first
/// piece has a name, so that the legend has it once.
fn curve(
    report: &LoadReport,
    name: &str,
    color: RGBColor,
    time: fn(&Slice) -> f64,
    value: impl Fn(&Slice) -> Option<f64>,
) -> Vec<Series> {
    let slices = &report.series.slices;
    let points: Vec<Option<(f64, f64)>> = slices
        .iter()
        .map(|slice| Some((time(slice), value(slice)?)))
        .collect();
    let pieces = points
        .split(Option::is_none)
        .filter(|piece| !piece.is_empty());
    pieces
        .enumerate()
        .map(|(index, piece)| Series {
            // A single point would not show without.
            marker: if slices.len() <= MAX_MARKERS || piece.len() == 1 {
                Marker::Circle
            } else {
                Marker::None
            },
            ..Series::new(
                if index == 0 { name } else { "" },
                color,
                piece.iter().flatten().copied().collect(),
            )
        })
        .collect()
}

fn over_time(
    report: &LoadReport,
    title: String,
    y_title: &'static str,
    series: Vec<Series>,
) -> Plot {
    let last_s = report.series.slices.last().map_or(1.0, end).max(1e-3);
    Plot {
        title,
        y_title: y_title.to_owned(),
        x_title: "seconds since the window began".to_owned(),
        span: Some((0.0, last_s)),
        ticks: round_ticks(0.0, last_s, TICKS),
        height: LOW,
        series,
        ..Plot::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_slice_without_a_figure_interrupts_its_curve() {
        let mut report = fixture::steady();
        report.series.slices[4].p99_us = None;
        let pieces: Vec<Series> = latencies(&report)
            .series
            .into_iter()
            .filter(|series| series.color == color(2))
            .collect();
        let lengths: Vec<usize> = pieces.iter().map(|piece| piece.points.len()).collect();
        // The slow second has too few samples for a p99 anyway.
        assert_eq!(lengths, [4, 1, 3]);
        assert_eq!(pieces[0].label, "p99");
        assert!(pieces[1].label.is_empty());
        assert!((pieces[1].points[0].0 - 5.5).abs() < 1e-9, "its middle");
    }

    #[test]
    fn the_distribution_ends_where_the_sample_does() {
        let report = fixture::steady();
        let plot = distribution(&report);
        let (odds, _) = plot.series[0].points.last().unwrap();
        assert!(*odds <= 967.0, "9670 samples, ten beyond: {odds}");
        assert!(*odds > 900.0, "{odds}");
        assert_eq!(plot.ticks, [1.0, 2.0, 4.0, 10.0, 20.0, 100.0]);
    }

    #[test]
    fn waiting_is_shown_of_an_open_loop_only() {
        let names = |report: &LoadReport| -> Vec<String> {
            let plot = under_way(report);
            plot.named().map(|series| series.label.clone()).collect()
        };
        assert_eq!(names(&fixture::steady()), ["in flight"]);
        assert_eq!(names(&fixture::open_loop()), ["in flight", "waiting"]);
    }
}
