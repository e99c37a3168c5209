//! Files that are served beside the application, which is not asked: by whoever reads the
//! request, from the kernel's memory, also while every thread of the application is busy.
//!
//! Conditional requests, one range, and variants that lie beside a file in a coding that the
//! client takes. No indexes, no lists of folders, no way out of the folder.

mod asked;
mod found;
mod mount;
mod range;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::asked::{Asked, Verdict};
use self::found::{Folder, Found};
pub use self::mount::Mount;
use self::range::{Range, Wanted};
use crate::access_log::{AccessLog, Answered};
use crate::codings::Coding;
use crate::dispatch::Exchange;
use crate::http::{self, Method};
use crate::reply::ReplyError;

/// Files up to this length are read and sent in one go with their head; for longer ones
/// sendfile(2) is cheaper.
const READ_BYTES: u64 = 32 << 10;

/// Variants that may lie beside a file, by how short they are, and how their names end.
const VARIANTS: [Coding; 3] = [Coding::Brotli, Coding::Zstd, Coding::Gzip];

/// Folders of files, and how they are served.
#[derive(Debug)]
pub struct StaticFiles {
    /// Those with longer prefixes first: what is within another one counts.
    mounts: Vec<Mount>,
    /// How long clients may use an answer without asking again, in s.
    max_age_s: Option<u64>,
    log: Option<Arc<AccessLog>>,
}

/// An answer that is no file.
#[derive(Debug, Clone, Copy)]
enum Problem {
    NotFound,
    Method,
}

impl StaticFiles {
    /// Serves these folders; a line for each answer goes to the log.
    pub fn new(
        mut mounts: Vec<Mount>,
        max_age_s: Option<u64>,
        log: Option<Arc<AccessLog>>,
    ) -> Self {
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.prefix().len()));
        Self {
            mounts,
            max_age_s,
            log,
        }
    }

    /// Whether what is at this path is a file's, or nobody's.
    pub fn has(&self, path: &[u8]) -> bool {
        self.mounts.iter().any(|mount| mount.rest(path).is_some())
    }

    /// Answers a request for a path of theirs, completely.
    pub fn answer(&self, exchange: &mut Exchange) {
        if self
            .log
            .as_ref()
            .is_some_and(|log| log.format().wants_response_fields())
        {
            exchange.keep_said();
        }
        exchange.close_if_body_is_left();
        let answered = match self.find(exchange) {
            Ok((found, coding)) => self.send(exchange, &found, coding),
            Err(problem) => refuse(exchange, problem),
        };
        if answered.and_then(|()| exchange.finish()).is_err() {
            exchange.abort();
        }
        if let Some(log) = &self.log
            && let Some(answered) = Answered::now(exchange)
        {
            answered.log(log);
        }
    }

    /// The file that is asked for, in the coding that suits the client best.
    fn find(&self, exchange: &Exchange) -> Result<(Found, Option<Coding>), Problem> {
        let path = exchange.path();
        let mut mounts = self.mounts.iter();
        let (mount, rest) = mounts
            .find_map(|mount| Some((mount, mount.rest(path)?)))
            .ok_or(Problem::NotFound)?;
        if !matches!(method(exchange), Method::Get | Method::Head) {
            return Err(Problem::Method);
        }
        let name = mount::file_name(rest).ok_or(Problem::NotFound)?;
        let folder = Folder::open(mount.folder()).map_err(|_| Problem::NotFound)?;
        for coding in asked::accepted(exchange).among(VARIANTS) {
            let variant = [&name, suffix(coding)].concat();
            if let Ok(found) = folder.file(&variant) {
                return Ok((found.called(name), Some(coding)));
            }
        }
        let found = folder.file(&name).map_err(|_| Problem::NotFound)?;
        Ok((found.called(name), None))
    }

    /// Sends a file, part of it, or that the client has it.
    fn send(
        &self,
        exchange: &mut Exchange,
        found: &Found,
        coding: Option<Coding>,
    ) -> Result<(), ReplyError> {
        let tag = found.tag(coding);
        let asked = Asked::of(exchange);
        let wanted = match asked.verdict(found, &tag) {
            Verdict::Unchanged => return self.start(exchange, 304, found, &tag, coding, &[]),
            Verdict::Failed => return say(exchange, 412, &[]),
            Verdict::Send if method(exchange) == Method::Get => asked.range(found, &tag),
            Verdict::Send => Wanted::Whole,
        };
        let bytes = found.bytes();
        let (status, range, field) = match wanted {
            Wanted::Whole => (200, Range { first: 0, bytes }, None),
            Wanted::Part(range) => (206, range, Some(range.field(bytes))),
            Wanted::Nothing => {
                let field = format!("bytes */{bytes}");
                return say(exchange, 416, &[(b"Content-Range", field.as_bytes())]);
            }
        };
        let length = range.bytes.to_string();
        let mut more: Vec<(&[u8], &[u8])> = vec![(b"Content-Length", length.as_bytes())];
        if let Some(field) = &field {
            more.push((b"Content-Range", field.as_bytes()));
        }
        self.start(exchange, status, found, &tag, coding, &more)?;
        if method(exchange) == Method::Get && range.bytes <= READ_BYTES {
            match found.read(range.first, range.bytes) {
                Ok(content) => exchange.send(&content, true)?,
                // It became shorter just now.
                Err(_) => exchange.fail(),
            }
            return Ok(());
        }
        exchange.send_file(found.file(), range.first, range.bytes)
    }

    /// Begins an answer with what is said of a file in each.
    fn start(
        &self,
        exchange: &mut Exchange,
        status: u16,
        found: &Found,
        tag: &str,
        coding: Option<Coding>,
        more: &[(&[u8], &[u8])],
    ) -> Result<(), ReplyError> {
        let media_type = found.media_type();
        let modified = found.modified_text();
        let max_age = self.max_age_s.map(|age_s| format!("max-age={age_s}"));
        let mut fields: Vec<(&[u8], &[u8])> = vec![
            (b"Content-Type", media_type.as_bytes()),
            (b"ETag", tag.as_bytes()),
            (b"Last-Modified", modified.as_bytes()),
            (b"Accept-Ranges", b"bytes"),
        ];
        if let Some(coding) = coding {
            fields.push((b"Content-Encoding", coding.name().as_bytes()));
        }
        // Others may be given a variant, now or when there is one.
        fields.push((b"Vary", b"Accept-Encoding"));
        if let Some(max_age) = &max_age {
            fields.push((b"Cache-Control", max_age.as_bytes()));
        }
        fields.extend(more);
        exchange.start(status, http::reason(status).as_bytes(), fields)
    }
}

fn method(exchange: &Exchange) -> Method {
    exchange.head().map_or(Method::Get, |head| head.line.kind)
}

fn suffix(coding: Coding) -> &'static [u8] {
    match coding {
        Coding::Brotli => b".br",
        Coding::Zstd => b".zst",
        Coding::Gzip => b".gz",
    }
}

fn refuse(exchange: &mut Exchange, problem: Problem) -> Result<(), ReplyError> {
    match problem {
        Problem::NotFound => say(exchange, 404, &[]),
        Problem::Method => say(exchange, 405, &[(b"Allow", b"GET, HEAD")]),
    }
}

/// An answer in plain text.
fn say(exchange: &mut Exchange, status: u16, fields: &[(&[u8], &[u8])]) -> Result<(), ReplyError> {
    let reason = http::reason(status);
    let text: (&[u8], &[u8]) = (b"Content-Type", b"text/plain; charset=utf-8");
    let fields = fields.iter().copied().chain([text]);
    exchange.start(status, reason.as_bytes(), fields)?;
    exchange.send(format!("{reason}\n").as_bytes(), true)
}
