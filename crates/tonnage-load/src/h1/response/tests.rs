//! Where responses end, however they are framed and wherever they are cut.

use super::*;
use proptest::prelude::*;

/// What a scanner makes of `bytes` followed by the peer's close.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// Whole, before the peer closed.
    Whole(Response),
    /// Whole only because the peer closed.
    AtClose(Response),
    /// The peer closed too early.
    Truncated,
    Refused,
}

fn scan_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, to_head_request: bool) -> Seen {
    let mut scanner = ResponseScanner::new(true);
    scanner.reset(to_head_request);
    let mut whole = None;
    for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
        // What comes after the end is the next response's problem.
        if whole.is_some() {
            return Seen::Refused;
        }
        match scanner.feed(piece) {
            Ok(response) => whole = response,
            Err(ProtocolError) => return Seen::Refused,
        }
    }
    match (whole, scanner.feed_end()) {
        (Some(response), _) => Seen::Whole(response),
        (None, Some(response)) => Seen::AtClose(response),
        (None, None) => Seen::Truncated,
    }
}

/// The verdict on `text`, which must not depend on how it is cut in two or
/// dripped byte by byte.
#[track_caller]
fn scan(text: &str) -> Seen {
    let bytes = text.as_bytes();
    let at_once = scan_pieces([bytes], false);
    for cut in 0..=bytes.len() {
        let in_two = scan_pieces([&bytes[..cut], &bytes[cut..]], false);
        assert_eq!(in_two, at_once, "cut at {cut} of {text:?}");
    }
    assert_eq!(
        scan_pieces(bytes.chunks(1), false),
        at_once,
        "byte by byte: {text:?}"
    );
    at_once
}

fn whole(status: u16, reusable: bool) -> Seen {
    Seen::Whole(Response { status, reusable })
}

#[test]
fn a_length_ends_the_body() {
    assert_eq!(
        scan("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        whole(200, true)
    );
    assert_eq!(
        scan("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"),
        whole(500, true)
    );
    assert_eq!(
        scan("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"),
        Seen::Truncated
    );
}

#[test]
fn chunks_end_the_body_and_beat_a_length() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    assert_eq!(scan(chunked), whole(200, true));
    assert_eq!(
        scan("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"),
        Seen::Truncated
    );
    assert_eq!(
        scan("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello"),
        Seen::Refused
    );
}

#[test]
fn without_either_the_close_ends_the_body() {
    let at_close = Seen::AtClose(Response {
        status: 200,
        reusable: false,
    });
    assert_eq!(scan("HTTP/1.1 200 OK\r\n\r\nhello"), at_close);
    assert_eq!(scan("HTTP/1.0 200 OK\r\nServer: x\r\n\r\n"), at_close);
    assert_eq!(
        scan("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello"),
        at_close
    );
}

#[test]
fn some_responses_have_no_body_whatever_they_say() {
    assert_eq!(scan("HTTP/1.1 204 No Content\r\n\r\n"), whole(204, true));
    assert_eq!(
        scan("HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n"),
        whole(304, true)
    );
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n";
    assert_eq!(scan_pieces([&head[..]], true), whole(200, true));
    assert_eq!(scan_pieces(head.chunks(1), true), whole(200, true));
}

#[test]
fn the_connection_lives_as_long_as_both_sides_say() {
    assert_eq!(
        scan("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
        whole(200, false)
    );
    assert_eq!(
        scan("HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 0\r\n\r\n"),
        whole(200, false)
    );
    assert_eq!(
        scan("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
        whole(200, false)
    );
    assert_eq!(
        scan("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n"),
        whole(200, true)
    );
}

#[test]
fn interim_responses_are_skipped() {
    let hinted = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    assert_eq!(scan(hinted), whole(200, true));
    assert_eq!(scan("HTTP/1.1 100 Continue\r\n\r\n"), Seen::Truncated);
}

#[test]
fn what_is_not_http_or_contradicts_itself_is_refused() {
    for text in [
        "SSH-2.0-OpenSSH_9\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",
    ] {
        assert_eq!(scan(text), Seen::Refused, "{text:?}");
    }
}

#[test]
fn an_endless_head_is_refused_within_a_bound() {
    let mut scanner = ResponseScanner::new(false);
    assert_eq!(scanner.feed(b"HTTP/1.1 200 OK\r\n"), Ok(None));
    let line = [b"X: ", &[b'a'; 1000][..], b"\r\n"].concat();
    let fed = (0..100).take_while(|_| scanner.feed(&line).is_ok()).count();
    assert!(
        fed * line.len() <= MAX_HEAD_BYTES + 2 * line.len(),
        "{fed} lines"
    );
}

#[test]
fn a_scanner_serves_one_response_after_another() {
    let mut scanner = ResponseScanner::new(false);
    for _ in 0..3 {
        assert!(scanner.is_untouched());
        assert_eq!(scanner.feed(b"HTTP/1.1 200 OK\r\nContent-Le"), Ok(None));
        assert!(!scanner.is_untouched());
        assert_eq!(
            scanner.feed(b"ngth: 1\r\n\r\nx"),
            Ok(Some(Response {
                status: 200,
                reusable: true
            }))
        );
        scanner.reset(false);
    }
}

proptest! {
    #[test]
    fn no_input_panics_and_no_cut_changes_the_verdict(
        data in prop::collection::vec(any::<u8>(), 0..200),
        prefix in prop::sample::select(vec!["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]),
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes = [prefix.as_bytes(), &data].concat();
        let at_once = scan_pieces([&bytes[..]], false);
        if bytes.is_empty() {
            return Ok(());
        }
        let cut = cut.index(bytes.len());
        let in_two = scan_pieces([&bytes[..cut], &bytes[cut..]], false);
        // A head cut short may not yet show that it is malformed.
        if at_once != Seen::Truncated && in_two != Seen::Truncated {
            prop_assert_eq!(in_two, at_once);
        }
    }
}
