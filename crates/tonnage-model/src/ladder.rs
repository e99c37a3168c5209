//! How the number of clients grows within a cell, and when it stops: pure
//! decisions on the points measured so far, used while a study runs and again
//! when its report is written.

use std::fmt;

use serde::Deserialize;

/// More clients than this need more than one machine.
pub(crate) const MAX_CLIENTS: u32 = 100_000;

/// The numbers of clients to try, in order.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ladder {
    /// The first step; at least 1.
    pub start: u32,
    /// Each step is the previous one times this; at least 2.
    pub multiply_by: u32,
    /// No step beyond this.
    pub max: u32,
    /// Stop after a step whose goodput is less than this share above the step
    /// before, as a share of the newer value: `(new − old) / new`.
    pub stop_when_gain_below: f64,
}

/// A measured step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LadderPoint {
    /// Users of the closed loop.
    pub clients: u32,
    /// Checked successes per second.
    pub goodput_rps: f64,
    /// Failed requests.
    pub failed: u64,
}

/// What a ladder asks for next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NextStep {
    /// A step with this many clients.
    Inject(u32),
    /// Nothing more, for this reason.
    Stop(StopReason),
}

/// Why a ladder ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StopReason {
    /// The newest step gained too little; shares of the newer value.
    SmallGain {
        /// `(new − old) / new`.
        gain: f64,
        /// The study's threshold.
        threshold: f64,
    },
    /// Requests failed in the newest step.
    Failures(u64),
    /// The newest step had no success at all.
    NoSuccess,
    /// The next step would go beyond the ladder's end.
    EndOfLadder(u32),
    /// Every step that was asked for has been made.
    AllSteps,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SmallGain { gain, threshold } if *gain < 0.0 => write!(
                f,
                "the newest step fell by {:.1} % instead of gaining {:.0} %",
                -gain * 100.0,
                threshold * 100.0
            ),
            Self::SmallGain { gain, threshold } => write!(
                f,
                "the newest step gained {:.1} %, less than {:.0} %",
                gain * 100.0,
                threshold * 100.0
            ),
            Self::Failures(count) => write!(f, "{count} requests failed in the newest step"),
            Self::NoSuccess => f.write_str("no request succeeded in the newest step"),
            Self::EndOfLadder(max) => write!(f, "the ladder ends at {max} clients"),
            Self::AllSteps => f.write_str("every step asked for was made"),
        }
    }
}

impl Ladder {
    /// Fails with what a ladder must be.
    pub(crate) fn check(&self) -> Result<(), String> {
        let in_range = self.start >= 1 && self.max >= self.start && self.max <= MAX_CLIENTS;
        if !in_range || self.multiply_by < 2 {
            return Err(format!(
                "a ladder starts at 1 or above, multiplies by 2 or more, and ends between its start and {MAX_CLIENTS}"
            ));
        }
        if !(0.0..1.0).contains(&self.stop_when_gain_below) {
            return Err("`stop_when_gain_below` is a share, from 0 up to 1".to_owned());
        }
        Ok(())
    }

    /// What to do after the steps in `points`, oldest first.
    pub fn next(&self, points: &[LadderPoint]) -> NextStep {
        let Some(newest) = points.last() else {
            return NextStep::Inject(self.start);
        };
        if newest.failed > 0 {
            return NextStep::Stop(StopReason::Failures(newest.failed));
        }
        if newest.goodput_rps <= 0.0 {
            return NextStep::Stop(StopReason::NoSuccess);
        }
        if let [.., before, _] = points {
            let gain = (newest.goodput_rps - before.goodput_rps) / newest.goodput_rps;
            if gain < self.stop_when_gain_below {
                let threshold = self.stop_when_gain_below;
                return NextStep::Stop(StopReason::SmallGain { gain, threshold });
            }
        }
        match newest.clients.checked_mul(self.multiply_by) {
            Some(clients) if clients <= self.max => NextStep::Inject(clients),
            _ => NextStep::Stop(StopReason::EndOfLadder(self.max)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubling() -> Ladder {
        Ladder {
            start: 1,
            multiply_by: 2,
            max: 64,
            stop_when_gain_below: 0.05,
        }
    }

    fn points(rates: &[f64]) -> Vec<LadderPoint> {
        rates
            .iter()
            .enumerate()
            .map(|(i, &goodput_rps)| LadderPoint {
                clients: 1 << i,
                goodput_rps,
                failed: 0,
            })
            .collect()
    }

    #[test]
    fn the_published_ladder_is_climbed_as_published() {
        let published = [69.586, 133.713, 207.366, 279.573, 280.404];
        for done in 0..published.len() {
            let next = doubling().next(&points(&published[..done]));
            assert_eq!(next, NextStep::Inject(1 << done));
        }
        let NextStep::Stop(reason) = doubling().next(&points(&published)) else {
            panic!("it should stop");
        };
        assert_eq!(
            reason.to_string(),
            "the newest step gained 0.3 %, less than 5 %"
        );
    }

    #[test]
    fn failures_stop_it_before_the_gain_is_looked_at() {
        let mut measured = points(&[100.0, 200.0]);
        measured[1].failed = 3;
        assert_eq!(
            doubling().next(&measured),
            NextStep::Stop(StopReason::Failures(3))
        );
    }

    #[test]
    fn a_fall_is_no_gain() {
        assert!(matches!(
            doubling().next(&points(&[100.0, 50.0])),
            NextStep::Stop(StopReason::SmallGain { .. })
        ));
    }

    #[test]
    fn a_step_without_success_stops_it() {
        assert_eq!(
            doubling().next(&points(&[0.0])),
            NextStep::Stop(StopReason::NoSuccess)
        );
    }

    #[test]
    fn it_always_ends() {
        let rates: Vec<f64> = (0..7).map(|i| f64::from(1 << i)).collect();
        assert_eq!(
            doubling().next(&points(&rates)),
            NextStep::Stop(StopReason::EndOfLadder(64))
        );
    }
}
