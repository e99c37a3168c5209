//! How noisy the machine is: how evenly its CPUs work, and who else wants them. What
//! the machine is made of is left to `facts`.

use tonnage_model::{Finding, Noise, NoiseGrade, Spin};

use super::{Steps, finding, percent};

/// Standard deviation of 50 ms of the same work, as a share. 1 % is the noise floor of
/// criterion.rs; 3 % is where the Phoronix Test Suite is content with its runs; at 10 %
/// pyperf warns, and a mean to ±3 % would need more than forty trials (research/lab.md
/// (c), "Budget arithmetic"), which nobody waits for.
pub(super) const SPIN_VARIATION: Steps = Steps(0.01, 0.03, 0.10);

/// How much longer the slowest piece took than the median. A tenth are 5 ms, as long as
/// many a p99; at half of it pyperf warns of extremes. One piece alone makes no mean
/// worthless, hence no D.
pub(super) const SPIN_WORST: Steps = Steps(0.10, 0.50, f64::INFINITY);

/// Stolen share of a busy CPU's time. A tick of a short examination is 0.7 %, so that
/// less than 1 % is no more than that; 2 % is as much as the differences of a few per
/// cent that an A or B promises (a load is suspect from 5 % on); a tenth stolen is a
/// tenth of every figure.
pub(super) const STEAL: Steps = Steps(0.01, 0.02, 0.10);

/// Share of the last ten seconds in which some thread waited for a CPU. An idle machine
/// has well below 1 %; at a fifth somebody else is at work; at half of the time what is
/// measured is the scheduler.
pub(super) const PRESSURE: Steps = Steps(0.05, 0.20, 0.50);

/// Load average for each CPU. It remembers what ended a minute ago, so that it never
/// means D alone: [`PRESSURE`] says what is so now.
pub(super) const LOAD: Steps = Steps(0.50, 1.00, f64::INFINITY);

/// Below this, waiting for other processes is too little to name as a cause.
const CAUSE: f64 = 0.005;

/// How evenly the CPUs work: of the noisiest in each respect.
pub(super) fn spins(noise: &Noise) -> Vec<Finding> {
    let noisiest = |of: fn(&Spin) -> f64| {
        noise
            .spins
            .iter()
            .max_by(|one, other| of(one).total_cmp(&of(other)))
    };
    let Some(uneven) = noisiest(|spin| spin.variation) else {
        let text = "no CPU could be timed: this process may be put on none of them";
        let remedy = "look at the CPUs that its cpuset allows (`taskset -p $$`)";
        return vec![finding(NoiseGrade::D, text.to_owned(), remedy)];
    };
    let varies = SPIN_VARIATION.grade(uneven.variation).map(|grade| {
        let text = format!(
            "CPU {} took times for the same work that vary by {} ({} pieces of {:.0} ms)",
            uneven.cpu,
            percent(uneven.variation),
            uneven.pieces,
            uneven.median_ms
        );
        finding(grade, text, cause(uneven))
    });
    let stalls = noisiest(|spin| spin.worst).and_then(|spin| {
        let grade = SPIN_WORST.grade(spin.worst)?;
        let text = format!(
            "CPU {} stood still for {:.0} ms in one piece of work of {:.0} ms",
            spin.cpu,
            spin.worst * spin.median_ms,
            spin.median_ms
        );
        Some(finding(grade, text, cause(spin)))
    });
    varies.into_iter().chain(stalls).collect()
}

/// What the kernel's counters say of an uneven CPU.
fn cause(spin: &Spin) -> String {
    if let Some(waited) = spin.waited_share.filter(|share| *share > CAUSE) {
        let waited = percent(waited);
        return format!(
            "other processes of this machine had the CPU for {waited} of the time: stop them (`top` names them)"
        );
    }
    if let Some(stolen) = spin.steal_share.filter(|share| *share > CAUSE) {
        let stolen = percent(stolen);
        return format!(
            "the hypervisor took the CPU away for {stolen} of the time: use a machine with CPUs of its own, or measure at another hour"
        );
    }
    "nobody here had the CPU, so that its speed changes: fix its frequency, or look for a neighbour on the same core or host".to_owned()
}

/// Who else wants the CPUs.
pub(super) fn others(noise: &Noise) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(share) = noise.steal_share
        && let Some(grade) = STEAL.grade(share)
    {
        findings.push(finding(
            grade,
            format!(
                "the hypervisor gave {} of the busy CPUs' time to others",
                percent(share)
            ),
            "use a machine with CPUs of its own, or measure at another hour",
        ));
    }
    if let Some(share) = noise.cpu_pressure
        && let Some(grade) = PRESSURE.grade(share)
    {
        findings.push(finding(
            grade,
            format!(
                "some thread waited for a CPU in {} of the last ten seconds",
                percent(share)
            ),
            "stop what else runs here (`top` names it), and look again ten seconds later",
        ));
    }
    let cpus = noise.machine.usable_cpus.max(1);
    if let Some(load) = noise.load_average
        && let Some(grade) = LOAD.grade(load / f64::from(cpus))
    {
        let plural = if cpus == 1 { "" } else { "s" };
        findings.push(finding(
            grade,
            format!("the load average of the last minute is {load:.2}, on {cpus} CPU{plural}"),
            "stop what else runs here; where it has ended already, wait a minute",
        ));
    }
    findings
}
