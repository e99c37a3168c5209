//! Fits that others have published, to compare ours with.

use super::*;

/// Throughput of SPEC SDM91 on a Sun `SPARCcenter` 2000, by simulated users: shipped with
/// the R package `usl` (S. Möding) as `specsdm91`. Confirmed through what the package
/// publishes in its tests: loads and efficiencies (`efficiency.Rout.save`), fitted
/// values and residuals (`fitted`, `residuals`), which sum to these.
const SPEC_SDM91: [(f64, f64); 7] = [
    (1.0, 64.9),
    (18.0, 995.9),
    (36.0, 1652.4),
    (72.0, 1853.2),
    (108.0, 1828.9),
    (144.0, 1775.0),
    (216.0, 1702.2),
];

/// Ray–geometry intersections of BRL-CAD on an SGI Origin 2000, by processors, from
/// Gunther 2007, chapter 5: shipped with the R package `usl` as `raytracer`.
const RAYTRACER: [(f64, f64); 11] = [
    (1.0, 20.0),
    (4.0, 78.0),
    (8.0, 130.0),
    (12.0, 170.0),
    (16.0, 190.0),
    (20.0, 200.0),
    (24.0, 210.0),
    (28.0, 230.0),
    (32.0, 260.0),
    (48.0, 280.0),
    (64.0, 310.0),
];

/// A router of Cisco, by clients, from B. Schwartz, "Practical Scalability Analysis with
/// the Universal Scalability Law", 2015: in the tests of usl4j (C. Hale).
const CISCO: [f64; 32] = [
    955.16, 1878.91, 2688.01, 3548.68, 4315.54, 5130.43, 5931.37, 6531.08, 7219.8, 7867.61,
    8278.71, 8646.7, 9047.84, 9426.55, 9645.37, 9897.24, 10097.6, 10240.5, 10532.39, 10798.52,
    11151.43, 11518.63, 11806.0, 12089.37, 12075.41, 12177.29, 12211.41, 12158.93, 12155.27,
    12118.04, 12140.4, 12074.39,
];

fn cisco() -> Vec<(f64, f64)> {
    (1..).map(f64::from).zip(CISCO).collect()
}

#[track_caller]
fn close(ours: f64, published: f64, share: f64) {
    assert!((ours / published - 1.0).abs() < share, "{ours} {published}");
}

#[test]
fn the_routers_law_is_that_of_the_book() {
    let found = fit_by(&cisco(), Residuals::Absolute).unwrap();
    close(found.usl.sigma, 0.026_715_91, 1e-5);
    close(found.usl.kappa, 7.690_945e-4, 1e-5);
    close(found.usl.lambda, 995.6486, 1e-5);
    let peak = found.usl.peak_clients().unwrap().floor();
    assert_eq!(peak as u32, 35);
    close(found.usl.throughput(peak), 12_341.745_6, 1e-6);
}

#[test]
fn the_benchmark_of_1991_has_its_published_law() {
    let found = fit_by(&SPEC_SDM91, Residuals::Absolute).unwrap();
    // `usl-nlxb.Rout.save`, `summary.Rout.save`, `peak-scalability.R`,
    // `limit-scalability.R` of the package.
    close(found.usl.sigma, 0.027_728_5, 1e-4);
    close(found.usl.kappa, 1.044e-4, 1e-3);
    close(found.usl.lambda, 89.995_233, 1e-5);
    close(found.usl.peak_clients().unwrap(), 96.519_56, 1e-5);
    close(found.usl.asymptote().unwrap(), 3245.589, 1e-5);
    close(found.standard_error_rps, 82.85, 1e-4);
    close(found.r_squared, 0.9896, 1e-4);
    let residuals = [-25.10, -81.66, 111.09, 3.05, -49.99, -46.60, 56.00];
    for ((n, x), published) in SPEC_SDM91.iter().zip(residuals) {
        assert!(
            (x - found.usl.throughput(*n) - published).abs() < 0.006,
            "{n}"
        );
    }
}

#[test]
fn the_ray_tracer_has_its_published_law_at_the_bound() {
    let found = fit_by(&RAYTRACER, Residuals::Absolute).unwrap();
    // `confint.Rout.save` of the package.
    close(found.usl.sigma, 0.0578, 1e-3);
    close(found.usl.lambda, 21.8488, 1e-5);
    assert_eq!((found.usl.kappa, found.usl.peak_clients()), (0.0, None));
}

#[test]
fn relative_residuals_tell_a_similar_story() {
    for (name, points) in [
        ("cisco", cisco()),
        ("specsdm91", SPEC_SDM91.to_vec()),
        ("raytracer", RAYTRACER.to_vec()),
    ] {
        let (relative, absolute) = (
            fit(&points).unwrap(),
            fit_by(&points, Residuals::Absolute).unwrap(),
        );
        assert!(relative.relative_error <= absolute.relative_error);
        assert!(relative.standard_error_rps >= absolute.standard_error_rps);
        assert!(relative.r_squared > 0.9, "{name}: {relative:?}");
    }
}
