//! A record as a line of JSON, for collectors that read fields and not formats. What is not
//! known has no field.

use std::borrow::Cow;

use serde::Serialize;

use super::render::{AccessLookup, AccessRecord, user};
use super::trace::TraceContext;

/// The fields, in their order.
#[derive(Serialize)]
struct Line<'a> {
    time: Cow<'a, str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    remote_address: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    method: Cow<'a, str>,
    path: Cow<'a, str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    query: Cow<'a, str>,
    protocol: Cow<'a, str>,
    status: u16,
    body_bytes: u64,
    duration_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    referer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span_id: Option<&'a str>,
    pid: u32,
}

/// Appends the line, without an end.
pub(super) fn push_line(
    record: &AccessRecord<'_>,
    lookup: &dyn AccessLookup,
    date: &[u8],
    line: &mut Vec<u8>,
) {
    let field = |name| {
        let value = lookup.request_field(name)?;
        Some(text(&value).into_owned())
    };
    let traced = lookup.request_field("traceparent");
    let trace = traced.as_deref().and_then(TraceContext::parse);
    let written = serde_json::to_writer(
        &mut *line,
        &Line {
            time: text(date),
            remote_address: text(record.remote_address),
            user: user(lookup).map(|user| text(&user).into_owned()),
            method: text(record.method),
            path: text(record.path),
            query: text(record.query),
            protocol: text(record.protocol),
            status: record.status,
            body_bytes: record.sent_bytes,
            duration_s: record.took.as_micros() as f64 / 1e6,
            referer: field("referer"),
            user_agent: field("user-agent"),
            trace_id: trace.map(|trace| trace.trace_id),
            span_id: trace.map(|trace| trace.span_id),
            pid: record.process,
        },
    );
    // Texts and numbers can be written, and memory takes all.
    debug_assert!(written.is_ok());
}

/// Bytes as UTF-8, which nearly all clients send, or as ISO 8859-1.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}
