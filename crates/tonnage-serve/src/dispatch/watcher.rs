//! The thread that never calls the application, and polls when those that do have no time.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::pace::Pace;
use super::{Dispatcher, now_ns};
use crate::helper_thread;
use crate::io::Events;

/// How long nobody may poll before the watcher does.
const TICK: Duration = Duration::from_millis(1);

/// Ticks without a request after which the watcher sleeps until there is one.
const TICKS_AWAKE: u32 = 50;

/// How long the watcher waits for events when it polls, in ms.
const POLL_MS: u64 = 20;

/// The same where a response waits for others.
const HELD_MS: u64 = 1;

/// How long nobody may have time for new connections before they are taken all the same.
const ACCEPT_AFTER: Duration = Duration::from_millis(50);

/// Where the watcher sleeps while nothing happens.
#[derive(Debug, Default)]
pub(super) struct Bed {
    asleep: AtomicBool,
    /// Somebody wants the watcher to poll now.
    called: AtomicBool,
    lock: Mutex<()>,
    bell: Condvar,
}

impl Bed {
    /// Wakes the watcher, where it sleeps: one atomic read where it does not.
    pub(super) fn wake(&self) {
        if self.asleep.load(Ordering::SeqCst) {
            let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            self.asleep.store(false, Ordering::Release);
            drop(guard);
            self.bell.notify_one();
        }
    }

    /// Has the watcher poll now: whoever calls it would have, and does not.
    pub(super) fn call(&self) {
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.called.store(true, Ordering::Release);
        self.asleep.store(false, Ordering::Release);
        drop(guard);
        self.bell.notify_one();
    }

    fn was_called(&self) -> bool {
        self.called.swap(false, Ordering::AcqRel)
    }

    /// Waits so long, or until it is called.
    fn doze(&self, most: Duration) {
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.called.load(Ordering::Acquire) {
            drop(self.bell.wait_timeout(guard, most));
        }
    }

    /// Sleeps until it is woken, or so long, as long as somebody polls. Whoever stops polling
    /// says so first and then looks whether the watcher sleeps, which says so first and then
    /// looks whether anybody polls: one of the two sees the other.
    fn sleep(&self, most: Duration, polled: &AtomicBool) {
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.asleep.store(true, Ordering::SeqCst);
        if !polled.load(Ordering::SeqCst) {
            self.asleep.store(false, Ordering::Release);
            return;
        }
        let until = Instant::now() + most;
        while self.asleep.load(Ordering::Acquire) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.asleep.store(false, Ordering::Release);
                return;
            }
            let woken = self.bell.wait_timeout(guard, left);
            guard = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Starts the watcher of a worker; it ends when the worker is gone.
pub(super) fn start(dispatcher: &Arc<Dispatcher>) -> io::Result<()> {
    let dispatcher = Arc::downgrade(dispatcher);
    helper_thread::spawn("tonnage-watcher", move || watch(&dispatcher)).map(|_| ())
}

fn watch(dispatcher: &Weak<Dispatcher>) {
    let mut events = Events::default();
    let mut seen = Seen::default();
    let mut pace = Pace::new(TICK);
    while let Some(dispatcher) = dispatcher.upgrade() {
        if dispatcher.ended.load(Ordering::Acquire) {
            return;
        }
        // A request that takes long keeps no response from its client: neither those of
        // others, nor its own where the application goes on after it.
        let now_ns = now_ns();
        dispatcher.io().let_go_in_time(now_ns);
        dispatcher.outbox.send_late(now_ns);
        if seen.is_nobody_polling(&dispatcher) | dispatcher.watcher.was_called() {
            stand_in(&dispatcher, &mut events);
            seen = Seen::default();
        } else if seen.quiet_ticks > TICKS_AWAKE {
            // Where nothing has happened meanwhile, the next tick sleeps again.
            dispatcher.watcher.sleep(super::NAP, &dispatcher.polled);
        } else {
            dispatcher.watcher.doze(pace.next(seen.goes_on));
        }
    }
}

/// What the last tick saw.
#[derive(Debug, Default)]
struct Seen {
    polls: u64,
    served: u64,
    quiet_ticks: u32,
    /// Requests came to their end since the tick before.
    goes_on: bool,
    /// The last tick found nobody polling either, and nothing done since.
    stuck: bool,
}

impl Seen {
    /// Whether nobody polls, and nobody has since the last tick.
    fn is_nobody_polling(&mut self, dispatcher: &Dispatcher) -> bool {
        let polls = dispatcher.polls.load(Ordering::Relaxed);
        let served = dispatcher.served();
        let polled = dispatcher.polled.load(Ordering::Acquire);
        let same = polls == self.polls && served == self.served;
        self.goes_on = served != self.served;
        // A thread that waits for nothing polls anew now and then.
        let is_quiet = polled && served == self.served;
        self.quiet_ticks = if is_quiet { self.quiet_ticks + 1 } else { 0 };
        let was_stuck = self.stuck && same;
        self.stuck = !polled;
        (self.polls, self.served) = (polls, served);
        !polled && was_stuck
    }
}

/// Polls until a thread of the application does again, or will soon: as long as this one
/// brings requests, those that run short ones would never come to it.
fn stand_in(dispatcher: &Dispatcher, events: &mut Events) {
    let since = Instant::now();
    let served = dispatcher.served();
    let goes_on = || dispatcher.served() != served && !dispatcher.is_slow();
    while !dispatcher.polled.load(Ordering::Acquire)
        && !dispatcher.ended.load(Ordering::Acquire)
        && !goes_on()
    {
        // New connections are for workers that have time.
        let no_time = dispatcher.in_flight() >= dispatcher.threads() as u64;
        let (patience_ms, waiting) = {
            let mut io = dispatcher.io();
            io.see_all();
            if io.is_drained() {
                break;
            }
            if no_time != io.is_paused() {
                io.pause(no_time);
            }
            dispatcher.say_anew(no_time);
            if no_time && since.elapsed() > ACCEPT_AFTER && io.nobody_has_time() {
                io.accept_waiting();
            }
            (io.patience_ms(), io.waiting())
        };
        if waiting > 0 {
            dispatcher.hand_out(waiting);
        }
        if no_time && waiting >= dispatcher.threads() {
            // Everybody has the next request already: several can come together.
            thread::sleep(TICK);
        }
        let holds_back = dispatcher.outbox.send_late(now_ns());
        let most_ms = if holds_back { HELD_MS } else { POLL_MS };
        dispatcher.poller.wait(events, patience_ms.min(most_ms));
        let mut io = dispatcher.io();
        io.expect_late(0);
        dispatcher.process(&mut io, events, now_ns());
    }
    let mut io = dispatcher.io();
    io.see_all();
    io.pause(false);
    drop(io);
    // What was meant to wake the thread that polls may have woken this one.
    dispatcher.poller.ring();
}

impl Dispatcher {
    /// Writes on the board how many requests there are, where that is wrong: of two threads
    /// that begin or end one at the same moment, the first may be the last to say it.
    fn say_anew(&self, is_busy: bool) {
        let in_flight = self.in_flight() as u32;
        if let Some(place) = self.place
            && (place.in_flight() != in_flight || place.is_busy() != is_busy)
        {
            place.set_in_flight(in_flight, is_busy.then(|| now_ns() / 1_000_000));
        }
    }

    /// Tells threads that wait that there is something to do.
    fn hand_out(&self, waiting: usize) {
        let idle = self.threads().saturating_sub(self.in_flight() as usize);
        for _ in 0..waiting.min(idle) {
            self.work.notify_one();
        }
        if self.polled.load(Ordering::Acquire) {
            self.poller.ring();
        }
    }
}
