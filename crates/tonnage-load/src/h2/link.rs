//! One connection: how far it has come, the slots that wait for it, and how many
//! requests are under way on it.

use std::collections::VecDeque;
use std::future::Future;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use ::h2::client::{Builder, Connection, ResponseFuture, SendRequest};
use bytes::Bytes;

use super::bells::Bells;
use super::requests::Prepared;
use super::wire::{Wire, WireEnd};
use crate::backoff::Backoff;
use crate::transport::Transport;

/// What one stream may send before we say that we took it, in bytes: large, so
/// that the target is measured and not our pace.
const STREAM_WINDOW: u32 = 1024 * 1024;

/// What all streams of a connection may send before we say that we took it.
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;

/// The longest list of headers that a response may have, in bytes.
const MAX_HEADERS: u32 = 64 * 1024;

/// The preface and our settings, on their way.
type Greeting =
    Pin<Box<dyn Future<Output = Result<(SendRequest<Bytes>, Connection<WireEnd>), ::h2::Error>>>>;

/// How far a connection has come.
pub(crate) enum State {
    Closed,
    /// Pausing after a failed connect, until the deadline.
    Paused,
    Connecting(OwnedFd),
    ShakingHands(OwnedFd, Transport),
    Greeting(Rc<Wire>, Greeting),
    Open(Box<Open>),
}

/// A connection that takes requests.
pub(crate) struct Open {
    pub(crate) wire: Rc<Wire>,
    sender: SendRequest<Bytes>,
    connection: Connection<WireEnd>,
}

/// A connection and the slots that use it.
pub(crate) struct Link {
    pub(crate) state: State,
    /// Grows with each socket, so that an event of a closed one is recognised.
    pub(crate) generation: u32,
    pub(crate) bells: Arc<Bells>,
    waker: Waker,
    /// Slots whose requests have not gone out yet.
    pub(crate) queue: VecDeque<u32>,
    /// Requests that went out and have not ended.
    pub(crate) under_way: u32,
    /// Requests that this socket has carried.
    begun: u32,
    /// Whether it takes no more requests and ends with the last of them.
    pub(crate) is_worn: bool,
    /// Whether it was ever up, on this socket or an earlier one.
    pub(crate) was_up: bool,
    /// Whether it is among those that the worker has to look at.
    pub(crate) is_touched: bool,
    /// When `connect` was called, then when the socket was writable.
    pub(crate) connecting_ns: u64,
    /// When the state has lasted too long, or the pause ends.
    pub(crate) deadline_ns: u64,
    pub(crate) backoff: Backoff,
}

impl Link {
    pub(crate) fn new(streams: u32) -> Self {
        let bells = Bells::new(streams);
        Self {
            state: State::Closed,
            generation: 0,
            waker: bells.connection_waker(),
            bells,
            queue: VecDeque::with_capacity(streams as usize),
            under_way: 0,
            begun: 0,
            is_worn: false,
            was_up: false,
            is_touched: false,
            connecting_ns: 0,
            deadline_ns: u64::MAX,
            backoff: Backoff::default(),
        }
    }

    /// Begins with a socket that begins to connect.
    pub(crate) fn open(&mut self, socket: OwnedFd) {
        self.state = State::Connecting(socket);
        self.begun = 0;
        self.is_worn = false;
    }

    /// Speaks HTTP/2 on a wire.
    pub(crate) fn greet(&mut self, wire: Rc<Wire>) {
        let greeting = Box::pin(builder().handshake(WireEnd(Rc::clone(&wire))));
        self.state = State::Greeting(wire, greeting);
    }

    /// Goes on with the greeting; ready when the connection takes requests.
    pub(crate) fn poll_greeting(&mut self) -> Poll<Result<(), ::h2::Error>> {
        let State::Greeting(wire, greeting) = &mut self.state else {
            return Poll::Pending;
        };
        let mut context = Context::from_waker(&self.waker);
        match greeting.as_mut().poll(&mut context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok((sender, connection))) => {
                self.state = State::Open(Box::new(Open {
                    wire: Rc::clone(wire),
                    sender,
                    connection,
                }));
                Poll::Ready(Ok(()))
            }
        }
    }

    /// The connection, while it is up.
    pub(crate) fn up(&self) -> Option<&Open> {
        match &self.state {
            State::Open(open) => Some(open),
            _ => None,
        }
    }

    /// The wire, once there is one.
    pub(crate) fn wire(&self) -> Option<&Rc<Wire>> {
        match &self.state {
            State::Greeting(wire, _) => Some(wire),
            State::Open(open) => Some(&open.wire),
            _ => None,
        }
    }

    /// How many more requests the peer allows at this moment; `limit` is how many
    /// one socket carries.
    pub(crate) fn room(&self, limit: u32) -> u32 {
        match &self.state {
            State::Open(open) if !self.is_worn => {
                let streams = u32::try_from(open.sender.current_max_send_streams());
                let free = streams.unwrap_or(u32::MAX).saturating_sub(self.under_way);
                free.min(limit - self.begun)
            }
            _ => 0,
        }
    }

    /// Hands a request to the connection, which takes no more after `limit` of them.
    pub(crate) fn begin(
        &mut self,
        request: Prepared,
        limit: u32,
    ) -> Option<Result<ResponseFuture, ::h2::Error>> {
        let State::Open(open) = &mut self.state else {
            return None;
        };
        let is_bare = request.body.is_empty();
        let began = open.sender.send_request(request.head, is_bare);
        Some(began.and_then(|(answer, mut stream)| {
            if !is_bare {
                // Kept by the library until the peer's windows have room.
                stream.send_data(request.body, true)?;
            }
            self.under_way += 1;
            self.begun += 1;
            self.is_worn = self.begun == limit;
            Ok(answer)
        }))
    }

    /// Whether the socket has carried any request.
    pub(crate) fn is_used(&self) -> bool {
        self.begun > 0
    }

    /// Reads what has come and writes what is to go; says whether it is over.
    pub(crate) fn poll(&mut self) -> bool {
        self.bells.take_connection();
        let State::Open(open) = &mut self.state else {
            return true;
        };
        let mut context = Context::from_waker(&self.waker);
        Pin::new(&mut open.connection).poll(&mut context).is_ready()
    }

    /// Drops the socket; epoll forgets it by itself. Says whether it was up.
    pub(crate) fn close(&mut self) -> bool {
        self.deadline_ns = u64::MAX;
        self.under_way = 0;
        matches!(
            std::mem::replace(&mut self.state, State::Closed),
            State::Open(_)
        )
    }
}

/// What we tell the peer. One stream is used until the peer has said how many it
/// takes: what it would refuse is not its failure.
fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        .initial_max_send_streams(1)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEADERS);
    builder
}
