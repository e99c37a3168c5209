//! The Universal Scalability Law: how throughput grows with load, where it peaks, and
//! what it cannot exceed. Fitting is in `fit`, the uncertainty of a fit in `band`;
//! whether a system is saturated is for others to say.
//!
//! Source: N. J. Gunther, "Guerrilla Capacity Planning", Springer 2007, chapters 4
//! and 5; "A General Theory of Computational Scalability Based on Rational Functions",
//! arXiv:0808.1431, 2008.

mod band;
mod fit;
#[cfg(test)]
mod literature;

pub use band::{Band, BandPoint, band};
pub use fit::{FEWEST_LOADS, Residuals, UslError, UslFit, fit, fit_by};

/// X(N) = λN ÷ (1 + σ(N−1) + κN(N−1)).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usl {
    /// λ: the throughput of one client in requests per second; above 0.
    pub lambda: f64,
    /// σ: contention, the share of work that clients must do one after another; 0 or
    /// more, usually below 1.
    pub sigma: f64,
    /// κ: crosstalk, what keeping clients in step with each other costs; 0 or more.
    pub kappa: f64,
}

impl Usl {
    /// X(N) in requests per second, for `clients` of 1 or more.
    pub fn throughput(&self, clients: f64) -> f64 {
        let others = clients - 1.0;
        self.lambda * clients / (1.0 + self.sigma * others + self.kappa * clients * others)
    }

    /// N* = √((1−σ) ÷ κ), the clients at which throughput is highest, at least 1;
    /// `None` without crosstalk, where it never falls.
    pub fn peak_clients(&self) -> Option<f64> {
        (self.kappa > 0.0).then(|| ((1.0 - self.sigma).max(0.0) / self.kappa).sqrt().max(1.0))
    }

    /// The highest throughput of any number of clients, in requests per second; without
    /// crosstalk what it tends to, and `None` where it grows without end (σ = κ = 0).
    pub fn peak_throughput(&self) -> Option<f64> {
        match self.peak_clients() {
            Some(peak) => Some(self.throughput(peak)),
            // With σ above 1 the first client is already the best.
            None => Some(self.asymptote()?.max(self.lambda)),
        }
    }

    /// λ ÷ σ in requests per second: what contention alone allows, however many the
    /// clients (Amdahl's law); `None` without contention.
    pub fn asymptote(&self) -> Option<f64> {
        (self.sigma > 0.0).then(|| self.lambda / self.sigma)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn laws_without_one_of_their_terms_have_their_limits() {
        let usl = |sigma, kappa| Usl {
            lambda: 10.0,
            sigma,
            kappa,
        };
        let linear = usl(0.0, 0.0);
        assert!((linear.throughput(8.0) - 80.0).abs() < 1e-12);
        assert_eq!(
            (
                linear.peak_clients(),
                linear.peak_throughput(),
                linear.asymptote()
            ),
            (None, None, None)
        );
        let amdahl = usl(0.1, 0.0);
        assert_eq!(amdahl.peak_clients(), None);
        assert_eq!(amdahl.peak_throughput(), Some(100.0));
        assert!((amdahl.throughput(1e9) - 100.0).abs() < 1e-5);
        // More than one client is only in the way.
        assert_eq!(usl(1.5, 0.1).peak_clients(), Some(1.0));
        assert_eq!(usl(1.5, 0.0).peak_throughput(), Some(10.0));
    }

    proptest! {
        #[test]
        fn nothing_exceeds_the_peak(
            lambda in 0.1f64..1e4,
            sigma in 0.0f64..1.2,
            kappa in 1e-7f64..0.1,
            clients in 1.0f64..1e5,
        ) {
            let usl = Usl { lambda, sigma, kappa };
            let peak = usl.peak_throughput().unwrap();
            prop_assert!(usl.throughput(clients) <= peak * (1.0 + 1e-9));
            if let Some(asymptote) = usl.asymptote().filter(|_| sigma < 1.0) {
                prop_assert!(peak <= asymptote * (1.0 + 1e-9));
            }
        }
    }
}
