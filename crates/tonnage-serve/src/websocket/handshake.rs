//! The opening handshake (RFC 6455, section 4.2): whether a request asks for a websocket,
//! and what the answer says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest as _, Sha1};

use super::deflate::Agreed;
use crate::http::{Framing, Known, Meaning, Method, Refusal};
use crate::request::Request;

/// What section 1.3 adds to the key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The version that is spoken.
pub(crate) const VERSION: &[u8] = b"13";

/// A request for a websocket that can be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// The Sec-WebSocket-Accept field.
    accept: String,
    /// What the client would speak, by preference.
    subprotocols: Vec<String>,
    /// What was agreed on of compressing, and the field that says it.
    deflate: Option<(Agreed, String)>,
}

impl Upgrade {
    /// What a request asks for; `None` where that is no websocket.
    pub(crate) fn of(
        request: Request<'_>,
        method: Method,
        meaning: &Meaning,
    ) -> Option<Result<Self, Refusal>> {
        if !meaning.upgrade {
            return None;
        }
        let names = |known| Values::of(request, known);
        let protocols = names(Known::Upgrade);
        let mut protocols = protocols.items();
        if !protocols.any(|protocol| protocol.eq_ignore_ascii_case("websocket")) {
            return None;
        }
        let has_body = meaning.framing != Framing::None && meaning.framing != Framing::Length(0);
        if method != Method::Get || has_body {
            return Some(Err(Refusal::WebSocket));
        }
        if names(Known::SecWebsocketVersion).0.as_bytes() != VERSION {
            return Some(Err(Refusal::WebSocketVersion));
        }
        let key = names(Known::SecWebsocketKey).0;
        if !BASE64.decode(&key).is_ok_and(|key| key.len() == 16) {
            return Some(Err(Refusal::WebSocket));
        }
        let subprotocols = names(Known::SecWebsocketProtocol);
        Some(Ok(Self {
            accept: accept(&key),
            subprotocols: subprotocols.items().map(str::to_owned).collect(),
            deflate: Agreed::of(&names(Known::SecWebsocketExtensions).0)
                .map(|agreed| (agreed, agreed.answer())),
        }))
    }

    /// What the client would speak, by preference.
    pub fn subprotocols(&self) -> &[String] {
        &self.subprotocols
    }

    /// Messages are sent as they are, whatever the client offers.
    pub fn without_compression(&mut self) {
        self.deflate = None;
    }

    /// The fields of the answer that only a server can make.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let extensions = self.deflate.as_ref().map(|(_, answer)| {
            let name: &[u8] = b"Sec-WebSocket-Extensions";
            (name, answer.as_bytes())
        });
        let accept: &[u8] = b"Sec-WebSocket-Accept";
        std::iter::once((accept, self.accept.as_bytes())).chain(extensions)
    }

    pub(super) fn deflate(&self) -> Option<Agreed> {
        self.deflate.as_ref().map(|(agreed, _)| *agreed)
    }
}

/// A field's values as one list. What is no ASCII is no token of any of these lists.
struct Values(String);

impl Values {
    fn of(request: Request<'_>, known: Known) -> Self {
        let fields = request.fields().filter(|(name, ..)| *name == known);
        let values = fields.filter_map(|(_, _, value)| {
            let text = String::from_utf8(value.into_owned()).ok()?;
            text.is_ascii().then_some(text)
        });
        Self(values.collect::<Vec<_>>().join(","))
    }

    fn items(&self) -> impl Iterator<Item = &str> {
        let items = self.0.split(',').map(str::trim);
        items.filter(|item| !item.is_empty())
    }
}

/// Shows that the request was understood (section 4.2.2, point 5.4).
fn accept(key: &str) -> String {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    BASE64.encode(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Fields, Limits, RequestLine};

    fn upgrade(method: &str, fields: &str) -> Option<Result<Upgrade, Refusal>> {
        let limits = Limits::default();
        let text = format!("{method} /chat HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
        let bytes = text.as_bytes();
        let line = RequestLine::parse(bytes, &limits).unwrap().unwrap();
        let section = Fields::parse(&bytes[line.bytes..], &limits).unwrap();
        let section = section.unwrap();
        let meaning = section.check(line.version).unwrap();
        Upgrade::of(Request::new(bytes, &line, &section), line.kind, &meaning)
    }

    const ASKS: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";
    const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    const RIGHT: &str = "Sec-WebSocket-Version: 13\r\n";

    #[test]
    fn the_example_of_the_standard() {
        let more = "Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Protocol: a\r\n";
        let asked = upgrade("GET", &[ASKS, KEY, RIGHT, more].concat());
        let asked = asked.unwrap().unwrap();
        assert_eq!(asked.subprotocols(), ["chat", "superchat", "a"]);
        let fields: Vec<_> = asked.fields().collect();
        let accept: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        assert_eq!(fields, [(&b"Sec-WebSocket-Accept"[..], accept)]);
    }

    #[test]
    fn other_protocols_are_not_meant() {
        assert_eq!(upgrade("GET", "Upgrade: websocket\r\n"), None);
        assert_eq!(
            upgrade("GET", "Connection: upgrade\r\nUpgrade: h2c\r\n"),
            None
        );
    }

    #[test]
    fn handshakes_that_break_the_rules_are_refused() {
        let short = "Sec-WebSocket-Key: c2hvcnQ=\r\n";
        let old = "Sec-WebSocket-Version: 8\r\n";
        let body = "Content-Length: 3\r\n";
        for (method, fields, refusal) in [
            ("POST", [KEY, RIGHT, ""], Refusal::WebSocket),
            ("GET", [KEY, RIGHT, body], Refusal::WebSocket),
            ("GET", [short, RIGHT, ""], Refusal::WebSocket),
            ("GET", ["", RIGHT, ""], Refusal::WebSocket),
            ("GET", [KEY, KEY, RIGHT], Refusal::WebSocket),
            ("GET", [KEY, old, ""], Refusal::WebSocketVersion),
            ("GET", [KEY, "", ""], Refusal::WebSocketVersion),
        ] {
            let fields = [ASKS, &fields.concat()].concat();
            assert_eq!(upgrade(method, &fields), Some(Err(refusal)), "{fields}");
        }
    }
}
