//! How old and how large the workers are: looked at from outside once a second, so that
//! it works for those that are stuck, too.

use std::collections::HashMap;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use rustix::process::Pid;

use super::{Drive, TICK_MS};
use crate::board::now_ms;
use crate::supervisor::{Event, Host, Level, Rss, Worker};

/// What is remembered of workers that are measured.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// Gives each worker a chance of its own.
    dice: RandomState,
    looked_ms: u64,
    /// What each had when it was looked at first, by its number in the order of starts.
    first_bytes: HashMap<u64, u64>,
}

impl Measured {
    /// A worker's share of the jitter, the same at each look: from 0 to 1.
    fn chance(&self, age: u64) -> f64 {
        let number = self.dice.hash_one(age);
        (number >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl<H: Host> Drive<'_, H> {
    /// Who is too old or too large. All are looked at once a second, those that serve since
    /// a moment ago at once: what they have then is what they begin with.
    pub(super) fn measure(&mut self) -> Vec<Event> {
        let recycling = &self.machine.policy().recycling;
        if !recycling.is_on() {
            return Vec::new();
        }
        let now_ms = now_ms();
        let is_time = now_ms >= self.measured.looked_ms + TICK_MS;
        let recycling = recycling.clone();
        let serving: Vec<Worker> = self
            .machine
            .workers()
            .filter(|worker| worker.is_ready() && worker.leaving.is_none())
            .filter(|worker| is_time || !self.measured.first_bytes.contains_key(&worker.age))
            .cloned()
            .collect();
        if is_time {
            self.measured.looked_ms = now_ms;
            self.measured
                .first_bytes
                .retain(|age, _| serving.iter().any(|worker| worker.age == *age));
        }
        let mut events = Vec::new();
        for worker in serving {
            let chance = self.measured.chance(worker.age);
            let rss = self.rss(&worker, recycling.rss_limit_bytes(chance));
            let age = Duration::from_millis(now_ms.saturating_sub(worker.spawned_ms));
            if let Some(cause) = recycling.due(age, rss, chance) {
                let slot = worker.slot;
                events.push(Event::WantsReplacement { slot, cause });
            }
        }
        events
    }

    /// A worker's memory; what it has no limit for is nothing.
    fn rss(&mut self, worker: &Worker, limit_bytes: Option<u64>) -> Rss {
        let now_bytes = limit_bytes
            .and(worker.pid)
            .and_then(rss_bytes)
            .unwrap_or_default();
        let known = self.measured.first_bytes.get(&worker.age).copied();
        let first_bytes = known.unwrap_or(now_bytes);
        self.measured.first_bytes.insert(worker.age, first_bytes);
        if let (None, Some(limit_bytes), Some(pid)) = (known, limit_bytes, worker.pid) {
            self.tell_first(pid, now_bytes >> 20, limit_bytes >> 20);
        }
        Rss {
            first_bytes,
            now_bytes,
        }
    }

    fn tell_first(&mut self, pid: Pid, first_mib: u64, limit_mib: u64) {
        let begins = format!("Worker (pid:{pid}) begins with {first_mib} MiB of memory");
        if first_mib <= limit_mib {
            self.say(Level::Debug, &begins);
            return;
        }
        let text = format!(
            "{begins}, more than the {limit_mib} MiB of `max_worker_rss`; it is not replaced \
             for that"
        );
        self.say(Level::Warning, &text);
    }
}

/// A process's resident memory (`proc_pid_statm(5)`).
fn rss_bytes(pid: Pid) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{}/statm", pid.as_raw_pid())).ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_differ_and_stay() {
        let measured = Measured::default();
        let chances: Vec<f64> = (1..50).map(|age| measured.chance(age)).collect();
        assert!(chances.iter().all(|chance| (0.0..1.0).contains(chance)));
        assert!(chances.iter().any(|chance| *chance < 0.5));
        assert!(chances.iter().any(|chance| *chance >= 0.5));
        assert!((measured.chance(1) - chances[0]).abs() < f64::EPSILON);
    }

    #[test]
    fn a_process_has_some_memory() {
        let bytes = rss_bytes(rustix::process::getpid()).unwrap();
        assert!(bytes > 100_000, "{bytes}");
        assert_eq!(rss_bytes(Pid::from_raw(i32::MAX).unwrap()), None);
    }
}
