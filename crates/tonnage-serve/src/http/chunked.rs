//! The chunked transfer coding of requests (RFC 9112, section 7.1), read piece by piece:
//! content goes to a sink as it comes, trailers are kept.

use std::borrow::Cow;

use super::bytes::{QUOTED, TEXT, TOKEN, hex_digit, is};
use super::limits::bound;
use super::{Fields, Known, Limits, Refusal};

/// How many bytes of chunk lines are put up with beyond those that content pays for, and
/// how many content pays for: a chunk for 16 and two for each byte. Without that a client
/// can have a hundred times as much read as it could send as content. The numbers are
/// those of Go's `net/http` (`internal/chunked.go`).
const MAX_OVERHEAD_BYTES: u64 = 16 * 1024;
const PAID_PER_CHUNK_BYTES: u64 = 16;

/// Trailer fields that are refused, as by gunicorn (RFC 9110, section 6.5.1).
const FORBIDDEN_TRAILERS: [Known; 6] = [
    Known::Host,
    Known::ContentLength,
    Known::TransferEncoding,
    Known::Trailer,
    Known::Authorization,
    Known::Te,
];

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How many bytes of the input belong to the body: all of it unless `done`.
    pub consumed: usize,
    /// Whether the body has ended.
    pub done: bool,
}

/// Where in the coding the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the first digit of a size.
    SizeStart,
    /// Behind a digit.
    Size,
    /// Behind a blank that only an extension may follow.
    BeforeExtension,
    /// Behind a semicolon, and blanks.
    ExtensionStart,
    ExtensionName,
    /// Behind a name and blanks.
    BeforeEquals,
    /// Behind an equals sign, and blanks.
    AfterEquals,
    ExtensionValue,
    Quoted,
    /// Behind a backslash.
    QuotedPair,
    QuotedEnd,
    SizeLineFeed,
    /// In the data, `left` bytes of it to come.
    Data,
    DataReturn,
    DataLineFeed,
    /// At the first byte of the trailers, or of the empty line without any.
    TrailerStart,
    Trailers,
    EndLineFeed,
    End,
}

/// How far a chunked body has been read.
#[derive(Debug, Clone)]
pub struct ChunkedDecoder {
    limits: Limits,
    state: State,
    /// The size in the present line.
    size: u64,
    /// What the present chunk still has.
    left: u64,
    /// The length of the present line.
    line_bytes: usize,
    /// See `MAX_OVERHEAD_BYTES`.
    overhead_bytes: u64,
    /// Content so far, the present chunk included.
    content_bytes: u64,
    /// The trailer section as far as it has come.
    section: Vec<u8>,
    trailers: Fields,
}

impl ChunkedDecoder {
    /// At the beginning of a body.
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            state: State::SizeStart,
            size: 0,
            left: 0,
            line_bytes: 0,
            overhead_bytes: 0,
            content_bytes: 0,
            section: Vec::new(),
            trailers: Fields::default(),
        }
    }

    /// Reads the next bytes of the body. Content goes to `sink`, in the pieces in which it
    /// lies in `input`; none of them is empty. After a refusal it must not be called again.
    pub fn decode(
        &mut self,
        input: &[u8],
        sink: &mut impl FnMut(&[u8]),
    ) -> Result<Progress, Refusal> {
        let mut at = 0;
        while at < input.len() && self.state != State::End {
            let rest = &input[at..];
            at += match self.state {
                State::Data => self.data(rest, sink),
                State::TrailerStart if rest[0] != b'\r' => {
                    self.state = State::Trailers;
                    0
                }
                State::Trailers => self.trailer_section(rest)?,
                _ => {
                    self.state = self.step(rest[0])?;
                    1
                }
            };
        }
        Ok(Progress {
            consumed: at,
            done: self.state == State::End,
        })
    }

    /// The trailer fields of a body that is done: names as they were sent, and values.
    pub fn trailers(&self) -> impl Iterator<Item = (&[u8], Cow<'_, [u8]>)> {
        let section = self.section.as_slice();
        self.trailers
            .iter()
            .map(move |field| (field.name.of(section), field.value(section)))
    }

    /// How much content there was so far, in bytes, the chunk under way included.
    pub fn content_bytes(&self) -> u64 {
        self.content_bytes
    }

    /// Hands on what there is of a chunk's data; gives its length.
    fn data(&mut self, rest: &[u8], sink: &mut impl FnMut(&[u8])) -> usize {
        let here = self.left.min(rest.len() as u64) as usize;
        sink(&rest[..here]);
        self.left -= here as u64;
        if self.left == 0 {
            self.state = State::DataReturn;
        }
        here
    }

    /// Keeps what there is of the trailers; gives how much of `rest` that is.
    fn trailer_section(&mut self, rest: &[u8]) -> Result<usize, Refusal> {
        let most = bound(self.limits.trailer_bytes);
        let before = self.section.len();
        self.section
            .extend_from_slice(&rest[..rest.len().min(most - before)]);
        if self.trailers.scan(&self.section, &self.limits)? {
            self.section.truncate(self.trailers.bytes());
            let mut forbidden = FORBIDDEN_TRAILERS.into_iter();
            if let Some(known) = forbidden.find(|&known| self.trailers.has(known)) {
                return Err(Refusal::ForbiddenTrailer(known));
            }
            self.state = State::End;
        } else if self.section.len() == most {
            return Err(Refusal::TrailersTooLarge);
        }
        Ok(self.section.len() - before)
    }

    /// The state after one byte that is neither data nor in the trailers.
    fn step(&mut self, byte: u8) -> Result<State, Refusal> {
        match (self.state, byte) {
            (State::DataReturn, b'\r') => Ok(State::DataLineFeed),
            (State::DataReturn, b'\n') => Err(Refusal::BareLineFeed),
            (State::DataReturn, _) => Err(Refusal::ChunkEnd),
            (State::DataLineFeed, b'\n') => {
                self.size = 0;
                self.line_bytes = 0;
                Ok(State::SizeStart)
            }
            (State::SizeLineFeed, b'\n') => self.begin_chunk(),
            (State::TrailerStart, _) => Ok(State::EndLineFeed),
            (State::EndLineFeed, b'\n') => Ok(State::End),
            (State::DataLineFeed | State::SizeLineFeed | State::EndLineFeed, _) => {
                Err(Refusal::BareCarriageReturn)
            }
            _ => self.step_in_line(byte),
        }
    }

    /// The state after one byte of the line before a chunk. The extension's grammar is
    /// that of RFC 9112, section 7.1.1; what it says is not looked at.
    fn step_in_line(&mut self, byte: u8) -> Result<State, Refusal> {
        use State::{
            AfterEquals, BeforeEquals, BeforeExtension, ExtensionName, ExtensionStart,
            ExtensionValue, Quoted, QuotedEnd, QuotedPair, Size, SizeLineFeed, SizeStart,
        };
        if byte == b'\n' {
            return Err(Refusal::BareLineFeed);
        }
        if byte != b'\r' {
            self.line_bytes += 1;
            if self.line_bytes > bound(self.limits.chunk_line_bytes) {
                return Err(Refusal::ChunkLineTooLong);
            }
        }
        Ok(match (self.state, byte) {
            (Size | ExtensionName | ExtensionValue | QuotedEnd, b'\r') => SizeLineFeed,
            (
                Size | BeforeExtension | ExtensionName | BeforeEquals | ExtensionValue | QuotedEnd,
                b';',
            )
            | (ExtensionStart, b' ' | b'\t') => ExtensionStart,
            (Size | BeforeExtension | ExtensionValue | QuotedEnd, b' ' | b'\t') => BeforeExtension,
            (SizeStart | Size, _) => {
                self.add_digit(byte)?;
                Size
            }
            (ExtensionName | BeforeEquals, b' ' | b'\t') => BeforeEquals,
            (ExtensionName | BeforeEquals, b'=') | (AfterEquals, b' ' | b'\t') => AfterEquals,
            (AfterEquals, b'"') => Quoted,
            (ExtensionStart | ExtensionName, _) if is(byte, TOKEN) => ExtensionName,
            (AfterEquals | ExtensionValue, _) if is(byte, TOKEN) => ExtensionValue,
            (Quoted, b'"') => QuotedEnd,
            (Quoted, b'\\') => QuotedPair,
            (Quoted, _) if is(byte, QUOTED) => Quoted,
            (QuotedPair, _) if is(byte, TEXT) => Quoted,
            _ => return Err(Refusal::ChunkExtension),
        })
    }

    fn add_digit(&mut self, byte: u8) -> Result<(), Refusal> {
        let digit = hex_digit(byte).ok_or(Refusal::ChunkSize)?;
        if self.size >> 60 != 0 {
            return Err(Refusal::ChunkSize);
        }
        self.size = self.size << 4 | u64::from(digit);
        Ok(())
    }

    /// At the end of the line before a chunk.
    fn begin_chunk(&mut self) -> Result<State, Refusal> {
        let paid = self
            .size
            .saturating_mul(2)
            .saturating_add(PAID_PER_CHUNK_BYTES);
        self.overhead_bytes = (self.overhead_bytes + self.line_bytes as u64).saturating_sub(paid);
        if self.overhead_bytes > MAX_OVERHEAD_BYTES {
            return Err(Refusal::ChunkOverhead);
        }
        if self.size == 0 {
            return Ok(State::TrailerStart);
        }
        self.content_bytes = self.content_bytes.saturating_add(self.size);
        if self.limits.body_bytes != 0 && self.content_bytes > self.limits.body_bytes {
            return Err(Refusal::ContentTooLarge);
        }
        self.left = self.size;
        Ok(State::Data)
    }
}
