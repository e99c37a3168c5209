//! What a machine can measure, and how noisy it is: what `tonnage doctor` finds,
//! and what the record of every run keeps. How the figures are taken and where the
//! grades begin is the laboratory's business.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Isolation;

/// How far figures of a machine may be trusted; the best comes first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum NoiseGrade {
    /// Differences of a few per cent can be seen.
    A,
    /// Differences of a tenth can be seen.
    B,
    /// Only large differences can be seen.
    #[default]
    C,
    /// What is measured here says little; a run has to be forced.
    D,
}

impl NoiseGrade {
    /// The grade as a letter, as text and tables show it.
    pub fn letter(self) -> char {
        match self {
            Self::A => 'A',
            Self::B => 'B',
            Self::C => 'C',
            Self::D => 'D',
        }
    }

    /// What the grade means for whoever reads figures taken under it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::A => "differences of a few per cent can be seen",
            Self::B => "differences of a tenth can be seen",
            Self::C => "only large differences can be seen",
            Self::D => "what is measured here says little",
        }
    }
}

impl fmt::Display for NoiseGrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.letter())
    }
}

/// What was found out about a machine before a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Noise {
    /// The grade that the worst finding gives.
    pub grade: NoiseGrade,
    /// Standard deviation of the time of a fixed amount of work, as a share of its
    /// mean, on the noisiest CPU.
    pub spin_variation: f64,
    /// How much longer the slowest piece of that work took than the median, as a
    /// share of the median.
    pub spin_worst: f64,
    /// The same for each CPU that was looked at.
    pub spins: Vec<Spin>,
    /// Share of the time in which CPUs were kept busy that the hypervisor gave to
    /// others, 0 to 1; `None` where the kernel does not say.
    pub steal_share: Option<f64>,
    /// Processes that ran or wanted to before the run, one-minute mean.
    pub load_average: Option<f64>,
    /// Share of time in which some thread waited for a CPU before the run, 0 to 1
    /// (PSI of the machine, ten-second mean).
    pub cpu_pressure: Option<f64>,
    /// Responses per second of one thread of the generator against a responder that
    /// does nothing, over kept connections.
    pub ceiling_rps: Option<f64>,
    /// What one reading of the monotonic clock costs, in nanoseconds.
    pub clock_read_ns: Option<f64>,
    /// What the machine is like and lets a process do.
    pub machine: MachineFacts,
    /// What is not as it should be, each with its way out; the gravest comes first.
    pub findings: Vec<Finding>,
}

/// How evenly one CPU does the same work again and again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spin {
    /// The CPU's number.
    pub cpu: u32,
    /// Pieces of work that were timed.
    pub pieces: u32,
    /// Median time of a piece, in milliseconds.
    pub median_ms: f64,
    /// Standard deviation of the times, as a share of their mean.
    pub variation: f64,
    /// How much longer the slowest piece took than the median, as a share of it.
    pub worst: f64,
    /// Share of the time in which the work was ready and other processes of this
    /// machine had the CPU, 0 to 1; `None` where the kernel does not say.
    pub waited_share: Option<f64>,
    /// Share of the CPU's time that the hypervisor gave to others meanwhile, 0 to 1;
    /// `None` where the kernel does not say.
    pub steal_share: Option<f64>,
}

/// What a machine is like, as far as figures taken on it depend on that. What the
/// kernel does not tell is `None` or empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MachineFacts {
    /// CPUs that this process may be put on.
    pub allowed_cpus: u32,
    /// CPUs that it can keep busy: the same, or fewer where a control group has a
    /// quota.
    pub usable_cpus: u32,
    /// Whether two CPUs are one core.
    pub has_smt: Option<bool>,
    /// The hypervisor, where there is one.
    pub virtualisation: Option<String>,
    /// The kernel's clock source.
    pub clock_source: String,
    /// The rule that sets the CPUs' frequency.
    pub governor: Option<String>,
    /// Whether CPUs run faster than their nominal frequency while they are cool.
    pub has_turbo: Option<bool>,
    /// Swap in use, in KiB; `None` without swap.
    pub swap_used_kib: Option<u64>,
    /// Files and sockets that a process may have open (the hard limit).
    pub open_files: Option<u64>,
    /// Local ports for connections to one address.
    pub ephemeral_ports: Option<u64>,
    /// Connections that may wait to be accepted by one listener.
    pub somaxconn: Option<u64>,
    /// Half-open connections that a listener remembers.
    pub syn_backlog: Option<u64>,
    /// How CPU and memory can be limited here.
    pub isolation: Isolation,
    /// The same in words.
    pub isolation_text: String,
}

/// Something about a machine that a reader of its figures should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The best grade that is left with it; `A` where it makes nothing noisier.
    pub grade: NoiseGrade,
    /// What was found, with its figure.
    pub text: String,
    /// What would mend it; empty where nothing would.
    pub remedy: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worse_grade_is_the_greater_one() {
        use NoiseGrade::{A, B, C, D};
        assert_eq!([B, D, A, C].into_iter().max(), Some(D));
        assert_eq!(format!("{A}{B}{C}{D}"), "ABCD");
    }

    #[test]
    fn a_record_from_before_these_fields_is_still_read() {
        let noise: Noise = serde_json::from_str(r#"{"grade":"B","spin_variation":0.02}"#).unwrap();
        assert_eq!(noise.grade, NoiseGrade::B);
        assert_eq!(noise.machine, MachineFacts::default());
        let text = serde_json::to_string(&noise).unwrap();
        assert_eq!(serde_json::from_str::<Noise>(&text).unwrap(), noise);
    }
}
