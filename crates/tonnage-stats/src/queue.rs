//! The queue M/M/c: Poisson arrivals, exponential service, c servers, one line. It is
//! what a service with c effective workers is compared with; where the c comes from,
//! and what a misfit means, is for others to say.
//!
//! Source: A. K. Erlang, 1917; D. Gross et al., "Fundamentals of Queueing Theory", 4th
//! edition 2008, section 2.3.

/// Erlang's C: the probability that an arrival finds all `servers` busy and waits, when
/// `offered` erlangs (λ ÷ μ) are offered; `None` without servers, or where these are not
/// enough (offered ≥ servers) and the line grows for ever.
pub fn erlang_c(servers: u32, offered: f64) -> Option<f64> {
    if !(offered >= 0.0 && offered < f64::from(servers)) {
        return None;
    }
    // Erlang's B by its recursion over the servers, which neither over- nor underflows.
    let blocked = (1..=servers).fold(1.0, |blocked, server| {
        offered * blocked / (f64::from(server) + offered * blocked)
    });
    let free = 1.0 - offered / f64::from(servers);
    Some(blocked / (free + (1.0 - free) * blocked))
}

/// A queue M/M/c whose line does not grow for ever.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mmc {
    servers: f64,
    arrival_rps: f64,
    service_rps: f64,
    wait_probability: f64,
}

impl Mmc {
    /// A queue with `servers` c, arrivals at λ = `arrival_rps`, and μ = `service_rps`
    /// served by each server, both per second; `None` unless 0 ≤ λ < c·μ.
    pub fn new(servers: u32, arrival_rps: f64, service_rps: f64) -> Option<Self> {
        if !(service_rps > 0.0 && service_rps.is_finite()) {
            return None;
        }
        Some(Self {
            servers: f64::from(servers),
            arrival_rps,
            service_rps,
            wait_probability: erlang_c(servers, arrival_rps / service_rps)?,
        })
    }

    /// ρ = λ ÷ cμ: how busy each server is; below 1.
    pub fn utilisation(&self) -> f64 {
        self.arrival_rps / (self.servers * self.service_rps)
    }

    /// Erlang's C.
    pub fn wait_probability(&self) -> f64 {
        self.wait_probability
    }

    /// The mean wait before service, C ÷ (cμ − λ), in seconds.
    pub fn mean_wait_s(&self) -> f64 {
        self.wait_probability / self.spare_rps()
    }

    /// The mean response time, wait and service, in seconds.
    pub fn mean_response_s(&self) -> f64 {
        self.mean_wait_s() + 1.0 / self.service_rps
    }

    /// P(W > t) = C · e^{−(cμ−λ)t} for a wait of `seconds` ≥ 0.
    pub fn wait_above(&self, seconds: f64) -> f64 {
        self.wait_probability * (-self.spare_rps() * seconds).exp()
    }

    /// The wait that a share `quantile` in [0, 1) of the requests stays within, in
    /// seconds; 0 where as many do not wait at all.
    pub fn wait_percentile_s(&self, quantile: f64) -> f64 {
        let above = 1.0 - quantile;
        if self.wait_probability <= above {
            return 0.0;
        }
        (self.wait_probability / above).ln() / self.spare_rps()
    }

    /// P(R > t) for a response time of `seconds` ≥ 0: wait and service added, which are
    /// independent.
    pub fn response_above(&self, seconds: f64) -> f64 {
        let served = (-self.service_rps * seconds).exp();
        // C of the requests wait an exponential time of rate cμ − λ. Where that rate is
        // μ as well, the difference quotient below is its limit t.
        let difference = self.spare_rps() - self.service_rps;
        let quotient = if (difference * seconds).abs() < 1e-9 {
            seconds
        } else {
            (1.0 - (-difference * seconds).exp()) / difference
        };
        served * (1.0 + self.wait_probability * self.service_rps * quotient)
    }

    /// The response time that a share `quantile` in [0, 1) of the requests stays within,
    /// in seconds; by bisection.
    pub fn response_percentile_s(&self, quantile: f64) -> f64 {
        let above = 1.0 - quantile;
        let (mut low, mut high) = (0.0, 1.0 / self.service_rps);
        while self.response_above(high) > above && high.is_finite() {
            high *= 2.0;
        }
        for _ in 0..100 {
            let middle = f64::midpoint(low, high);
            if self.response_above(middle) > above {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    /// cμ − λ.
    fn spare_rps(&self) -> f64 {
        self.servers * self.service_rps - self.arrival_rps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Erlang's C as the textbooks write it.
    fn by_definition(servers: u32, offered: f64) -> f64 {
        let c = f64::from(servers);
        let mut term = 1.0;
        let mut sum = 0.0;
        for k in 0..servers {
            sum += term;
            term *= offered / f64::from(k + 1);
        }
        let waiting = term * c / (c - offered);
        waiting / (sum + waiting)
    }

    #[test]
    fn table_values_are_met() {
        for (servers, offered, table) in [
            (1, 0.7, 0.7),
            (2, 1.0, 1.0 / 3.0),
            (3, 2.0, 4.0 / 9.0),
            (5, 4.0, 0.5541),
            (10, 8.0, 0.4092),
        ] {
            let found = erlang_c(servers, offered).unwrap();
            assert!((found - table).abs() < 5e-5, "{servers} {offered}: {found}");
        }
        // Gross et al., example 2.2, an eye clinic: three doctors, six patients an hour,
        // twenty minutes each: a wait of 0.148 h, 28.9 min in all.
        let clinic = Mmc::new(3, 6.0, 3.0).unwrap();
        assert!((clinic.mean_wait_s() - 0.1481).abs() < 1e-4);
        assert!((clinic.mean_response_s() * 60.0 - 28.9).abs() < 0.02);
        // The usual call centre: 100 calls in 30 minutes of 180 s each, 14 agents: 17.4 %
        // wait, 88.8 % are answered within 20 s.
        let calls = Mmc::new(14, 100.0 / 1800.0, 1.0 / 180.0).unwrap();
        assert!((calls.wait_probability() - 0.174).abs() < 5e-4);
        assert!((1.0 - calls.wait_above(20.0) - 0.888).abs() < 5e-4);
    }

    #[test]
    fn lines_that_grow_for_ever_have_no_figures() {
        assert_eq!(erlang_c(4, 4.0), None);
        assert_eq!(erlang_c(0, 0.0), None);
        assert_eq!(erlang_c(4, f64::NAN), None);
        assert_eq!(Mmc::new(2, 10.0, 5.0), None);
        assert_eq!(Mmc::new(2, 1.0, 0.0), None);
        assert!(Mmc::new(2, 0.0, 5.0).unwrap().mean_wait_s() < f64::EPSILON);
    }

    #[test]
    fn one_server_has_an_exponential_response_time() {
        let queue = Mmc::new(1, 80.0, 100.0).unwrap();
        assert!((queue.response_percentile_s(0.99) - 100_f64.ln() / 20.0).abs() < 1e-9);
        assert!((queue.utilisation() - 0.8).abs() < 1e-12);
        // Two servers at λ = μ: the wait is as fast as the service.
        let equal = Mmc::new(2, 1.0, 1.0).unwrap();
        let expected = (-1.0_f64).exp() * (1.0 + 1.0 / 3.0);
        assert!((equal.response_above(1.0) - expected).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn the_recursion_is_the_definition(servers in 1u32..60, busy in 0.01f64..0.99) {
            let offered = busy * f64::from(servers);
            let found = erlang_c(servers, offered).unwrap();
            prop_assert!((found - by_definition(servers, offered)).abs() < 1e-9);
        }

        #[test]
        fn percentiles_are_where_the_tails_say(
            servers in 1u32..40,
            busy in 0.05f64..0.98,
            quantile in 0.01f64..0.9999,
        ) {
            let queue = Mmc::new(servers, busy * f64::from(servers) * 20.0, 20.0).unwrap();
            let wait = queue.wait_percentile_s(quantile);
            prop_assert!(queue.wait_above(wait) <= (1.0 - quantile) * (1.0 + 1e-9));
            let response = queue.response_percentile_s(quantile);
            let above = queue.response_above(response);
            prop_assert!((above / (1.0 - quantile) - 1.0).abs() < 1e-6);
            prop_assert!(response >= wait);
        }
    }
}
