//! The horizontal axis: clients in powers of two, with ticks just where something
//! was measured. Plotters' own logarithmic axis would choose round numbers.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

/// A logarithmic axis of base 2 over a number of clients.
pub(crate) struct Octaves {
    /// The first and the last power of two that it shows.
    pub(crate) exponents: (f64, f64),
    /// The numbers of clients that get a label.
    pub(crate) ticks: Vec<f64>,
}

impl Ranged for Octaves {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, clients: &f64, (left, right): (i32, i32)) -> i32 {
        let (low, high) = self.exponents;
        let share = (clients.log2() - low) / (high - low);
        left + (share * f64::from(right - left)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.exponents.0.exp2()..self.exponents.1.exp2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_doubling_is_a_step_of_the_same_length() {
        let axis = Octaves {
            exponents: (0.0, 4.0),
            ticks: vec![1.0, 16.0],
        };
        let at = |clients: f64| axis.map(&clients, (100, 500));
        assert_eq!(
            [1.0, 2.0, 4.0, 8.0, 16.0].map(at),
            [100, 200, 300, 400, 500]
        );
    }
}
