//! Waiting for a worker's sockets: one epoll instance that several threads may wait on,
//! and a bell that wakes whoever does.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;

use super::slots::{Signs, Token};

/// Events taken at once: few enough that the answer to the first does not wait for all
/// the others to be read.
const EVENTS: usize = 64;

/// Numbers above these are no connections; a generation of all ones is never reached
/// before a worker is recycled.
const OTHERS: u64 = 0xFFFF_FFFF_0000_0000;
const BELL: u64 = OTHERS;
const INBOX: u64 = OTHERS + 1;
const LISTENERS: u64 = OTHERS + 2;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Bell,
    Inbox,
    Listener(u32),
    Connection(Token, Signs),
}

/// What happened.
#[derive(Debug)]
pub struct Events(Vec<Source>);

impl Default for Events {
    fn default() -> Self {
        Self(Vec::with_capacity(EVENTS))
    }
}

impl Events {
    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = Source> {
        self.0.iter().copied()
    }
}

fn source(event: &Event) -> Source {
    let flags = event.flags;
    match event.data.u64() {
        BELL => Source::Bell,
        INBOX => Source::Inbox,
        other if other >= LISTENERS => Source::Listener((other - LISTENERS) as u32),
        other => {
            let signs = Signs {
                readable: flags.contains(EventFlags::IN),
                writable: flags.contains(EventFlags::OUT),
                hung_up: flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR),
            };
            Source::Connection(Token::from_u64(other), signs)
        }
    }
}

/// One worker's epoll instance.
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
    bell: OwnedFd,
}

impl Poller {
    pub(super) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        // By edges, so that it need never be read.
        epoll::add(
            &epoll,
            &bell,
            EventData::new_u64(BELL),
            EventFlags::IN | EventFlags::ET,
        )?;
        Ok(Self { epoll, bell })
    }

    /// Waits until something happens, at most `timeout_ms`; for nothing where that is 0.
    /// A signal ends it early.
    pub fn wait(&self, events: &mut Events, timeout_ms: u64) {
        events.0.clear();
        let timeout = Timespec {
            tv_sec: (timeout_ms / 1000) as i64,
            tv_nsec: (timeout_ms % 1000 * 1_000_000) as i64,
        };
        // Not kept with the events: the kernel's form of them must not change threads.
        let mut room = [MaybeUninit::<Event>::uninit(); EVENTS];
        match epoll::wait(&self.epoll, &mut room, Some(&timeout)) {
            Ok((happened, _)) => events.0.extend(happened.iter().map(source)),
            Err(Errno::INTR) => {}
            // The instance is ours and the room is valid: nothing else can fail.
            Err(error) => debug_assert!(false, "epoll_wait: {error}"),
        }
    }

    /// Wakes whoever waits, or the next who will.
    pub fn ring(&self) {
        // Full means that it rings already.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    /// Wakes whoever waits when this becomes readable, such as the pipe that signals are
    /// written to. It is never read here.
    pub fn watch_wakeup(&self, reader: BorrowedFd<'_>) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::ET;
        Ok(epoll::add(
            &self.epoll,
            reader,
            EventData::new_u64(BELL),
            flags,
        )?)
    }

    pub(super) fn watch(&self, socket: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(
            &self.epoll,
            socket,
            EventData::new_u64(token.to_u64()),
            flags,
        )?)
    }

    /// Hears no more of a socket that others have open, too.
    pub(super) fn unwatch(&self, socket: BorrowedFd<'_>) {
        // It is registered, and what else could fail would change nothing.
        let _ = epoll::delete(&self.epoll, socket);
    }

    pub(super) fn watch_inbox(&self, inbox: BorrowedFd<'_>) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            inbox,
            EventData::new_u64(INBOX),
            EventFlags::IN,
        )?)
    }

    /// By level and exclusively: of the workers that wait, the kernel wakes one, and a
    /// connection that nobody took wakes the next.
    pub(super) fn listen(&self, listener: BorrowedFd<'_>, number: u32) -> io::Result<()> {
        let data = EventData::new_u64(LISTENERS + u64::from(number));
        let flags = EventFlags::IN | EventFlags::EXCLUSIVE;
        match epoll::add(&self.epoll, listener, data, flags) {
            // From an attempt that failed at the next one.
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn unlisten(&self, listener: BorrowedFd<'_>) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, listener)?)
    }
}

impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl AsRawFd for Poller {
    fn as_raw_fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }
}
