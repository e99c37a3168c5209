//! One worker's place on the board: what it writes there, and what others ask of it.

use std::fmt;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64};

use rustix::process::Pid;

/// A worker that has had no thread to spare for so long, in ms, is given no connections.
const HELD_UP_MS: u64 = 50;

/// The number of a worker's place on the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(u16);

impl SlotId {
    /// The slot with this number, counted from zero.
    pub const fn new(index: u16) -> Self {
        Self(index)
    }

    /// The number, for indexing.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a worker is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Nobody is here.
    Empty,
    /// Forked, and not yet able to serve.
    Starting,
    /// Serving.
    Ready,
    /// Serving what it has, wanting nothing new.
    Draining,
    /// It did not give a sign of life in time.
    Stuck,
}

impl State {
    const fn to_raw(self) -> u32 {
        match self {
            Self::Empty => 0,
            Self::Starting => 1,
            Self::Ready => 2,
            Self::Draining => 3,
            Self::Stuck => 4,
        }
    }

    const fn from_raw(raw: u32) -> Self {
        match raw {
            1 => Self::Starting,
            2 => Self::Ready,
            3 => Self::Draining,
            4 => Self::Stuck,
            _ => Self::Empty,
        }
    }
}

/// Why a worker asks for its replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wish {
    /// It was given its number of requests.
    Requests,
    /// A request takes too long.
    Overdue,
}

impl Wish {
    const fn to_raw(self) -> u32 {
        match self {
            Self::Requests => 1,
            Self::Overdue => 2,
        }
    }

    const fn from_raw(raw: u32) -> Option<Self> {
        match raw {
            1 => Some(Self::Requests),
            2 => Some(Self::Overdue),
            _ => None,
        }
    }
}

/// What a worker does before it can serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Boot {
    /// It imports the application.
    Importing,
    /// It waits for the application's startup (ASGI lifespan).
    StartingUp,
    /// It waits for the answer to a request of its own (`--reload-check`).
    AskingItself,
}

impl Boot {
    const fn to_raw(self) -> u32 {
        match self {
            Self::Importing => 1,
            Self::StartingUp => 2,
            Self::AskingItself => 3,
        }
    }

    const fn from_raw(raw: u32) -> Option<Self> {
        match raw {
            1 => Some(Self::Importing),
            2 => Some(Self::StartingUp),
            3 => Some(Self::AskingItself),
            _ => None,
        }
    }
}

impl fmt::Display for Boot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Importing => "importing the application",
            Self::StartingUp => "the application's startup (lifespan)",
            Self::AskingItself => "the answer to the self-request",
        })
    }
}

/// A worker's place. Two cache lines long, so that workers that count do not slow down
/// their neighbours (processors fetch lines in pairs).
#[repr(C, align(128))]
pub struct Slot {
    // Seldom written.
    pid: AtomicI32,
    state: AtomicU32,
    generation: AtomicU32,
    wants_replacement: AtomicU32,
    code_change: AtomicU32,
    failing: AtomicU32,
    boot: AtomicU32,
    age: AtomicU64,
    // Written with each connection or request.
    connections: AtomicU32,
    inbound: AtomicU32,
    in_flight: AtomicU32,
    requests: AtomicU64,
    heartbeat_ms: AtomicU64,
    busy_since_ms: AtomicU64,
}

/// A copy of a slot's numbers, taken one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    /// The process, where there is one.
    pub pid: Option<Pid>,
    /// What it is about.
    pub state: State,
    /// The generation of configuration and code that it runs.
    pub generation: u32,
    /// How many workers the supervisor had started when this one was, itself included.
    pub age: u64,
    /// Connections open.
    pub connections: u32,
    /// Connections on their way to it from other workers.
    pub inbound: u32,
    /// Requests in the hands of the application.
    pub in_flight: u32,
    /// Requests that the application was given since the start.
    pub requests: u64,
    /// The last sign of life, in milliseconds of the monotonic clock.
    pub heartbeat_ms: u64,
    /// When the oldest request in the application's hands began; `None` where there is none.
    pub busy_since_ms: Option<u64>,
    /// Whether it wants to be replaced.
    pub wants_replacement: bool,
}

/// What the supervisor does.
impl Slot {
    /// Gets the place ready for a worker that is about to be forked. To be called before
    /// the fork: afterwards the numbers are the worker's.
    pub fn prepare(&self, generation: u32, age: u64, now_ms: u64) {
        self.clear();
        self.generation.store(generation, Relaxed);
        self.age.store(age, Relaxed);
        self.heartbeat_ms.store(now_ms, Relaxed);
        self.state.store(State::Starting.to_raw(), Release);
    }

    /// Says which process is here. Both the supervisor and the worker say it.
    pub fn set_pid(&self, pid: Pid) {
        self.pid.store(pid.as_raw_pid(), Release);
    }

    /// Marks the place as free. Its process must be gone.
    pub fn clear(&self) {
        self.state.store(State::Empty.to_raw(), Release);
        self.pid.store(0, Relaxed);
        self.wants_replacement.store(0, Relaxed);
        self.code_change.store(0, Relaxed);
        self.failing.store(0, Relaxed);
        self.boot.store(0, Relaxed);
        self.connections.store(0, Relaxed);
        self.inbound.store(0, Relaxed);
        self.in_flight.store(0, Relaxed);
        self.requests.store(0, Relaxed);
        self.busy_since_ms.store(0, Relaxed);
    }

    /// Says that the worker gives no sign of life, so that nothing more is sent to it.
    pub fn mark_stuck(&self) {
        self.state.store(State::Stuck.to_raw(), Release);
    }
}

/// What the worker does.
impl Slot {
    /// Says that the worker can serve. False where it has been told to stop before it
    /// came so far; then the state stays as it is.
    pub fn become_ready(&self) -> bool {
        let (starting, ready) = (State::Starting.to_raw(), State::Ready.to_raw());
        self.state
            .compare_exchange(starting, ready, AcqRel, Acquire)
            .is_ok()
    }

    /// Says that the worker wants no new connections. The supervisor says it too when it
    /// asks a worker to stop.
    pub fn drain(&self) {
        self.state.store(State::Draining.to_raw(), Release);
    }

    /// Asks for a replacement. The worker goes on serving until it is told to stop.
    /// Ring the bell afterwards.
    pub fn ask_for_replacement(&self, wish: Wish) {
        self.wants_replacement.store(wish.to_raw(), Release);
    }

    /// Says that files of the application have changed, and which, as a number that is not
    /// zero. Ring the bell afterwards.
    pub fn tell_code_change(&self, mark: u32) {
        self.code_change.store(mark, Release);
    }

    /// Says how far the worker's start is.
    pub fn boot(&self, step: Boot) {
        self.boot.store(step.to_raw(), Release);
    }

    /// Says that an error is served in place of the application.
    pub fn be_failing(&self) {
        self.failing.store(1, Release);
    }

    /// Gives a sign of life.
    pub fn beat(&self, now_ms: u64) {
        self.heartbeat_ms.store(now_ms, Relaxed);
    }

    /// Says how many connections are open.
    pub fn set_connections(&self, connections: u32) {
        self.connections.store(connections, Relaxed);
    }

    /// Counts a connection that was sent here as arrived, or as not sent after all. Never
    /// below zero: what was sent to a dead worker is read by its successor, whose count
    /// began anew.
    pub fn take_inbound(&self) {
        let _ = self
            .inbound
            .fetch_update(Relaxed, Relaxed, |inbound| inbound.checked_sub(1));
    }

    /// Says how many requests are in the hands of the application, and since when the
    /// oldest of them is.
    pub fn set_in_flight(&self, in_flight: u32, busy_since_ms: Option<u64>) {
        self.in_flight.store(in_flight, Relaxed);
        self.busy_since_ms
            .store(busy_since_ms.unwrap_or(0), Relaxed);
    }

    /// Counts a request that the application is given, and gives the number of them so far.
    pub fn count_request(&self) -> u64 {
        self.requests.fetch_add(1, Relaxed) + 1
    }
}

/// What anybody may ask.
impl Slot {
    /// What the worker is about.
    pub fn state(&self) -> State {
        State::from_raw(self.state.load(Acquire))
    }

    /// Whether the worker wants to be replaced, and why.
    pub fn wants_replacement(&self) -> Option<Wish> {
        Wish::from_raw(self.wants_replacement.load(Acquire))
    }

    /// The change of files that was told of since this was last asked.
    pub fn take_code_change(&self) -> Option<u32> {
        let mark = self.code_change.load(Acquire);
        (mark != 0).then(|| self.code_change.swap(0, AcqRel))
    }

    /// How far the worker's start is, or was when it could serve.
    pub fn booting(&self) -> Option<Boot> {
        Boot::from_raw(self.boot.load(Acquire))
    }

    /// Whether an error is served in place of the application.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Acquire) != 0
    }

    /// The last sign of life, in milliseconds of the monotonic clock.
    pub fn heartbeat_ms(&self) -> u64 {
        self.heartbeat_ms.load(Relaxed)
    }

    /// Connections that the worker has, and those on their way to it.
    pub(crate) fn connections(&self) -> (u32, u32) {
        let inbound = self.inbound.load(Relaxed);
        (self.connections.load(Relaxed), inbound)
    }

    /// Counts a connection that is about to be sent here, where so many are on their way as
    /// the caller believes. Counted by the sender and before it sends, so that the count is
    /// never behind.
    pub(super) fn add_inbound(&self, believed: u32) -> bool {
        self.inbound
            .compare_exchange(believed, believed.saturating_add(1), Relaxed, Relaxed)
            .is_ok()
    }

    /// Whether a request has kept the whole worker busy for so long that a connection
    /// would wait for it.
    pub(super) fn is_held_up(&self, now_ms: u64) -> bool {
        let since_ms = self.busy_since_ms.load(Relaxed);
        since_ms != 0 && now_ms.saturating_sub(since_ms) > HELD_UP_MS
    }

    /// Requests in the hands of the application.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// Whether all threads of the worker have a request in hand.
    pub fn is_busy(&self) -> bool {
        self.busy_since_ms.load(Relaxed) != 0
    }

    /// All numbers.
    pub fn snapshot(&self) -> Snapshot {
        let busy_since_ms = self.busy_since_ms.load(Relaxed);
        Snapshot {
            pid: Pid::from_raw(self.pid.load(Acquire)),
            state: self.state(),
            generation: self.generation.load(Relaxed),
            age: self.age.load(Relaxed),
            connections: self.connections.load(Relaxed),
            inbound: self.inbound.load(Relaxed),
            in_flight: self.in_flight.load(Relaxed),
            requests: self.requests.load(Relaxed),
            heartbeat_ms: self.heartbeat_ms(),
            busy_since_ms: (busy_since_ms != 0).then_some(busy_since_ms),
            wants_replacement: self.wants_replacement().is_some(),
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.snapshot().fmt(f)
    }
}
