//! Runs a plan: one thread for each share of the users, progress while they
//! work, one report when they are done.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tonnage_model::{LoadReport, Slice};

use crate::clock::Clock;
use crate::pacer::Part;
use crate::pulse::{Gauge, Task, ThreadResult};
use crate::report::{Measured, report};
use crate::server_status::Looks;
use crate::slices::{Collector, Desk, exchange};
use crate::surroundings::Snapshot;
use crate::tls::TlsClient;
use crate::{LoadError, LoadPlan, Protocol, RequestSource, Stop, h1, h2};

/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// Open files that the process needs beside its connections.
const SPARE_FILES: u64 = 64;

/// What happens while load is sent.
#[derive(Debug, Clone, PartialEq)]
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
    /// The measured window begins, within a millisecond or two.
    WindowBegins,
    /// A slice of the window is complete.
    Slice(Box<Slice>),
    /// What a report would say now; only where it was asked for.
    Snapshot(Box<LoadReport>),
}

/// Who is told of progress, and how much.
#[derive(Debug, Clone, Copy)]
pub struct Observer<'a> {
    /// Where events go, while the receiver is there.
    pub events: &'a Sender<LoadEvent>,
    /// Whether to send a report with each slice, which costs a millisecond or two.
    pub snapshots: bool,
}

/// Sends the load of `plan` and reports what came back.
///
/// Ends early, with a report of what was measured, when `stop` is requested.
/// Progress goes to `observer` while the receiver is there.
pub fn run(
    plan: &LoadPlan,
    stop: &Stop,
    observer: Option<Observer<'_>>,
) -> Result<LoadReport, LoadError> {
    plan.check()?;
    let host = &plan.target.host_header;
    let source = RequestSource::compile(&plan.source, host, plan.keepalive)?;
    let tls = match &plan.target.tls_host {
        Some(host) => Some(TlsClient::new(&plan.tls, host, &[plan.protocol.alpn()])?),
        None => None,
    };
    allow_files(plan.connections)?;
    if !matches!(plan.protocol, Protocol::Http1) {
        h2::check(plan, &source)?;
    }
    let gauges: Vec<Gauge> = (0..plan.threads).map(|_| Gauge::default()).collect();
    // Set when a thread gives up; the caller's own wish is not ours to set.
    let gave_up = Stop::new();
    let clock = Clock::start();
    let started_unix_us = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64);
    let before = Snapshot::take();
    let (mut collector, desks) = exchange(plan.threads as usize);
    let describe = |collector: &Collector, threads: &[ThreadResult], window_us: Option<u64>| {
        report(&Measured {
            plan,
            request_bytes: source.single().map(<[u8]>::len),
            started_unix_us,
            threads,
            total: &collector.total,
            series: &collector.series,
            surroundings: before.until(&Snapshot::take()),
            window_us,
        })
    };

    let mut looks = plan.server_status.map(Looks::at);
    let results = thread::scope(|scope| {
        let threads: Vec<_> = (0..plan.threads)
            .zip(desks)
            .zip(&gauges)
            .map(|((index, desk), gauge)| {
                let task = task(plan, [stop, &gave_up], gauge, clock, index, desk);
                let (source, tls, gave_up) = (&source, tls.as_ref(), &gave_up);
                let spawned = thread::Builder::new().name(format!("load-{index}"));
                let spawned = spawned.spawn_scoped(scope, move || {
                    let mut guard = StopUnlessDone {
                        stop: gave_up,
                        done: false,
                    };
                    let result = send_load(task, source, tls)?;
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
        let watch = Watch {
            clock,
            gauges: &gauges,
            observer,
            lead_in: plan.lead_in(),
        };
        watch.collect(&mut collector, looks.as_mut(), &describe);
        threads
            .into_iter()
            .map(|thread| join(thread?))
            .collect::<Result<Vec<_>, _>>()
    })?;
    let report = describe(&collector, &results, None);
    let arrived = report.counts.succeeded;
    let looked = looks.map(|looks| looks.end(arrived)).transpose();
    Ok(LoadReport {
        server_unknown: looked.as_ref().err().cloned(),
        server: looked.ok().flatten(),
        ..report
    })
}

/// What one thread does, by the protocol that is spoken.
fn send_load(
    task: Task<'_>,
    source: &RequestSource,
    tls: Option<&TlsClient>,
) -> Result<ThreadResult, LoadError> {
    match task.plan.protocol {
        Protocol::Http1 => h1::Worker::new(task, source, tls)?.run(),
        Protocol::Http2 { .. } | Protocol::Grpc { .. } => h2::Worker::new(task, source, tls)?.run(),
    }
}

fn task<'a>(
    plan: &'a LoadPlan,
    stops: [&'a Stop; 2],
    gauge: &'a Gauge,
    clock: Clock,
    thread: u32,
    desk: Desk,
) -> Task<'a> {
    let threads = plan.threads;
    Task {
        plan,
        stops,
        gauge,
        clock,
        part: Part { thread, threads },
        connections: share(u64::from(plan.connections), threads, thread) as u32,
        budget: plan
            .requests
            .map_or(u64::MAX, |n| share(n, threads, thread)),
        desk,
    }
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

/// The main thread while the others send load.
struct Watch<'a> {
    clock: Clock,
    gauges: &'a [Gauge],
    observer: Option<Observer<'a>>,
    /// From the beginning to the window.
    lead_in: Duration,
}

impl Watch<'_> {
    /// Adds up what the threads hand over, and tells of it, until all are gone.
    fn collect(
        &self,
        collector: &mut Collector,
        mut looks: Option<&mut Looks>,
        describe: &impl Fn(&Collector, &[ThreadResult], Option<u64>) -> LoadReport,
    ) {
        let mut told_us = 0;
        let mut next_progress = PROGRESS_INTERVAL;
        let mut in_window = false;
        loop {
            let now = Duration::from_nanos(self.clock.now_ns());
            if !in_window && now >= self.lead_in {
                in_window = true;
                if let Some(looks) = &mut looks {
                    looks.begin();
                }
                self.tell(LoadEvent::WindowBegins);
            }
            let wake = if in_window {
                next_progress
            } else {
                next_progress.min(self.lead_in)
            };
            match collector.receive(wake.saturating_sub(now)) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) if now < next_progress && wake < next_progress => {}
                Err(RecvTimeoutError::Timeout) => {
                    next_progress += PROGRESS_INTERVAL;
                    self.tell_progress(now);
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let Some(observer) = self.observer else {
                continue;
            };
            let Some(slice) = collector.series.slices.last() else {
                continue;
            };
            let end_us = slice.start_us + slice.length_us;
            if end_us > told_us {
                told_us = end_us;
                // A receiver that went away does not want to know.
                let _ = observer
                    .events
                    .send(LoadEvent::Slice(Box::new(slice.clone())));
                if observer.snapshots {
                    let report = describe(collector, &[], Some(end_us));
                    let _ = observer.events.send(LoadEvent::Snapshot(Box::new(report)));
                }
            }
        }
    }

    fn tell(&self, event: LoadEvent) {
        if let Some(observer) = self.observer {
            // A receiver that went away does not want to know.
            let _ = observer.events.send(event);
        }
    }

    fn tell_progress(&self, elapsed: Duration) {
        if self.observer.is_none() {
            return;
        }
        let sum = |counter: fn(&Gauge) -> &AtomicU64| {
            let counts = self.gauges.iter().map(counter);
            counts.map(|count| count.load(Ordering::Relaxed)).sum()
        };
        self.tell(LoadEvent::Progress {
            elapsed,
            succeeded: sum(|gauge| &gauge.succeeded),
            failed: sum(|gauge| &gauge.failed),
        });
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
