//! `--threads auto`: when a worker gets more threads, and how many. More of them help where
//! all are busy, requests wait, and the threads themselves wait for something outside. They
//! do not where threads queue for the interpreter or for a CPU: there is one interpreter, and
//! each further thread would only make the queue longer. The two are told apart by how much
//! of the time the process ran, or could have run had there been a CPU: threads that queue
//! for the interpreter wait for one that runs. Or for one that waits and holds it all the
//! same, which shows in how long its lock is waited for ([`Growth::confirm`]).

use std::fmt;
use std::fs;

use rustix::time::{ClockId, clock_gettime};

/// A worker that runs for this share of the time has nothing to give to more threads.
const BUSY: f64 = 0.7;

/// Who waits longer than this for the interpreter's lock, in ns, waits for one that does not
/// let go of it when asked to: Python's switch interval is 5 ms.
const LOCK_WAIT_NS: u64 = 10_000_000;

/// For so long, in ns, that counts: between two requests the lock is free for a moment.
const LOCKED_NS: u64 = 1_000_000_000;

/// Looks in a row at which the lock must have been had before there are more threads: one
/// look may hit just that moment.
const FREE_LOOKS: u32 = 3;

/// The shortest time, in ns, that says anything: twice Python's switch interval and more.
const SHORTEST_NS: u64 = 20_000_000;

/// How long it is not said again that nothing changes, in ns.
const SILENT_NS: u64 = 60_000_000_000;

/// How a worker fares at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pressure {
    /// When, in ns of a monotonic clock.
    pub at_ns: u64,
    /// Threads that run the application.
    pub threads: usize,
    /// Those that have a request in hand.
    pub busy: usize,
    /// Complete requests that wait for one.
    pub waiting: usize,
    /// How long its threads have run, or could have, since its start, in ns.
    pub active_ns: u64,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// How many threads there are.
    pub from: usize,
    /// How many there are to be.
    pub to: usize,
    /// Requests that wait.
    pub waiting: usize,
    /// The share of the time in which the process ran or could have, in CPUs.
    pub active: f64,
    /// How long the interpreter's lock was waited for, in ns, where that matters.
    pub lock_wait_ns: u64,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            from,
            to,
            waiting,
            active,
            lock_wait_ns,
        } = self;
        let was = if waiting == &1 {
            "1 request waits".to_owned()
        } else {
            format!("{waiting} requests wait")
        };
        if to > from {
            write!(
                f,
                "Threads grow from {from} to {to}: {was} while all are busy and blocked \
                 ({active:.2} CPUs in use)"
            )
        } else if *lock_wait_ns > 0 {
            write!(
                f,
                "Threads stay at {from}: {was}, and the threads queue for the interpreter \
                 (waited for it for {:.1} ms)",
                *lock_wait_ns as f64 / 1e6
            )
        } else if *active < BUSY {
            write!(
                f,
                "Threads stay at {from}, the most that `max_threads` allows: {was} while all \
                 are busy and blocked"
            )
        } else {
            write!(
                f,
                "Threads stay at {from}: {was}, and the threads queue for the interpreter or a \
                 CPU ({active:.2} CPUs in use)"
            )
        }
    }
}

/// Decides, from one look to the next.
#[derive(Debug)]
pub struct Growth {
    most: usize,
    before: Option<Pressure>,
    /// When it was last said that nothing changes.
    stayed_ns: Option<u64>,
    /// How long the interpreter's lock was waited for when it was too long, and when that was.
    locked: Option<(u64, u64)>,
    /// Looks since then at which it was had, one after the other.
    free_looks: u32,
}

impl Growth {
    /// Up to so many threads.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            before: None,
            stayed_ns: None,
            locked: None,
            free_looks: 0,
        }
    }

    /// Whether nobody is free and somebody waits: only then has `active_ns` to be known.
    pub fn is_pressed(busy: usize, threads: usize, waiting: usize) -> bool {
        waiting > 0 && busy >= threads
    }

    /// What follows from how the worker fares now; `None` where nothing does, or where it
    /// was said a moment ago.
    pub fn look(&mut self, now: Pressure) -> Option<Decision> {
        if !Self::is_pressed(now.busy, now.threads, now.waiting) {
            self.before = None;
            self.free_looks = 0;
            return None;
        }
        let Some(before) = self
            .before
            .filter(|before| before.threads == now.threads && now.at_ns > before.at_ns)
        else {
            self.before = Some(now);
            return None;
        };
        let took_ns = now.at_ns - before.at_ns;
        if took_ns < SHORTEST_NS {
            return None;
        }
        self.before = Some(now);
        let active = now.active_ns.saturating_sub(before.active_ns) as f64 / took_ns as f64;
        let decision = Decision {
            from: now.threads,
            to: self.better(&now, before.waiting, active),
            waiting: now.waiting,
            active,
            lock_wait_ns: 0,
        };
        if decision.to > decision.from {
            return Some(decision);
        }
        self.stay(decision, now.at_ns)
    }

    /// What is done of a decision for which the interpreter's lock was waited for so long, in
    /// ns, until `at_ns`.
    pub fn confirm(
        &mut self,
        decision: Decision,
        lock_wait_ns: u64,
        at_ns: u64,
    ) -> Option<Decision> {
        if lock_wait_ns > LOCK_WAIT_NS {
            self.locked = Some((lock_wait_ns, at_ns));
            self.free_looks = 0;
        } else {
            self.free_looks += 1;
        }
        let locked = self
            .locked
            .filter(|(_, locked_ns)| at_ns < locked_ns + LOCKED_NS);
        if decision.to == decision.from {
            return Some(decision);
        }
        let Some((lock_wait_ns, _)) = locked else {
            if self.free_looks < FREE_LOOKS {
                return None;
            }
            self.free_looks = 0;
            self.stayed_ns = None;
            return Some(decision);
        };
        let stays = Decision {
            to: decision.from,
            lock_wait_ns,
            ..decision
        };
        self.stay(stays, at_ns)
    }

    fn stay(&mut self, decision: Decision, at_ns: u64) -> Option<Decision> {
        let said = self
            .stayed_ns
            .is_some_and(|said_ns| at_ns < said_ns + SILENT_NS);
        if said {
            return None;
        }
        self.stayed_ns = Some(at_ns);
        Some(decision)
    }

    /// So many threads that those who waited all the time find one, at most twice as many
    /// as now, and not more than can share one interpreter if all do as those do.
    fn better(&self, now: &Pressure, waited: usize, active: f64) -> usize {
        if active >= BUSY {
            return now.threads;
        }
        let shared = (now.threads as f64 / active.max(0.001)) as usize;
        (now.threads + now.waiting.min(waited))
            .min(2 * now.threads)
            .min(shared)
            .min(self.most)
            .max(now.threads)
    }
}

/// How long this process's threads have run, or waited for a CPU, in ns: its CPU clock, and
/// what the kernel counts of its run queue where it does (`/proc/PID/task/TID/schedstat`).
pub fn active_ns() -> u64 {
    let ran = clock_gettime(ClockId::ProcessCPUTime);
    let ran_ns = ran.tv_sec as u64 * 1_000_000_000 + ran.tv_nsec as u64;
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten();
    let delays_ns = tasks.filter_map(|task| {
        let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    ran_ns + delays_ns.sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK_NS: u64 = 50_000_000;

    /// What is decided by the second of two looks, between which the process ran for this
    /// share of the time.
    fn decided(threads: usize, waiting: usize, active: f64) -> Option<Decision> {
        let mut growth = Growth::new(64);
        let mut look = Pressure {
            at_ns: 1,
            threads,
            busy: threads,
            waiting,
            active_ns: 7,
        };
        assert_eq!(growth.look(look), None);
        look.at_ns += LOOK_NS;
        look.active_ns += (active * LOOK_NS as f64) as u64;
        growth.look(look)
    }

    fn to(threads: usize, waiting: usize, active: f64) -> usize {
        decided(threads, waiting, active).unwrap().to
    }

    #[test]
    fn threads_that_are_blocked_become_more() {
        assert_eq!(to(1, 10, 0.01), 2, "twice as many at once");
        assert_eq!(to(8, 3, 0.05), 11, "no more than have something to do");
        assert_eq!(to(40, 100, 0.1), 64, "the bound");
        let text = decided(4, 1, 0.1).unwrap().to_string();
        assert_eq!(
            text,
            "Threads grow from 4 to 5: 1 request waits while all are busy and blocked \
             (0.10 CPUs in use)"
        );
    }

    #[test]
    fn threads_that_queue_do_not() {
        for active in [0.7, 1.0, 3.5] {
            assert_eq!(to(4, 100, active), 4);
        }
        // Six threads like these four would fill the interpreter.
        assert_eq!(to(4, 100, 0.6), 6);
        let text = decided(4, 9, 1.0).unwrap().to_string();
        assert_eq!(
            text,
            "Threads stay at 4: 9 requests wait, and the threads queue for the interpreter or \
             a CPU (1.00 CPUs in use)"
        );
    }

    #[test]
    fn a_lock_that_is_not_to_be_had_speaks_against_more() {
        let grows = decided(2, 9, 0.01).unwrap();
        let mut growth = Growth::new(64);
        for once in 1..FREE_LOOKS {
            assert_eq!(growth.confirm(grows, 30_000, 1), None, "{once} may be luck");
        }
        assert_eq!(growth.confirm(grows, 30_000, 1), Some(grows));
        let stays = growth.confirm(grows, 40_000_000, 2).unwrap();
        assert_eq!(
            stays.to_string(),
            "Threads stay at 2: 9 requests wait, and the threads queue for the interpreter \
             (waited for it for 40.0 ms)"
        );
        assert_eq!(growth.confirm(grows, 40_000_000, 3), None, "said already");
        for _ in 0..FREE_LOOKS {
            assert_eq!(growth.confirm(grows, 0, 4), None, "a moment ago");
        }
        assert_eq!(growth.confirm(grows, 0, 3 + LOCKED_NS), Some(grows));
    }

    #[test]
    fn a_moment_without_pressure_begins_anew() {
        let mut growth = Growth::new(64);
        let pressed = |at_ns, waiting| Pressure {
            at_ns,
            threads: 2,
            busy: 2,
            waiting,
            active_ns: 0,
        };
        assert_eq!(growth.look(pressed(0, 5)), None);
        assert_eq!(growth.look(pressed(LOOK_NS, 0)), None);
        assert_eq!(growth.look(pressed(2 * LOOK_NS, 5)), None);
        assert_eq!(growth.look(pressed(2 * LOOK_NS + 1, 5)), None, "too short");
        assert!(growth.look(pressed(3 * LOOK_NS, 5)).is_some());
    }

    #[test]
    fn that_nothing_changes_is_said_now_and_then() {
        let mut growth = Growth::new(2);
        let said: Vec<u64> = (0..4000)
            .filter(|second| {
                let look = Pressure {
                    at_ns: second * LOOK_NS,
                    threads: 2,
                    busy: 2,
                    waiting: 1,
                    active_ns: 0,
                };
                growth.look(look).is_some()
            })
            .collect();
        assert_eq!(said, [1, 1201, 2401, 3601]);
    }

    #[test]
    fn a_process_that_computes_is_active() {
        let before_ns = active_ns();
        let mut sum = 0_u64;
        while active_ns() < before_ns + 2_000_000 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
    }
}
