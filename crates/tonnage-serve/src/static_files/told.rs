//! The access log's line of a file that was served.

use std::borrow::Cow;
use std::time::Duration;

use crate::access_log::{AccessLog, AccessLookup, AccessRecord};
use crate::dispatch::{Exchange, now_ns};
use crate::http;
use crate::listen::Peer;

/// What is known of a request that no application was asked about.
struct Told<'a>(&'a Exchange);

/// Adds the line of a request that was answered.
pub(super) fn log(log: &AccessLog, exchange: &Exchange) {
    let Some(request) = exchange.request() else {
        return;
    };
    let address = match exchange.peer() {
        Peer::Tcp(address) => address.ip().to_string(),
        Peer::Unix => String::new(),
    };
    let record = AccessRecord {
        remote_address: address.as_bytes(),
        method: &request.method(),
        target: request.target(),
        path: &http::unquote(request.path()),
        query: request.query(),
        protocol: request.version().name().as_bytes(),
        status: exchange.reply().status(),
        sent_bytes: exchange.reply().body_bytes(),
        took: Duration::from_nanos(now_ns().saturating_sub(exchange.began_ns())),
        process: std::process::id(),
    };
    log.log(&record, &Told(exchange));
}

impl AccessLookup for Told<'_> {
    fn request_field(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let fields = self.0.fields();
        let same = fields.filter(|(_, field, _)| field.eq_ignore_ascii_case(name.as_bytes()));
        same.last().map(|(_, _, value)| value)
    }

    fn response_field(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let mut fields = self.0.reply().said()?.fields.iter().rev();
        let found = fields.find(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| Cow::Borrowed(value.as_slice()))
    }
}
