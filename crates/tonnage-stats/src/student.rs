//! The normal law and Student's t: what fraction lies below a value, and the other
//! way round. What the fractions are used for is for the callers.

use std::f64::consts::PI;

/// Φ(x), the share of a standard normal law below `x`, to 7.5e-8.
///
/// M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions", 1964, 26.2.17.
pub(crate) fn normal_below(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let series = [
        0.319_381_530,
        -0.356_563_782,
        1.781_477_937,
        -1.821_255_978,
        1.330_274_429,
    ]
    .iter()
    .rev()
    .fold(0.0, |sum, factor| (sum + factor) * t);
    let above = (-x * x / 2.0).exp() / (2.0 * PI).sqrt() * series;
    if x < 0.0 { above } else { 1.0 - above }
}

/// The share of Student's t with `freedom` ≥ 1 degrees of freedom below `t`: exact
/// finite series for whole degrees of freedom (Abramowitz and Stegun, 26.7.3 and
/// 26.7.4).
pub(crate) fn student_below(t: f64, freedom: usize) -> f64 {
    let angle = (t / (freedom as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let square = cosine * cosine;
    // 1 + 1/2 c² + 1·3/(2·4) c⁴ … for even, 1 + 2/3 c² + 2·4/(3·5) c⁴ … for odd degrees.
    let odd = freedom % 2;
    let (mut term, mut sum) = (1.0, 1.0);
    let mut k = 2 + odd;
    while k < freedom {
        term *= square * (k - 1) as f64 / k as f64;
        sum += term;
        k += 2;
    }
    let central = match freedom {
        1 => 2.0 * angle / PI,
        _ if odd == 1 => 2.0 / PI * (angle + sine * cosine * sum),
        _ => sine * sum,
    };
    f64::midpoint(1.0, central)
}

/// The t that Student's law with `freedom` ≥ 1 exceeds with probability `tail`,
/// which lies in (0, 0.5); by bisection of [`student_below`].
pub(crate) fn student_exceeded(tail: f64, freedom: usize) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while student_below(high, freedom) < 1.0 - tail && high < 1e12 {
        high *= 2.0;
    }
    // Sixty halvings leave nothing that a double can show.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if student_below(middle, freedom) < 1.0 - tail {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
        for (freedom, at_025, at_005) in [
            (1, 12.706, 63.657),
            (2, 4.303, 9.925),
            (3, 3.182, 5.841),
            (4, 2.776, 4.604),
            (5, 2.571, 4.032),
            (7, 2.365, 3.499),
            (10, 2.228, 3.169),
            (30, 2.042, 2.750),
            (100, 1.984, 2.626),
        ] {
            for (tail, table) in [(0.025, at_025), (0.005, at_005)] {
                let t = student_exceeded(tail, freedom);
                assert!((t - table).abs() < 6e-4, "{freedom} {tail}: {t} {table}");
            }
        }
    }

    #[test]
    fn the_normal_law_is_that_of_the_tables() {
        for (x, below) in [
            (0.0, 0.5),
            (1.0, 0.841_344_7),
            (-1.959_964, 0.025),
            (-3.0, 0.001_349_9),
        ] {
            assert!((normal_below(x) - below).abs() < 2e-7, "{x}");
        }
        // Many degrees of freedom make Student's law the normal one.
        assert!((student_below(1.3, 4000) - normal_below(1.3)).abs() < 1e-4);
    }
}
