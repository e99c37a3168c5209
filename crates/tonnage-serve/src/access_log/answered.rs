//! What the access log has of a request that was answered, whoever answered it.

use std::borrow::Cow;
use std::time::Duration;

use super::{AccessLog, AccessLookup, AccessRecord};
use crate::dispatch::{Exchange, now_ns};
use crate::http;
use crate::listen::Peer;
use crate::reply::Said;
use crate::request::Request;

/// A request and its answer, as the access log sees them.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// Who asked.
    pub peer: Peer,
    /// What was asked.
    pub request: Request<'a>,
    /// What the response's head said, where it is known.
    pub said: Option<&'a Said>,
    /// The answer's status.
    pub status: u16,
    /// Bytes of the answer's body.
    pub sent_bytes: u64,
    /// From the request's head until the answer was complete, in ns.
    pub took_ns: u64,
}

impl<'a> Answered<'a> {
    /// A request whose answer is complete now; `None` where its head is gone.
    pub fn now(exchange: &'a Exchange) -> Option<Self> {
        let reply = exchange.reply();
        Some(Self {
            peer: exchange.peer(),
            request: exchange.request()?,
            said: reply.said(),
            status: reply.status(),
            sent_bytes: reply.body_bytes(),
            took_ns: now_ns().saturating_sub(exchange.began_ns()),
        })
    }

    /// Adds its line.
    pub fn log(&self, log: &AccessLog) {
        let (request, host) = (self.request, self.peer.host());
        let record = AccessRecord {
            remote_address: host.as_bytes(),
            method: &request.method(),
            target: request.target(),
            path: &http::unquote(request.path()),
            query: request.query(),
            protocol: request.version().name().as_bytes(),
            status: self.status,
            sent_bytes: self.sent_bytes,
            took: Duration::from_nanos(self.took_ns),
            process: std::process::id(),
        };
        log.log(&record, self);
    }
}

impl AccessLookup for Answered<'_> {
    fn request_field(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let fields = self.request.fields();
        let same = fields.filter(|(_, field, _)| field.eq_ignore_ascii_case(name.as_bytes()));
        same.last().map(|(_, _, value)| value)
    }

    fn response_field(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let mut fields = self.said?.fields.iter().rev();
        let found = fields.find(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| Cow::Borrowed(value.as_slice()))
    }
}
