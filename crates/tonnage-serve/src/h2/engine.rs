//! What is under a connection's lock: the library's half of it, and the responses that go
//! out on it. Each call does what can be done now and waits for nothing.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use ::http::Request;
use bytes::Bytes;
use h2::server::{Builder, Connection, Handshake, SendResponse};
use h2::{Reason, RecvStream};

use super::Http2Settings;
use super::allowance::Allowance;
use super::bells::{Bell, Bells};
use super::link::{Link, LinkEnd};
use super::response::{Handed, Outbound};
use crate::io::Token;

/// What the library keeps of one response, in bytes.
const SEND_BUFFER_BYTES: usize = 64 << 10;

/// Looks at a connection after which others have their turn. Each hands on so many bytes at
/// most.
const ROUNDS: usize = 16;
const ROUND_BYTES: u64 = 256 << 10;

enum State {
    /// The preface and the settings are on their way.
    Greeting(Box<Handshake<LinkEnd, Bytes>>),
    Open(Box<Connection<LinkEnd, Bytes>>),
    /// Nothing is read or sent any more.
    Over,
}

/// A request that has come.
pub(super) struct Arrival {
    pub(super) request: Request<RecvStream>,
    pub(super) stream: u32,
    pub(super) bell: Arc<Bell>,
    pub(super) waker: Waker,
}

/// One connection's requests and responses.
pub(super) struct Engine {
    state: State,
    pub(super) link: Arc<Link>,
    folder: Arc<Path>,
    window_bytes: u32,
    bells: Arc<Bells>,
    pub(super) streams: HashMap<u32, Outbound>,
    /// Streams that have something for the library.
    pending: VecDeque<u32>,
    /// Requests that nobody has taken yet.
    pub(super) arrivals: Vec<Arrival>,
    /// Streams of which something is to be told.
    pub(super) news: Vec<Token>,
    /// Why something could not be kept.
    pub(super) trouble: Option<io::Error>,
    pub(super) allowance: Allowance,
    /// Bytes that were read when the allowance was looked at.
    counted_bytes: u64,
    /// Requests that ever came.
    pub(super) begun: u64,
    is_leaving: bool,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} streams", self.streams.len())
    }
}

impl Engine {
    pub(super) fn new(link: Arc<Link>, folder: Arc<Path>, settings: &Http2Settings) -> Self {
        let handshake = builder(settings).handshake(LinkEnd(Arc::clone(&link)));
        Self {
            state: State::Greeting(Box::new(handshake)),
            link,
            folder,
            window_bytes: settings.window_bytes,
            bells: Arc::default(),
            streams: HashMap::new(),
            pending: VecDeque::new(),
            arrivals: Vec::new(),
            news: Vec::new(),
            trouble: None,
            allowance: Allowance::default(),
            counted_bytes: 0,
            begun: 0,
            is_leaving: false,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Whether there is no stream whose request or response is not complete.
    pub(super) fn is_idle(&self) -> bool {
        self.streams.is_empty()
            && match &self.state {
                State::Open(connection) => !connection.has_streams(),
                State::Greeting(_) | State::Over => true,
            }
    }

    /// Does what can be done, and says whether there may be more that no event tells of.
    /// `is_turn`: whoever calls takes what has come ([`Engine::arrivals`], [`Engine::news`]).
    pub(super) fn work(&mut self, is_turn: bool) -> bool {
        for _ in 0..ROUNDS {
            self.poll(is_turn);
            self.pay();
            // What was handed on leaves in the next round, and makes room for more.
            if self.is_over() || !self.attend(is_turn) {
                return false;
            }
        }
        true
    }

    /// Lets the library read, if that was allowed, and write.
    fn poll(&mut self, is_turn: bool) {
        let mut context = Context::from_waker(Waker::noop());
        if let State::Greeting(handshake) = &mut self.state {
            match Pin::new(handshake).poll(&mut context) {
                Poll::Pending => return,
                Poll::Ready(Ok(connection)) => self.state = State::Open(Box::new(connection)),
                Poll::Ready(Err(_)) => return self.end(),
            }
            if self.is_leaving {
                self.leave();
            }
        }
        loop {
            let State::Open(connection) = &mut self.state else {
                return;
            };
            if !is_turn {
                if connection.poll_closed(&mut context).is_ready() {
                    self.end();
                }
                return;
            }
            match connection.poll_accept(&mut context) {
                Poll::Pending => return,
                Poll::Ready(Some(Ok((request, sender)))) => self.accept(request, sender),
                Poll::Ready(None | Some(Err(_))) => return self.end(),
            }
        }
    }

    fn accept(&mut self, request: Request<RecvStream>, sender: SendResponse<Bytes>) {
        self.begun += 1;
        self.allowance.request(self.window_bytes);
        let stream = sender.stream_id().as_u32();
        let bell = Bell::new(&self.bells, stream);
        let bodiless = request.method() == ::http::Method::HEAD;
        let mut outbound = Outbound::new(Arc::clone(&bell), sender, &self.folder, bodiless);
        if outbound.was_reset() {
            self.allowance.reset();
            return;
        }
        self.arrivals.push(Arrival {
            request,
            stream,
            bell,
            waker: outbound.waker(),
        });
        self.streams.insert(stream, outbound);
    }

    /// Looks whether the client has sent more than it may that is of no use.
    fn pay(&mut self) {
        let (received_bytes, _) = self.link.counts();
        self.allowance.came(received_bytes - self.counted_bytes);
        self.counted_bytes = received_bytes;
        if self.allowance.is_spent()
            && let State::Open(connection) = &mut self.state
        {
            connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
            // It says so, as far as the socket takes it, and that was it.
            let _ = connection.poll_closed(&mut Context::from_waker(Waker::noop()));
            self.end();
        }
    }

    /// Attends to streams that have something new, and hands on what waits; whether the
    /// library has something new by that.
    fn attend(&mut self, is_turn: bool) -> bool {
        for stream in self.bells.take() {
            let Some(outbound) = self.streams.get_mut(&stream) else {
                continue;
            };
            outbound.bell.silence();
            if outbound.was_reset() {
                self.allowance.reset();
                outbound.give_up();
            }
            // Whoever does not have the sockets reads nothing, so that only room is new.
            if (is_turn || outbound.wants_room || outbound.bell.is_gone())
                && let Some(token) = outbound.token
            {
                outbound.wants_room = false;
                self.news.push(token);
            }
            self.look_at(stream);
        }
        self.hand_on()
    }

    /// Notes that a stream may have something for the library, or is done with.
    pub(super) fn look_at(&mut self, stream: u32) {
        let Some(outbound) = self.streams.get_mut(&stream) else {
            return;
        };
        if outbound.is_done() && outbound.is_left {
            self.streams.remove(&stream);
        } else if !outbound.outgoing.is_empty() && !outbound.is_pending {
            outbound.is_pending = true;
            self.pending.push_back(stream);
        }
    }

    /// Hands bodies to the library, one stream after the other, while the socket takes
    /// something: what waits here costs less than what waits there.
    fn hand_on(&mut self) -> bool {
        let mut handed_bytes = 0;
        for _ in 0..self.pending.len() {
            if handed_bytes >= ROUND_BYTES || !self.link.is_writable() {
                break;
            }
            let Some(stream) = self.pending.pop_front() else {
                break;
            };
            let Some(outbound) = self.streams.get_mut(&stream) else {
                continue;
            };
            outbound.is_pending = false;
            let before = outbound.handed_bytes;
            let handed = outbound.hand_on();
            let moved = outbound.handed_bytes - before;
            handed_bytes += moved;
            self.allowance.sent(moved);
            match handed {
                Ok(Handed::All | Handed::Yielded) => {}
                // The bell rings.
                Ok(Handed::Blocked) => continue,
                Ok(Handed::Gone) => outbound.give_up(),
                Err(error) => {
                    outbound.reset(Reason::INTERNAL_ERROR);
                    self.trouble.get_or_insert(error);
                }
            }
            self.look_at(stream);
        }
        handed_bytes > 0
    }

    /// Begins to end: the client is told to send no new requests.
    pub(super) fn leave(&mut self) {
        self.is_leaving = true;
        if let State::Open(connection) = &mut self.state {
            connection.graceful_shutdown();
        }
    }

    /// Nothing goes on any more.
    pub(super) fn end(&mut self) {
        self.state = State::Over;
        self.pending.clear();
        self.arrivals.clear();
        for outbound in self.streams.values_mut() {
            outbound.give_up();
            self.news.extend(outbound.token);
        }
        self.streams.retain(|_, outbound| !outbound.is_left);
    }

    /// Bytes that wait for the client, and how many of them are in memory.
    pub(super) fn waiting(&self) -> (u64, usize) {
        let all = self.streams.values();
        all.fold((0, 0), |(waiting, memory), outbound| {
            let outgoing = &outbound.outgoing;
            (
                waiting + outgoing.waiting_bytes(),
                memory + outgoing.memory_bytes(),
            )
        })
    }
}

/// What the client is told.
fn builder(settings: &Http2Settings) -> Builder {
    let mut builder = Builder::new();
    builder
        .initial_window_size(settings.window_bytes)
        .initial_connection_window_size(settings.connection_window_bytes())
        .max_concurrent_streams(settings.streams)
        .max_frame_size(settings.frame_bytes)
        .max_header_list_size(settings.head_bytes)
        .max_send_buffer_size(SEND_BUFFER_BYTES);
    builder
}
