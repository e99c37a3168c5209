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
mod leading;
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
        if self.meters.is_some() {
            exchange.split(began_ns.saturating_sub(queued_ns), gil_ns);
        }
        if let Some(register) = &self.register {
            exchange = exchange.enter_in(register);
        }
        if let Some(compression) = &self.compression {
            exchange = exchange.compressed_by(compression);
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
