//! Runs a plan: one thread for each share of the users, progress while they
//! work, one report when they are done.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tonnage_model::LoadReport;

use crate::clock::Clock;
use crate::report::report;
use crate::worker::{Gauge, ThreadResult, Worker};
use crate::{LoadError, LoadPlan, Stop};

/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// Open files that the process needs beside its connections.
const SPARE_FILES: u64 = 64;

/// What happens while load is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadEvent {
    /// Progress: time since the load began (warm-up included), and the requests
    /// counted since the warm-up or, before its end, since the beginning.
    Progress {
        /// Time since the load began.
        elapsed: Duration,
        /// Checked successes.
        succeeded: u64,
        /// Failures.
        failed: u64,
    },
}

/// Sends the load of `plan` and reports what came back.
///
/// Ends early, with a report of what was measured, when `stop` is requested.
/// Progress goes to `events` while the receiver is there.
pub fn run(
    plan: &LoadPlan,
    stop: &Stop,
    events: Option<&Sender<LoadEvent>>,
) -> Result<LoadReport, LoadError> {
    plan.check()?;
    let request = plan.request.to_bytes(&plan.target, plan.keepalive)?;
    allow_files(plan.connections)?;
    let gauges: Vec<Gauge> = (0..plan.threads).map(|_| Gauge::default()).collect();
    // Set when a thread gives up; the caller's own wish is not ours to set.
    let gave_up = Stop::new();
    let clock = Clock::start();
    let started_unix_us = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64);

    let results = thread::scope(|scope| {
        let (working, at_work) = mpsc::channel();
        let threads: Vec<_> = (0..plan.threads)
            .zip(&gauges)
            .map(|(index, gauge)| {
                let users = share(u64::from(plan.connections), plan.threads, index) as u32;
                let budget = plan
                    .requests
                    .map_or(u64::MAX, |n| share(n, plan.threads, index));
                let (request, working) = (&request, working.clone());
                let gave_up = &gave_up;
                let spawned = thread::Builder::new().name(format!("load-{index}"));
                let spawned = spawned.spawn_scoped(scope, move || {
                    let _working = working;
                    let mut guard = StopUnlessDone {
                        stop: gave_up,
                        done: false,
                    };
                    let stops = [stop, gave_up];
                    let worker = Worker::new(plan, request, stops, gauge, clock, users, budget)?;
                    let result = worker.run()?;
                    guard.done = true;
                    Ok(result)
                });
                spawned.map_err(|source| {
                    gave_up.request();
                    LoadError::System {
                        action: "cannot start a load thread",
                        source,
                    }
                })
            })
            .collect();
        drop(working);
        tell_progress(&at_work, &gauges, clock, events);
        threads
            .into_iter()
            .map(|thread| join(thread?))
            .collect::<Result<Vec<_>, _>>()
    })?;
    Ok(report(plan, request.len(), started_unix_us, &results))
}

/// The text of a panic, as far as it has one.
fn join(
    handle: thread::ScopedJoinHandle<'_, Result<ThreadResult, LoadError>>,
) -> Result<ThreadResult, LoadError> {
    handle.join().unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
            .unwrap_or_default();
        Err(LoadError::Panicked(text))
    })
}

/// Tells of progress until every thread has let go of its end of `at_work`.
fn tell_progress(
    at_work: &Receiver<()>,
    gauges: &[Gauge],
    clock: Clock,
    events: Option<&Sender<LoadEvent>>,
) {
    while at_work.recv_timeout(PROGRESS_INTERVAL) == Err(RecvTimeoutError::Timeout) {
        if let Some(events) = events {
            let sum = |counter: fn(&Gauge) -> &AtomicU64| {
                gauges
                    .iter()
                    .map(|gauge| counter(gauge).load(Ordering::Relaxed))
                    .sum()
            };
            // A receiver that went away does not want to know.
            let _ = events.send(LoadEvent::Progress {
                elapsed: Duration::from_nanos(clock.now_ns()),
                succeeded: sum(|gauge| &gauge.succeeded),
                failed: sum(|gauge| &gauge.failed),
            });
        }
    }
}

/// Stops the other threads when one gives up, in whatever way.
struct StopUnlessDone<'a> {
    stop: &'a Stop,
    done: bool,
}

impl Drop for StopUnlessDone<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.stop.request();
        }
    }
}

/// The part of `total` that falls to one of `parts`: as equal as can be.
fn share(total: u64, parts: u32, index: u32) -> u64 {
    let (parts, index) = (u64::from(parts), u64::from(index));
    total / parts + u64::from(index < total % parts)
}

/// Raises the soft limit of open files where `connections` need it.
fn allow_files(connections: u32) -> Result<(), LoadError> {
    let needed = u64::from(connections) + SPARE_FILES;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if let Some(maximum) = limit.maximum.filter(|maximum| *maximum < needed) {
        return Err(LoadError::FileLimit {
            connections,
            limit: maximum,
        });
    }
    let raised = Rlimit {
        current: Some(needed),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|error| LoadError::System {
        action: "cannot raise the limit of open files",
        source: error.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shares_add_up_and_differ_by_one_at_most(total in 0u64..1_000_000, parts in 1u32..64) {
            let shares: Vec<u64> = (0..parts).map(|index| share(total, parts, index)).collect();
            prop_assert_eq!(shares.iter().sum::<u64>(), total);
            let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
            prop_assert!(most - least <= 1);
        }
    }
}
