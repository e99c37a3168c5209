//! `matmul`: a matrix, and as many times as the client asks for two fresh random
//! ones, added and multiplied into it, element by element as the study has it.

use std::hash::{BuildHasher as _, RandomState};
use std::hint::black_box;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::routing::get;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

use crate::answer::Refusal;
use crate::calls::Calls;
use crate::cores::Cores;
use crate::params::Params;
use crate::settings::Settings;

/// Rows, and columns.
const SIDE: usize = 100;

/// How many times where the client does not say.
const DEFAULT_NUM: u32 = 1000;

/// How many times at most: some twenty seconds of work in Python.
const MAX_NUM: u32 = 100_000;

/// Its cells, row by row.
type Matrix = Vec<f64>;

/// The work with its counter, as HTTP and gRPC ask for it.
#[derive(Clone)]
pub(crate) struct CpuBound {
    calls: Calls,
    cores: Cores,
}

impl CpuBound {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            calls: Calls::default(),
            cores: Cores::new(settings),
        }
    }

    /// The answer to a request for `num` rounds, or for the usual ones.
    pub(crate) async fn answer(&self, num: Option<u32>) -> Result<String, Refusal> {
        let num = num.unwrap_or(DEFAULT_NUM);
        if num > MAX_NUM {
            let message = format!("num must be a number from 0 to {MAX_NUM}");
            return Err(Refusal::bad_request(message));
        }
        let count = self.calls.next();
        // Nobody could foresee it, as with numpy's generator.
        let seed = RandomState::new().hash_one(count);
        self.cores
            .run(move || drop(black_box(long_running(num, seed))))
            .await?;
        Ok(format!("[{count}] ({SIDE}, {SIDE})"))
    }
}

pub(crate) fn router(settings: &Settings) -> Router {
    Router::new()
        .route("/", get(async || "ready"))
        .route("/cpu_bound", get(cpu_bound))
        .with_state(CpuBound::new(settings))
}

async fn cpu_bound(
    State(work): State<CpuBound>,
    RawQuery(query): RawQuery,
) -> Result<String, Refusal> {
    let query = query.unwrap_or_default();
    work.answer(Params(&query).number("num", &(0..=MAX_NUM))?)
        .await
}

fn long_running(num: u32, seed: u64) -> Matrix {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut fresh = || -> Matrix {
        let cells = std::iter::repeat_with(|| random.random());
        cells.take(SIDE * SIDE).collect()
    };
    let mut product = fresh();
    for _ in 0..num {
        let (one, other) = (fresh(), fresh());
        for ((product, one), other) in product.iter_mut().zip(&one).zip(&other) {
            *product *= one + other;
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::long_running;

    #[test]
    fn the_product_is_that_of_uniform_sums() {
        let start = long_running(0, 7);
        assert!(start.iter().all(|x| (0.0..1.0).contains(x)));
        // The mean of 10,000 uniform numbers: 0.5 within ten standard errors.
        let mean = |m: &[f64]| m.iter().sum::<f64>() / m.len() as f64;
        assert!((mean(&start) - 0.5).abs() < 0.03, "{}", mean(&start));
        // A sum of two has the mean 1, and its logarithm the mean 2·ln 2 − 3/2.
        let once = long_running(1, 7);
        let factors: Vec<f64> = once
            .iter()
            .zip(&start)
            .map(|(after, before)| after / before)
            .collect();
        assert!((mean(&factors) - 1.0).abs() < 0.05, "{}", mean(&factors));
        let many = long_running(20, 7);
        let logs: Vec<f64> = many
            .iter()
            .zip(&start)
            .map(|(after, before)| (after / before).ln())
            .collect();
        let expected = 20.0 * (2.0 * 2f64.ln() - 1.5);
        assert!((mean(&logs) - expected).abs() < 0.3, "{}", mean(&logs));
        assert_ne!(long_running(1, 8), once);
    }
}
