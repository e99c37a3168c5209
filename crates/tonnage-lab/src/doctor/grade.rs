//! When a figure of the machine is a finding, which grade is left with it, and what
//! would mend it. Thresholds stand beside what they are for, with their reasons:
//! `noise` has those of what varies and of who else is at work, `facts` those of what
//! the machine is. Figures are taken elsewhere.

mod facts;
mod noise;
#[cfg(test)]
mod tests;

use facts::{abilities, clock, cpus, memory, network};
use noise::{others, spins};
use tonnage_model::{Finding, Noise, NoiseGrade};

/// Where a figure costs a grade: more than the first leaves B at best, more than the
/// second C, more than the third D.
#[derive(Debug, Clone, Copy)]
struct Steps(f64, f64, f64);

/// The grade that the worst finding leaves.
pub(super) fn grade(findings: &[Finding]) -> NoiseGrade {
    let grades = findings.iter().map(|finding| finding.grade);
    grades.max().unwrap_or(NoiseGrade::A)
}

/// What is not as it should be, the gravest first.
pub(super) fn findings(noise: &Noise) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(spins(noise));
    findings.extend(others(noise));
    findings.extend(cpus(noise));
    findings.extend(clock(noise));
    findings.extend(memory(noise));
    findings.extend(network(noise));
    findings.extend(abilities(noise));
    // Stable: findings of one grade stay in the order of their subjects.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.grade));
    findings
}

impl Steps {
    /// The grade that is left with a figure; `None` where it costs nothing.
    fn grade(self, figure: f64) -> Option<NoiseGrade> {
        if figure > self.2 {
            Some(NoiseGrade::D)
        } else if figure > self.1 {
            Some(NoiseGrade::C)
        } else {
            (figure > self.0).then_some(NoiseGrade::B)
        }
    }
}

fn finding(grade: NoiseGrade, text: String, remedy: impl Into<String>) -> Finding {
    Finding {
        grade,
        text,
        remedy: remedy.into(),
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
