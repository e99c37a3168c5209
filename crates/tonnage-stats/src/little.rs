//! Little's law as a check of a measurement: users, rate and times that belong
//! together must agree. Whether a residual is too large is for the caller to say.

/// |N − X·(R + Z)| ÷ N: how far the measured figures of a closed loop are from
/// Little's law (J. D. C. Little, Operations Research 9(3), 1961); 0 is perfect.
///
/// `clients` is the (mean) number of users N, `throughput_rps` the rate X per second,
/// `response_s` the mean response time R and `think_s` the mean pause Z, both in
/// seconds. `None` without clients, or where a figure is negative or not finite.
pub fn little_residual(
    clients: f64,
    throughput_rps: f64,
    response_s: f64,
    think_s: f64,
) -> Option<f64> {
    let usable = |value: f64| value.is_finite() && value >= 0.0;
    let times_are_usable = [throughput_rps, response_s, think_s]
        .into_iter()
        .all(usable);
    if !usable(clients) || clients == 0.0 || !times_are_usable {
        return None;
    }
    Some((clients - throughput_rps * (response_s + think_s)).abs() / clients)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_lost_user_shows() {
        // Ten users, but only nine of them accounted for.
        let residual = little_residual(10.0, 90.0, 0.1, 0.0).unwrap();
        assert!((residual - 0.1).abs() < 1e-12);
    }

    #[test]
    fn thinking_is_part_of_the_cycle() {
        assert!(little_residual(10.0, 10.0, 0.25, 0.75).unwrap() < 1e-12);
    }

    #[test]
    fn figures_that_are_none_have_no_residual() {
        for (clients, rps, response_s, think_s) in [
            (0.0, 1.0, 1.0, 0.0),
            (1.0, f64::NAN, 1.0, 0.0),
            (1.0, 1.0, -1.0, 0.0),
            (1.0, 1.0, 1.0, f64::INFINITY),
        ] {
            assert_eq!(little_residual(clients, rps, response_s, think_s), None);
        }
    }

    proptest! {
        #[test]
        fn figures_that_agree_leave_nothing(
            clients in 0.1f64..100_000.0,
            response_s in 1e-6f64..100.0,
            think_s in 0.0f64..100.0,
        ) {
            let rps = clients / (response_s + think_s);
            prop_assert!(little_residual(clients, rps, response_s, think_s).unwrap() < 1e-9);
        }

        #[test]
        fn a_share_of_the_rate_that_is_missing_is_the_residual(
            clients in 0.1f64..1000.0,
            missing in 0.0f64..1.0,
        ) {
            let rps = clients / 0.5 * (1.0 - missing);
            let residual = little_residual(clients, rps, 0.5, 0.0).unwrap();
            prop_assert!((residual - missing).abs() < 1e-9);
        }
    }
}
