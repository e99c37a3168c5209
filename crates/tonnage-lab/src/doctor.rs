//! What this machine can measure and how noisy it is, found out in a few seconds
//! before anything is measured on it (`tonnage doctor`, and the start of each run).
//!
//! The parts: `machine` reads what the kernel tells, `spin` times the same work again
//! and again, `grade` holds the thresholds and says what to do. Whether a run begins
//! on a bad machine is for the run to decide.

mod grade;
mod machine;
mod spin;

use std::net::SocketAddr;
use std::sync::mpsc::Sender;
use std::time::Instant;

use tonnage_limits::{Asked, Backend, Places};
use tonnage_load::{LoadPlan, Stop, Target, calibrate};
use tonnage_model::{CpuQuota, CpuSet, Isolation, Limits, Noise, Spin};

use crate::{LabError, Settings, pin};
use machine::Files;

/// How long to look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Depth {
    /// About two seconds: what every run begins with.
    Brief,
    /// Up to ten seconds: what `tonnage doctor` does.
    #[default]
    Full,
}

/// Progress of an examination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoctorStep {
    /// What is looked at now.
    pub what: &'static str,
    /// Steps that are done.
    pub done: u32,
    /// Steps in all.
    pub of: u32,
}

impl Depth {
    /// The most CPUs that are spun on, one after the other; of more, a sample.
    fn most_cpus(self) -> usize {
        match self {
            Self::Brief => 3,
            Self::Full => 8,
        }
    }

    /// Pieces of work timed on each of `cpus` CPUs. Forty are what research/lab.md (c)
    /// asks for; the bounds on the sum keep to 1.5 s and 8 s at 50 ms each. With ten
    /// pieces a standard deviation is known to a quarter, with forty to a ninth.
    fn pieces(self, cpus: usize) -> u32 {
        let cpus = u32::try_from(cpus.max(1)).unwrap_or(u32::MAX);
        match self {
            Self::Brief => (30 / cpus).clamp(10, 20),
            Self::Full => (160 / cpus).clamp(20, 40),
        }
    }

    /// How often the generator's ceiling is measured; the best counts.
    fn calibrations(self) -> u32 {
        match self {
            Self::Brief => 1,
            Self::Full => 3,
        }
    }
}

/// Connections with which the generator's ceiling is measured.
const CEILING_CONNECTIONS: u32 = 64;

/// Examines the machine: its steadiness, who else wants its CPUs, what its kernel
/// allows, how limits can be set and what the generator reaches.
///
/// Whatever cannot be found out is a finding, not an error. A request to stop ends
/// it within a fifth of a second with [`LabError::Interrupted`]. Progress goes to
/// `progress` while the receiver is there.
pub fn examine(
    depth: Depth,
    settings: &Settings,
    stop: &Stop,
    progress: Option<&Sender<DoctorStep>>,
) -> Result<Noise, LabError> {
    let files = Files::of_machine();
    // Before we are a load ourselves.
    let before = files.busyness();
    let cpus = pin::allowed_cpus();
    let sample = spread(&cpus, depth.most_cpus());
    let pieces = depth.pieces(sample.len());
    let mut steps = Steps {
        progress,
        done: 0,
        of: pieces * sample.len() as u32 + depth.calibrations(),
    };
    let mut noise = Noise {
        load_average: before.load_average,
        cpu_pressure: before.cpu_pressure,
        clock_read_ns: Some(clock_read_ns()),
        machine: files.facts(&cpus),
        ..Noise::default()
    };
    let (isolation, isolation_text) = limits(settings, &cpus);
    noise.machine.isolation = isolation;
    noise.machine.isolation_text = isolation_text;
    for cpu in sample {
        let mut tell = || steps.step("timing a fixed piece of work on each CPU");
        match spin::spin(cpu, pieces, stop, &mut tell) {
            Ok(spin) => noise.spins.push(spin),
            Err(spin::SpinError::Stopped) => return Err(LabError::Interrupted),
            // A CPU that was taken away meanwhile; without any, `grade` says so.
            Err(spin::SpinError::NotAllowed) => {}
        }
    }
    for _ in 0..depth.calibrations() {
        let reached = ceiling_rps(stop);
        if stop.is_requested() {
            return Err(LabError::Interrupted);
        }
        noise.ceiling_rps = [noise.ceiling_rps, reached]
            .into_iter()
            .flatten()
            .reduce(f64::max);
        steps.step("sending load to a server that does nothing");
    }
    summarise(&mut noise);
    Ok(noise)
}

/// The figures over all CPUs, the findings, and the grade.
fn summarise(noise: &mut Noise) {
    let worst = |of: fn(&Spin) -> f64| noise.spins.iter().map(of).fold(0.0, f64::max);
    noise.spin_variation = worst(|spin| spin.variation);
    noise.spin_worst = worst(|spin| spin.worst);
    // Each CPU was busy for about as long, so that their mean is the whole.
    let stolen: Vec<f64> = noise.spins.iter().filter_map(|s| s.steal_share).collect();
    noise.steal_share =
        (!stolen.is_empty()).then(|| stolen.iter().sum::<f64>() / stolen.len() as f64);
    noise.findings = grade::findings(noise);
    noise.grade = grade::grade(&noise.findings);
}

struct Steps<'a> {
    progress: Option<&'a Sender<DoctorStep>>,
    done: u32,
    of: u32,
}

impl Steps<'_> {
    fn step(&mut self, what: &'static str) {
        self.done += 1;
        if let Some(progress) = self.progress {
            // Nobody has to watch.
            let _ = progress.send(DoctorStep {
                what,
                done: self.done.min(self.of),
                of: self.of,
            });
        }
    }
}

/// At most `most` of `cpus`, evenly spread over them, so that every socket is seen.
fn spread(cpus: &[u32], most: usize) -> Vec<u32> {
    let count = cpus.len().min(most);
    (0..count)
        .map(|index| cpus[index * cpus.len() / count])
        .collect()
}

/// What one reading of the clock costs: the least of a few rounds, since anything
/// that comes between only adds.
fn clock_read_ns() -> f64 {
    const READINGS: u32 = 1000;
    let round = || {
        let start = Instant::now();
        for _ in 1..READINGS {
            std::hint::black_box(Instant::now());
        }
        start.elapsed().as_nanos() as f64 / f64::from(READINGS)
    };
    (0..10).map(|_| round()).fold(f64::INFINITY, f64::min)
}

/// How CPU time, CPUs and memory can be limited here, all three at once.
fn limits(settings: &Settings, cpus: &[u32]) -> (Isolation, String) {
    let needs = Limits {
        cpus: CpuQuota::new(0.5),
        cpuset: CpuSet::new(cpus.iter().copied().take(1).collect()),
        memory_bytes: Some(64 << 20),
        ..Limits::default()
    };
    let chosen = Places::of_machine(settings.search_path.clone())
        .and_then(|places| Backend::choose(Asked::Auto, &needs, &places));
    match chosen {
        Ok(backend) => (backend.isolation(), backend.describe()),
        Err(error) => (Isolation::None, error.to_string()),
    }
}

/// Responses per second of one generator thread against a responder that does
/// nothing; `None` where not even that could be measured.
fn ceiling_rps(stop: &Stop) -> Option<f64> {
    // A form to fill in: the engine starts a responder of its own.
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    let target = Target {
        url: "http://127.0.0.1:1/".to_owned(),
        host_header: nobody.to_string(),
        path: "/".to_owned(),
        address: nobody.into(),
        tls_host: None,
    };
    let plan = LoadPlan::new(target, CEILING_CONNECTIONS);
    calibrate(&plan, stop).ok().flatten()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;
    use tonnage_model::NoiseGrade;

    #[test]
    fn this_machine_is_examined() {
        let home = tempfile::tempdir().unwrap();
        let settings = crate::settings::for_tests(home.path());
        let (progress, seen) = mpsc::channel();
        let start = Instant::now();
        let noise = examine(Depth::Brief, &settings, &Stop::new(), Some(&progress)).unwrap();
        // Ten times as long as alone: other tests want these CPUs, too.
        assert!(start.elapsed() < Duration::from_secs(20));
        drop(progress);
        let seen: Vec<DoctorStep> = seen.iter().collect();
        assert_eq!(
            seen.last().map(|last| (last.done, last.of)),
            Some((seen[0].of, seen[0].of))
        );
        assert!(!noise.spins.is_empty() && noise.spins.iter().all(|spin| spin.median_ms > 1.0));
        assert!(
            noise.spin_variation > 0.0 && noise.spin_worst > 0.0,
            "{noise:?}"
        );
        assert!(
            noise.ceiling_rps.is_some_and(|rps| rps > 100.0),
            "{noise:?}"
        );
        assert!(noise.clock_read_ns.is_some_and(|ns| ns > 0.1 && ns < 1e5));
        assert!(!noise.machine.isolation_text.is_empty());
        let worst = noise.findings.iter().map(|finding| finding.grade).max();
        assert_eq!(noise.grade, worst.unwrap_or(NoiseGrade::A));
    }

    #[test]
    fn an_examination_ends_when_it_is_asked_to() {
        let home = tempfile::tempdir().unwrap();
        let settings = crate::settings::for_tests(home.path());
        let stop = Stop::new();
        let (progress, seen) = mpsc::channel();
        thread::scope(|scope| {
            let examining = scope.spawn(|| examine(Depth::Full, &settings, &stop, Some(&progress)));
            seen.recv().unwrap();
            let asked = Instant::now();
            stop.request();
            let ended = examining.join().unwrap();
            assert!(matches!(ended, Err(LabError::Interrupted)), "{ended:?}");
            // A piece of work is 50 ms; the rest is for other tests on these CPUs.
            assert!(
                asked.elapsed() < Duration::from_secs(1),
                "{:?}",
                asked.elapsed()
            );
        });
    }

    #[test]
    fn a_sample_of_many_cpus_is_spread_over_them() {
        let cpus: Vec<u32> = (0..64).collect();
        assert_eq!(spread(&cpus, 8), [0, 8, 16, 24, 32, 40, 48, 56]);
        assert_eq!(spread(&[2, 5], 8), [2, 5]);
        assert!(spread(&[], 8).is_empty());
    }

    #[test]
    fn both_depths_keep_to_their_time() {
        for cpus in 1..=8 {
            assert!(Depth::Full.pieces(cpus) * cpus as u32 <= 160, "{cpus}");
            assert!(Depth::Full.pieces(cpus) >= 20);
        }
        for cpus in 1..=3 {
            assert!(Depth::Brief.pieces(cpus) * cpus as u32 <= 30, "{cpus}");
            assert!(Depth::Brief.pieces(cpus) >= 10);
        }
    }
}
