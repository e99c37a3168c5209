//! The thread that looks after requests that take too long. It never needs what an
//! application may hold, such as an interpreter's lock: what it finds out goes to the
//! supervisor, which says it.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::register::Register;
use super::report::late;
use super::{InHand, Limits, TimeoutAction};
use crate::board::{Meters, Slot, State, Wish};
use crate::dispatch::now_ns;
use crate::helper_thread;
use crate::supervisor::{Bell, Level, Reports};

/// How often it looks while no limit asks for more.
const TICK: Duration = Duration::from_millis(250);

/// How often at most.
const SHORTEST_TICK: Duration = Duration::from_millis(10);

/// How long it says nothing after a report: a flood fills no log.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a worker that was sent ABRT may take to say itself where it is.
const SELF_REPORT: Duration = Duration::from_millis(300);

/// A worker that gave no sign of life for so long, where its limit is no longer, is held up:
/// each gives one a second at least, unless the machine is busy.
const LEAST_SILENCE: Duration = Duration::from_secs(3);

/// How long a late request is left to those who were asked to end it.
const LEFT_TO_OTHERS: Duration = Duration::from_secs(1);

/// Who can say what the threads of a worker do.
pub trait Witness: Send + 'static {
    /// What they do, and which of these requests. May take a second or two, but not for ever,
    /// whatever they do.
    fn stacks(&mut self, requests: &[InHand]) -> String;

    /// The same without asking any of them for anything.
    fn stacks_from_outside(&mut self, requests: &[InHand]) -> String;

    /// Asks the application's side to end late requests. `false` where it cannot.
    fn end_late(&mut self) -> bool;
}

/// What looks after a worker.
#[derive(Debug)]
pub struct Overseer<W> {
    /// The requests in the application's hands, where anybody wants to know.
    pub register: Option<Arc<Register>>,
    /// How long they may take, and what then.
    pub limits: Limits,
    /// The worker's place.
    pub place: &'static Slot,
    /// Where late requests are counted.
    pub meters: Option<&'static Meters>,
    /// Rung where the worker wants to be replaced.
    pub bell: Arc<Bell>,
    /// Where it is said.
    pub reports: Arc<Reports>,
    /// Who knows more.
    pub witness: W,
}

/// What it has done.
#[derive(Debug, Default)]
pub(super) struct Course {
    silent_until_ns: u64,
    /// When requests are answered that others have been asked to end.
    answer_at_ns: Option<u64>,
    asked_for_replacement: bool,
    stuck_since_ns: Option<u64>,
    told_stuck: bool,
}

#[cfg(test)]
impl Course {
    /// However little time has passed since it said something.
    pub(super) fn be_heard(&mut self) {
        self.silent_until_ns = 0;
    }
}

impl<W: Witness> Overseer<W> {
    /// Starts the thread; it ends with the process.
    pub fn start(mut self) -> io::Result<()> {
        let look = move || {
            let mut course = Course::default();
            let tick = self.tick();
            loop {
                thread::sleep(tick);
                self.look(&mut course, now_ns());
            }
        };
        helper_thread::spawn("tonnage-overseer", look).map(|_| ())
    }

    /// A quarter of the shortest limit is late enough.
    fn tick(&self) -> Duration {
        let limits = [self.limits.slow, self.limits.timeout];
        let shortest = limits.into_iter().flatten().min();
        shortest.map_or(TICK, |limit| (limit / 4).clamp(SHORTEST_TICK, TICK))
    }

    /// Does what there is to do.
    pub(super) fn look(&mut self, course: &mut Course, now_ns: u64) {
        self.see_whether_stuck(course, now_ns);
        let Some(register) = self.register.clone() else {
            return;
        };
        if now_ns >= course.silent_until_ns {
            self.tell_late(&register, course, now_ns);
        }
        if course.answer_at_ns.is_some_and(|at_ns| at_ns <= now_ns) {
            course.answer_at_ns = None;
            register.answer_late(now_ns, Duration::ZERO);
        }
        if !register.is_lost(now_ns) {
            return;
        }
        if self.place.is_busy() {
            let text = "every thread is in a request that has had its time; it is replaced";
            self.ask_for_replacement(course, text);
        } else if self.is_held(now_ns) {
            let text = "requests that have had their time let nothing else run; it is replaced";
            self.ask_for_replacement(course, text);
        }
    }

    /// Whether a worker that has a thread to spare, or an event loop, cannot use it: somebody
    /// keeps the loop, or the interpreter's lock.
    fn is_held(&self, now_ns: u64) -> bool {
        let silent_ms = (now_ns / 1_000_000).saturating_sub(self.place.heartbeat_ms());
        let most = self.limits.timeout.map(|limit| limit.max(LEAST_SILENCE));
        most.is_some_and(|most| u128::from(silent_ms) >= most.as_millis())
    }

    /// A worker that was sent ABRT may be in no state to say where it is.
    fn see_whether_stuck(&mut self, course: &mut Course, now_ns: u64) {
        if course.told_stuck || self.place.state() != State::Stuck {
            return;
        }
        let since_ns = *course.stuck_since_ns.get_or_insert(now_ns);
        if now_ns.saturating_sub(since_ns) >= SELF_REPORT.as_nanos() as u64 {
            course.told_stuck = true;
            let in_hand = self.in_hand(now_ns);
            let stacks = self.witness.stacks_from_outside(&in_hand);
            self.say(Level::Critical, &format!("it is stuck\n{stacks}"));
        }
    }

    fn tell_late(&mut self, register: &Register, course: &mut Course, at_ns: u64) {
        let found = register.look(at_ns);
        if found.slow.is_empty() && found.timed_out.is_empty() {
            return;
        }
        if let Some(meters) = self.meters {
            meters.count_late(found.slow.len(), found.timed_out.len());
        }
        let in_hand = register.in_hand(at_ns);
        let stacks = self.witness.stacks(&in_hand);
        let pid = std::process::id();
        if !found.slow.is_empty() {
            let text = late(pid, "slow request", &found.slow, &stacks);
            self.reports.send(Level::Warning, &text);
        }
        if !found.timed_out.is_empty() {
            let text = late(pid, "request timed out", &found.timed_out, &stacks);
            self.reports.send(Level::Error, &text);
            self.end_late(register, course);
        }
        // The stacks may have taken their time.
        course.silent_until_ns = now_ns().max(at_ns) + PAUSE.as_nanos() as u64;
    }

    fn end_late(&mut self, register: &Register, course: &mut Course) {
        if self.limits.action == TimeoutAction::Replace {
            let text = "a request has had its time; it is replaced";
            self.ask_for_replacement(course, text);
        }
        let now_ns = now_ns();
        if self.witness.end_late() {
            let left_ns = LEFT_TO_OTHERS.as_nanos() as u64;
            course.answer_at_ns = Some(now_ns.saturating_add(left_ns));
        } else {
            register.answer_late(now_ns, Duration::ZERO);
        }
    }

    fn ask_for_replacement(&mut self, course: &mut Course, why: &str) {
        if !course.asked_for_replacement {
            course.asked_for_replacement = true;
            self.place.ask_for_replacement(Wish::Overdue);
            self.bell.ring();
            self.say(Level::Warning, why);
        }
    }

    fn in_hand(&self, now_ns: u64) -> Vec<InHand> {
        let register = self.register.as_ref();
        register.map_or_else(Vec::new, |register| register.in_hand(now_ns))
    }

    fn say(&self, level: Level, text: &str) {
        let pid = std::process::id();
        self.reports
            .send(level, &format!("Worker (pid:{pid}): {text}"));
    }
}
