//! Requests as clients and attackers send them. Whatever is read here is read at once,
//! cut in two at each byte, and byte by byte: the outcome must be the same.

mod accepted;
mod bodies;
mod framing;
mod refused;
mod splits;

use super::*;

/// A head, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Head {
    line: RequestLine,
    fields: Fields,
    meaning: Meaning,
}

impl Head {
    /// Its length in bytes.
    fn bytes(&self) -> usize {
        self.line.bytes + self.fields.bytes()
    }

    /// The fields as (name, value).
    fn pairs(&self, input: &[u8]) -> Vec<(String, String)> {
        let section = &input[self.line.bytes..];
        let latin = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect::<String>();
        self.fields
            .iter()
            .map(|field| (latin(field.name.of(section)), latin(&field.value(section))))
            .collect()
    }
}

/// What a connection makes of `input` that comes in pieces ending at `cuts`.
fn read_in_pieces(
    input: &[u8],
    cuts: impl IntoIterator<Item = usize>,
    limits: &Limits,
) -> Result<Option<Head>, Refusal> {
    let mut line = None;
    let mut fields = Fields::default();
    for end in cuts.into_iter().chain([input.len()]) {
        // A buffer of its own: nothing beyond the piece can be looked at.
        let buffer = input[..end].to_vec();
        if line.is_none() {
            line = RequestLine::parse(&buffer, limits)?;
        }
        let Some(line) = line else {
            continue;
        };
        if fields.advance(&buffer[line.bytes..], limits)? {
            let meaning = fields.check(line.version)?;
            return Ok(Some(Head {
                line,
                fields,
                meaning,
            }));
        }
    }
    Ok(None)
}

/// What `input` is, however it is cut.
#[track_caller]
fn read(input: &[u8], limits: &Limits) -> Result<Option<Head>, Refusal> {
    let at_once = read_in_pieces(input, [], limits);
    for cut in 0..input.len() {
        let in_two = read_in_pieces(input, [cut], limits);
        assert_eq!(in_two, at_once, "cut at {cut} of {}", input.escape_ascii());
    }
    let byte_by_byte = read_in_pieces(input, 0..input.len(), limits);
    assert_eq!(byte_by_byte, at_once, "{}", input.escape_ascii());
    at_once
}

/// A head that must be whole and right.
#[track_caller]
fn accepted(input: &[u8], limits: &Limits) -> Head {
    match read(input, limits) {
        Ok(Some(head)) => head,
        other => panic!("{other:?} of {}", input.escape_ascii()),
    }
}

#[track_caller]
fn refused_with(input: &[u8], limits: &Limits, refusal: Refusal) {
    assert_eq!(
        read(input, limits),
        Err(refusal),
        "{}",
        input.escape_ascii()
    );
}

#[track_caller]
fn refused(input: &[u8], refusal: Refusal) {
    refused_with(input, &Limits::default(), refusal);
}

/// The fields of a request that is right but for them.
#[track_caller]
fn fields_refused(fields: &[u8], refusal: Refusal) {
    let input = [&b"POST / HTTP/1.1\r\nHost: a\r\n"[..], fields, b"\r\n"].concat();
    refused(&input, refusal);
}
