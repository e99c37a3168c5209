//! The supervisor's decisions. [`Supervisor`] is told what happened and when, and says what
//! is to be done; it has neither clock, nor processes, nor signals of its own.
//!
//! Workers belong to *generations*: each reload begins one. The current generation is to
//! have as many workers as are wanted; those of older ones, and those that asked for a
//! replacement, are *outgoing*: they serve until there are enough others.

mod ending;
mod hearing;
mod keeping;
mod renewing;
mod signals;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

use std::time::Duration;

use rustix::process::{Pid, Signal};

use self::ending::Exit;
use super::event::{Action, Event, Hook, Level, PidfileStep, Policy};
use super::roster::{Phase, Roster, Worker};
use crate::board::SlotId;

/// How long a worker that was sent ABRT has until it is killed.
const ABORT_MS: u64 = 1000;

/// How much longer than its own deadline a stopping worker has: it keeps the deadline
/// itself, and should find the time to say goodbye.
pub const STOP_MARGIN: Duration = Duration::from_millis(500);

/// How long a worker has to stop after a second INT or QUIT, as in gunicorn.
const QUICK_MS: u64 = 2000;

/// A worker that dies sooner than this after its start died of its start.
const QUICK_DEATH_MS: u64 = 1000;

/// From so many quick deaths on, workers are started ever later.
const DEATHS_WITHOUT_BACKOFF: u32 = 3;

/// The shortest and the longest time between a quick death and the next start.
const BACKOFF_MS: (u64, u64) = (200, 10_000);

/// The machine.
#[derive(Debug)]
pub struct Supervisor {
    policy: Policy,
    /// How many workers are wanted now: the policy's number, after TTIN, TTOU and WINCH.
    target: u32,
    slots: u16,
    roster: Roster,
    last_age: u64,
    /// The generation that new workers belong to.
    current: u32,
    /// The youngest generation that has ever served; 0 while nothing ever worked.
    settled: u32,
    /// The number of the last generation that was begun.
    last_generation: u32,
    /// The youngest generation that was said to serve in full.
    announced: u32,
    /// The last change of files that a generation was begun for.
    code_mark: u32,
    /// What to return to if the current generation does not start.
    fallback: Option<(Policy, u32)>,
    quick_deaths: u32,
    last_quick_death_ms: u64,
    spawn_at_ms: u64,
    course: Course,
    /// The new server that was started beside this one.
    reexec: Option<Pid>,
    /// Whether this is the new server, and the old one still runs.
    has_parent: bool,
}

/// Where the server is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// The sockets are not open yet.
    Opening,
    Serving,
    /// It ends as soon as the workers have, at the latest at `limit_ms`.
    Halting {
        end: End,
        quick: bool,
        limit_ms: u64,
    },
    Over,
}

/// How the server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    code: i32,
    reason: Option<&'static str>,
}

impl Supervisor {
    /// A machine for a board with this many slots. `has_parent` says that this server is
    /// to replace another one, which still runs.
    pub fn new(policy: Policy, slots: u16, has_parent: bool) -> Self {
        let target = capped(policy.workers, slots);
        Self {
            policy,
            target,
            slots,
            roster: Roster::default(),
            last_age: 0,
            current: 1,
            settled: 0,
            last_generation: 1,
            announced: 0,
            code_mark: 0,
            fallback: None,
            quick_deaths: 0,
            last_quick_death_ms: 0,
            spawn_at_ms: 0,
            course: Course::Opening,
            reexec: None,
            has_parent,
        }
    }

    /// What is to be done about something that happened at `now_ms`.
    pub fn on(&mut self, event: Event, now_ms: u64) -> Vec<Action> {
        let mut out = Vec::new();
        if self.course == Course::Over {
            return out;
        }
        match event {
            Event::Started if self.course == Course::Opening => self.course = Course::Serving,
            Event::Signal(signal) => self.signal(signal, now_ms, &mut out),
            Event::Spawned { slot, pid } => self.spawned(slot, pid, &mut out),
            Event::SpawnFailed { slot, reason } => {
                self.spawn_failed(slot, &reason, now_ms, &mut out);
            }
            Event::Ready { slot } => self.ready(slot),
            Event::WantsReplacement { slot, cause } => self.let_leave(slot, cause, &mut out),
            Event::CodeChanged { slot, mark } => self.code_changed(slot, mark, &mut out),
            Event::Silent { slot, booting } => self.silent(slot, booting, now_ms, &mut out),
            Event::Exited {
                pid,
                ending,
                out_of_memory,
                reason,
            } => {
                let end = Exit {
                    ending,
                    out_of_memory,
                    reason,
                };
                self.exited(pid, &end, now_ms, &mut out);
            }
            Event::Reloaded(Ok(policy)) => self.reloaded(policy, &mut out),
            Event::Reloaded(Err(reason)) => {
                let text = format!("Reload failed, the old configuration stays: {reason}");
                log(&mut out, Level::Error, text);
            }
            Event::Reexecuted(Ok(pid)) => self.reexec = Some(pid),
            Event::Reexecuted(Err(reason)) => {
                log(
                    &mut out,
                    Level::Error,
                    format!("Cannot start a new server: {reason}"),
                );
            }
            Event::Promoted => {
                self.has_parent = false;
                log(&mut out, Level::Info, "Master has been promoted.");
                out.push(Action::Pidfile(PidfileStep::Promote));
                out.push(Action::Hook(Hook::Promoted));
            }
            Event::Started | Event::Tick => {}
        }
        self.manage(now_ms, &mut out);
        out
    }

    /// The workers, the oldest first.
    pub fn workers(&self) -> impl Iterator<Item = &Worker> {
        self.roster.iter()
    }

    /// All processes whose end is waited for.
    pub fn pids(&self) -> impl Iterator<Item = Pid> {
        self.roster
            .iter()
            .filter_map(|worker| worker.pid)
            .chain(self.reexec)
    }

    /// Whether a worker was sent KILL from here.
    pub(super) fn has_killed(&self, pid: Pid) -> bool {
        let mut workers = self.roster.iter();
        workers.any(|worker| worker.pid == Some(pid) && worker.phase == Phase::Killed)
    }

    /// What the configuration asks for.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How many workers are wanted now.
    pub fn target(&self) -> u32 {
        self.target
    }

    /// The generation that new workers belong to.
    pub fn generation(&self) -> u32 {
        self.current
    }

    /// The places of workers that serve and are to be replaced: whoever starts now takes
    /// the place of one of them.
    pub fn outgoing(&self) -> impl Iterator<Item = SlotId> {
        let current = self.current;
        let outgoing = move |worker: &&Worker| worker.is_ready() && !worker.stays(current);
        self.roster
            .iter()
            .filter(outgoing)
            .map(|worker| worker.slot)
    }

    /// Whether the server is on its way to its end.
    pub fn is_halting(&self) -> bool {
        matches!(self.course, Course::Halting { .. } | Course::Over)
    }

    /// When, after `now_ms`, [`Event::Tick`] is due at the latest if nothing else happens.
    pub fn next_wake_ms(&self, now_ms: u64) -> Option<u64> {
        let kills = self.roster.iter().filter_map(Worker::kill_at_ms);
        let end = match self.course {
            Course::Halting { limit_ms, .. } => Some(limit_ms + QUICK_MS),
            _ => None,
        };
        let wants_more = self.course == Course::Serving && self.to_spawn() > 0;
        let all = kills
            .chain(end)
            .chain(wants_more.then_some(self.spawn_at_ms));
        all.filter(|at_ms| *at_ms > now_ms).min()
    }
}

/// Sends a worker a signal, or will as soon as its process is known.
fn send(worker: &mut Worker, signal: Signal, out: &mut Vec<Action>) {
    match worker.pid {
        Some(pid) => out.push(Action::Kill {
            slot: worker.slot,
            pid,
            signal,
        }),
        None => worker.owed = Some(signal),
    }
}

fn log(out: &mut Vec<Action>, level: Level, text: impl Into<String>) {
    out.push(Action::Log {
        level,
        text: text.into(),
    });
}

/// As many workers as were asked for, but no more than leave room for as many others
/// during a reload.
fn capped(workers: u32, slots: u16) -> u32 {
    workers.min(u32::from(slots / 2))
}
