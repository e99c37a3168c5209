//! Who does what in a worker: threads that run the application, and one that never does.
//!
//! A thread that has nothing to do polls the sockets itself, so that a request of a fast
//! application is read, run and answered without a hand-over (leader and followers). The
//! watcher is a thread of its own that never calls the application: when nobody has polled
//! for a moment, because all are busy, it polls in their place, so that requests are read,
//! counted, and turned away in time, and slow clients cost nobody anything. Where requests
//! take long on average, it keeps polling and hands them to the threads that wait.

mod exchange;
mod growth;
mod pace;
mod sender;
mod streams;
mod watcher;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use self::exchange::{Exchange, Heard, Received};
pub use self::growth::{Decision, Growth, Pressure, active_ns};
pub use self::streams::Streams;
use crate::board::{Meters, Slot};
use crate::compress::Compression;
use crate::io::{Events, Io, Poller, Refusals, Waiting};
use crate::outbox::Outbox;
use crate::overdue::Register;

/// Requests that take longer on average than this, in ns, are worth a hand-over: it costs
/// some ten microseconds (docs/serve.md, "What a hand-over costs").
const SLOW_NS: u64 = 300_000;

/// A new duration counts for this share of the average.
const AVERAGE_SHARE: u64 = 16;

/// How long a thread that is never without work leaves everything else undone, in ns.
const TURN_NS: u64 = 500_000_000;

/// How long a thread sleeps without looking whether the worker is to end.
const NAP: Duration = Duration::from_millis(500);

/// What runs requests.
pub trait Application {
    /// Answers one request and gives it back. `None` where it was lost: the connection
    /// ends.
    fn serve(&mut self, exchange: Exchange) -> Option<Exchange>;

    /// Runs something that waits, without holding what others need meanwhile, such as an
    /// interpreter's lock.
    fn detached<T: Send>(&mut self, waiting: impl FnOnce() -> T + Send) -> T;

    /// Called after each wait, at least once a second: looks at signals, shows that the
    /// thread lives.
    fn turn(&mut self);

    /// Tells of requests that were refused before they could be given to it.
    fn refused(&mut self, refusals: Refusals);
}

/// A monotonic clock's time, in ns.
pub fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// How a worker is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Answer what was begun, take nothing new. `empty_backlog`: the listeners go away
    /// too, so that what waits in them is served first.
    Gracefully {
        /// Take what waits in the listeners' backlog.
        empty_backlog: bool,
    },
    /// Leave everything as it is.
    AtOnce,
}

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

/// What the threads of a worker share.
#[derive(Debug)]
pub struct Dispatcher {
    poller: Arc<Poller>,
    io: Mutex<Io>,
    outbox: Arc<Outbox>,
    register: Option<Arc<Register>>,
    /// Rung for each request that a sleeping thread should take.
    work: Condvar,
    /// A thread of the application polls, or is just about to.
    polled: AtomicBool,
    /// Counts the times that one did.
    polls: AtomicU64,
    /// The average time that a request is in the application's hands.
    average_ns: AtomicU64,
    served: AtomicU64,
    in_flight: AtomicU64,
    ended: AtomicBool,
    watcher: watcher::Bed,
    threads: AtomicUsize,
    /// Where others see how the worker fares.
    place: Option<&'static Slot>,
    /// Which responses are compressed.
    compression: Option<Arc<Compression>>,
    /// Where it is counted what happens, where somebody wants to know.
    meters: Option<&'static Meters>,
}

impl Dispatcher {
    /// For so many threads of the application, seen by others at `place`; starts the
    /// watcher.
    pub fn start(io: Io, threads: usize, place: Option<&'static Slot>) -> io::Result<Arc<Self>> {
        let dispatcher = Arc::new(Self {
            poller: io.poller(),
            outbox: Arc::clone(io.outbox()),
            register: io.register().cloned(),
            compression: io.compression().cloned(),
            meters: io.meters(),
            io: Mutex::new(io),
            work: Condvar::new(),
            polled: AtomicBool::new(false),
            polls: AtomicU64::new(0),
            average_ns: AtomicU64::new(0),
            served: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            watcher: watcher::Bed::default(),
            threads: AtomicUsize::new(threads),
            place,
        });
        watcher::start(&dispatcher)?;
        Ok(dispatcher)
    }

    /// Takes requests and has them answered until the worker ends. Called by each thread
    /// of the application.
    pub fn run(&self, application: &mut impl Application) {
        let mut events = Events::default();
        let mut turned_ns = now_ns();
        while let Some((waiting, may_wait)) = self.next(application, &mut events) {
            let ended_ns = self.serve(application, waiting, may_wait);
            if ended_ns.saturating_sub(turned_ns) >= TURN_NS {
                turned_ns = ended_ns;
                application.turn();
                self.tell_refusals(application);
            }
        }
        // Whoever sleeps has to see it too.
        self.work.notify_all();
    }

    /// Has a request answered; when that was done, in ns.
    fn serve(&self, application: &mut impl Application, waiting: Waiting, may_wait: bool) -> u64 {
        let began_ns = now_ns();
        let in_flight = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.watcher.wake();
        if let Some(place) = self.place {
            // Busy is who has no thread left for another request.
            let is_busy = in_flight as usize >= self.threads();
            place.set_in_flight(in_flight as u32, is_busy.then_some(began_ns / 1_000_000));
        }
        let (token, queued_ns, gil_ns) = (waiting.token, waiting.queued_ns, waiting.gil_ns);
        let mut exchange = Exchange::new(waiting, began_ns);
        if may_wait {
            exchange = exchange.may_wait(&self.outbox);
        }
        if let Some(register) = &self.register {
            exchange = exchange.enter_in(register);
        }
        if let Some(compression) = &self.compression {
            exchange = exchange.compressed_by(compression);
        }
        if self.meters.is_some() {
            exchange.split(began_ns.saturating_sub(queued_ns), gil_ns);
        }
        let exchange = application.serve(exchange);
        let ended_ns = now_ns();
        self.count(ended_ns.saturating_sub(began_ns));
        if let (Some(meters), Some(exchange)) = (self.meters, &exchange) {
            exchange.count(meters, ended_ns);
        }
        match exchange.and_then(Exchange::into_connection) {
            Some(connection) => self.io().answered(token, connection, ended_ns),
            None => self.io().abandon(token),
        }
        ended_ns
    }

    /// What the watcher saw is told of, too.
    fn tell_refusals(&self, application: &mut impl Application) {
        let refusals = self.io().take_refusals();
        if let Some(refusals) = refusals {
            application.refused(refusals);
        }
    }

    fn count(&self, took_ns: u64) {
        self.served.fetch_add(1, Ordering::Relaxed);
        let in_flight = self.in_flight.fetch_sub(1, Ordering::Relaxed) - 1;
        if let Some(place) = self.place
            && (in_flight as usize) < self.threads()
        {
            place.set_in_flight(in_flight as u32, None);
        }
        // Two threads at once may lose one of two values: it is an average.
        let before = self.average_ns.load(Ordering::Relaxed);
        let after = before - before / AVERAGE_SHARE + took_ns / AVERAGE_SHARE;
        self.average_ns.store(after, Ordering::Relaxed);
    }

    /// The next request for this thread, and whether its response may wait for those of
    /// others that are there already; `None` where the worker has ended.
    fn next(
        &self,
        application: &mut impl Application,
        events: &mut Events,
    ) -> Option<(Waiting, bool)> {
        let mut woken = None;
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
                woken = self.poll(application, events);
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
    /// since under load there is always something.
    /// When it was over, where somebody wants to know how long the interpreter is waited for.
    fn poll(&self, application: &mut impl Application, events: &mut Events) -> Option<Woken> {
        let mut woken = None;
        self.poller.wait(events, 0);
        if events.is_empty() {
            // The watcher may have queued something since this thread looked, and have found
            // nobody polling whom it could have told.
            let patience_ms = {
                let mut io = self.io();
                // There is time for new connections, and the watcher may not know it yet.
                io.pause(false);
                if io.has_more() { 0 } else { io.patience_ms() }
            };
            if patience_ms > 0 {
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
    fn process(&self, io: &mut Io, events: &Events, now_ns: u64) {
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

    /// Whether a thread with nothing to do polls by itself. With one thread always; with
    /// several, where requests take so long that the watcher's hand-over costs little.
    fn should_poll(&self) -> bool {
        self.threads() == 1 || !self.is_slow()
    }

    fn is_slow(&self) -> bool {
        self.average_ns.load(Ordering::Relaxed) > SLOW_NS
    }

    fn is_over(&self, io: &Io) -> bool {
        self.ended.load(Ordering::Acquire) || io.is_drained()
    }

    /// The sockets. A thread that panicked with them in hand left them usable: each call
    /// on them leaves them whole.
    fn io(&self) -> MutexGuard<'_, Io> {
        self.io.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Threads of the application.
    pub fn threads(&self) -> usize {
        self.threads.load(Ordering::Relaxed)
    }

    /// Says that there are so many threads of the application, which are started now or are
    /// not there any more.
    pub fn set_threads(&self, threads: usize) {
        self.threads.store(threads, Ordering::Relaxed);
    }

    /// Complete requests that wait for a thread.
    pub fn waiting(&self) -> usize {
        self.io().waiting()
    }

    /// Ends the worker: [`Dispatcher::run`] returns when there is nothing left to do.
    pub fn end(&self, ending: Ending) {
        match ending {
            Ending::Gracefully { empty_backlog } => self.io().drain(empty_backlog),
            Ending::AtOnce => {
                self.ended.store(true, Ordering::Release);
                self.outbox.send_late(u64::MAX);
            }
        }
        self.work.notify_all();
        self.poller.ring();
    }

    /// Whether everything was left as it is.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Requests that were served.
    pub fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    /// Requests in the application's hands.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// What happened to the sockets.
    pub fn counts(&self) -> crate::io::Counts {
        self.io().counts()
    }
}
