//! From how many clients on a system gains nothing more. Points and blocks come from
//! the caller; the Universal Scalability Law's peak is in `usl`, the lines that
//! throughput cannot cross in `bounds`.

use crate::bounds::AsymptoticBounds;
use crate::interval::{Interval, level_interval, ratio_interval};
use crate::levels::common_blocks;

/// A doubling of the clients that gains less than this share of the newer throughput
/// saturates: the rule of the `flask_bench` study (seed 004), which is also what its
/// published ladder stopped by.
pub const LEAST_GAIN: f64 = 0.05;

/// A number of clients, and between what bounds it lies with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Knee {
    /// The lower bound in clients.
    pub low: f64,
    /// The estimate in clients.
    pub estimate: f64,
    /// The upper bound in clients; ∞ where the measurements set none.
    pub high: f64,
}

/// Whether a doubling of the clients still gained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saturated {
    /// It gained less than [`LEAST_GAIN`], upper bound included.
    Yes,
    /// It gained more, lower bound included.
    No,
    /// The interval holds both: more blocks are needed. Always so with one block.
    NearTie,
}

/// One step of a ladder of clients.
#[derive(Debug, Clone, PartialEq)]
pub struct Rung {
    /// The number of clients N; above 0.
    pub clients: u32,
    /// Throughput in requests per second, one a block; `None` where it was not measured.
    pub throughput_rps: Vec<Option<f64>>,
}

/// What a doubling of the clients gained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Doubling {
    /// The clients N before the doubling.
    pub clients: u32,
    /// X(2N) ÷ X(N) over the blocks that measured both.
    pub ratio: Interval,
    /// What that says.
    pub saturated: Saturated,
}

/// The plain gain of one step, (newer − older) ÷ newer, without an interval; `None`
/// unless both are positive and finite.
pub fn gain(older_rps: f64, newer_rps: f64) -> Option<f64> {
    let usable = |x: f64| x > 0.0 && x.is_finite();
    (usable(older_rps) && usable(newer_rps)).then(|| (newer_rps - older_rps) / newer_rps)
}

/// Whether doubling the clients still gained, from pairs `(older, newer)` of the
/// throughputs before and after it, each pair of one block; `None` without pairs, or
/// where a throughput is not positive and finite.
pub fn saturated(pairs: &[(f64, f64)], seed: u64) -> Option<Saturated> {
    let turned: Vec<(f64, f64)> = pairs
        .iter()
        .map(|(older, newer)| (*newer, *older))
        .collect();
    Some(verdict(&ratio_interval(&turned, seed)?))
}

/// The ratio below which a doubling gains less than [`LEAST_GAIN`].
fn limit() -> f64 {
    1.0 / (1.0 - LEAST_GAIN)
}

fn verdict(ratio: &Interval) -> Saturated {
    if ratio.high < limit() {
        Saturated::Yes
    } else if ratio.low > limit() {
        Saturated::No
    } else {
        Saturated::NearTie
    }
}

/// Every doubling N → 2N that a ladder holds, by N; rungs without a partner are passed
/// over, as are partners that share no block.
pub fn doublings(rungs: &[Rung], seed: u64) -> Vec<Doubling> {
    let mut found: Vec<Doubling> = rungs
        .iter()
        .filter_map(|older| {
            let double = older.clients.checked_mul(2)?;
            let newer = rungs.iter().find(|rung| rung.clients == double)?;
            let shared = common_blocks(&newer.throughput_rps, &older.throughput_rps);
            let ratio = ratio_interval(&shared, seed)?;
            Some(Doubling {
                clients: older.clients,
                ratio,
                saturated: verdict(&ratio),
            })
        })
        .collect();
    found.sort_by_key(|doubling| doubling.clients);
    found
}

/// The least number of clients whose doubling gains less than [`LEAST_GAIN`]; `None`
/// where each doubling gains more.
///
/// `high` is the first N that is saturated beyond doubt, `low` the last before it that
/// is not (or the first N of all), and the estimate the first between them that looks
/// saturated.
pub fn doubling_knee(doublings: &[Doubling]) -> Option<Knee> {
    let sure = doublings.iter().position(|d| d.saturated == Saturated::Yes);
    let until = sure.map_or(doublings.len(), |sure| sure + 1);
    let last_gain = doublings[..until]
        .iter()
        .rposition(|d| d.saturated == Saturated::No);
    let from = last_gain.map_or(0, |last| last + 1);
    let estimate = doublings[from..until]
        .iter()
        .find(|d| d.ratio.estimate < limit())?;
    Some(Knee {
        low: f64::from(doublings[last_gain.unwrap_or(0)].clients),
        estimate: f64::from(estimate.clients),
        high: sure.map_or(f64::INFINITY, |sure| f64::from(doublings[sure].clients)),
    })
}

/// The knee N* = D · Xmax of the asymptotic bounds, found in each block and averaged;
/// `None` where no block has one. With one block its bounds are 0 and ∞.
pub fn bounds_knee(rungs: &[Rung], seed: u64) -> Option<Knee> {
    let blocks = rungs.iter().map(|rung| rung.throughput_rps.len()).max()?;
    let knees: Vec<f64> = (0..blocks)
        .filter_map(|block| {
            let point = |rung: &Rung| {
                let rps = rung.throughput_rps.get(block).copied().flatten()?;
                Some((rung.clients, rps))
            };
            let points: Vec<(u32, f64)> = rungs.iter().filter_map(point).collect();
            Some(AsymptoticBounds::from_points(&points)?.knee_clients())
        })
        .collect();
    let interval = level_interval(&knees, seed)?;
    Some(Knee {
        low: interval.low,
        estimate: interval.estimate,
        high: interval.high,
    })
}

#[cfg(test)]
mod tests {
    use super::Saturated::{No, Yes};
    use super::*;
    use crate::random::Stream;
    use proptest::prelude::*;

    /// The ladder published with the study of Flask behind gunicorn (seed 004).
    const PUBLISHED: [(u32, f64); 5] = [
        (1, 69.5868),
        (2, 133.7129),
        (4, 207.3659),
        (8, 279.5733),
        (16, 280.4042),
    ];

    fn published() -> Vec<Rung> {
        PUBLISHED
            .iter()
            .map(|(clients, rps)| Rung {
                clients: *clients,
                throughput_rps: vec![Some(*rps)],
            })
            .collect()
    }

    /// Throughput min(N, 6) · 100 with noise, on a machine that is slower in each block.
    fn ladder(blocks: usize, cv: f64) -> Vec<Rung> {
        let mut stream = Stream::new(11, 0);
        [1, 2, 3, 4, 6, 8, 12, 16, 24]
            .map(|clients| Rung {
                clients,
                throughput_rps: (0..blocks)
                    .map(|block| {
                        let level = f64::from(clients.min(6)) * 100.0 / (1.0 + block as f64 / 4.0);
                        Some(stream.trial(level, cv))
                    })
                    .collect(),
            })
            .to_vec()
    }

    #[test]
    fn the_published_ladder_saturates_at_eight_as_its_authors_said() {
        let doublings = doublings(&published(), 1);
        let froms: Vec<u32> = doublings.iter().map(|d| d.clients).collect();
        assert_eq!(froms, [1, 2, 4, 8]);
        let knee = doubling_knee(&doublings).unwrap();
        // One block proves nothing.
        assert_eq!(
            (knee.low, knee.estimate, knee.high),
            (1.0, 8.0, f64::INFINITY)
        );
        let bounds = bounds_knee(&published(), 1).unwrap();
        assert!((bounds.estimate - 4.03).abs() < 0.005);
        assert!((gain(279.5733, 280.4042).unwrap() - 0.002_963).abs() < 1e-6);
        assert_eq!(gain(0.0, 1.0), None);
    }

    #[test]
    fn blocks_make_it_certain() {
        let doublings = doublings(&ladder(6, 0.01), 1);
        let verdicts: Vec<_> = doublings.iter().map(|d| (d.clients, d.saturated)).collect();
        assert_eq!(
            verdicts,
            [
                (1, No),
                (2, No),
                (3, No),
                (4, No),
                (6, Yes),
                (8, Yes),
                (12, Yes)
            ]
        );
        let knee = doubling_knee(&doublings).unwrap();
        assert_eq!((knee.low, knee.estimate, knee.high), (4.0, 6.0, 6.0));
        let bounds = bounds_knee(&ladder(6, 0.01), 1).unwrap();
        assert!(
            bounds.low < 6.2 && bounds.high > 5.9 && bounds.high < 6.5,
            "{bounds:?}"
        );
    }

    #[test]
    fn noise_makes_near_ties_not_verdicts() {
        let doublings = doublings(&ladder(3, 0.05), 1);
        assert!(doublings.iter().any(|d| d.saturated == Saturated::NearTie));
        assert!(doublings[..2].iter().all(|d| d.saturated == Saturated::No));
    }

    #[test]
    fn what_keeps_gaining_has_no_knee() {
        let rungs = ladder(6, 0.01)[..4].to_vec();
        assert_eq!(doubling_knee(&doublings(&rungs, 1)), None);
        assert_eq!(doubling_knee(&[]), None);
        assert_eq!(bounds_knee(&[], 1), None);
        assert_eq!(saturated(&[], 1), None);
    }

    #[test]
    fn the_gain_counts_as_a_share_of_the_newer() {
        let pairs = |newer: f64| [(100.0, newer), (100.0, newer), (100.0, newer)];
        assert_eq!(saturated(&pairs(105.2), 1), Some(Saturated::Yes));
        assert_eq!(saturated(&pairs(105.3), 1), Some(Saturated::No));
    }

    proptest! {
        #[test]
        fn the_estimate_lies_between_the_bounds(
            levels in prop::collection::vec(prop::collection::vec(50.0f64..150.0, 4), 5),
        ) {
            let rungs: Vec<Rung> = levels
                .iter()
                .enumerate()
                .map(|(i, blocks)| Rung {
                    clients: 1 << i,
                    throughput_rps: blocks.iter().copied().map(Some).collect(),
                })
                .collect();
            if let Some(knee) = doubling_knee(&doublings(&rungs, 1)) {
                prop_assert!(knee.low <= knee.estimate && knee.estimate <= knee.high);
            }
        }
    }
}
