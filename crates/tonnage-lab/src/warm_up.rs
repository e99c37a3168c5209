//! Warming a server up until it is steady: short loads that are thrown away, until
//! two neighbouring ones agree or the time for it is over.

use std::time::{Duration, Instant};

use tonnage_load::{LoadPlan, Stop};
use tonnage_model::WarmUp;

use crate::LabError;

/// The length of one stretch, where the study's warm-up is not longer.
const STRETCH: Duration = Duration::from_secs(1);

/// Two stretches agree within this share (pyperf accepts halves within 5 %) …
const AGREEMENT: f64 = 0.05;

/// … or within so many standard errors of their counts.
const STANDARD_ERRORS: f64 = 2.0;

/// Sends load until two stretches of it agree, at most `within`; nothing where the
/// study wants no warm-up.
pub(crate) fn until_steady(
    load: &LoadPlan,
    within: Duration,
    stop: &Stop,
) -> Result<Option<WarmUp>, LabError> {
    if within.is_zero() || load.warmup.is_zero() {
        return Ok(None);
    }
    let stretch = LoadPlan {
        warmup: Duration::ZERO,
        // There is always time for two, or nothing could be compared.
        duration: Some(load.warmup.max(STRETCH).min(within / 2)),
        requests: None,
        assertions: Vec::new(),
        server_status: None,
        ..load.clone()
    };
    let begun = Instant::now();
    let mut before: Option<u64> = None;
    loop {
        let report = tonnage_load::run(&stretch, stop, None)?;
        if stop.is_requested() {
            return Err(LabError::Interrupted);
        }
        let count = report.counts.succeeded;
        let steady = before.is_some_and(|before| agree(before, count));
        let next_ends = begun.elapsed() + stretch.duration.unwrap_or_default();
        if steady || (before.is_some() && next_ends > within) {
            return Ok(Some(WarmUp {
                lasted_us: begun.elapsed().as_micros() as u64,
                steady,
            }));
        }
        before = Some(count);
    }
}

/// Whether two counts of equally long stretches may come from the same rate.
fn agree(first: u64, second: u64) -> bool {
    let (first, second) = (first as f64, second as f64);
    let difference = (first - second).abs();
    let noise = STANDARD_ERRORS * (first + second).sqrt();
    first > 0.0 && difference <= (AGREEMENT * first.max(second)).max(noise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_agree_within_a_share_or_their_noise() {
        assert!(agree(1000, 1049));
        assert!(!agree(10_000, 11_000));
        // 30 against 38 is what chance does.
        assert!(agree(30, 38));
        assert!(!agree(0, 0));
    }
}
