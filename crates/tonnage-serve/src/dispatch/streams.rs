//! A worker with an event loop: one thread, which looks at the sockets when the loop says
//! that there is something, begins requests, and ends them in whatever order they are
//! answered. It never waits.

#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use super::{Exchange, Heard, Received, now_ns, sender};
use crate::board::{Meters, Slot};
use crate::http::Refusal;
use crate::io::{Counts, Events, Io, Poller, Refusals, Signs, Token};
use crate::websocket::{Codec, Message, WebSocket};

/// The sockets of a worker with an event loop.
#[derive(Debug)]
pub struct Streams {
    io: Io,
    poller: Arc<Poller>,
    events: Events,
    /// Where others see how the worker fares.
    place: Option<&'static Slot>,
    /// Where it is counted what happens, where somebody wants to know.
    meters: Option<&'static Meters>,
    in_flight: u32,
    /// Requests that may be in flight; no bound for an event loop, which is given each request
    /// as it comes.
    most: u32,
    served: u64,
    /// Of all websockets.
    codec: Codec,
}

impl Streams {
    /// Over these sockets; others see at `place` how the worker fares. Starts the thread
    /// that sends what has waited too long.
    pub fn start(io: Io, place: Option<&'static Slot>) -> io::Result<Self> {
        sender::start(io.outbox())?;
        Ok(Self::new(io, place))
    }

    /// The same for an application that is given each request with its body, and at most so
    /// many at once: a request is complete when its body is, and those beyond the bound wait,
    /// and are turned away, as for threads.
    pub fn start_whole(io: Io, place: Option<&'static Slot>, most: u32) -> io::Result<Self> {
        sender::start(io.outbox())?;
        Ok(Self::whole(io, place, most))
    }

    fn new(mut io: Io, place: Option<&'static Slot>) -> Self {
        io.stream_bodies();
        Self::whole(io, place, u32::MAX)
    }

    fn whole(io: Io, place: Option<&'static Slot>, most: u32) -> Self {
        Self {
            poller: io.poller(),
            meters: io.meters(),
            io,
            events: Events::default(),
            place,
            in_flight: 0,
            most,
            served: 0,
            codec: Codec::default(),
        }
    }

    /// Wakes whoever waits for [`Streams::descriptor`]; from any thread.
    pub fn bell(&self) -> Arc<Poller> {
        Arc::clone(&self.poller)
    }

    /// What becomes readable when [`Streams::poll`] has something to do.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.poller.as_fd()
    }

    /// Does what the sockets ask for.
    pub fn poll(&mut self) {
        self.poller.wait(&mut self.events, 0);
        self.io
            .expect_takers(self.most.saturating_sub(self.in_flight) as usize);
        self.io.process(&self.events, now_ns());
        if !self.has_room() || self.io.is_paused() {
            self.mind_new_connections();
        }
    }

    /// New connections are for workers that have time. Where none has, they are taken all the
    /// same, so that they are counted, and turned away when they have waited long enough.
    fn mind_new_connections(&mut self) {
        let paused = !self.has_room();
        if paused != self.io.is_paused() {
            self.io.pause(paused);
        } else if paused && self.io.nobody_has_time() {
            self.io.accept_waiting();
        }
        if paused {
            self.io.see_all();
        }
    }

    /// Whether another request may be begun.
    pub fn has_room(&self) -> bool {
        self.in_flight < self.most
    }

    /// Moves to `into` what happened to the connections of requests that were begun.
    pub fn take_noted(&mut self, into: &mut Vec<(Token, Signs)>) {
        self.io.take_noted(into);
    }

    /// The next request, where there is one and room for it. Its head is complete; its body is read by [`Streams::receive`],
    /// unless it is there already ([`Streams::start_whole`]).
    /// It has to come back by [`Streams::end`].
    #[allow(
        clippy::should_implement_trait,
        reason = "it is asked for again after it had none"
    )]
    pub fn next(&mut self) -> Option<(Token, Exchange)> {
        if !self.has_room() {
            return None;
        }
        let now_ns = now_ns();
        let waiting = self.io.next(now_ns)?;
        let token = waiting.token;
        let queue_ns = now_ns.saturating_sub(waiting.queued_ns);
        self.in_flight += 1;
        self.tell();
        let more = self.io.has_more();
        let mut exchange = Exchange::new(waiting, now_ns);
        if self.meters.is_some() {
            exchange.split(queue_ns, 0);
        }
        if more {
            exchange = exchange.may_wait(self.io.outbox());
        }
        if let Some(register) = self.io.register() {
            exchange = exchange.enter_in(register);
        }
        if let Some(compression) = self.io.compression() {
            exchange = exchange.compressed_by(compression);
        }
        // Nobody could be told of it before.
        exchange.note(self.io.noted(token));
        Some((token, exchange))
    }

    /// Sends the responses that wait for others: at the end of each turn, when there are
    /// none to wait for.
    pub fn let_go(&mut self) {
        self.io.let_go();
    }

    /// Whether there is something to do that no socket will tell: requests that could be
    /// begun, work that gave way, or new connections that there is room for again.
    pub fn has_more(&self) -> bool {
        let could_begin = self.has_room() && (self.io.has_more() || self.io.is_paused());
        could_begin || self.io.patience_ms() == 0
    }

    /// Takes what has come of a request's body, and hands it on at most once.
    pub fn receive(&mut self, exchange: &mut Exchange, sink: &mut impl FnMut(&[u8])) -> Received {
        match exchange.receive(self.io.room(), sink) {
            Ok(received) => received,
            Err(refusal) => {
                self.refuse(exchange, refusal);
                Received::Refused
            }
        }
    }

    /// Answers that a request is not acceptable after all.
    pub fn refuse(&mut self, exchange: &mut Exchange, refusal: Refusal) {
        exchange.refuse(refusal);
        self.io.note_refusal(exchange.peer(), refusal);
    }

    /// Refuses the handshake of a websocket.
    pub fn refuse_websocket(&mut self, exchange: &mut Exchange, refusal: Refusal) {
        exchange.refuse_websocket(refusal);
        self.io.note_refusal(exchange.peer(), refusal);
    }

    /// Takes what has come of a websocket, one reading of it.
    pub fn hear(
        &mut self,
        exchange: &mut Exchange,
        websocket: &mut WebSocket,
        sink: &mut dyn FnMut(Message<'_>),
    ) -> Heard {
        exchange.hear(websocket, self.io.room(), &mut self.codec, sink)
    }

    /// Sends a message of a websocket; whether it could be: not after a Close frame.
    pub fn say(
        &mut self,
        exchange: &mut Exchange,
        websocket: &WebSocket,
        message: Message<'_>,
    ) -> bool {
        exchange.say(websocket, message, &mut self.codec)
    }

    /// Takes a request back: its connection goes on where the response is complete, and
    /// is closed where it is not.
    pub fn end(&mut self, token: Token, exchange: Exchange) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.served += 1;
        self.tell();
        let ended_ns = now_ns();
        if let Some(meters) = self.meters {
            exchange.count(meters, ended_ns);
        }
        match exchange.into_streamed() {
            Some(connection) => self.io.answered(token, connection, ended_ns),
            None => self.io.abandon(token),
        }
    }

    /// A request does not come back: the connection ends.
    pub fn lose(&mut self, token: Token) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.served += 1;
        self.tell();
        self.io.abandon(token);
    }

    /// Requests in flight do not keep an event loop from taking others, so that it is not
    /// busy in the sense of the board, unless there are as many as there may be.
    fn tell(&self) {
        if let Some(place) = self.place {
            let busy = (!self.has_room()).then(|| now_ns() / 1_000_000);
            place.set_in_flight(self.in_flight, busy);
        }
    }

    /// Takes nothing new, and lets each connection end with its next response. Where the
    /// listeners go away with this worker, `empty_backlog` takes what waits in them.
    pub fn drain(&mut self, empty_backlog: bool) {
        self.io.drain(empty_backlog);
    }

    /// Requests that were refused since it was asked last.
    pub fn take_refusals(&mut self) -> Option<Refusals> {
        self.io.take_refusals()
    }

    /// Whether a draining worker has no connection left.
    pub fn is_drained(&self) -> bool {
        self.io.is_drained()
    }

    /// How long [`Streams::poll`] may be left uncalled, in ms.
    pub fn patience_ms(&self) -> u64 {
        self.io.patience_ms()
    }

    /// Requests that were begun and have not come back.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Requests that came back.
    pub fn served(&self) -> u64 {
        self.served
    }

    /// What happened to the sockets.
    pub fn counts(&self) -> Counts {
        self.io.counts()
    }
}
