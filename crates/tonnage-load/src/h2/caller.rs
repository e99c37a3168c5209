//! One call at a time, for questions that are asked before the load: the same
//! connections as the load's, driven until the answer is there or time is up.

use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use rustix::event::epoll::{EventData, EventFlags};
use rustix::net::sockopt;
use tonnage_model::Cause;

use super::exchange::{Exchange, Heard};
use super::failure;
use super::link::{Link, State};
use super::requests::{Prepared, grpc_head};
use super::wire::{Wire, scratch};
use crate::poll::Poll;
use crate::tls::TlsClient;
use crate::transport::{Transport, cause_of};
use crate::{LoadError, Target, TlsSettings};

/// A connection that is asked one thing after the other.
pub(crate) struct Caller {
    poll: Poll,
    link: Link,
    exchange: Exchange,
    deadline: Instant,
    scheme: &'static str,
    authority: String,
}

/// What came of a gRPC call.
pub(crate) struct Called {
    pub(crate) http_status: u16,
    /// `grpc-status`, if there was any.
    pub(crate) status: Option<u32>,
    /// The frames.
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
type Problem = String;

impl Caller {
    /// Connects; everything that is asked has to be answered within `timeout` from now.
    pub(crate) fn connect(
        target: &Target,
        tls: &TlsSettings,
        timeout: Duration,
    ) -> Result<Result<Self, Problem>, LoadError> {
        let tls = match &target.tls_host {
            Some(host) => Some(TlsClient::new(tls, host, &[b"h2"])?),
            None => None,
        };
        let link = Link::new(1);
        let mut caller = Self {
            poll: Poll::new()?,
            exchange: Exchange::new(true, true, link.bells.stream_waker(0)),
            link,
            deadline: Instant::now() + timeout,
            scheme: if tls.is_some() { "https" } else { "http" },
            authority: target.host_header.clone(),
        };
        Ok(caller.open(target, tls.as_ref()).map(|()| caller))
    }

    fn open(&mut self, target: &Target, tls: Option<&TlsClient>) -> Result<(), Problem> {
        let fail = |error| describe(cause_of(error));
        let socket = target.address.connect().map_err(fail)?;
        self.poll
            .add(&socket, EventData::new_u64(0))
            .map_err(fail)?;
        let mut is_writable = false;
        while !is_writable {
            is_writable = self.wait()?.contains(EventFlags::OUT);
            match sockopt::socket_error(&socket) {
                Ok(Ok(())) => {}
                Ok(Err(error)) | Err(error) => return Err(fail(error)),
            }
        }
        let mut transport = Transport::new(tls).map_err(describe)?;
        while !transport.shake_hands(&socket).map_err(describe)? {
            self.wait()?;
        }
        if transport.is_tls() && transport.protocol() != Some(b"h2") {
            return Err("it does not speak HTTP/2 over TLS".to_owned());
        }
        let wire = Rc::new(Wire::new(socket, transport, scratch()));
        self.link.greet(Rc::clone(&wire));
        while !matches!(self.link.state, State::Open(_)) {
            match self.link.poll_greeting() {
                std::task::Poll::Ready(Ok(())) => {}
                std::task::Poll::Ready(Err(error)) => return Err(error.to_string()),
                std::task::Poll::Pending => wire.notice(self.wait()?),
            }
        }
        Ok(())
    }

    /// Calls a method with a message that is framed already.
    pub(crate) fn call(&mut self, path: &str, body: Bytes) -> Result<Called, Problem> {
        let mut head = Request::new(());
        grpc_head(&mut head, self.scheme, &self.authority, path).map_err(|e| e.to_string())?;
        let answer = match self.link.begin(Prepared { head, body }, u32::MAX) {
            Some(Ok(answer)) => answer,
            Some(Err(error)) => return Err(error.to_string()),
            None => return Err(describe(Cause::Closed)),
        };
        self.exchange.begin(answer, 0, u64::MAX);
        let driven = self.drive();
        self.link.under_way = 0;
        self.exchange.let_go();
        driven?;
        let body = self.exchange.body.kept().ok_or("its answer is too long")?;
        Ok(Called {
            http_status: self.exchange.status,
            status: self.exchange.grpc_status(),
            body: body.to_owned(),
        })
    }

    /// Reads and writes until the answer is whole.
    fn drive(&mut self) -> Result<(), Problem> {
        let wire = self.link.wire().cloned();
        let wire = wire.ok_or_else(|| describe(Cause::Closed))?;
        loop {
            wire.begin_turn();
            let is_over = self.link.poll();
            match self.exchange.listen() {
                Heard::Whole => return Ok(()),
                Heard::Broken(error) => return Err(describe(failure::cause_of(&error, &wire))),
                Heard::Nothing | Heard::Began if is_over => {
                    return Err(describe(wire.end().unwrap_or(Cause::Closed)));
                }
                Heard::Nothing | Heard::Began => {}
            }
            if self.link.bells.take_connection() {
                continue;
            }
            if wire.wants_turn() {
                self.check_deadline()?;
            } else {
                wire.notice(self.wait()?);
            }
        }
    }

    /// Waits for the socket and says what happened to it.
    fn wait(&mut self) -> Result<EventFlags, Problem> {
        let left = self.check_deadline()?;
        let mut events = Poll::events();
        let waited = self.poll.wait(&mut events, 0, left.as_nanos() as u64);
        waited.map_err(|error| error.to_string())?;
        let flags = events.iter().map(|event| event.flags);
        Ok(flags.fold(EventFlags::empty(), |all, flags| all | flags))
    }

    fn check_deadline(&self) -> Result<Duration, Problem> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err("it does not answer in time".to_owned());
        }
        Ok(left)
    }
}

fn describe(cause: Cause) -> Problem {
    match cause {
        Cause::Refused => "nobody listens there".to_owned(),
        Cause::Closed => "it closes the connection".to_owned(),
        Cause::Reset => "it resets the connection".to_owned(),
        Cause::Certificate => "its certificate is not trusted".to_owned(),
        Cause::Protocol => "what it speaks is not HTTP/2".to_owned(),
        cause => format!("the connection fails ({})", cause.name()),
    }
}
