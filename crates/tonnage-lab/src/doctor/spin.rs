//! The same work again and again on one CPU, and how much the times differ: on a
//! quiet machine not at all. What to make of the figures is left to `grade`.
//!
//! The work is arithmetic alone, so that neither memory nor the kernel has a part in
//! it: what makes a piece longer is somebody else on the CPU,
//! or a change of its speed.

use std::fs;
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};
use tonnage_load::Stop;
use tonnage_model::Spin;

use super::machine::cpu_ticks;

/// How long a piece is to take (research/lab.md (c), step 0): long enough to meet a
/// scheduler's slice, short enough that a stop is noticed at once.
const PIECE: Duration = Duration::from_millis(50);

/// How long the work has to take before it is scaled to a piece: clocks and
/// interrupts are then far below a per cent.
const CALIBRATION: Duration = Duration::from_millis(5);

/// Why no figures came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpinError {
    /// This process may not run on that CPU.
    NotAllowed,
    /// Somebody asked to stop.
    Stopped,
}

/// Times `pieces` pieces of the same work on a CPU, and tells of each.
pub(super) fn spin(
    cpu: u32,
    pieces: u32,
    stop: &Stop,
    tell: &mut (dyn FnMut() + Send),
) -> Result<Spin, SpinError> {
    // On a thread of its own: the caller's must not stay on that CPU.
    thread::scope(|scope| {
        let spinning = scope.spawn(move || {
            pin(cpu)?;
            let rounds = calibrated_rounds();
            let (ticks, waited) = (cpu_ticks(cpu), thread_wait_ns());
            let start = Instant::now();
            let mut times_ms = Vec::with_capacity(pieces as usize);
            for _ in 0..pieces {
                if stop.is_requested() {
                    return Err(SpinError::Stopped);
                }
                let piece = Instant::now();
                work(rounds);
                times_ms.push(piece.elapsed().as_secs_f64() * 1e3);
                tell();
            }
            let elapsed_ns = start.elapsed().as_nanos() as f64;
            let waited_ns = grown(waited, thread_wait_ns());
            Ok(Spin {
                waited_share: waited_ns.map(|ns| (ns / elapsed_ns).min(1.0)),
                steal_share: ticks
                    .zip(cpu_ticks(cpu))
                    .and_then(|(b, a)| b.steal_share(a)),
                ..summary(cpu, &mut times_ms)
            })
        });
        spinning.join().expect("arithmetic does not panic")
    })
}

fn pin(cpu: u32) -> Result<(), SpinError> {
    let mut only = CpuSet::new();
    if cpu as usize >= CpuSet::MAX_CPU {
        return Err(SpinError::NotAllowed);
    }
    only.set(cpu as usize);
    sched_setaffinity(None, &only).map_err(|_| SpinError::NotAllowed)
}

/// Rounds of work that take about [`PIECE`] on this CPU when nothing disturbs.
fn calibrated_rounds() -> u64 {
    let time = |rounds| {
        let start = Instant::now();
        work(rounds);
        start.elapsed()
    };
    let mut rounds = 1 << 14;
    while time(rounds) < CALIBRATION {
        rounds *= 2;
    }
    // The fastest of a few: a disturbance only adds.
    let fastest = (0..3).map(|_| time(rounds)).min().unwrap_or(CALIBRATION);
    let scale = PIECE.as_secs_f64() / fastest.as_secs_f64().max(1e-6);
    (rounds as f64 * scale) as u64
}

/// A chain of shifts and multiplications in which each needs the one before (a step of
/// `MurmurHash3`'s finaliser), so that neither compiler nor CPU can shorten it.
fn work(rounds: u64) {
    let mut state = black_box(1u64);
    for _ in 0..rounds {
        state = (state ^ (state >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    }
    black_box(state);
}

/// Median, variation and worst of some times, which are sorted.
fn summary(cpu: u32, times_ms: &mut [f64]) -> Spin {
    times_ms.sort_by(f64::total_cmp);
    let count = times_ms.len();
    let Some(&slowest) = times_ms.last() else {
        return Spin {
            cpu,
            ..Spin::default()
        };
    };
    let median_ms = f64::midpoint(times_ms[(count - 1) / 2], times_ms[count / 2]);
    let mean = times_ms.iter().sum::<f64>() / count as f64;
    let squares: f64 = times_ms.iter().map(|time| (time - mean).powi(2)).sum();
    // Of a sample, so by n − 1.
    let deviation = (squares / (count.max(2) - 1) as f64).sqrt();
    Spin {
        cpu,
        pieces: count as u32,
        median_ms,
        variation: deviation / mean,
        worst: slowest / median_ms - 1.0,
        waited_share: None,
        steal_share: None,
    }
}

/// Nanoseconds that the calling thread was ready and waited for a CPU
/// (`/proc/thread-self/schedstat`, second field).
fn thread_wait_ns() -> Option<u64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().nth(1)?.parse().ok()
}

fn grown(before: Option<u64>, after: Option<u64>) -> Option<f64> {
    Some(after?.saturating_sub(before?) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_differ_have_a_variation_and_a_worst() {
        let spin = summary(3, &mut [50.0, 60.0, 50.0, 50.0, 40.0]);
        assert_eq!((spin.cpu, spin.pieces), (3, 5));
        assert!((spin.median_ms - 50.0).abs() < 1e-12);
        // Deviations ±10 twice among five: √(200 ÷ 4) = 7.07 of a mean of 50.
        assert!((spin.variation - 0.141_42).abs() < 1e-4, "{spin:?}");
        assert!((spin.worst - 0.2).abs() < 1e-12);
        assert!(summary(0, &mut [50.0; 4]).variation.abs() < 1e-12);
        assert_eq!(summary(0, &mut []), Spin::default());
    }

    #[test]
    fn a_cpu_that_there_is_not_is_refused() {
        for cpu in [900, 1 << 20] {
            let spun = spin(cpu, 1, &Stop::new(), &mut || {});
            assert_eq!(spun, Err(SpinError::NotAllowed));
        }
    }

    #[test]
    fn a_busy_neighbour_on_the_same_cpu_is_seen() {
        let cpu = crate::pin::allowed_cpus()[0];
        let ended = Stop::new();
        let spun = thread::scope(|scope| {
            scope.spawn(|| {
                pin(cpu).unwrap();
                while !ended.is_requested() {
                    work(100_000);
                }
            });
            let spun = spin(cpu, 6, &Stop::new(), &mut || {});
            ended.request();
            spun
        });
        // The scheduler halves the CPU between the two.
        let waited = spun.unwrap().waited_share.unwrap();
        assert!(waited > 0.2, "{waited}");
    }
}
