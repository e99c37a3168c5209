//! An axis: its scale, with ticks just where the caller wants them. Plotters' own
//! axes would choose others.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

/// How an axis is spaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// Each doubling a step of the same length: clients.
    Doubling,
    /// Each tenfold a step of the same length.
    Tenfold,
    /// 1 ÷ (1 − p) of a percentile: each nine a step of the same length.
    Nines,
}

impl Scale {
    /// Where a value lies, before it is stretched to the axis' length.
    pub(crate) fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Doubling => value.log2(),
            Self::Tenfold | Self::Nines => value.log10(),
        }
    }

    /// The value at a place.
    pub(crate) fn value(self, place: f64) -> f64 {
        match self {
            Self::Linear => place,
            Self::Doubling => place.exp2(),
            Self::Tenfold | Self::Nines => 10f64.powf(place),
        }
    }

    /// How a value is written beside the axis.
    pub(crate) fn label(self, value: f64) -> String {
        match self {
            Self::Linear | Self::Doubling | Self::Tenfold => crate::figure::exact(value),
            Self::Nines => {
                format!("{} %", crate::figure::exact(100.0 - 100.0 / value))
            }
        }
    }
}

/// An axis.
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
        // A curve may leave the picture, as a bound that grows without end does.
        left + (share.clamp(-1.0, 2.0) * f64::from(right - left)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.scale.value(self.ends.0)..self.scale.value(self.ends.1)
    }
}

/// Round numbers from `low` to `high`, about `about` of them.
pub(crate) fn round_ticks(low: f64, high: f64, about: f64) -> Vec<f64> {
    let rough = (high - low) / about;
    if !rough.is_finite() || rough <= 0.0 {
        return vec![low];
    }
    let decade = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * decade)
        .into_iter()
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(decade * 10.0);
    let first = (low / step - 1e-6).ceil() as i64;
    let last = (high / step + 1e-6).floor() as i64;
    (first..=last).map(|i| i as f64 * step).collect()
}

/// Round numbers of a tenfold axis: 1, 2 and 5 of each decade, or where there are many
/// decades only their first.
pub(crate) fn tenfold_ticks(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let steps: &[f64] = if last - first > 4 {
        &[1.0]
    } else {
        &[1.0, 2.0, 5.0]
    };
    (first..=last)
        .flat_map(|decade| steps.iter().map(move |step| step * 10f64.powi(decade)))
        .filter(|tick| (low * 0.999..=high * 1.001).contains(tick))
        .collect()
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
        assert_eq!(places(Scale::Doubling, &[1.0, 2.0, 4.0, 8.0, 16.0]), even);
        assert_eq!(places(Scale::Nines, &[1.0, 10.0, 100.0, 1e3, 1e4]), even);
        assert_eq!(places(Scale::Linear, &[0.0, 1.0, 2.0, 3.0, 4.0]), even);
    }

    #[test]
    fn nines_are_written_as_percentiles() {
        assert_eq!(Scale::Nines.label(1.0), "0 %");
        assert_eq!(Scale::Nines.label(2.0), "50 %");
        assert_eq!(Scale::Nines.label(1000.0), "99.9 %");
        assert_eq!(Scale::Linear.label(2.5), "2.5");
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(round_ticks(0.0, 10.0, 10.0).len(), 11);
        assert_eq!(round_ticks(0.0, 9.7, 10.0).last(), Some(&9.0));
        assert_eq!(round_ticks(0.0, 3600.0, 10.0).last(), Some(&3500.0));
        assert!(round_ticks(0.0, 0.001, 10.0).len() > 5);
        assert_eq!(
            round_ticks(14.0, 20.0, 6.0),
            [14.0, 15.0, 16.0, 17.0, 18.0, 19.0, 20.0]
        );
        assert_eq!(tenfold_ticks(4.0, 60.0), [5.0, 10.0, 20.0, 50.0]);
        assert_eq!(tenfold_ticks(0.1, 1e5).len(), 7);
    }
}
