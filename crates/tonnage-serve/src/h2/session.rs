//! One client's connection with HTTP/2, as everybody has it who works on it: the worker's
//! sockets, which alone read, and those who have a request of it in hand, who send by
//! themselves. It is locked while somebody does, who waits for nothing meanwhile. What its
//! streams ask of it is in `streams.rs`.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use ::http::request::Parts;

use super::engine::{Arrival, Engine};
use super::faring::Look;
use super::link::Link;
use super::stream::Stream;
use super::{Http2Settings, Mail, head};
use crate::connection::Wire;
use crate::io::{Signs, Token};

/// A request that has come.
#[derive(Debug)]
pub(crate) struct Opened {
    parts: Parts,
    /// Where the rest comes from, and the response goes.
    pub(crate) stream: Stream,
}

impl Opened {
    /// Writes its head as HTTP/1.1 has it.
    pub(crate) fn write_head(&self, into: &mut Vec<u8>) {
        head::write_request(&self.parts, into);
    }
}

/// What came of a turn.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// Requests that came.
    pub(crate) opened: Vec<Opened>,
    /// Streams of which there is something new.
    pub(crate) news: Vec<Token>,
    /// Why something could not be kept.
    pub(crate) trouble: Option<io::Error>,
    /// Nothing goes on any more.
    pub(crate) is_over: bool,
    /// The turn ended before the work did, and no event will tell.
    pub(crate) has_more: bool,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Session {
    engine: Mutex<Engine>,
    /// Rung when the client has taken something, or has gone.
    pub(super) room: Condvar,
    mail: Arc<Mail>,
    owner: Token,
    /// It is among those that are soon to be flushed.
    is_held: AtomicBool,
    /// The library has something to say that was not flushed: that there is room.
    pub(super) wants_flush: AtomicBool,
    pub(super) look: Mutex<Look>,
}

impl Session {
    /// Over a wire of which `ahead` was read already; `owner`: its place among the
    /// worker's connections.
    pub(crate) fn new(
        wire: Wire,
        ahead: Vec<u8>,
        folder: &Arc<Path>,
        settings: &Http2Settings,
        mail: &Arc<Mail>,
        owner: Token,
    ) -> Arc<Self> {
        let link = Link::new(wire, ahead);
        Arc::new(Self {
            engine: Mutex::new(Engine::new(link, Arc::clone(folder), settings)),
            room: Condvar::new(),
            mail: Arc::clone(mail),
            owner,
            is_held: AtomicBool::new(false),
            wants_flush: AtomicBool::new(false),
            look: Mutex::default(),
        })
    }

    /// Reads, as far as one turn goes, and writes. Called by whoever has the sockets.
    pub(crate) fn turn(self: &Arc<Self>, signs: Signs) -> Turn {
        let mut engine = self.engine();
        engine.link.begin_turn(signs);
        let has_more = engine.work(true);
        let was_short = engine.link.end_turn();
        self.room.notify_all();
        let opened = engine.arrivals.drain(..).map(|arrival| self.open(arrival));
        Turn {
            opened: opened.collect(),
            news: std::mem::take(&mut engine.news),
            trouble: engine.trouble.take(),
            is_over: engine.is_over(),
            has_more: has_more || was_short,
        }
    }

    fn open(self: &Arc<Self>, arrival: Arrival) -> Opened {
        let (parts, body) = arrival.request.into_parts();
        let (stream, bell, waker) = (arrival.stream, arrival.bell, arrival.waker);
        Opened {
            parts,
            stream: Stream::new(Arc::clone(self), stream, bell, waker, body),
        }
    }

    /// Writes what there is to write.
    pub(crate) fn flush(&self) {
        self.wants_flush.store(false, Ordering::Relaxed);
        self.flush_locked(&mut self.engine());
    }

    pub(super) fn flush_locked(&self, engine: &mut Engine) {
        let has_more = engine.work(false);
        self.room.notify_all();
        if has_more || engine.is_over() || !engine.news.is_empty() || !engine.arrivals.is_empty() {
            self.mail.post(self.owner);
        }
    }

    /// Whether there is something to flush that nobody flushes by sending.
    pub(crate) fn takes_flush(&self) -> bool {
        self.wants_flush.swap(false, Ordering::Relaxed)
    }

    /// Puts it among those that are soon to be flushed; `false` where it is there already.
    pub(crate) fn hold(&self) -> bool {
        !self.is_held.swap(true, Ordering::AcqRel)
    }

    /// It is no longer among them.
    pub(crate) fn let_go(&self) {
        self.is_held.store(false, Ordering::Release);
    }

    /// Tells the client to send no new requests; the connection ends after those that it has
    /// sent.
    pub(crate) fn leave(&self) {
        self.engine().leave();
    }

    /// Ends it, and gives the streams that are to be told.
    pub(crate) fn end(&self) -> Vec<Token> {
        let mut engine = self.engine();
        if !engine.is_over() {
            engine.end();
        }
        self.room.notify_all();
        std::mem::take(&mut engine.news)
    }

    /// Says that nothing more will be sent.
    pub(crate) fn shut_down(&self) {
        self.engine().link.shut_down();
    }

    /// Whoever panicked with it in hand left it whole.
    pub(super) fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
