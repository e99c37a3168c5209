//! Whether a series of figures has settled, and from where on.

/// The number of leading values to leave out so that the mean of the rest is
/// estimated best: the marginal standard error rule (MSER; White, Simulation
/// 69(6), 1997), which minimises the variance of the rest over its squared
/// length. At most half of the values are left out; half means that they have
/// not settled at all.
pub fn mser_truncation(values: &[f64]) -> usize {
    let n = values.len();
    let error = |from: usize| {
        let rest = &values[from..];
        let mean = mean(rest);
        let squares: f64 = rest.iter().map(|value| (value - mean).powi(2)).sum();
        // What is left of equal values is only rounding.
        let rounding = 1e-20 * mean * mean * rest.len() as f64;
        if squares <= rounding {
            return 0.0;
        }
        squares / (rest.len() as f64).powi(2)
    };
    let mut best = (0, f64::INFINITY);
    for from in 0..=n / 2 {
        let error = error(from);
        // Rounding must not move the point.
        if error < best.1 * (1.0 - 1e-9) {
            best = (from, error);
        }
    }
    best.0
}

/// The drift from the first third of the values to the last, as a share of the
/// mean, and how many standard errors that is (Welch); `None` for fewer than nine
/// values, or a mean of zero.
pub fn drift(values: &[f64]) -> Option<Drift> {
    let third = values.len() / 3;
    if third < 3 {
        return None;
    }
    let (first, last) = (&values[..third], &values[values.len() - third..]);
    let overall = mean(values);
    if overall == 0.0 {
        return None;
    }
    let difference = mean(last) - mean(first);
    let error = ((variance(first) + variance(last)) / third as f64).sqrt();
    Some(Drift {
        share: difference / overall,
        // Without any noise, every difference is beyond it.
        standard_errors: if difference == 0.0 {
            0.0
        } else {
            difference.abs() / error
        },
    })
}

/// How a series differs between its beginning and its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// Mean of the last third less that of the first, as a share of the mean.
    pub share: f64,
    /// The same in standard errors; never negative, infinite without noise.
    pub standard_errors: f64,
}

/// The arithmetic mean; NaN for none.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    squares / (values.len() - 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Noise of ±2 % that repeats itself.
    fn noisy(level: f64, i: usize) -> f64 {
        level * (1.0 + ((i * 37 % 11) as f64 - 5.0) / 250.0)
    }

    #[test]
    fn a_slow_start_is_cut_off_where_it_ends() {
        let values: Vec<f64> = (0..30)
            .map(|i| noisy(if i < 7 { 40.0 } else { 100.0 }, i))
            .collect();
        assert_eq!(mser_truncation(&values), 7);
    }

    #[test]
    fn what_never_settles_loses_half() {
        let values: Vec<f64> = (0..20).map(|i| 10.0 + f64::from(i * i)).collect();
        assert!(mser_truncation(&values) <= 10);
        let rising: Vec<f64> = (0..20).map(f64::from).collect();
        let drift = drift(&rising).unwrap();
        assert!(
            drift.share > 1.0 && drift.standard_errors > 10.0,
            "{drift:?}"
        );
    }

    #[test]
    fn noise_is_no_drift() {
        let values: Vec<f64> = (0..33).map(|i| noisy(100.0, i)).collect();
        let drift = drift(&values).unwrap();
        assert!(
            drift.share.abs() < 0.02 && drift.standard_errors < 3.0,
            "{drift:?}"
        );
        assert!(super::drift(&values[..8]).is_none());
        assert!(super::drift(&[0.0; 12]).is_none());
    }

    proptest! {
        #[test]
        fn a_constant_series_is_steady(level in 0.1f64..1e6, n in 9usize..100) {
            let values = vec![level; n];
            prop_assert_eq!(mser_truncation(&values), 0);
            let drift = drift(&values).unwrap();
            prop_assert!(drift.share.abs() < 1e-9);
        }

        #[test]
        fn never_more_than_half_is_left_out(values in prop::collection::vec(0.0f64..1e6, 0..60)) {
            prop_assert!(mser_truncation(&values) <= values.len() / 2);
        }
    }
}
