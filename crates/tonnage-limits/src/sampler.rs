//! A thread that looks at a server ten times a second, and the looks at both ends of
//! the measured window.
//!
//! What it costs: one look reads a handful of files of the group, and for PSS
//! `/proc/PID/smaps_rollup` of each process. For that the kernel walks the process's
//! page tables under its `mmap` lock, on our CPU; meanwhile the process cannot map or
//! unmap memory. Where that takes longer than [`SLOW_LOOK`], it is done less often.

use std::mem;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tonnage_model::{Usage, UsagePoint};

use crate::counters::CounterFiles;
use crate::process::{ProcessLook, pss_bytes};
use crate::window::{Look, Processes, between, cpu_us_of};
use crate::{Counters, Group};

/// Time between two looks.
const PERIOD: Duration = Duration::from_millis(100);

/// Walking page tables may take a tenth of the time; longer walks are made so much
/// more seldom.
const SLOW_LOOK: Duration = Duration::from_millis(10);

/// Without a group, time after which its members are asked for anew: finding a tree
/// of processes means reading all of `/proc`.
const MEMBERS_PERIOD: Duration = Duration::from_millis(500);

/// Points of a series at most; then every two become one.
const MAX_POINTS: usize = 20_000;

/// Whoever knows the members of a tree that is in no group.
type Members = Box<dyn Fn() -> Vec<u32> + Send>;

/// What the thread and its owner look at.
struct Subject {
    files: Option<Arc<CounterFiles>>,
    members: Mutex<Members>,
    last: Mutex<Counters>,
    proc: PathBuf,
    /// Most CPU time seen, in microseconds: without a group, a process that goes
    /// takes its own along, and time must not run backwards.
    cpu_us: AtomicU64,
    /// Looks so far.
    looks: AtomicU64,
}

impl Subject {
    /// Reads the counters. A container takes its group along when it ends; then what
    /// was read last, a tenth of a second before at most, is the nearest there is.
    fn counters(&self) -> Counters {
        let Some(files) = &self.files else {
            return Counters::default();
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = files.read();
        if now.cpu_us.is_some() || now.memory_bytes.is_some() {
            *last = now;
        }
        *last
    }

    fn grouped_members(&self) -> Option<Vec<u32>> {
        self.files.as_ref()?.members()
    }

    fn ask_members(&self) -> Vec<u32> {
        let members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members()
    }

    fn members(&self) -> Vec<u32> {
        self.grouped_members().unwrap_or_else(|| self.ask_members())
    }

    fn cpu_us(&self, counters: &Counters, pids: &[u32]) -> u64 {
        let now = counters.cpu_us.unwrap_or_else(|| {
            let looks: Vec<_> = pids
                .iter()
                .filter_map(|pid| ProcessLook::of(&self.proc, *pid))
                .collect();
            cpu_us_of(&looks)
        });
        self.cpu_us.fetch_max(now, Ordering::Relaxed).max(now)
    }

    /// Counters first, at both ends: the window of the counters is the load's. The
    /// processes, which take longer to read, follow by the same time at both ends.
    fn look(&self) -> Look {
        let (at, counters) = (Instant::now(), self.counters());
        let processes = Processes::look(&self.proc, &self.members());
        Look::new(at, counters, processes, &self.proc)
    }
}

/// Looks at a server until finished or dropped.
pub struct Sampler {
    subject: Arc<Subject>,
    started: Instant,
    thread: Option<(Sender<()>, JoinHandle<Vec<UsagePoint>>)>,
    begin: Option<Look>,
    end: Option<Look>,
}

impl Sampler {
    /// Starts looking, once the group has settled ([`Group::settle`]), at a group's processes or, where there is none, at those that
    /// `members` gives. Those it asks for at most twice a second, and at both ends
    /// of the window.
    pub fn start(group: Option<&Group>, members: impl Fn() -> Vec<u32> + Send + 'static) -> Self {
        let subject = Arc::new(Subject {
            files: group
                .map(Group::files)
                .filter(|files| files.members().is_some()),
            members: Mutex::new(Box::new(members)),
            last: Mutex::default(),
            proc: group.map_or_else(|| PathBuf::from("/proc"), |group| group.proc().to_owned()),
            cpu_us: AtomicU64::new(0),
            looks: AtomicU64::new(0),
        });
        let (stop, stopped) = channel();
        let started = Instant::now();
        let looking = Arc::clone(&subject);
        let thread = std::thread::spawn(move || watch(&looking, started, &stopped));
        Self {
            subject,
            started,
            thread: Some((stop, thread)),
            begin: None,
            end: None,
        }
    }

    /// The measured window begins now; a second call begins it anew.
    pub fn window_begins(&mut self) {
        self.begin = Some(self.subject.look());
        self.end = None;
    }

    /// The measured window ends now. Without this it ends with [`Self::finish`].
    pub fn window_ends(&mut self) {
        self.end = Some(self.subject.look());
    }

    /// Stops looking. Call it before the group is removed. Without a window only the
    /// series and what the group counts over its whole life are there.
    pub fn finish(mut self) -> Usage {
        let begin = self.begin.take();
        let end = self.end.take();
        let window = begin.map(|begin| {
            let end = end.unwrap_or_else(|| self.subject.look());
            (begin, end)
        });
        let series = self.stop();
        let counters = self.subject.counters();
        let mut usage = window
            .as_ref()
            .map(|(begin, end)| between(begin, end))
            .unwrap_or_default();
        usage.pss_peak_bytes = window.as_ref().and_then(|(begin, end)| {
            let from_us = begin.at.duration_since(self.started).as_micros() as u64;
            let to_us = end.at.duration_since(self.started).as_micros() as u64;
            series
                .iter()
                .filter(|point| (from_us..=to_us).contains(&point.at_us))
                .filter_map(|point| point.pss_bytes)
                .max()
        });
        // Kernels before 5.19 keep no peak in version 2.
        usage.memory_peak_bytes = counters
            .memory_peak_bytes
            .or_else(|| series.iter().filter_map(|point| point.memory_bytes).max());
        usage.oom_kills = counters.oom_kills;
        usage.memory_limit_hits = counters.memory_limit_hits;
        usage.series = series;
        usage
    }

    /// Points of the series so far.
    pub fn looks(&self) -> u64 {
        self.subject.looks.load(Ordering::Relaxed)
    }

    fn stop(&mut self) -> Vec<UsagePoint> {
        let Some((stop, thread)) = self.thread.take() else {
            return Vec::new();
        };
        drop(stop);
        // It panics only if `members` does; then there is no series.
        thread.join().unwrap_or_default()
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the thread knows from one look to the next.
struct Watch<'a> {
    subject: &'a Subject,
    pids: Vec<u32>,
    pids_until: Option<Instant>,
    pss_from: Option<Instant>,
}

fn watch(subject: &Subject, started: Instant, stopped: &Receiver<()>) -> Vec<UsagePoint> {
    let mut watch = Watch {
        subject,
        pids: Vec::new(),
        pids_until: None,
        pss_from: None,
    };
    let mut series = Vec::new();
    let mut period = PERIOD;
    let mut due = started;
    loop {
        let wait = due.saturating_duration_since(Instant::now());
        if stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
            return series;
        }
        series.push(watch.look(started));
        subject.looks.fetch_add(1, Ordering::Relaxed);
        if series.len() >= MAX_POINTS {
            series = every_two(&mem::take(&mut series));
            period *= 2;
        }
        // Looks that were missed are left out, not made up for.
        while due <= Instant::now() {
            due += period;
        }
    }
}

impl Watch<'_> {
    fn look(&mut self, started: Instant) -> UsagePoint {
        let now = Instant::now();
        match self.subject.grouped_members() {
            Some(pids) => self.pids = pids,
            None if self.pids_until.is_none_or(|until| until <= now) => {
                self.pids = self.subject.ask_members();
                self.pids_until = Some(now + MEMBERS_PERIOD);
            }
            None => {}
        }
        let counters = self.subject.counters();
        UsagePoint {
            at_us: now.duration_since(started).as_micros() as u64,
            memory_bytes: counters.memory_bytes,
            pss_bytes: self.pss_bytes(now),
            cpu_us: self.subject.cpu_us(&counters, &self.pids),
            throttled_us: counters.throttled_us,
            processes: self.pids.len() as u32,
        }
    }

    /// PSS summed, unless walking has taken too long of late.
    fn pss_bytes(&mut self, now: Instant) -> Option<u64> {
        if self.pss_from.is_some_and(|from| now < from) {
            return None;
        }
        let sum = sum_pss(&self.subject.proc, &self.pids);
        let took = now.elapsed();
        let pause = (took > SLOW_LOOK).then(|| took * pause_factor());
        self.pss_from = pause.map(|pause| now + pause);
        sum
    }
}

/// So many times as long as a look took is waited for the next.
fn pause_factor() -> u32 {
    (PERIOD.as_millis() / SLOW_LOOK.as_millis()) as u32
}

fn sum_pss(proc: &Path, pids: &[u32]) -> Option<u64> {
    let each: Vec<_> = pids
        .iter()
        .filter_map(|pid| pss_bytes(proc, *pid))
        .collect();
    (!each.is_empty()).then(|| each.iter().sum())
}

/// Half as many points, each with the later moment and the larger memory of two, so
/// that no peak is lost.
fn every_two(series: &[UsagePoint]) -> Vec<UsagePoint> {
    series
        .chunks(2)
        .map(|pair| {
            let last = pair[pair.len() - 1];
            UsagePoint {
                memory_bytes: pair.iter().filter_map(|point| point.memory_bytes).max(),
                pss_bytes: pair.iter().filter_map(|point| point.pss_bytes).max(),
                ..last
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn points() -> impl Strategy<Value = Vec<UsagePoint>> {
        let memory = || proptest::option::of(0u64..1000);
        proptest::collection::vec((memory(), memory()), 1..50).prop_map(|memories| {
            let point = |(index, (memory_bytes, pss_bytes))| UsagePoint {
                at_us: index as u64,
                memory_bytes,
                pss_bytes,
                cpu_us: 10 * index as u64,
                ..UsagePoint::default()
            };
            memories.into_iter().enumerate().map(point).collect()
        })
    }

    proptest! {
        #[test]
        fn half_a_series_has_the_same_peaks_and_the_same_end(series in points()) {
            let half = every_two(&series);
            prop_assert_eq!(half.len(), series.len().div_ceil(2));
            let peak = |series: &[UsagePoint]| (
                series.iter().filter_map(|point| point.memory_bytes).max(),
                series.iter().filter_map(|point| point.pss_bytes).max(),
            );
            prop_assert_eq!(peak(&half), peak(&series));
            let end = |series: &[UsagePoint]| series.last().map(|last| (last.at_us, last.cpu_us));
            prop_assert_eq!(end(&half), end(&series));
        }
    }

    #[test]
    fn without_a_group_the_members_are_looked_at() {
        let own = std::process::id();
        let mut sampler = Sampler::start(None, move || vec![own]);
        sampler.window_begins();
        let begin = Instant::now();
        let mut sum = 0u64;
        while begin.elapsed() < Duration::from_millis(300) || sampler.looks() < 3 {
            sum = sum.wrapping_add(begin.elapsed().subsec_nanos().into());
        }
        assert_ne!(sum, 0);
        sampler.window_ends();
        let usage = sampler.finish();
        // Other tests work meanwhile; this one alone has used a good part.
        assert!(usage.cpu_us >= 50_000, "{}", usage.cpu_us);
        assert_eq!((usage.respawned, usage.periods), (0, None));
        assert!(usage.pss_peak_bytes > Some(4096));
        assert!(usage.series.iter().all(|point| point.processes == 1));
        assert_eq!(usage.processes.len(), 1);
    }
}
