//! Chunked bodies: where they end, what is in them, and what is no such body.

use super::*;
use proptest::prelude::*;

/// What became of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Read {
    Whole {
        content: Vec<u8>,
        trailers: Vec<(String, String)>,
        bytes: usize,
    },
    Part,
    Refused(Refusal),
}

fn decode_in_pieces(body: &[u8], cuts: impl IntoIterator<Item = usize>, limits: &Limits) -> Read {
    let mut decoder = ChunkedDecoder::new(limits);
    let mut content = Vec::new();
    let (mut begin, mut bytes) = (0, 0);
    for end in cuts.into_iter().chain([body.len()]) {
        let mut sink = |piece: &[u8]| {
            assert!(!piece.is_empty());
            content.extend_from_slice(piece);
        };
        match decoder.decode(&body[begin..end], &mut sink) {
            Err(refusal) => return Read::Refused(refusal),
            Ok(progress) if progress.done => {
                bytes += progress.consumed;
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let trailers = decoder
                    .trailers()
                    .map(|(name, value)| (text(name), text(&value)))
                    .collect();
                assert_eq!(decoder.content_bytes(), content.len() as u64);
                // Nothing more is taken once it has ended.
                let more = decoder.decode(b"0\r\n\r\n", &mut |_| panic!("no more content"));
                assert_eq!(
                    more,
                    Ok(Progress {
                        consumed: 0,
                        done: true
                    })
                );
                return Read::Whole {
                    content,
                    trailers,
                    bytes,
                };
            }
            Ok(progress) => {
                assert_eq!(progress.consumed, end - begin);
                bytes += progress.consumed;
            }
        }
        begin = end;
    }
    Read::Part
}

/// The outcome, which must be the same however the body is cut.
#[track_caller]
fn decode(body: &[u8], limits: &Limits) -> Read {
    let at_once = decode_in_pieces(body, [], limits);
    for cut in 0..body.len() {
        let in_two = decode_in_pieces(body, [cut], limits);
        assert_eq!(in_two, at_once, "cut at {cut} of {}", body.escape_ascii());
    }
    let byte_by_byte = decode_in_pieces(body, 0..body.len(), limits);
    assert_eq!(byte_by_byte, at_once, "{}", body.escape_ascii());
    at_once
}

#[track_caller]
fn content(body: &[u8]) -> Vec<u8> {
    match decode(body, &Limits::default()) {
        Read::Whole {
            content,
            trailers,
            bytes,
        } => {
            assert_eq!(bytes, body.len(), "{}", body.escape_ascii());
            assert!(trailers.is_empty(), "{trailers:?}");
            content
        }
        other => panic!("{other:?} of {}", body.escape_ascii()),
    }
}

#[test]
fn chunks_are_put_together() {
    for (body, expected) in [
        (&b"0\r\n\r\n"[..], &b""[..]),
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"5\r\nhello\r\n6\r\n world\r\n000\r\n\r\n", b"hello world"),
        (
            b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
            b"01234567890123456789",
        ),
        (b"00000000000000000005\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n"),
        (b"7\r\n0\r\n\r\nab\r\n0\r\n\r\n", b"0\r\n\r\nab"),
        // Extensions.
        (b"1;a\r\nx\r\n0;b\r\n\r\n", b"x"),
        (b"1;a=b\r\nx\r\n0\r\n\r\n", b"x"),
        (b"1 ; a = b ; c\r\nx\r\n0\r\n\r\n", b"x"),
        (b"1\t;\ta\t=\tb\r\nx\r\n0\r\n\r\n", b"x"),
        (b"1;a=\"b;\\\"c\\\\ \xe9\"\r\nx\r\n0\r\n\r\n", b"x"),
        (b"1;a=\"\" ;b\r\nx\r\n0\r\n\r\n", b"x"),
        (
            b"1;chunk-signature=0123abcd;!#$%&'*+-.^_`|~\r\nx\r\n0\r\n\r\n",
            b"x",
        ),
    ] {
        assert_eq!(content(body), expected, "{}", body.escape_ascii());
    }
}

#[test]
fn trailers_are_kept() {
    let body = b"1\r\nx\r\n0\r\nA: b\r\nX-Checksum:  1 \r\n\r\nGET / HTTP/1.1\r\n";
    let Read::Whole {
        trailers, bytes, ..
    } = decode(body, &Limits::default())
    else {
        panic!("not whole");
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(trailers, [pair("A", "b"), pair("X-Checksum", "1")]);
    assert_eq!(&body[bytes..], b"GET / HTTP/1.1\r\n");
}

#[test]
fn what_is_no_chunked_body_is_refused() {
    use Refusal::{
        BareCarriageReturn, BareLineFeed, ChunkEnd, ChunkExtension, ChunkSize, FieldName,
        FieldValue, ForbiddenTrailer, MissingColon, ObsoleteFolding, SpaceBeforeColon,
    };
    for (body, refusal) in [
        // Sizes.
        (&b"\r\n"[..], ChunkSize),
        (b"\n", BareLineFeed),
        (b"g\r\n", ChunkSize),
        (b"-1\r\n", ChunkSize),
        (b"+1\r\nx\r\n", ChunkSize),
        (b"0x1\r\nx\r\n", ChunkSize),
        (b"1_0\r\n", ChunkSize),
        (b" 1\r\nx\r\n", ChunkSize),
        (b"\t1\r\nx\r\n", ChunkSize),
        (b"1h\r\nx\r\n", ChunkSize),
        (b"1,\r\nx\r\n", ChunkSize),
        (b";a\r\n", ChunkSize),
        (b"\xb2\r\n", ChunkSize),
        (b"1\0\r\n", ChunkSize),
        (b"10000000000000000\r\n", ChunkSize),
        (b"fffffffffffffffff\r\n", ChunkSize),
        (b"1 \r\nx\r\n", ChunkExtension),
        (b"1 1\r\nx\r\n", ChunkExtension),
        // No last chunk, and a blank line in its place.
        (b"1\r\nx\r\n\r\n", ChunkSize),
        // Line ends.
        (b"1\nx\r\n0\r\n\r\n", BareLineFeed),
        (b"1\rx\r\n", BareCarriageReturn),
        (b"1\r\r\nx", BareCarriageReturn),
        (b"5\r\r;ABCD\r\n", BareCarriageReturn),
        (b"1 \n \r\nx\r\n", BareLineFeed),
        (b"1;a\nx\r\n", BareLineFeed),
        (b"1;a\rb\r\nx\r\n", BareCarriageReturn),
        (b"1;a=\"\r\"\r\nx\r\n", ChunkExtension),
        (b"1;a=\"\n\"\r\nx\r\n", BareLineFeed),
        (b"0\n\r\n", BareLineFeed),
        (b"0\r\n\n", BareLineFeed),
        (b"0\r\n\rx", BareCarriageReturn),
        // Data that is longer or shorter than its size.
        (b"1\r\nxy\r\n", ChunkEnd),
        (b"1\r\nx0\r\n\r\n", ChunkEnd),
        (b"1\r\nx\n0\r\n\r\n", BareLineFeed),
        (b"1\r\nx\r0\r\n\r\n", BareCarriageReturn),
        (b"3\r\nx\r\n0\r\n\r\n", ChunkEnd),
        (b"5\r\nABCDE0\r\n\r\n", ChunkEnd),
        // Extensions.
        (b"1;\r\nx\r\n", ChunkExtension),
        (b"1; \r\nx\r\n", ChunkExtension),
        (b"1;;a\r\nx\r\n", ChunkExtension),
        (b"1;a \r\nx\r\n", ChunkExtension),
        (b"1;a b\r\nx\r\n", ChunkExtension),
        (b"1;=b\r\nx\r\n", ChunkExtension),
        (b"1;a=\r\nx\r\n", ChunkExtension),
        (b"1;a=;b\r\nx\r\n", ChunkExtension),
        (b"1;a==b\r\nx\r\n", ChunkExtension),
        (b"1;a=b=c\r\nx\r\n", ChunkExtension),
        (b"1;a=b c\r\nx\r\n", ChunkExtension),
        (b"1;a=\"b\r\nx\r\n", ChunkExtension),
        (b"1;a=\"b\"c\r\nx\r\n", ChunkExtension),
        (b"1;a=b\"c\"\r\nx\r\n", ChunkExtension),
        (b"1;a=\"\\\x01\"\r\nx\r\n", ChunkExtension),
        (b"1;a@\r\nx\r\n", ChunkExtension),
        (b"1;a\0\r\nx\r\n", ChunkExtension),
        (b"1;\xe9\r\nx\r\n", ChunkExtension),
        // Trailers.
        (b"0\r\nA\r\n\r\n", MissingColon),
        (b"0\r\nA : b\r\n\r\n", SpaceBeforeColon),
        (b"0\r\n A: b\r\n\r\n", FieldName),
        (b"0\r\nA: b\r\n c\r\n\r\n", ObsoleteFolding),
        (b"0\r\nA: b\0\r\n\r\n", FieldValue),
        (b"0\r\nA: b\n\r\n", BareLineFeed),
        (b"0\r\nA: b\r\n\n", BareLineFeed),
        (b"0\r\nHost: a\r\n\r\n", ForbiddenTrailer(Known::Host)),
        (
            b"0\r\nA: b\r\ncontent-length: 5\r\n\r\n",
            ForbiddenTrailer(Known::ContentLength),
        ),
        (
            b"0\r\nTRANSFER-ENCODING: chunked\r\n\r\n",
            ForbiddenTrailer(Known::TransferEncoding),
        ),
        (b"0\r\nTrailer: a\r\n\r\n", ForbiddenTrailer(Known::Trailer)),
        (
            b"0\r\nAuthorization: a\r\n\r\n",
            ForbiddenTrailer(Known::Authorization),
        ),
        (b"0\r\nTE: a\r\n\r\n", ForbiddenTrailer(Known::Te)),
    ] {
        assert_eq!(
            decode(body, &Limits::default()),
            Read::Refused(refusal),
            "{}",
            body.escape_ascii()
        );
    }
}

#[test]
fn bounds_hold() {
    let limits = Limits {
        body_bytes: 10,
        chunk_line_bytes: 8,
        trailer_bytes: 12,
        ..Limits::default()
    };
    let refused = |body: &str, refusal| {
        assert_eq!(decode(body.as_bytes(), &limits), Read::Refused(refusal));
    };
    let whole = |body: &str| {
        let read = decode(body.as_bytes(), &limits);
        assert!(matches!(read, Read::Whole { .. }), "{read:?} of {body}");
    };
    whole("5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n");
    refused("b\r\n", Refusal::ContentTooLarge);
    refused("5\r\nhello\r\n6\r\n", Refusal::ContentTooLarge);
    refused("ffffffff\r\n", Refusal::ContentTooLarge);
    whole("1;abcdef\r\nx\r\n0\r\n\r\n");
    refused("1;abcdefg\r\nx", Refusal::ChunkLineTooLong);
    refused("000000001\r\nx", Refusal::ChunkLineTooLong);
    whole("0\r\nA: 45678\r\n\r\n");
    refused("0\r\nA: 456789\r\n\r\n", Refusal::TrailersTooLarge);
    refused("0\r\nA: 4567890123", Refusal::TrailersTooLarge);
    let few = Limits {
        fields: 1,
        ..Limits::default()
    };
    assert_eq!(
        decode(b"0\r\nA: b\r\nC: d\r\n\r\n", &few),
        Read::Refused(Refusal::TooManyFields)
    );
}

#[test]
fn lines_cannot_outweigh_content_for_long() {
    // Signed chunks as of Amazon S3 are fine.
    let signed = format!(
        "400;chunk-signature={}\r\n{}\r\n",
        "0".repeat(64),
        "x".repeat(1024)
    );
    let body = format!("{}0\r\n\r\n", signed.repeat(200));
    let read = decode_in_pieces(body.as_bytes(), [1000], &Limits::default());
    assert!(matches!(read, Read::Whole { .. }));
    let padded = format!("1;{}\r\nx\r\n", "e".repeat(200));
    let read = decode_in_pieces(padded.repeat(200).as_bytes(), [], &Limits::default());
    assert_eq!(read, Read::Refused(Refusal::ChunkOverhead));
    // Small chunks without extensions pay for themselves.
    let body = format!("{}0\r\n\r\n", "1\r\nx\r\n".repeat(20_000));
    let read = decode_in_pieces(body.as_bytes(), [], &Limits::default());
    assert!(matches!(read, Read::Whole { .. }));
}

/// A chunked body of these chunks, with an extension in every other one.
fn encode(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (number, chunk) in chunks.iter().enumerate() {
        if number % 2 == 1 {
            body.extend_from_slice(format!("{:X} ;a=\"b\"\r\n", chunk.len()).as_bytes());
        } else {
            push_chunk_head(&mut body, chunk.len());
        }
        body.extend_from_slice(chunk);
        body.extend_from_slice(CHUNK_END);
    }
    body.extend_from_slice(LAST_CHUNK);
    body
}

proptest! {
    #[test]
    fn whatever_is_sent_in_chunks_arrives(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        rest in "[a-z]{0,4}",
    ) {
        let mut body = encode(&chunks);
        let bytes = body.len();
        body.extend_from_slice(rest.as_bytes());
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes)).collect();
        cuts.sort_unstable();
        prop_assert_eq!(
            decode_in_pieces(&body, cuts, &Limits::default()),
            Read::Whole { content: chunks.concat(), trailers: Vec::new(), bytes }
        );
    }

    #[test]
    fn no_body_is_read_in_two_ways(
        body in prop::collection::vec(
            prop_oneof![
                prop::sample::select(&b"0123afAF;=\" \t\r\n:\\xyz"[..]),
                any::<u8>(),
            ],
            0..60,
        ),
        begin in prop::sample::select(vec!["", "1\r\nx\r\n", "3;a", "0\r\n", "0\r\nA: "]),
    ) {
        let body = [begin.as_bytes(), &body].concat();
        decode(&body, &Limits::default());
        let tight = Limits {
            body_bytes: 4,
            chunk_line_bytes: 5,
            trailer_bytes: 9,
            fields: 1,
            field_bytes: 7,
            folding: true,
            ..Limits::default()
        };
        decode(&body, &tight);
    }
}
