//! A world for the machine to act in: processes that live and die as a test says, a clock
//! that moves when it is told to, and rules that must hold after every event.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::Supervisor;
use crate::board::SlotId;
use crate::supervisor::{Action, Ending, Event, Hook, Level, Policy};

/// A process, as the world knows it.
#[derive(Debug, Clone)]
pub(super) struct Process {
    pub(super) slot: SlotId,
    pub(super) age: u64,
    pub(super) generation: u32,
    pub(super) ready: bool,
    /// The signals that it was sent.
    pub(super) sent: Vec<Signal>,
}

impl Process {
    pub(super) fn was_sent(&self, signal: Signal) -> bool {
        self.sent.contains(&signal)
    }

    pub(super) fn was_asked_to_end(&self) -> bool {
        self.sent.iter().any(|signal| {
            matches!(
                *signal,
                Signal::TERM | Signal::QUIT | Signal::ABORT | Signal::KILL
            )
        })
    }
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) supervisor: Supervisor,
    pub(super) now_ms: u64,
    pub(super) living: BTreeMap<i32, Process>,
    pub(super) log: Vec<(Level, String)>,
    pub(super) hooks: Vec<Hook>,
    pub(super) exit: Option<i32>,
    pub(super) others: Vec<Action>,
    pub(super) forks_fail: bool,
    /// What the next reload gives.
    pub(super) reload: Result<Policy, String>,
    /// How many workers were ever wanted at most.
    most_wanted: u32,
    next_pid: i32,
    reexec: Option<i32>,
}

pub(super) fn policy(workers: u32) -> Policy {
    Policy {
        workers,
        graceful_timeout: Duration::from_secs(10),
        ..Policy::default()
    }
}

pub(super) const SLOTS: u16 = 64;

impl World {
    pub(super) fn new(policy: Policy) -> Self {
        Self {
            reload: Ok(policy.clone()),
            most_wanted: policy.workers,
            supervisor: Supervisor::new(policy, SLOTS, false),
            now_ms: 1_000_000,
            living: BTreeMap::new(),
            log: Vec::new(),
            hooks: Vec::new(),
            exit: None,
            others: Vec::new(),
            forks_fail: false,
            next_pid: 100,
            reexec: None,
        }
    }

    /// A world in which this many workers serve.
    pub(super) fn serving(workers: u32) -> Self {
        let mut world = Self::new(policy(workers));
        world.tell(Event::Started);
        world.all_ready();
        world.pass(2000);
        assert_eq!(world.ready().len(), workers as usize);
        world
    }

    pub(super) fn tell(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for action in self.supervisor.on(event, self.now_ms) {
                assert_eq!(self.exit, None, "{action:?} after the end");
                events.extend(self.act(action));
            }
        }
        self.check();
    }

    fn act(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Spawn {
                slot,
                age,
                generation,
            } => {
                assert!(
                    !self.supervisor.is_halting(),
                    "a worker is born into the end"
                );
                if self.forks_fail {
                    return Some(Event::SpawnFailed {
                        slot,
                        reason: "no memory".to_owned(),
                    });
                }
                assert!(
                    self.living.values().all(|process| process.slot != slot),
                    "{slot} is taken"
                );
                self.next_pid += 1;
                let process = Process {
                    slot,
                    age,
                    generation,
                    ready: false,
                    sent: Vec::new(),
                };
                self.living.insert(self.next_pid, process);
                return Some(Event::Spawned {
                    slot,
                    pid: pid(self.next_pid),
                });
            }
            Action::Kill { slot, pid, signal } => {
                let process = self
                    .living
                    .get_mut(&pid.as_raw_pid())
                    .expect("a signal to nobody");
                assert_eq!(process.slot, slot);
                process.sent.push(signal);
            }
            Action::Log { level, text } => self.log.push((level, text)),
            Action::Hook(hook) => self.hooks.push(hook),
            Action::Exit(code) => self.exit = Some(code),
            Action::Reload => return Some(Event::Reloaded(self.reload.clone())),
            Action::Reexec => {
                self.next_pid += 1;
                self.reexec = Some(self.next_pid);
                return Some(Event::Reexecuted(Ok(pid(self.next_pid))));
            }
            Action::Vacated { .. } => {}
            other => self.others.push(other),
        }
        None
    }

    /// What must hold whatever happens.
    fn check(&mut self) {
        self.most_wanted = self.most_wanted.max(self.supervisor.target());
        let mut known: Vec<i32> = self.supervisor.pids().map(Pid::as_raw_pid).collect();
        known.sort_unstable();
        let mut living: Vec<i32> = self.living.keys().copied().chain(self.reexec).collect();
        living.sort_unstable();
        if self.exit.is_none() {
            assert_eq!(known, living, "the supervisor has forgotten somebody");
        }
        let mut slots: Vec<SlotId> = self
            .supervisor
            .workers()
            .map(|worker| worker.slot)
            .collect();
        slots.sort_unstable();
        let workers = slots.len();
        slots.dedup();
        assert_eq!(slots.len(), workers, "two workers have the same slot");
        // Those that serve, as many again during a reload, and replacements.
        let most = 2 * self.most_wanted + 1 + self.most_wanted / 8;
        let live = self
            .supervisor
            .workers()
            .filter(|worker| worker.is_live())
            .count();
        assert!(
            live <= most as usize,
            "{live} live workers, {} wanted",
            self.most_wanted
        );
        let now_ms = self.now_ms;
        let wake_ms = self.supervisor.next_wake_ms(now_ms);
        assert!(
            wake_ms.is_none_or(|wake_ms| wake_ms > now_ms),
            "a loop that never sleeps"
        );
    }

    /// Lets time pass, waking the machine when it wants and once a second.
    pub(super) fn pass(&mut self, ms: u64) {
        let end_ms = self.now_ms + ms;
        while self.now_ms < end_ms {
            let next_ms = self
                .supervisor
                .next_wake_ms(self.now_ms)
                .unwrap_or(u64::MAX);
            self.now_ms = next_ms.min(self.now_ms + 1000).min(end_ms);
            self.tell(Event::Tick);
        }
    }

    pub(super) fn signal(&mut self, signal: Signal) {
        self.tell(Event::Signal(signal));
    }

    pub(super) fn make_ready(&mut self, pid: i32) {
        let process = self.living.get_mut(&pid).unwrap();
        process.ready = true;
        let slot = process.slot;
        self.tell(Event::Ready { slot });
    }

    /// Makes all ready that are not, and those that are started because of it.
    pub(super) fn all_ready(&mut self) {
        while let Some(pid) = self.starting().first().copied() {
            self.make_ready(pid);
        }
    }

    pub(super) fn die(&mut self, dead: i32, ending: Ending) {
        if self.reexec == Some(dead) {
            self.reexec = None;
        }
        self.living.remove(&dead);
        self.tell(Event::Exited {
            pid: pid(dead),
            ending,
            out_of_memory: false,
            reason: None,
        });
    }

    /// Lets all that were asked to end do so, and those that are asked because of it.
    pub(super) fn obey(&mut self) {
        while let Some(dead) = self.asked_to_end().first().copied() {
            let killed = self.living[&dead].was_sent(Signal::KILL);
            self.die(
                dead,
                if killed {
                    Ending::Signal(9)
                } else {
                    Ending::Code(0)
                },
            );
        }
    }

    /// What each process was sent.
    pub(super) fn sent(&self) -> impl Iterator<Item = &[Signal]> {
        self.living.values().map(|process| &*process.sent)
    }

    pub(super) fn starting(&self) -> Vec<i32> {
        self.pids(|process| !process.ready && !process.was_asked_to_end())
    }

    /// Those that serve and have not been asked to end.
    pub(super) fn ready(&self) -> Vec<i32> {
        self.pids(|process| process.ready && !process.was_asked_to_end())
    }

    pub(super) fn asked_to_end(&self) -> Vec<i32> {
        self.pids(Process::was_asked_to_end)
    }

    pub(super) fn of_generation(&self, generation: u32) -> Vec<i32> {
        self.pids(|process| process.generation == generation && !process.was_asked_to_end())
    }

    fn pids(&self, wanted: impl Fn(&Process) -> bool) -> Vec<i32> {
        self.living
            .iter()
            .filter(|(_, process)| wanted(process))
            .map(|(pid, _)| *pid)
            .collect()
    }

    pub(super) fn has_said(&self, text: &str) -> bool {
        self.log.iter().any(|(_, said)| said == text)
    }
}

pub(super) fn pid(number: i32) -> Pid {
    Pid::from_raw(number).unwrap()
}
