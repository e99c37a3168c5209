//! The requests in an application's hands: whose they are, since when, and who answers them.
//! Each has its entry as long as its [`Ticket`] lives.

use std::os::fd::{BorrowedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::net::{SendFlags, Shutdown};

use super::Limits;
use crate::board::{Meters, Split};
use crate::h2::StreamAside;
use crate::http::Method;
use crate::io::answer;
use crate::request::Request;
use crate::tls::SharedSession;

/// Bytes of a request's name that are kept.
const NAME_BYTES: usize = 1024;

/// The body of the answer to a request that has had its time.
pub(crate) const TIMED_OUT_TEXT: &str = "The request took too long\n";

/// While the client has to send something, the application's time stands still.
const PAUSED_NS: u64 = u64::MAX;

/// Who answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answerer {
    Nobody,
    Application,
    /// It was late, and its client has been told.
    Overseer,
}

/// What was said of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Nothing,
    Slow,
    TimedOut,
}

/// Where an answer can go that is not the application's.
#[derive(Debug, Clone)]
pub(crate) struct Outlet {
    /// It has to stay open as long as the ticket lives.
    pub(crate) socket: RawFd,
    /// How bytes come to the client.
    pub(crate) way: Way,
}

/// What an answer goes through.
#[derive(Debug, Clone)]
pub(crate) enum Way {
    /// Bytes are sent as they are.
    Plain,
    /// The connection's TLS.
    Tls(SharedSession),
    /// A stream, where others have their responses on the same socket.
    Stream(StreamAside),
}

impl Outlet {
    /// Sends a whole response, and says that nothing will follow.
    #[expect(unsafe_code, reason = "the socket is known by its number alone")]
    fn answer(self, answer: &[u8]) {
        // SAFETY: whoever entered it keeps it open until the ticket is dropped, which waits
        // for the lock that whoever has this entry holds.
        let socket = unsafe { BorrowedFd::borrow_raw(self.socket) };
        // A client that does not take it has gone, or will see the end.
        match self.way {
            Way::Stream(stream) => return stream.answer(answer),
            Way::Plain => {
                let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
                let _ = rustix::net::send(socket, answer, flags);
            }
            Way::Tls(session) => {
                let mut session = session.lock();
                let _ = session.write(socket, &[answer]);
                session.close(socket);
            }
        }
        let _ = rustix::net::shutdown(socket, Shutdown::Write);
    }
}

#[derive(Debug)]
struct Entry {
    in_use: bool,
    /// Method and target.
    name: Vec<u8>,
    /// Its answer has no body.
    is_head: bool,
    since_ns: u64,
    /// When it was given to the application, whatever happened since; and what it had
    /// waited until then.
    began_ns: u64,
    waited: Split,
    /// The thread that took it, by the number that `pthread_self(3)` gives.
    thread: u64,
    /// None where others have their responses on the same connection.
    outlet: Option<Outlet>,
    answerer: Answerer,
    told: Told,
}

/// A request in an application's hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InHand {
    /// Method and target, for people.
    pub name: String,
    /// How long it has been there.
    pub age: Duration,
    /// The thread that took it, by the number that `pthread_self(3)` gives.
    pub thread: u64,
}

/// What somebody should be told of.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Late {
    /// Requests that have become slow.
    pub slow: Vec<InHand>,
    /// Requests that have had their time.
    pub timed_out: Vec<InHand>,
}

#[derive(Debug, Default)]
struct Hands {
    entries: Vec<Entry>,
    free: Vec<u32>,
}

/// The requests in the hands of a worker's application.
#[derive(Debug)]
pub struct Register {
    slow_ns: u64,
    timeout_ns: u64,
    /// Where it is counted that others answered.
    meters: Option<&'static Meters>,
    hands: Mutex<Hands>,
}

impl Register {
    /// An empty one. Answers to late requests are counted in `meters`.
    pub fn new(limits: Limits, meters: Option<&'static Meters>) -> Arc<Self> {
        let ns = |limit: Option<Duration>| {
            limit.map_or(u64::MAX, |limit| {
                u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX)
            })
        };
        Arc::new(Self {
            slow_ns: ns(limits.slow),
            timeout_ns: ns(limits.timeout),
            meters,
            hands: Mutex::default(),
        })
    }

    /// Enters a request that the calling thread gives to the application, and which has
    /// waited so long for that.
    pub(crate) fn enter(
        self: &Arc<Self>,
        request: Option<Request<'_>>,
        began_ns: u64,
        waited: Split,
        outlet: Option<Outlet>,
    ) -> Ticket {
        let mut hands = self.hands();
        let index = hands.free.pop().unwrap_or_else(|| {
            hands.entries.push(Entry::empty());
            (hands.entries.len() - 1) as u32
        });
        let entry = &mut hands.entries[index as usize];
        entry.name.clear();
        entry.is_head = request.is_some_and(|request| request.kind() == Method::Head);
        if let Some(request) = request {
            entry.name.extend_from_slice(&request.method());
            entry.name.push(b' ');
            let target = request.target();
            let kept = target.len().min(NAME_BYTES);
            entry.name.extend_from_slice(&target[..kept]);
        }
        entry.in_use = true;
        entry.since_ns = began_ns;
        entry.began_ns = began_ns;
        entry.waited = waited;
        entry.thread = this_thread();
        entry.outlet = outlet;
        entry.answerer = Answerer::Nobody;
        entry.told = Told::Nothing;
        drop(hands);
        Ticket {
            register: Arc::clone(self),
            index,
        }
    }

    /// What has become slow, or has had its time, since it was asked last.
    pub fn look(&self, now_ns: u64) -> Late {
        let mut late = Late::default();
        for entry in &mut self.hands().entries {
            if !entry.is_open() {
                continue;
            }
            let age_ns = now_ns.saturating_sub(entry.since_ns);
            if age_ns >= self.timeout_ns && entry.told < Told::TimedOut {
                entry.told = Told::TimedOut;
                late.timed_out.push(entry.in_hand(now_ns));
            } else if age_ns >= self.slow_ns && entry.told < Told::Slow {
                entry.told = Told::Slow;
                late.slow.push(entry.in_hand(now_ns));
            }
        }
        late
    }

    /// All requests that nobody has answered yet.
    pub fn in_hand(&self, now_ns: u64) -> Vec<InHand> {
        let hands = self.hands();
        let open = hands.entries.iter().filter(|entry| entry.is_open());
        open.map(|entry| entry.in_hand(now_ns)).collect()
    }

    /// Answers 503 to requests that have had their time, and that much more; how many.
    pub fn answer_late(&self, now_ns: u64, more: Duration) -> usize {
        let most_ns = self.timeout_ns.saturating_add(more.as_nanos() as u64);
        let mut answered = 0;
        for entry in &mut self.hands().entries {
            if entry.is_open() && now_ns.saturating_sub(entry.since_ns) >= most_ns {
                let body_bytes = entry.answer();
                answered += 1;
                if let Some(meters) = self.meters {
                    meters.count_answered_for(503, &entry.split(now_ns), body_bytes);
                }
            }
        }
        answered
    }

    /// Whether there are requests, and all of them have been in hand for twice the time
    /// that they may take.
    pub fn is_lost(&self, now_ns: u64) -> bool {
        let most_ns = self.timeout_ns.saturating_mul(2);
        let hands = self.hands();
        let mut in_use = hands.entries.iter().filter(|entry| entry.in_use).peekable();
        in_use.peek().is_some()
            && in_use.all(|entry| {
                entry.answerer == Answerer::Overseer
                    && now_ns.saturating_sub(entry.since_ns) >= most_ns
            })
    }

    /// A thread that panicked left each entry whole.
    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn empty() -> Self {
        Self {
            in_use: false,
            name: Vec::new(),
            is_head: false,
            since_ns: 0,
            began_ns: 0,
            waited: Split::default(),
            thread: 0,
            outlet: None,
            answerer: Answerer::Nobody,
            told: Told::Nothing,
        }
    }

    fn is_open(&self) -> bool {
        self.in_use && self.answerer == Answerer::Nobody && self.since_ns != PAUSED_NS
    }

    fn in_hand(&self, now_ns: u64) -> InHand {
        let name = String::from_utf8_lossy(&self.name);
        // Nobody is to write a log's lines but us.
        let visible = |c: char| if c.is_control() { '?' } else { c };
        InHand {
            name: name.chars().map(visible).collect(),
            age: Duration::from_nanos(now_ns.saturating_sub(self.since_ns)),
            thread: self.thread,
        }
    }

    /// Where its time has gone until now.
    fn split(&self, now_ns: u64) -> Split {
        Split {
            application_ns: now_ns.saturating_sub(self.began_ns),
            ..self.waited
        }
    }

    /// Tells the client, and that nothing else will follow; bytes of the answer's body.
    fn answer(&mut self) -> u64 {
        self.answerer = Answerer::Overseer;
        let body_bytes = if self.is_head {
            0
        } else {
            TIMED_OUT_TEXT.len()
        };
        let Some(outlet) = self.outlet.take() else {
            return body_bytes as u64;
        };
        let mut answer = answer(503, TIMED_OUT_TEXT, false, true);
        answer.truncate(answer.len() - TIMED_OUT_TEXT.len() + body_bytes);
        outlet.answer(&answer);
        body_bytes as u64
    }
}

/// A request's entry, which ends with it.
#[derive(Debug)]
pub(crate) struct Ticket {
    register: Arc<Register>,
    index: u32,
}

impl Ticket {
    /// To be asked before the first byte of the response is sent: whether the application
    /// may still answer.
    pub(crate) fn claim(&self) -> bool {
        let mut hands = self.register.hands();
        let entry = &mut hands.entries[self.index as usize];
        if entry.answerer == Answerer::Overseer {
            return false;
        }
        entry.answerer = Answerer::Application;
        true
    }

    /// Whether somebody else has answered, and has counted that.
    pub(crate) fn is_answered_for(&self) -> bool {
        let hands = self.register.hands();
        hands.entries[self.index as usize].answerer == Answerer::Overseer
    }

    /// What was claimed has come to nothing: the application has not answered.
    pub(crate) fn release(&self) {
        let mut hands = self.register.hands();
        let entry = &mut hands.entries[self.index as usize];
        if entry.answerer == Answerer::Application {
            entry.answerer = Answerer::Nobody;
        }
    }

    /// The application waits for its client from now on, or does no more since `now_ns`.
    pub(crate) fn pause(&self, now_ns: Option<u64>) {
        let mut hands = self.register.hands();
        hands.entries[self.index as usize].since_ns = now_ns.unwrap_or(PAUSED_NS);
    }

    /// Whether the request has had its time, and nobody has answered it.
    pub(crate) fn is_late(&self, now_ns: u64) -> bool {
        let hands = self.register.hands();
        let entry = &hands.entries[self.index as usize];
        entry.is_open() && now_ns.saturating_sub(entry.since_ns) >= self.register.timeout_ns
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut hands = self.register.hands();
        let entry = &mut hands.entries[self.index as usize];
        entry.in_use = false;
        entry.outlet = None;
        if entry.answerer == Answerer::Overseer
            && let Some(meters) = self.register.meters
        {
            meters.count_given_back();
        }
        hands.free.push(self.index);
    }
}

/// The number by which this thread is known, to Python as well.
#[expect(unsafe_code, reason = "pthread_self(3) has no safe name")]
fn this_thread() -> u64 {
    // SAFETY: it has no conditions, and never fails.
    unsafe { libc::pthread_self() }
}
