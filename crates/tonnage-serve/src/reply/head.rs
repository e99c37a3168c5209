//! The head of a response: what an application said, what the server adds, and what is not
//! for an application to say.

use std::cell::RefCell;

use rustix::time::{ClockId, clock_gettime};

use super::{Asked, Reply, ReplyError, State};
use crate::http::{
    DateCache, Method, ResponseFraming, ResponseName, SERVER, push_end, push_field, push_length,
    push_status, reason, response_framing,
};

/// Room for a head; most are shorter.
const HEAD_BYTES: usize = 384;

thread_local! {
    /// The Date field, made once a second in each thread.
    static DATE: RefCell<DateCache> = RefCell::new(DateCache::new());
}

/// Adds the Date field of now.
pub(crate) fn push_date(out: &mut Vec<u8>) {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    DATE.with_borrow_mut(|date| out.extend_from_slice(date.line(now.tv_sec)));
}

impl Reply {
    /// Begins the response, or begins it anew as long as nothing was sent.
    pub fn start<'f>(
        &mut self,
        status: u16,
        reason: &[u8],
        fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
    ) -> Result<(), ReplyError> {
        if self.has_sent() {
            return Err(ReplyError::AlreadySent);
        }
        if status < 200 {
            return Err(ReplyError::Interim);
        }
        self.state = State::Nothing;
        self.before.clear();
        self.before.reserve(HEAD_BYTES);
        (self.length, self.dated, self.named) = (None, false, false);
        if let Some(said) = &mut self.said {
            said.reason = reason.to_vec();
            said.fields.clear();
        }
        push_status(&mut self.before, status, reason)?;
        self.status = status;
        for (name, value) in fields {
            self.add_field(name, value)?;
        }
        self.state = State::Started;
        Ok(())
    }

    /// Leaves HTTP for another protocol (RFC 9110, section 15.2.2): the head is complete, and
    /// the connection ends with that protocol.
    pub(crate) fn switch<'f>(
        &mut self,
        protocol: &[u8],
        fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
    ) -> Result<(), ReplyError> {
        const STATUS: u16 = 101;
        let reason = reason(STATUS).as_bytes();
        self.start(200, reason, [])?;
        self.before.clear();
        push_status(&mut self.before, STATUS, reason)?;
        self.status = STATUS;
        push_field(&mut self.before, b"Upgrade", protocol)?;
        push_field(&mut self.before, b"Connection", b"Upgrade")?;
        for (name, value) in fields {
            // It has no content whose length could be said.
            if ResponseName::of(name) != ResponseName::ContentLength {
                self.add_field(name, value)?;
            }
        }
        if !self.named {
            self.before.extend_from_slice(SERVER);
        }
        if !self.dated {
            push_date(&mut self.before);
        }
        self.before.extend_from_slice(b"\r\n");
        self.framing = ResponseFraming::None;
        self.state = State::Finished;
        self.close_after();
        Ok(())
    }

    /// Adds to a head that was begun that the client should speak another protocol (RFC 9110,
    /// section 7.8).
    pub(crate) fn demand(&mut self, protocol: &[u8]) -> Result<(), ReplyError> {
        push_field(&mut self.before, b"Upgrade", protocol)?;
        push_field(&mut self.before, b"Connection", b"Upgrade")?;
        Ok(())
    }

    fn add_field(&mut self, name: &[u8], value: &[u8]) -> Result<(), ReplyError> {
        match ResponseName::of(name) {
            ResponseName::ContentLength => {
                let length = decimal(value).ok_or(ReplyError::Length)?;
                // Twice the same is once (RFC 9110, 8.6).
                match self.length.replace(length) {
                    None => {}
                    Some(before) if before == length => return Ok(()),
                    Some(_) => return Err(ReplyError::Length),
                }
                // It must not have one (RFC 9110, 8.6).
                if self.status == 204 {
                    return Ok(());
                }
            }
            ResponseName::Connection => {
                if value
                    .to_ascii_lowercase()
                    .split(|b| *b == b',')
                    .any(is_close)
                {
                    self.close_after();
                }
                return Ok(());
            }
            ResponseName::Trailer if !self.trails => return Ok(()),
            // How the response is framed is not for the application to say.
            ResponseName::TransferEncoding | ResponseName::Upgrade | ResponseName::HopByHop => {
                return Ok(());
            }
            ResponseName::Date => self.dated = true,
            ResponseName::Server => self.named = true,
            ResponseName::Trailer | ResponseName::Other => {}
        }
        push_field(&mut self.before, name, value)?;
        if let Some(said) = &mut self.said {
            said.fields.push((name.to_vec(), value.to_vec()));
        }
        Ok(())
    }

    /// Ends the head. `whole`: the body's length, where all of it is known.
    pub(super) fn end_head(&mut self, whole: Option<u64>) {
        let Asked {
            method, version, ..
        } = self.asked;
        // What HEAD is answered has no content, and nobody knows how long GET's would be
        // (RFC 9110, 8.6).
        let is_unknown = method == Method::Head && whole == Some(0);
        let whole = whole.filter(|_| !is_unknown);
        let length = self.length.or(whole);
        self.framing = response_framing(method, self.status, version, length);
        let may_have_length = !matches!(self.status, 204 | 304) && method != Method::Connect;
        if self.length.is_none()
            && let Some(length) = whole
            && may_have_length
        {
            push_length(&mut self.before, length);
        }
        if !self.named {
            self.before.extend_from_slice(SERVER);
        }
        if !self.dated {
            push_date(&mut self.before);
        }
        push_end(
            &mut self.before,
            self.framing,
            version,
            self.asked.keep_alive,
        );
        self.left = match self.framing {
            ResponseFraming::Length(bytes) => bytes,
            _ => 0,
        };
        self.state = State::Sending;
    }
}

/// A number in digits, and nothing else.
fn decimal(value: &[u8]) -> Option<u64> {
    let value = value.trim_ascii();
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok()?;
    digits.then(|| text.parse().ok()).flatten()
}

fn is_close(option: &[u8]) -> bool {
    option.trim_ascii() == b"close"
}
