//! Whether the figures of a load may be believed, and why not: numbered reasons,
//! each with its figure. How a reason is found is the engine's part.

use serde::{Deserialize, Serialize};

/// How far the figures of a load may be believed.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Nothing speaks against them.
    #[default]
    Valid,
    /// Something may have distorted them; the reasons say what to look at.
    Suspect,
    /// They do not say what they seem to say; do not use them.
    Invalid,
}

impl Level {
    /// The word used in text and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::Suspect => "SUSPECT",
            Self::Invalid => "INVALID",
        }
    }
}

/// What a detector looks for. The names are stable: scripts may rely on them.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Detector {
    /// The generator's threads had too little CPU left.
    GeneratorCpu,
    /// The generator was kept from running: throttled by its group, or waiting
    /// for a CPU that others had.
    GeneratorStarved,
    /// The rate is near what this client can do at all.
    OwnCeiling,
    /// Requests left later than they were due.
    SendLag,
    /// The schedule asked for more than was sent.
    RateMissed,
    /// Users, rate and times contradict Little's law.
    LittlesLaw,
    /// Fewer connections were open than were asked for.
    FewerConnections,
    /// This machine ran out of local ports.
    PortExhaustion,
    /// The listener's backlog overflowed, so that connects waited for a second try.
    BacklogOverflow,
    /// Rate or latency still changed within the window.
    NotSteady,
    /// Too few requests for what was asked.
    TooFewSamples,
    /// The hypervisor gave this machine's CPU time to others.
    StealTime,
    /// Answers differed from each other in length or content.
    DriftingBodies,
    /// So many requests failed that the rest says little.
    Failures,
    /// The target stood still, and a closed loop stops asking meanwhile.
    Stall,
}

impl Detector {
    /// Every detector, in the order in which reasons are numbered.
    pub const ALL: [Self; 15] = [
        Self::GeneratorCpu,
        Self::GeneratorStarved,
        Self::OwnCeiling,
        Self::SendLag,
        Self::RateMissed,
        Self::LittlesLaw,
        Self::FewerConnections,
        Self::PortExhaustion,
        Self::BacklogOverflow,
        Self::NotSteady,
        Self::TooFewSamples,
        Self::StealTime,
        Self::DriftingBodies,
        Self::Failures,
        Self::Stall,
    ];
}

/// One reason not to believe the figures as they stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reason {
    /// Who found it.
    pub detector: Detector,
    /// How much it weighs.
    pub level: Level,
    /// What was seen, with its figure, and what to do about it: one sentence or two.
    pub text: String,
}

/// The verdict on one load.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Verdict {
    /// The worst of the reasons' levels; VALID without any.
    pub level: Level,
    /// Why, worst first.
    pub reasons: Vec<Reason>,
}

impl Verdict {
    /// The verdict that follows from `reasons`: the worst come first, otherwise
    /// in the order of [`Detector::ALL`].
    pub fn from_reasons(mut reasons: Vec<Reason>) -> Self {
        reasons.sort_by_key(|reason| (std::cmp::Reverse(reason.level), reason.detector));
        Self {
            level: reasons.first().map_or(Level::Valid, |reason| reason.level),
            reasons,
        }
    }

    /// The reason that `detector` gave, if it did.
    pub fn reason(&self, detector: Detector) -> Option<&Reason> {
        self.reasons
            .iter()
            .find(|reason| reason.detector == detector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(detector: Detector, level: Level) -> Reason {
        Reason {
            detector,
            level,
            text: String::new(),
        }
    }

    #[test]
    fn the_worst_reason_decides_and_comes_first() {
        let verdict = Verdict::from_reasons(vec![
            reason(Detector::StealTime, Level::Suspect),
            reason(Detector::PortExhaustion, Level::Invalid),
            reason(Detector::GeneratorCpu, Level::Suspect),
        ]);
        assert_eq!(verdict.level, Level::Invalid);
        let order: Vec<Detector> = verdict.reasons.iter().map(|r| r.detector).collect();
        assert_eq!(
            order,
            [
                Detector::PortExhaustion,
                Detector::GeneratorCpu,
                Detector::StealTime
            ]
        );
        assert!(verdict.reason(Detector::StealTime).is_some());
        assert!(verdict.reason(Detector::Stall).is_none());
    }

    #[test]
    fn no_reason_is_valid() {
        assert_eq!(Verdict::from_reasons(vec![]), Verdict::default());
        assert_eq!(Verdict::default().level, Level::Valid);
    }

    #[test]
    fn names_are_stable() {
        let names: Vec<String> = Detector::ALL
            .iter()
            .map(|d| {
                serde_json::to_value(d)
                    .unwrap()
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        insta::assert_snapshot!(names.join(" "), @"generator-cpu generator-starved own-ceiling send-lag rate-missed littles-law fewer-connections port-exhaustion backlog-overflow not-steady too-few-samples steal-time drifting-bodies failures stall");
        assert_eq!(
            serde_json::to_value(Level::Suspect).unwrap(),
            Level::Suspect.name()
        );
    }
}
