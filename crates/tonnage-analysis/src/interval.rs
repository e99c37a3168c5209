//! Intervals of figures and of ratios of intervals, and how they are written.

use tonnage_model::format_significant;
use tonnage_stats::{Interval, level_interval, mean_interval};

use crate::figure::is_level;

/// The interval of a figure from one value per block: of its level where it is never
/// 0 (rates, times, memory), of its mean where it may be (counts and shares), never
/// below 0 then.
pub(crate) fn of_values(name: &str, values: &[f64], seed: u64) -> Option<Interval> {
    if is_level(name) && values.iter().all(|value| *value > 0.0) {
        return level_interval(values, seed);
    }
    let interval = mean_interval(values, seed)?;
    Some(Interval {
        low: interval.low.max(0.0),
        ..interval
    })
}

/// a ÷ b of two intervals that are independent of each other: the half widths in
/// logarithms add as squares, each side by itself (propagation of independent errors,
/// P. R. Bevington, "Data Reduction and Error Analysis", 1969, section 4). `None`
/// where an estimate is not positive.
pub fn quotient(a: &Interval, b: &Interval) -> Option<Interval> {
    if a.estimate <= 0.0 || b.estimate <= 0.0 {
        return None;
    }
    let ln = |value: f64| value.max(0.0).ln();
    let estimate = ln(a.estimate) - ln(b.estimate);
    let below = (ln(a.estimate) - ln(a.low)).hypot(ln(b.high) - ln(b.estimate));
    let above = (ln(a.high) - ln(a.estimate)).hypot(ln(b.estimate) - ln(b.low));
    let narrower = if a.blocks <= b.blocks { a } else { b };
    Some(Interval {
        estimate: estimate.exp(),
        low: (estimate - below).exp(),
        high: (estimate + above).exp(),
        blocks: a.blocks.min(b.blocks),
        method: narrower.method,
    })
}

/// A figure with its bounds, `412 (398–427)`, or `412 (one block)` where nothing is
/// known of them.
pub fn interval_text(interval: &Interval) -> String {
    written(interval, 3)
}

/// A ratio with its bounds, `1.30 (1.25–1.36)`.
pub fn ratio_text(ratio: &Interval) -> String {
    written(ratio, 3)
}

fn written(interval: &Interval, digits: i32) -> String {
    let text = |value: f64| format_significant(value, digits);
    let estimate = text(interval.estimate);
    if interval.blocks < 2 || !interval.high.is_finite() {
        return format!("{estimate} (one block)");
    }
    format!(
        "{estimate} ({}–{})",
        text(interval.low),
        text(interval.high)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonnage_stats::Method;

    fn interval(estimate: f64, low: f64, high: f64) -> Interval {
        Interval {
            estimate,
            low,
            high,
            blocks: 3,
            method: Method::StudentT,
        }
    }

    #[test]
    fn a_quotient_is_less_certain_than_either() {
        let (a, b) = (interval(200.0, 190.0, 210.0), interval(100.0, 97.0, 103.0));
        let ratio = quotient(&a, &b).unwrap();
        assert!((ratio.estimate - 2.0).abs() < 1e-12);
        assert!(ratio.low < 190.0 / 100.0 && ratio.high > 210.0 / 100.0);
        let one = quotient(&interval(1.0, 0.0, f64::INFINITY), &b).unwrap();
        assert_eq!((one.low, one.high), (0.0, f64::INFINITY));
        assert_eq!(quotient(&interval(0.0, 0.0, 1.0), &b), None);
    }

    #[test]
    fn figures_are_written_with_their_bounds() {
        assert_eq!(
            interval_text(&interval(412.3, 398.0, 427.0)),
            "412 (398–427)"
        );
        assert_eq!(ratio_text(&interval(1.3, 1.25, 1.36)), "1.30 (1.25–1.36)");
        let mut one = interval(5.0, 0.0, f64::INFINITY);
        one.blocks = 1;
        assert_eq!(interval_text(&one), "5.00 (one block)");
    }

    #[test]
    fn a_share_is_never_below_nothing() {
        let shares = of_values("error_percent", &[0.0, 0.0, 3.0], 1).unwrap();
        assert_eq!((shares.estimate, shares.low), (1.0, 0.0));
        let level = of_values("rps", &[90.0, 100.0, 110.0], 1).unwrap();
        assert!(level.low > 0.0 && level.high < 150.0);
        assert_eq!(of_values("rps", &[], 1), None);
    }
}
