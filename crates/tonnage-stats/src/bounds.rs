//! Asymptotic bounds of a closed system without think time: what the smallest
//! load and the largest throughput say about every other load.
//!
//! Source: P. J. Denning and J. P. Buzen, "The Operational Analysis of Queueing
//! Network Models", Computing Surveys 10(3), 1978; E. D. Lazowska et al.,
//! "Quantitative System Performance", 1984, chapter 5. Fitting a curve through
//! the points is left to others.

/// The two lines that no closed loop of this system can cross, and where they meet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AsymptoticBounds {
    /// Service demand D in seconds: what one request costs where it does not have
    /// to wait for others, N ÷ X at the smallest N measured. An upper estimate
    /// where that N is above 1, since requests then already wait.
    pub demand_s: f64,
    /// The largest throughput measured, in requests per second; above 0.
    pub peak_rps: f64,
    /// The smallest number of clients measured that had any throughput.
    pub smallest_clients: u32,
}

impl AsymptoticBounds {
    /// The bounds of closed-loop points `(clients, throughput in requests/s)`, in
    /// any order.
    ///
    /// Points without clients or without a positive, finite throughput are passed
    /// over; `None` when no others are left. Where the smallest number of clients
    /// was measured more than once, the fastest time counts: waiting can only add.
    pub fn from_points(points: &[(u32, f64)]) -> Option<Self> {
        let usable = || {
            points
                .iter()
                .filter(|(n, rps)| *n > 0 && *rps > 0.0 && rps.is_finite())
        };
        let smallest_clients = usable().map(|(n, _)| *n).min()?;
        let fastest = |only: Option<u32>| {
            usable()
                .filter(|(n, _)| only.is_none_or(|only| *n == only))
                .map(|(_, rps)| *rps)
                .reduce(f64::max)
        };
        Some(Self {
            demand_s: f64::from(smallest_clients) / fastest(Some(smallest_clients))?,
            peak_rps: fastest(None)?,
            smallest_clients,
        })
    }

    /// The knee N* = D · Xmax in clients: where the two lines meet. With fewer
    /// clients the system has time to spare, with more they queue.
    pub fn knee_clients(&self) -> f64 {
        self.demand_s * self.peak_rps
    }

    /// D · Xmax read as servers: how many requests the system works on at once
    /// when it is busiest (Little's law applied to service alone).
    pub fn effective_servers(&self) -> f64 {
        self.knee_clients()
    }

    /// X(N) ≤ min(N ÷ D, Xmax), in requests per second.
    pub fn throughput_bound_rps(&self, clients: f64) -> f64 {
        self.light_load_rps(clients).min(self.peak_rps)
    }

    /// The rising line alone, N ÷ D, in requests per second: the throughput if no
    /// request ever had to wait.
    pub fn light_load_rps(&self, clients: f64) -> f64 {
        clients / self.demand_s
    }

    /// R(N) ≥ max(D, N ÷ Xmax), in seconds.
    pub fn response_bound_s(&self, clients: f64) -> f64 {
        self.demand_s.max(clients / self.peak_rps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The ladder published with the study of Flask behind gunicorn (seed 004).
    const PUBLISHED: [(u32, f64); 5] = [
        (1, 69.5868),
        (2, 133.7129),
        (4, 207.3659),
        (8, 279.5733),
        (16, 280.4042),
    ];

    #[test]
    fn the_published_ladder_has_its_knee_at_four_clients() {
        let bounds = AsymptoticBounds::from_points(&PUBLISHED).unwrap();
        assert!((bounds.demand_s * 1e3 - 14.37).abs() < 0.005);
        assert!((bounds.peak_rps - 280.4042).abs() < 1e-9);
        assert!((bounds.knee_clients() - 4.03).abs() < 0.005);
        assert!((bounds.effective_servers() - bounds.knee_clients()).abs() < 1e-12);
        assert_eq!(bounds.smallest_clients, 1);
    }

    #[test]
    fn the_lines_of_the_published_ladder_are_where_they_belong() {
        let bounds = AsymptoticBounds::from_points(&PUBLISHED).unwrap();
        assert!((bounds.throughput_bound_rps(2.0) - 139.1736).abs() < 1e-6);
        assert!((bounds.throughput_bound_rps(64.0) - 280.4042).abs() < 1e-9);
        assert!((bounds.response_bound_s(1.0) * 1e3 - 14.3706).abs() < 1e-3);
        assert!((bounds.response_bound_s(16.0) * 1e3 - 57.0605).abs() < 1e-3);
    }

    #[test]
    fn nothing_measured_has_no_bounds() {
        for points in [
            vec![],
            vec![(1, 0.0)],
            vec![(0, 5.0)],
            vec![(1, f64::NAN), (2, -3.0), (4, f64::INFINITY)],
        ] {
            assert_eq!(AsymptoticBounds::from_points(&points), None, "{points:?}");
        }
    }

    #[test]
    fn the_smallest_load_with_throughput_gives_the_demand() {
        let bounds =
            AsymptoticBounds::from_points(&[(8, 90.0), (1, 0.0), (2, 40.0), (2, 50.0)]).unwrap();
        assert_eq!(bounds.smallest_clients, 2);
        assert!((bounds.demand_s - 0.04).abs() < 1e-12);
    }

    fn points() -> impl Strategy<Value = Vec<(u32, f64)>> {
        proptest::collection::vec((1u32..5000, 0.01f64..1e6), 1..20)
    }

    proptest! {
        #[test]
        fn the_lines_meet_at_the_knee(points in points(), clients in 0.5f64..1e4) {
            let bounds = AsymptoticBounds::from_points(&points).unwrap();
            let knee = bounds.knee_clients();
            let at_knee = bounds.light_load_rps(knee);
            prop_assert!((at_knee / bounds.peak_rps - 1.0).abs() < 1e-9);
            prop_assert!((bounds.response_bound_s(knee) / bounds.demand_s - 1.0).abs() < 1e-9);
            // N = X·R holds on the bounds themselves (Little's law, no think time).
            let product = bounds.throughput_bound_rps(clients) * bounds.response_bound_s(clients);
            prop_assert!((product / clients - 1.0).abs() < 1e-9);
        }

        #[test]
        fn no_measured_throughput_lies_above_the_peak(points in points()) {
            let bounds = AsymptoticBounds::from_points(&points).unwrap();
            prop_assert!(points.iter().all(|(_, rps)| *rps <= bounds.peak_rps));
            let knee = bounds.knee_clients();
            prop_assert!(knee >= f64::from(bounds.smallest_clients) * (1.0 - 1e-9));
        }

        #[test]
        fn the_order_of_the_points_does_not_matter(points in points()) {
            let mut reversed = points.clone();
            reversed.reverse();
            prop_assert_eq!(
                AsymptoticBounds::from_points(&points),
                AsymptoticBounds::from_points(&reversed)
            );
        }
    }
}
