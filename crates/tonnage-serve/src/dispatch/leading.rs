//! Where a thread of the application gets its next request from: it polls the sockets by
//! itself, or sleeps until somebody who does has one for it.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::{Application, Dispatcher, NAP, now_ns};
use crate::io::{Events, Io, Waiting};

/// A thread had something to do again at the one moment, and the interpreter at the other.
#[derive(Debug, Clone, Copy)]
struct Woken {
    woke_ns: u64,
    attached_ns: u64,
}

impl Woken {
    fn gil_ns(self) -> u64 {
        self.attached_ns.saturating_sub(self.woke_ns)
    }
}

impl Waiting {
    /// Of the time that it waited, so much was for want of the interpreter.
    fn part_with(&mut self, woken: Woken) {
        let since_ns = self.queued_ns.max(woken.woke_ns);
        let gil_ns = woken.attached_ns.saturating_sub(since_ns);
        self.gil_ns += gil_ns;
        self.queued_ns += gil_ns;
    }
}

impl Dispatcher {
    /// The next request for this thread, and whether its response may wait for those of
    /// others that are there already; `None` where the worker has ended.
    pub(super) fn next(
        &self,
        application: &mut impl Application,
        events: &mut Events,
    ) -> Option<(Waiting, bool)> {
        let mut woken = None;
        let mut polled_in_vain = false;
        loop {
            {
                let mut io = self.io();
                if self.is_over(&io) {
                    io.let_go();
                    return None;
                }
                if let Some(mut waiting) = io.next(now_ns()) {
                    if let Some(woken) = woken {
                        waiting.part_with(woken);
                    }
                    let more = io.has_more();
                    if more && self.is_slow() {
                        self.work.notify_one();
                    }
                    return Some((waiting, more && !self.is_slow()));
                }
            }
            if self.should_poll() && !self.polled.swap(true, Ordering::AcqRel) {
                self.polls.fetch_add(1, Ordering::Relaxed);
                woken = self.poll(application, events, polled_in_vain);
                polled_in_vain = true;
                // In one order with the watcher's going to sleep: see `Bed::sleep`.
                self.polled.store(false, Ordering::SeqCst);
            } else {
                if !self.should_poll() && !self.polled.load(Ordering::Acquire) {
                    self.watcher.call();
                }
                woken = self.detached(application, || self.sleep());
                application.turn();
                self.tell_refusals(application);
            }
        }
    }

    /// One look at the sockets: without waiting and without letting go of anything first,
    /// since under load there is always something. Tells when it woke where it did wait.
    /// `in_vain`: this thread has just looked, and came by no request.
    fn poll(
        &self,
        application: &mut impl Application,
        events: &mut Events,
        in_vain: bool,
    ) -> Option<Woken> {
        let mut woken = None;
        self.poller.wait(events, 0);
        if in_vain && !events.is_empty() {
            // Who keeps it busy without asking for anything must not keep what others need
            // who have requests in hand.
            woken = self.detached(application, || ());
            application.turn();
        }
        if events.is_empty() {
            // The watcher may have queued something since this thread looked, and have found
            // nobody polling whom it could have told.
            let patience_ms = {
                let mut io = self.io();
                // There is time for new connections, and the watcher may not know it yet.
                io.pause(false);
                if io.has_more() { 0 } else { io.patience_ms() }
            };
            if patience_ms > 0 || in_vain {
                let wait = || self.poller.wait(events, patience_ms);
                woken = self.detached(application, wait);
            }
            application.turn();
        }
        let now_ns = now_ns();
        if let Some(place) = self.place
            && self.threads() == 1
        {
            place.beat(now_ns / 1_000_000);
        }
        let refusals = {
            let mut io = self.io();
            io.expect_late(woken.map_or(0, Woken::gil_ns));
            self.process(&mut io, events, now_ns);
            io.take_refusals()
        };
        if let Some(refusals) = refusals {
            application.refused(refusals);
        }
        woken
    }

    /// Runs something that waits; when that was over, where somebody wants to know how long
    /// the interpreter is waited for.
    fn detached(
        &self,
        application: &mut impl Application,
        waiting: impl FnOnce() + Send,
    ) -> Option<Woken> {
        if self.meters.is_none() {
            application.detached(waiting);
            return None;
        }
        let woke_ns = application.detached(|| {
            waiting();
            now_ns()
        });
        Some(Woken {
            woke_ns,
            attached_ns: now_ns(),
        })
    }

    /// Has done what the events ask for.
    pub(super) fn process(&self, io: &mut Io, events: &Events, now_ns: u64) {
        io.expect_takers(self.threads().saturating_sub(self.in_flight() as usize));
        io.process(events, now_ns);
    }

    /// Sleeps until there is a request to take, or a while.
    fn sleep(&self) {
        let io = self.io();
        if !io.has_more() && !self.is_over(&io) {
            let slept = self.work.wait_timeout(io, NAP);
            drop(slept.unwrap_or_else(PoisonError::into_inner));
        }
    }
}
