//! One request in pieces, and how its bytes are put together. What the pieces may
//! hold was checked before.

use std::io::Write as _;
use std::sync::Arc;

use crate::random::{IntegerRange, Stream};

/// A part of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Bytes as they are.
    Text(Box<[u8]>),
    /// The request's number.
    Seq,
    /// A random integer.
    Rand(IntegerRange),
    /// This one of the data line's values.
    Value(u32),
}

/// What a request consists of, before it is put together.
pub(crate) struct Draft<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a [Piece],
    /// In order; `Host` and `User-Agent` replace the engine's own.
    pub(crate) headers: &'a [(&'a str, &'a [Piece])],
    pub(crate) body: Arc<[Piece]>,
}

/// What is the same for all requests of a target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wire<'a> {
    /// The `Host` header, unless a header of the request says otherwise.
    pub(crate) host: &'a str,
    /// Whether the connection serves more than one request.
    pub(crate) keepalive: bool,
}

/// A request, ready to be rendered.
#[derive(Debug)]
pub(crate) struct Recipe {
    /// The head up to where the length and the end belong.
    head: Box<[Piece]>,
    /// RFC 9110, section 8.6: a method that defines a body states its length,
    /// even where that is zero.
    defines_body: bool,
    end_of_head: &'static [u8],
    body: Arc<[Piece]>,
}

/// What placeholders are filled with.
pub(crate) struct Filling<'a> {
    pub(crate) seq: u64,
    pub(crate) random: &'a mut Stream,
    /// The data line's values.
    pub(crate) values: &'a [Box<str>],
}

impl Piece {
    pub(crate) fn text(bytes: impl Into<Box<[u8]>>) -> Self {
        Self::Text(bytes.into())
    }

    fn is_constant(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Value(_))
    }
}

impl Recipe {
    /// Puts a request together for HTTP/1.1.
    pub(crate) fn new(draft: &Draft<'_>, wire: Wire<'_>) -> Self {
        let mut head = Head::default();
        head.text(draft.method);
        head.text(" ");
        head.pieces(draft.path);
        head.text(" HTTP/1.1\r\n");
        for (name, default) in [
            ("Host", wire.host),
            ("User-Agent", concat!("tonnage/", env!("CARGO_PKG_VERSION"))),
        ] {
            let is_given = |(given, _): &(&str, _)| name.eq_ignore_ascii_case(given);
            if !draft.headers.iter().any(is_given) {
                head.header(name, &[Piece::text(default.as_bytes())]);
            }
        }
        for (name, value) in draft.headers {
            head.header(name, value);
        }
        Self {
            head: head.finish(),
            defines_body: matches!(draft.method, "POST" | "PUT" | "PATCH"),
            end_of_head: if wire.keepalive {
                b"\r\n"
            } else {
                b"Connection: close\r\n\r\n"
            },
            body: Arc::clone(&draft.body),
        }
    }

    /// Whether every request of one data line is the same.
    pub(crate) fn is_constant(&self) -> bool {
        self.head.iter().chain(&*self.body).all(Piece::is_constant)
    }

    /// Whether it takes anything from the data line.
    pub(crate) fn uses_line(&self) -> bool {
        let mut pieces = self.head.iter().chain(&*self.body);
        pieces.any(|piece| matches!(piece, Piece::Value(_)))
    }

    /// Writes the request to `out`, which is emptied first. Random integers are
    /// drawn for the body first, because the head states its length; `scratch` is
    /// where it waits for that.
    pub(crate) fn render(
        &self,
        filling: &mut Filling<'_>,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) {
        let body: &[u8] = match &*self.body {
            [] => &[],
            [Piece::Text(text)] => text,
            pieces => {
                scratch.clear();
                filling.write(pieces, scratch);
                scratch
            }
        };
        out.clear();
        filling.write(&self.head, out);
        if self.defines_body || !body.is_empty() {
            // Writing to a vector does not fail.
            let _ = write!(out, "Content-Length: {}\r\n", body.len());
        }
        out.extend_from_slice(self.end_of_head);
        out.extend_from_slice(body);
    }

    /// The bytes of a request that is the same every time.
    pub(crate) fn render_constant(&self, values: &[Box<str>]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut filling = Filling {
            seq: 0,
            random: &mut Stream::new(0, crate::random::Purpose::Arrivals),
            values,
        };
        self.render(&mut filling, &mut Vec::new(), &mut out);
        out
    }
}

impl Filling<'_> {
    fn write(&mut self, pieces: &[Piece], out: &mut Vec<u8>) {
        for piece in pieces {
            // Writing to a vector does not fail.
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Seq => drop(write!(out, "{}", self.seq)),
                Piece::Rand(range) => drop(write!(out, "{}", self.random.within(*range))),
                Piece::Value(index) => {
                    out.extend_from_slice(self.values[*index as usize].as_bytes());
                }
            }
        }
    }
}

/// A head as it grows; neighbouring texts become one.
#[derive(Default)]
struct Head {
    pieces: Vec<Piece>,
    text: Vec<u8>,
}

impl Head {
    fn text(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    fn pieces(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            if let Piece::Text(text) = piece {
                self.text.extend_from_slice(text);
            } else {
                self.flush();
                self.pieces.push(piece.clone());
            }
        }
    }

    fn header(&mut self, name: &str, value: &[Piece]) {
        self.text(name);
        self.text(": ");
        self.pieces(value);
        self.text("\r\n");
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.pieces
                .push(Piece::text(std::mem::take(&mut self.text)));
        }
    }

    fn finish(mut self) -> Box<[Piece]> {
        self.flush();
        self.pieces.into()
    }
}
