//! The sockets of one worker: what they have is read and parsed, complete requests wait in
//! a queue, what clients have not taken yet is sent on, and whoever is too slow is ended.
//!
//! Nothing here waits, calls an application, or starts a thread: [`crate::dispatch`]
//! does, and holds a lock on this while it asks.

mod accept;
mod balance;
mod files;
mod handshakes;
mod held;
mod lingering;
mod multiplexed;
mod neighbours;
mod poller;
mod preamble;
mod reading;
mod refusals;
mod refuse;
mod settings;
mod slots;
mod stages;
mod streamed;
mod sweep;
mod waiting;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use self::held::HeldBack;
pub use self::neighbours::Neighbours;
use self::poller::Source;
pub use self::poller::{Events, Poller};
pub use self::refusals::{FailedHandshake, Refusals, Refused};
pub(crate) use self::refuse::answer;
pub use self::settings::IoSettings;
use self::slots::Slots;
pub use self::slots::{Signs, Token};
use self::streamed::Streamed;
pub use self::waiting::Waiting;
use crate::board::Meters;
use crate::compress::Compression;
use crate::connection::{Connection, Pool};
use crate::h2::Mail;
use crate::listen::Listener;
use crate::outbox::{self, Outbox};
use crate::overdue::Register;

/// What happened since the worker started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were taken.
    pub connections: u64,
    /// Connections that were given to another worker.
    pub handed_over: u64,
    /// Requests that were refused because they broke the protocol or a limit.
    pub refused: u64,
    /// Requests that were turned away because too many waited, or too long.
    pub turned_away: u64,
}

/// The sockets of a worker.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and they come about in any order"
)]
#[derive(Debug)]
pub struct Io {
    settings: IoSettings,
    poller: Arc<Poller>,
    slots: Slots,
    pool: Pool,
    waiting: VecDeque<Waiting>,
    /// Requests that somebody could take at once, so that they do not wait.
    takers: usize,
    /// What the kernel said of connections that are still to be looked at.
    unseen: VecDeque<(Token, Signs)>,
    /// The newest request has a body that has to be whole: so may the next ones.
    bodies_come: bool,
    /// Connections whose turn ended before their work did.
    again: Vec<Token>,
    held: HeldBack,
    outbox: Arc<Outbox>,
    /// Connections of which others have something new.
    mail: Arc<Mail>,
    /// Where bodies are read when the application asks for them.
    streamed: Option<Box<Streamed>>,
    /// Where requests are entered that the application is given.
    register: Option<Arc<Register>>,
    listeners: Vec<Listener>,
    listening: bool,
    /// Nobody here has time for new connections.
    paused: bool,
    neighbours: Option<Neighbours>,
    /// Where it is counted what happens, where somebody wants to know.
    meters: Option<&'static Meters>,
    /// How long whoever heard of the latest events waited for the interpreter before it
    /// looked at them.
    gil_ns: u64,
    draining: bool,
    /// The same for responses that others have in hand.
    ending: Arc<AtomicBool>,
    now_ns: u64,
    next_sweep_ms: u64,
    counts: Counts,
    /// What nobody has told of yet.
    refusals: Refusals,
}

impl Io {
    /// The sockets of a worker that takes connections from these listeners, and those
    /// that its neighbours leave for it.
    pub fn new(
        settings: IoSettings,
        listeners: Vec<Listener>,
        neighbours: Option<Neighbours>,
    ) -> io::Result<Self> {
        let poller = Poller::new()?;
        if let Some(inbox) = neighbours.as_ref().and_then(Neighbours::inbox) {
            poller.watch_inbox(inbox)?;
        }
        let metered = neighbours.as_ref().filter(|_| settings.metered);
        let poller = Arc::new(poller);
        let mut io = Self {
            meters: metered.map(Neighbours::meters),
            gil_ns: 0,
            settings,
            mail: Mail::new(Arc::clone(&poller)),
            poller,
            slots: Slots::default(),
            pool: Pool::default(),
            waiting: VecDeque::new(),
            takers: 0,
            unseen: VecDeque::new(),
            bodies_come: false,
            again: Vec::new(),
            held: HeldBack::default(),
            outbox: Arc::default(),
            streamed: None,
            register: None,
            listeners,
            listening: false,
            paused: false,
            neighbours,
            draining: false,
            ending: Arc::default(),
            now_ns: crate::dispatch::now_ns(),
            next_sweep_ms: 0,
            counts: Counts::default(),
            refusals: Refusals::default(),
        };
        io.listen()?;
        Ok(io)
    }

    /// What is to be waited on.
    pub fn poller(&self) -> Arc<Poller> {
        Arc::clone(&self.poller)
    }

    /// From now on requests that the application is given are entered there.
    pub fn enter_in(&mut self, register: Arc<Register>) {
        self.register = Some(register);
    }

    /// Where they are entered.
    pub(crate) fn register(&self) -> Option<&Arc<Register>> {
        self.register.as_ref()
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Which responses are compressed.
    pub(crate) fn compression(&self) -> Option<&Arc<Compression>> {
        self.settings.compression.as_ref()
    }

    /// Connections, those in use included.
    pub fn connections(&self) -> usize {
        self.slots.len()
    }

    /// Whether the worker is to end when nothing is left.
    pub fn is_draining(&self) -> bool {
        self.draining
    }

    /// Whether a draining worker has nothing left to do.
    pub fn is_drained(&self) -> bool {
        self.draining && self.slots.is_empty()
    }

    /// How long the poller may wait before [`Io::process`] has something to do by itself,
    /// in ms.
    pub fn patience_ms(&self) -> u64 {
        match (self.again.is_empty(), self.slots.len()) {
            (false, _) => 0,
            (true, _) if self.holds_back() => outbox::LONGEST_NS / 1_000_000,
            (true, 0) => sweep::IDLE_PATIENCE_MS,
            (true, _) => sweep::EVERY_MS,
        }
    }

    /// Looks at what the kernel said of a connection.
    fn see(&mut self, token: Token, signs: Signs) {
        if !self.slots.note(token, signs) {
            self.work(token, signs);
        } else if let Some(streamed) = &mut self.streamed {
            streamed.noted.push((token, signs));
        }
    }

    /// Reads all that there is to be read, also what [`Io::next`] would only read when it is
    /// asked for more.
    pub fn see_all(&mut self) {
        while let Some((token, signs)) = self.unseen.pop_front() {
            self.see(token, signs);
        }
    }

    /// Where it is counted what happens, where somebody wants to know.
    pub(crate) fn meters(&self) -> Option<&'static Meters> {
        self.meters
    }

    /// So long, in ns, whoever was told of the events that come now waited for the
    /// interpreter.
    pub(crate) fn expect_late(&mut self, gil_ns: u64) {
        self.gil_ns = gil_ns;
    }

    /// How many could take a request at once.
    pub(crate) fn expect_takers(&mut self, takers: usize) {
        self.takers = takers;
    }

    /// Does what the events ask for; where requests have bodies, their reading is left to
    /// [`Io::next`]. `now_ns` is of a monotonic clock.
    pub fn process(&mut self, events: &Events, now_ns: u64) {
        self.now_ns = now_ns;
        for source in events.sources() {
            match source {
                Source::Bell | Source::Listener(_) => {}
                Source::Inbox => self.empty_inbox(),
                Source::Connection(token, signs) if self.bodies_come => {
                    self.unseen.push_back((token, signs));
                }
                Source::Connection(token, signs) => self.see(token, signs),
            }
        }
        for token in std::mem::take(&mut self.again) {
            self.resume(token);
        }
        self.take_mail();
        // After the others, so that connections that have just ended do not count.
        for source in events.sources() {
            if let Source::Listener(number) = source {
                self.accept(number);
            }
        }
        self.let_go_in_time(now_ns);
        if self.now_ms() >= self.next_sweep_ms {
            self.sweep();
        }
        self.balance();
        self.show_waiting();
    }

    /// Takes a connection back whose request was answered.
    pub fn answered(&mut self, token: Token, mut connection: Box<Connection>, now_ns: u64) {
        self.now_ns = now_ns;
        if connection.is_stream() {
            return self.close_stream(token, connection);
        }
        if let Some(error) = connection.outgoing.take_trouble() {
            self.note_trouble("a response", &error);
        }
        let signs = self.slots.put_back(token, connection);
        self.settle(token, signs);
    }

    /// Ends a connection at once: its application failed in the middle of an answer.
    pub fn abandon(&mut self, token: Token) {
        self.remove(token);
    }

    fn now_ms(&self) -> u64 {
        self.now_ns / 1_000_000
    }
}
