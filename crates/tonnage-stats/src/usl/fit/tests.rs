//! Fits of planted laws, at the bounds, and of noise.

use super::*;
use proptest::prelude::*;

/// The ladder that saturation is looked for on.
const LADDER: [f64; 9] = [1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0];

fn points(usl: Usl) -> Vec<(f64, f64)> {
    LADDER.map(|n| (n, usl.throughput(n))).to_vec()
}

#[test]
fn points_that_cannot_be_fitted_are_refused() {
    let too_few = [(1.0, 5.0), (2.0, 9.0), (4.0, 15.0), (4.0, 16.0)];
    assert_eq!(fit(&too_few), Err(UslError::TooFewLoads { loads: 3 }));
    for point in [
        (0.0, 1.0),
        (2.0, 0.0),
        (2.0, f64::NAN),
        (f64::INFINITY, 1.0),
    ] {
        let found = fit(&[(1.0, 5.0), point, (4.0, 15.0), (8.0, 16.0)]);
        assert!(matches!(found, Err(UslError::Unusable { .. })), "{point:?}");
    }
}

#[test]
fn points_above_the_law_put_a_coefficient_at_its_bound() {
    // Better than linear at first: σ would be negative.
    let mut faster = points(Usl {
        lambda: 100.0,
        sigma: 0.0,
        kappa: 0.002,
    });
    faster[0].1 *= 0.8;
    let found = fit(&faster).unwrap();
    assert!(found.usl.sigma <= 0.0 && found.usl.kappa > 0.0, "{found:?}");
    // Flatter and flatter, but never falling: κ would be negative.
    let flattening: Vec<_> = LADDER.map(|n| (n, 100.0 * n.powf(0.3))).to_vec();
    let found = fit(&flattening).unwrap();
    assert_eq!((found.usl.kappa, found.usl.peak_clients()), (0.0, None));
    // Steeper than linear throughout: both.
    let steeper: Vec<_> = LADDER.map(|n| (n, n.powf(1.2))).to_vec();
    let found = fit(&steeper).unwrap();
    assert_eq!((found.usl.sigma, found.usl.kappa), (0.0, 0.0));
}

#[test]
fn a_plateau_and_a_fall_are_fitted_too() {
    let flat: Vec<_> = LADDER.map(|n| (n, 50.0)).to_vec();
    let found = fit(&flat).unwrap();
    assert!((found.usl.sigma - 1.0).abs() < 1e-6, "{found:?}");
    assert!(found.relative_error < 1e-6);
    let falling: Vec<_> = LADDER.map(|n| (n, 50.0 / n)).to_vec();
    let found = fit(&falling).unwrap();
    assert!(found.usl.throughput(24.0) < found.usl.throughput(1.0));
    assert_eq!(found.usl.peak_clients(), Some(1.0));
}

proptest! {
    #[test]
    fn a_planted_law_comes_back(
        lambda in 0.01f64..1e5,
        sigma in 0.0f64..0.9,
        kappa in 0.0f64..0.05,
    ) {
        let planted = Usl { lambda, sigma, kappa };
        for residuals in [Residuals::Relative, Residuals::Absolute] {
            let found = fit_by(&points(planted), residuals).unwrap();
            prop_assert!((found.usl.lambda / lambda - 1.0).abs() < 1e-5, "{found:?}");
            prop_assert!((found.usl.sigma - sigma).abs() < 1e-5, "{found:?}");
            prop_assert!((found.usl.kappa - kappa).abs() < 1e-6, "{found:?}");
            prop_assert!(found.relative_error < 1e-5);
        }
    }

    #[test]
    fn no_neighbour_fits_better(
        noise in prop::collection::vec(0.7f64..1.4, 9),
        sigma in 0.0f64..0.5,
        kappa in 0.0f64..0.02,
    ) {
        let planted = Usl { lambda: 10.0, sigma, kappa };
        let points: Vec<_> = points(planted)
            .into_iter()
            .zip(&noise)
            .map(|((n, x), factor)| (n, x * factor))
            .collect();
        let found = fit(&points).unwrap().usl;
        let squares = |usl: Usl| -> f64 {
            points.iter().map(|(n, x)| (usl.throughput(*n) / x - 1.0).powi(2)).sum()
        };
        let least = squares(found) * (1.0 - 1e-7);
        for step in [1e-4, -1e-4] {
            let neighbours = [
                Usl { lambda: found.lambda * (1.0 + step), ..found },
                Usl { sigma: (found.sigma + step).max(0.0), ..found },
                Usl { kappa: (found.kappa + step / 100.0).max(0.0), ..found },
            ];
            for neighbour in neighbours {
                prop_assert!(squares(neighbour) >= least, "{neighbour:?} {found:?}");
            }
        }
    }

    #[test]
    fn units_and_order_do_not_matter(
        noise in prop::collection::vec(0.8f64..1.25, 9),
        unit in 1e-3f64..1e6,
    ) {
        let planted = Usl { lambda: 10.0, sigma: 0.1, kappa: 0.002 };
        let points: Vec<_> = points(planted)
            .into_iter()
            .zip(&noise)
            .map(|((n, x), factor)| (n, x * factor))
            .collect();
        let mut others: Vec<_> = points.iter().map(|(n, x)| (*n, x * unit)).collect();
        others.reverse();
        let (here, there) = (fit(&points).unwrap(), fit(&others).unwrap());
        prop_assert!((there.usl.lambda / here.usl.lambda / unit - 1.0).abs() < 1e-5);
        prop_assert!((there.usl.sigma - here.usl.sigma).abs() < 1e-5);
        prop_assert!((there.usl.kappa - here.usl.kappa).abs() < 1e-6);
    }
}
