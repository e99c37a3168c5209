//! One client's connection with HTTP/2, as everybody has it who works on it: the worker's
//! sockets, which alone read, and those who have a request of it in hand, who send by
//! themselves. It is locked while somebody does, who waits for nothing meanwhile.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::http::request::Parts;
use h2::Reason;

use super::engine::{Arrival, Engine};
use super::link::Link;
use super::response::{self, Outbound};
use super::stream::Stream;
use super::{Http2Settings, Mail, head};
use crate::connection::Wire;
use crate::io::{Signs, Token};

/// Bytes that are kept for a client altogether; whoever writes more has to wait.
const MOST_BYTES: u64 = 1 << 30;

/// A part from this length on is looked for room in the memory that all streams share.
const LONG_BYTES: usize = 4 << 10;

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

/// How a connection fares that nothing was heard of for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fares {
    /// Something goes on.
    Busy,
    /// No request is under way, and none came since it was looked.
    Idle,
    /// The client takes nothing of what it is sent.
    Stalled,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Session {
    engine: Mutex<Engine>,
    /// Rung when the client has taken something, or has gone.
    room: Condvar,
    mail: Arc<Mail>,
    owner: Token,
    /// It is among those that are soon to be flushed.
    is_held: AtomicBool,
    /// The library has something to say that was not flushed: that there is room.
    wants_flush: AtomicBool,
    look: Mutex<Look>,
}

/// What was seen when it was looked how the connection fares.
#[derive(Debug, Default)]
struct Look {
    begun: u64,
    sent_bytes: u64,
    moved_ns: u64,
    seconds_ns: u64,
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

    /// The worker knows a stream by this from now on; whether it has gone meanwhile.
    pub(super) fn name(&self, stream: u32, token: Token) {
        if let Some(outbound) = self.engine().streams.get_mut(&stream) {
            outbound.token = Some(token);
        }
    }

    /// Writes what there is to write.
    pub(crate) fn flush(&self) {
        self.wants_flush.store(false, Ordering::Relaxed);
        self.flush_locked(&mut self.engine());
    }

    fn flush_locked(&self, engine: &mut Engine) {
        let has_more = engine.work(false);
        self.room.notify_all();
        if has_more || engine.is_over() || !engine.news.is_empty() || !engine.arrivals.is_empty() {
            self.mail.post(self.owner);
        }
    }

    /// The client may send more of something: it is told soon.
    pub(super) fn note_room(&self, content_bytes: usize) {
        self.wants_flush.store(true, Ordering::Relaxed);
        self.engine().allowance.content(content_bytes as u64);
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

    /// Sends what was written for a stream, at once or with what is flushed soon.
    pub(super) fn send(&self, stream: u32, slices: &[&[u8]], at_once: bool) -> io::Result<()> {
        self.give(stream, at_once, |engine| {
            if slices.iter().any(|slice| slice.len() >= LONG_BYTES) {
                engine.share_memory(stream);
            }
            engine.outbound(stream)?.write(slices)
        })
    }

    /// Sends a stretch of a file.
    pub(super) fn send_file(
        &self,
        stream: u32,
        file: File,
        offset: u64,
        bytes: u64,
    ) -> io::Result<()> {
        self.give(stream, true, |engine| {
            engine.outbound(stream)?.add_file(file, offset, bytes)
        })
    }

    /// All of a stream's response was given, but for its trailers.
    pub(super) fn finish(&self, stream: u32, trailers: &[u8]) -> io::Result<()> {
        let mut engine = self.engine();
        if engine.outbound(stream)?.has_all() {
            return Ok(());
        }
        let given = engine.outbound(stream)?.finish(trailers);
        self.flush_locked(&mut engine);
        given
    }

    fn give(
        &self,
        stream: u32,
        at_once: bool,
        give: impl FnOnce(&mut Engine) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut engine = self.engine();
        give(&mut engine)?;
        engine.look_at(stream);
        if at_once {
            self.flush_locked(&mut engine);
        }
        Ok(())
    }

    /// Bytes of a stream that its client has not taken. Whoever asks is told when it has.
    pub(super) fn waiting_bytes(&self, stream: u32) -> u64 {
        let mut engine = self.engine();
        engine.streams.get_mut(&stream).map_or(0, |outbound| {
            let bytes = outbound.outgoing.waiting_bytes();
            outbound.wants_room = bytes > 0;
            bytes
        })
    }

    /// Bytes of a stream that went on to its client.
    pub(super) fn sent_bytes(&self, stream: u32) -> u64 {
        let engine = self.engine();
        let outbound = engine.streams.get(&stream);
        outbound.map_or(0, |outbound| outbound.handed_bytes)
    }

    /// Whether so much waits that a writer should wait, too.
    pub(super) fn is_full(&self, stream: u32) -> bool {
        is_full(&self.engine(), stream)
    }

    /// Waits until there is room again, at most so long without any progress; whether there
    /// was some.
    pub(super) fn wait_for_room(&self, stream: u32, most: Duration) -> bool {
        let mut engine = self.engine();
        while is_full(&engine, stream) {
            let before = handed_bytes(&engine, stream);
            let waited = self.room.wait_timeout_while(engine, most, |engine| {
                is_full(engine, stream) && handed_bytes(engine, stream) == before
            });
            let (again, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            engine = again;
            if timeout.timed_out() {
                return false;
            }
        }
        true
    }

    /// Nobody gives anything more for a stream. Where its response is not complete, the
    /// client is to see that.
    pub(super) fn leave_stream(&self, stream: u32) {
        let mut engine = self.engine();
        let Some(outbound) = engine.streams.get_mut(&stream) else {
            return;
        };
        outbound.is_left = true;
        outbound.token = None;
        let has_all = outbound.has_all();
        if !has_all {
            outbound.reset(Reason::INTERNAL_ERROR);
        } else if !outbound.bell.is_gone() {
            engine.allowance.answered();
        }
        engine.look_at(stream);
        if !has_all {
            self.flush_locked(&mut engine);
        }
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

    /// Looks how it fares, about once a second. Responses that nobody else watches and that
    /// their client has not taken anything of for `send_timeout_ns` are ended.
    pub(crate) fn look(&self, now_ns: u64, send_timeout_ns: u64) -> Fares {
        let mut engine = self.engine();
        let mut look = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, sent_bytes) = engine.link.counts();
        if look.moved_ns == 0 || look.sent_bytes != sent_bytes || engine.link.is_writable() {
            look.sent_bytes = sent_bytes;
            look.moved_ns = now_ns;
        } else if now_ns.saturating_sub(look.moved_ns) >= send_timeout_ns {
            return Fares::Stalled;
        }
        let seconds = now_ns.saturating_sub(look.seconds_ns) / 1_000_000_000;
        if seconds > 0 {
            look.seconds_ns = now_ns;
            engine.allowance.seconds(seconds.min(60));
        }
        let stalled: Vec<u32> = engine
            .streams
            .iter_mut()
            .filter(|(_, outbound)| outbound.is_left)
            .filter_map(|(&stream, outbound)| {
                outbound
                    .is_stalled(now_ns, send_timeout_ns)
                    .then_some(stream)
            })
            .collect();
        for &stream in &stalled {
            if let Some(outbound) = engine.streams.get_mut(&stream) {
                outbound.reset(Reason::CANCEL);
            }
            engine.look_at(stream);
        }
        let is_idle = engine.is_idle() && look.begun == engine.begun;
        look.begun = engine.begun;
        if !stalled.is_empty() {
            self.flush_locked(&mut engine);
        }
        if is_idle { Fares::Idle } else { Fares::Busy }
    }

    /// Whoever panicked with it in hand left it whole.
    fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_full(engine: &Engine, stream: u32) -> bool {
    let outbound = engine.streams.get(&stream);
    outbound.is_some_and(|outbound| {
        !outbound.outgoing.is_empty()
            && (outbound.outgoing.is_full() || engine.waiting().0 >= MOST_BYTES)
    })
}

fn handed_bytes(engine: &Engine, stream: u32) -> u64 {
    let outbound = engine.streams.get(&stream);
    outbound.map_or(0, |outbound| outbound.handed_bytes)
}

impl Engine {
    /// The response of a stream whose client is still there.
    fn outbound(&mut self, stream: u32) -> io::Result<&mut Outbound> {
        let outbound = self.streams.get_mut(&stream);
        let there = outbound.filter(|outbound| !outbound.bell.is_gone());
        there.ok_or_else(response::gone)
    }

    /// All streams of a connection together have the memory that a connection has.
    fn share_memory(&mut self, stream: u32) {
        let (_, memory_bytes) = self.waiting();
        if let Some(outbound) = self.streams.get_mut(&stream) {
            let own_bytes = outbound.outgoing.memory_bytes();
            outbound.outgoing.share_memory(memory_bytes - own_bytes);
        }
    }
}
