//! What is shown while load is sent: one line for each second, or a view of a few
//! lines for a terminal, with a sparkline of the rate.

use std::fmt::Write as _;
use std::time::Duration;

use tonnage_model::{Slice, format_micros, format_significant};

use crate::figure::{NOT_AVAILABLE, grouped};

/// The heights of a sparkline.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One line about a slice of the window: its end, rate, latencies and failures.
pub fn progress_line(slice: &Slice) -> String {
    let end_s = (slice.start_us + slice.length_us) as f64 / 1e6;
    format!(
        "{end_s:>5.0} s  {:>8} req/s  p50 {}  p99 {}  {} failed{}",
        format_significant(slice.goodput_rps(), 4),
        latency(slice.p50_us),
        latency(slice.p99_us),
        grouped(slice.failed),
        waiting(slice),
    )
}

/// A view of at most `width` columns: progress, the last second, and the rate over
/// the last seconds. `counts` are successes and failures so far; `total` is how
/// long the load will take, where that is known.
pub fn progress_view(
    elapsed: Duration,
    total: Option<Duration>,
    counts: (u64, u64),
    slices: &[Slice],
    width: usize,
) -> String {
    let (succeeded, failed) = counts;
    let elapsed_s = elapsed.as_secs_f64();
    let counted = format!(
        "{} succeeded, {} failed",
        grouped(succeeded),
        grouped(failed)
    );
    let mut view = match total.map(|total| total.as_secs_f64()) {
        Some(total_s) if total_s > 0.0 => {
            let left_s = (total_s - elapsed_s).max(0.0);
            let text = format!(" {left_s:.0} s left  {counted}");
            let room = width.saturating_sub(text.chars().count()).clamp(4, 24);
            bar(elapsed_s / total_s, room) + &text
        }
        _ => format!("{elapsed_s:.0} s  {counted}"),
    };
    let Some(last) = slices.last() else {
        return view;
    };
    // Writing to a string does not fail.
    let _ = write!(
        view,
        "\n{} req/s  p50 {}  p90 {}  p99 {}{}",
        format_significant(last.goodput_rps(), 4),
        latency(last.p50_us),
        latency(last.p90_us),
        latency(last.p99_us),
        waiting(last),
    );
    let rates: Vec<f64> = slices.iter().map(Slice::goodput_rps).collect();
    let peak = rates.iter().copied().fold(0.0, f64::max);
    let label = format!(" up to {} req/s", format_significant(peak, 4));
    let room = width.saturating_sub(label.chars().count());
    let shown = &rates[rates.len().saturating_sub(room)..];
    let _ = write!(view, "\n{}{label}", sparkline(shown));
    view
}

/// Values as bars from nothing to the largest of them.
pub fn sparkline(values: &[f64]) -> String {
    let largest = values.iter().copied().fold(0.0, f64::max);
    values
        .iter()
        .map(|value| {
            let share = if largest > 0.0 { value / largest } else { 0.0 };
            BARS[(share * (BARS.len() - 1) as f64).round() as usize]
        })
        .collect()
}

fn bar(share: f64, width: usize) -> String {
    let filled = (share.clamp(0.0, 1.0) * width as f64).round() as usize;
    "█".repeat(filled) + &"░".repeat(width - filled)
}

fn latency(us: Option<f64>) -> String {
    us.map_or_else(|| NOT_AVAILABLE.to_owned(), format_micros)
}

fn waiting(slice: &Slice) -> String {
    match slice.queued {
        0 => String::new(),
        queued => format!("  {} waiting", grouped(queued)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn slice(second: u64, succeeded: u64) -> Slice {
        Slice {
            start_us: second * 1_000_000,
            length_us: 1_000_000,
            succeeded,
            p50_us: Some(1_234.0),
            p90_us: Some(2_345.0),
            ..Slice::default()
        }
    }

    #[test]
    fn a_second_is_a_line() {
        let mut slice = slice(4, 12_345);
        (slice.failed, slice.queued) = (7, 1_200);
        assert_snapshot!(progress_line(&slice), @"    5 s     12345 req/s  p50 1.23 ms  p99 n/a  7 failed  1 200 waiting");
    }

    #[test]
    fn a_view_fits_its_width() {
        let slices: Vec<Slice> = (0..100).map(|i| slice(i, 1_000 + i * 10)).collect();
        let (elapsed, total) = (Duration::from_secs(30), Some(Duration::from_secs(40)));
        for width in [40, 60, 100] {
            let view = progress_view(elapsed, total, (12_000, 3), &slices, width);
            for line in view.lines() {
                assert!(line.chars().count() <= width.max(45), "{width}: {line}");
            }
        }
        assert_snapshot!(progress_view(elapsed, total, (12_000, 3), &slices[90..], 60), @r"
        █████████████████░░░░░ 10 s left  12 000 succeeded, 3 failed
        1990 req/s  p50 1.23 ms  p90 2.35 ms  p99 n/a
        ██████████ up to 1990 req/s
        ");
    }

    #[test]
    fn a_sparkline_goes_from_nothing_to_the_largest() {
        assert_eq!(sparkline(&[0.0, 50.0, 100.0]), "▁▅█");
        assert_eq!(sparkline(&[0.0, 0.0]), "▁▁");
        assert_eq!(sparkline(&[]), "");
    }
}
