//! The server's parsers: they never panic, how the network cuts a request changes
//! nothing, and a head that is accepted means the same when it is written again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tonnage_fuzz::Pieces;
use tonnage_serve::http::{
    ChunkedDecoder, Fields, Framing, Limits, Meaning, Refusal, RequestLine, push_field,
};

/// A request as far as it could be read.
#[derive(Debug, PartialEq)]
enum Read {
    Part,
    Refused(Refusal),
    Head {
        line: RequestLine,
        fields: Fields,
        meaning: Meaning,
        body: Body,
    },
}

#[derive(Debug, PartialEq)]
enum Body {
    None,
    Length(u64),
    Part,
    Refused(Refusal),
    Whole { content: Vec<u8>, bytes: usize },
}

fuzz_target!(|input: &[u8]| {
    let Some(pieces) = Pieces::of(input) else {
        return;
    };
    let (flags, data) = (pieces.flags, pieces.data);
    let limits = limits(flags);
    let at_once = read(data, &[], &limits);
    for cuts in &pieces.ways() {
        let in_pieces = read(data, cuts, &limits);
        assert_eq!(in_pieces, at_once, "cut at {cuts:?}");
    }
    if let Read::Head {
        line,
        fields,
        meaning,
        ..
    } = &at_once
    {
        let again = render(data, line, fields);
        let roomy = Limits {
            unconventional_method: true,
            ..Limits::default()
        };
        let line_again = RequestLine::parse(&again, &roomy).unwrap().unwrap();
        let fields_again = Fields::parse(&again[line_again.bytes..], &roomy)
            .unwrap()
            .unwrap();
        assert_eq!(fields_again.check(line_again.version), Ok(*meaning));
        assert_eq!(line_again.path.of(&again), line.path.of(data));
        assert_eq!(fields_again.len(), fields.len());
    }
});

fn limits(flags: u8) -> Limits {
    let bounds = if flags & 1 == 0 {
        Limits::default()
    } else {
        Limits {
            request_line_bytes: 40,
            fields: 4,
            field_bytes: 40,
            head_bytes: 100,
            body_bytes: 20,
            chunk_line_bytes: 10,
            trailer_bytes: 30,
            ..Limits::default()
        }
    };
    Limits {
        folding: flags & 2 != 0,
        strip_name_spaces: flags & 4 != 0,
        unconventional_method: flags & 8 != 0,
        unconventional_version: flags & 16 != 0,
        casefold_method: flags & 32 != 0,
        ..bounds
    }
}

fn read(data: &[u8], cuts: &[usize], limits: &Limits) -> Read {
    let ends: Vec<usize> = cuts.iter().copied().chain([data.len()]).collect();
    let mut line = None;
    let mut fields = Fields::default();
    for &end in &ends {
        let come = &data[..end];
        if line.is_none() {
            match RequestLine::parse(come, limits) {
                Ok(found) => line = found,
                Err(refusal) => return Read::Refused(refusal),
            }
        }
        let Some(line) = line else {
            continue;
        };
        match fields.advance(&come[line.bytes..], limits) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(refusal) => return Read::Refused(refusal),
        }
        let meaning = match fields.check(line.version) {
            Ok(meaning) => meaning,
            Err(refusal) => return Read::Refused(refusal),
        };
        let begin = line.bytes + fields.bytes();
        let body = match meaning.framing {
            Framing::None => Body::None,
            Framing::Length(bytes) => Body::Length(bytes),
            Framing::Chunked => read_body(&data[begin..], begin, &ends, limits),
        };
        return Read::Head {
            line,
            fields,
            meaning,
            body,
        };
    }
    Read::Part
}

/// Reads a body that begins at `begin`, in the pieces in which it comes.
fn read_body(body: &[u8], begin: usize, ends: &[usize], limits: &Limits) -> Body {
    let mut decoder = ChunkedDecoder::new(limits);
    let mut content = Vec::new();
    let mut at = 0;
    for end in ends.iter().filter_map(|end| end.checked_sub(begin)) {
        match decoder.decode(&body[at..end], &mut |piece| {
            content.extend_from_slice(piece)
        }) {
            Err(refusal) => return Body::Refused(refusal),
            Ok(progress) if progress.done => {
                return Body::Whole {
                    content,
                    bytes: at + progress.consumed,
                };
            }
            Ok(progress) => assert_eq!(at + progress.consumed, end),
        }
        at = end;
    }
    Body::Part
}

/// The head as a proxy would write it.
fn render(data: &[u8], line: &RequestLine, fields: &Fields) -> Vec<u8> {
    let section = &data[line.bytes..];
    let mut out = [
        &*line.method_name(data),
        b" ",
        line.target.of(data),
        b" ",
        line.version.name().as_bytes(),
        b"\r\n",
    ]
    .concat();
    for field in fields {
        push_field(&mut out, field.name.of(section), &field.value(section)).unwrap();
    }
    out.extend_from_slice(b"\r\n");
    out
}
