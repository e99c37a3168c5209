//! The horizontal axis: its scale, with ticks just where the caller wants them.
//! Plotters' own axes would choose others.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

/// What the horizontal axis shows, and how it is spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Clients, each doubling a step of the same length.
    Clients,
    /// Seconds, evenly.
    Seconds,
    /// 1 ÷ (1 − p) of a percentile: each nine a step of the same length.
    Nines,
}

impl Scale {
    /// Where a value lies, before it is stretched to the axis' length.
    pub(crate) fn place(self, value: f64) -> f64 {
        match self {
            Self::Clients => value.log2(),
            Self::Seconds => value,
            Self::Nines => value.log10(),
        }
    }

    /// The value at a place.
    fn value(self, place: f64) -> f64 {
        match self {
            Self::Clients => place.exp2(),
            Self::Seconds => place,
            Self::Nines => 10f64.powf(place),
        }
    }

    /// How a value is written below the axis.
    pub(crate) fn label(self, value: f64) -> String {
        match self {
            Self::Clients => format!("{value:.0}"),
            Self::Seconds => crate::figure::exact(value),
            Self::Nines => {
                format!("{} %", crate::figure::exact(100.0 - 100.0 / value))
            }
        }
    }
}

/// A horizontal axis.
pub(crate) struct Axis {
    pub(crate) scale: Scale,
    /// The places of its two ends.
    pub(crate) ends: (f64, f64),
    /// The values that get a label.
    pub(crate) ticks: Vec<f64>,
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (left, right): (i32, i32)) -> i32 {
        let (low, high) = self.ends;
        let share = (self.scale.place(*value) - low) / (high - low);
        left + (share * f64::from(right - left)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.scale.value(self.ends.0)..self.scale.value(self.ends.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(scale: Scale, values: &[f64]) -> Vec<i32> {
        let ends = (
            scale.place(values[0]),
            scale.place(values[values.len() - 1]),
        );
        let axis = Axis {
            scale,
            ends,
            ticks: values.to_vec(),
        };
        values.iter().map(|v| axis.map(v, (100, 500))).collect()
    }

    #[test]
    fn each_doubling_and_each_nine_is_a_step_of_the_same_length() {
        let even = [100, 200, 300, 400, 500];
        assert_eq!(places(Scale::Clients, &[1.0, 2.0, 4.0, 8.0, 16.0]), even);
        assert_eq!(places(Scale::Nines, &[1.0, 10.0, 100.0, 1e3, 1e4]), even);
        assert_eq!(places(Scale::Seconds, &[0.0, 1.0, 2.0, 3.0, 4.0]), even);
    }

    #[test]
    fn nines_are_written_as_percentiles() {
        assert_eq!(Scale::Nines.label(1.0), "0 %");
        assert_eq!(Scale::Nines.label(2.0), "50 %");
        assert_eq!(Scale::Nines.label(1000.0), "99.9 %");
        assert_eq!(Scale::Seconds.label(2.5), "2.5");
    }
}
