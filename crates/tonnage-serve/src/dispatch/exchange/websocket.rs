//! A request that becomes a websocket: from then on messages go through its exchange, until
//! it is given back.

use super::{COPIED_BYTES, Exchange};
use crate::connection::Raw;
use crate::dispatch::now_ns;
use crate::http::{self, Refusal};
use crate::reply::ReplyError;
use crate::websocket::{Codec, Message, Options, Upgrade, WebSocket};

/// What was heard of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Something. `more`: perhaps there is more.
    Something {
        /// It is worth asking again: no event will tell.
        more: bool,
    },
    /// Nothing: [`Exchange::note`] tells when to ask again.
    Nothing,
}

impl Exchange {
    /// What the client asks for, where that is a websocket.
    pub fn websocket(&self) -> Option<Result<Upgrade, Refusal>> {
        let head = self.head()?;
        if !head.meaning.upgrade {
            return None;
        }
        Upgrade::of(self.request()?, head.line.kind, &head.meaning)
    }

    /// Accepts a websocket. Of the fields those that only a server can make are left out. It
    /// is for nobody where the exchange is not intact.
    pub fn accept<'f>(
        &mut self,
        upgrade: &'f Upgrade,
        fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
        options: Options,
    ) -> Result<WebSocket, ReplyError> {
        self.say_whether_it_ends();
        self.accepted_ns = Some(now_ns());
        if !self.intact {
            return Ok(WebSocket::new(upgrade, options));
        }
        // How long a websocket is open says nothing of its application.
        drop(self.ticket.take());
        let ours = |name: &[u8]| {
            name.eq_ignore_ascii_case(b"sec-websocket-accept")
                || name.eq_ignore_ascii_case(b"sec-websocket-extensions")
        };
        let given = fields.into_iter().filter(|(name, _)| !ours(name));
        let fields = upgrade.fields().chain(given);
        self.reply.switch(b"websocket", fields)?;
        let head = self.reply.take_head();
        self.send_raw(&[&head]);
        self.connection.become_raw();
        Ok(WebSocket::new(upgrade, options))
    }

    /// Reads once, into `room`, and gives the messages that have come to `sink`; answers
    /// what has to be answered. How the client ended is with the websocket.
    pub(crate) fn hear(
        &mut self,
        websocket: &mut WebSocket,
        room: &mut [u8],
        codec: &mut Codec,
        sink: &mut dyn FnMut(Message<'_>),
    ) -> Heard {
        let wanted = websocket.wanted_bytes(room.len());
        match self.connection.read_raw(&mut room[..wanted]) {
            Raw::Bytes(bytes) => {
                let mut replies = Vec::new();
                websocket.take(&mut room[..bytes], codec, &mut replies, sink);
                if !replies.is_empty() {
                    self.send_raw(&[&replies]);
                }
                let more = self.connection.more_to_read && websocket.ended().is_none();
                Heard::Something { more }
            }
            Raw::Nothing => Heard::Nothing,
            Raw::Gone => {
                websocket.lose();
                Heard::Something { more: false }
            }
        }
    }

    /// Sends a message; whether it could be: not after a Close frame.
    pub(crate) fn say(
        &mut self,
        websocket: &WebSocket,
        message: Message<'_>,
        codec: &mut Codec,
    ) -> bool {
        let Some(frame) = websocket.frame(message, codec) else {
            return false;
        };
        let [head, payload] = frame.slices();
        if payload.len() <= COPIED_BYTES {
            self.send_raw(&[&[head, payload].concat()]);
        } else {
            self.send_raw(&[head, payload]);
        }
        true
    }

    /// Sends bytes as they are, and keeps what the client does not take.
    pub fn send_raw(&mut self, slices: &[&[u8]]) {
        if self.intact {
            let sent = self.connection.send(slices);
            self.note_sent(&sent);
            let bytes: usize = slices.iter().map(|slice| slice.len()).sum();
            self.reply.count_raw(bytes as u64);
        }
    }

    /// The websocket is over: whoever has the connection sends what waits, closes, and gives
    /// the client a moment to do so first (RFC 6455, section 7.1.1).
    pub fn end_websocket(&mut self) {
        let input_ended = self.connection.input_ended;
        self.connection.end_unread();
        self.connection.more_to_read = !input_ended;
    }

    /// Answers that no websocket can be had like this.
    pub fn refuse_websocket(&mut self, refusal: Refusal) {
        let version = [(&b"Sec-WebSocket-Version"[..], crate::websocket::VERSION)];
        let more = if refusal == Refusal::WebSocketVersion {
            &version[..]
        } else {
            &[]
        };
        self.close_after();
        self.compressing = None;
        let text = format!("{refusal}\n");
        let plain = (&b"Content-Type"[..], &b"text/plain; charset=utf-8"[..]);
        let fields = std::iter::once(plain).chain(more.iter().copied());
        let status = refusal.status();
        let answered = self
            .start(status, http::reason(status).as_bytes(), fields)
            .and_then(|()| self.demand(refusal))
            .and_then(|()| self.send(text.as_bytes(), true))
            .and_then(|()| self.finish());
        if answered.is_err() {
            self.abort();
        }
    }

    /// Says, where another protocol would do, which one (RFC 9110, section 15.5.22).
    fn demand(&mut self, refusal: Refusal) -> Result<(), ReplyError> {
        match refusal {
            Refusal::WebSocketVersion => self.reply.demand(b"websocket"),
            _ => Ok(()),
        }
    }
}
