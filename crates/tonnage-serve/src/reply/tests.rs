//! Of responses, as a client reads them.

use super::*;

const GET: Asked = Asked {
    method: Method::Get,
    version: Version::Http11,
    keep_alive: true,
};

type Fields<'a> = &'a [(&'a [u8], &'a [u8])];

/// What a client reads of a response made of these parts.
fn sent(
    asked: Asked,
    status: u16,
    fields: Fields<'_>,
    parts: &[&[u8]],
    whole: bool,
) -> (String, Reply) {
    let mut reply = Reply::new(asked);
    let dated: Vec<_> = [(&b"Date"[..], &b"x"[..])]
        .into_iter()
        .chain(fields.iter().copied())
        .collect();
    reply.start(status, b"", dated).unwrap();
    let mut bytes = Vec::new();
    for part in parts {
        if let Some(framed) = reply.frame(part.len(), whole).unwrap() {
            bytes.extend(reply.take_head());
            bytes.extend_from_slice(&part[..framed.bytes]);
            bytes.extend_from_slice(framed.after);
        }
    }
    if let Some(end) = reply.finish().unwrap() {
        bytes.extend(reply.take_head());
        bytes.extend_from_slice(end);
    }
    (String::from_utf8(bytes).unwrap(), reply)
}

#[test]
fn a_whole_body_has_a_length_and_parts_are_chunks() {
    let (text, reply) = sent(GET, 200, &[], &[b"hello"], true);
    assert!(
        text.ends_with("Content-Length: 5\r\nServer: tonnage\r\n\r\nhello"),
        "{text}"
    );
    assert!(reply.is_complete() && !reply.closes());
    let (text, reply) = sent(GET, 200, &[], &[b"hel", b"", b"lo"], false);
    assert!(
        text.ends_with("Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"),
        "{text}"
    );
    assert!(reply.is_complete());
    assert_eq!(reply.body_bytes(), 5);
}

#[test]
fn an_empty_body_has_the_length_zero() {
    let (text, _) = sent(GET, 200, &[], &[], false);
    assert!(text.contains("Content-Length: 0\r\n"), "{text}");
    let (text, _) = sent(GET, 204, &[], &[], false);
    assert!(!text.contains("Content-Length"), "{text}");
}

#[test]
fn a_promised_length_is_kept_or_the_response_is_incomplete() {
    let (text, reply) = sent(GET, 200, &[(b"Content-Length", b"3")], &[b"hello"], false);
    assert!(text.ends_with("\r\n\r\nhel"), "{text}");
    assert!(reply.is_complete());
    let (_, reply) = sent(GET, 200, &[(b"content-length", b"9")], &[b"hello"], false);
    assert!(!reply.is_complete());
    let mut reply = Reply::new(GET);
    let twice: [(&[u8], &[u8]); 2] = [(b"Content-Length", b"3"), (b"Content-Length", b"4")];
    assert_eq!(reply.start(200, b"OK", twice), Err(ReplyError::Length));
    let signed: [(&[u8], &[u8]); 1] = [(b"Content-Length", b"+3")];
    assert_eq!(reply.start(200, b"OK", signed), Err(ReplyError::Length));
}

#[test]
fn heads_old_clients_and_closing_are_as_the_standard_says() {
    let head = Asked {
        method: Method::Head,
        ..GET
    };
    let (text, reply) = sent(head, 200, &[(b"Content-Length", b"5")], &[b"hello"], true);
    assert!(
        text.contains("Content-Length: 5\r\n") && text.ends_with("\r\n\r\n"),
        "{text}"
    );
    assert!(reply.is_complete());
    // An application that leaves the body out for HEAD says nothing of its length.
    for parts in [&[b"".as_slice()][..], &[]] {
        let (text, reply) = sent(head, 200, &[], parts, true);
        assert!(!text.contains("Content-Length"), "{text}");
        assert!(!text.contains("Transfer-Encoding"), "{text}");
        assert!(reply.is_complete() && !reply.closes());
    }
    let (text, _) = sent(head, 200, &[], &[b"hello"], true);
    assert!(text.contains("Content-Length: 5\r\n"), "{text}");
    let old = Asked {
        version: Version::Http10,
        ..GET
    };
    let (text, reply) = sent(old, 200, &[], &[b"hel", b"lo"], false);
    assert!(text.ends_with("Connection: close\r\n\r\nhello"), "{text}");
    assert!(reply.closes());
    let (text, reply) = sent(old, 200, &[], &[b"hello"], true);
    assert!(text.contains("Connection: keep-alive"), "{text}");
    assert!(!reply.closes());
    let (_, reply) = sent(GET, 200, &[(b"Connection", b"foo, Close")], &[b"x"], true);
    assert!(reply.closes());
}

#[test]
fn what_is_the_servers_affair_is_not_handed_on() {
    let fields: Fields<'_> = &[
        (b"Transfer-Encoding", b"chunked"),
        (b"Keep-Alive", b"5"),
        (b"Server", b"mine"),
    ];
    let (text, _) = sent(GET, 200, fields, &[b"x"], true);
    assert!(
        !text.contains("chunked") && !text.contains("Keep-Alive"),
        "{text}"
    );
    assert_eq!(text.matches("Server: ").count(), 1);
}

/// What a client reads of a response with trailers.
fn trailed(asked: Asked, announced: bool, fields: Fields<'_>, parts: &[&[u8]]) -> String {
    let mut reply = Reply::new(asked);
    if announced {
        reply.announce_trailers();
    }
    reply.start(200, b"OK", fields.iter().copied()).unwrap();
    let mut bytes = Vec::new();
    for part in parts {
        if let Some(framed) = reply.frame(part.len(), false).unwrap() {
            bytes.extend(reply.take_head());
            bytes.extend_from_slice(&part[..framed.bytes]);
            bytes.extend_from_slice(framed.after);
        }
    }
    let trailers: Fields<'_> = &[(b"X-Sum", b"1"), (b"Content-Length", b"9"), (b"TE", b"x")];
    let end = reply.finish_with(trailers.iter().copied()).unwrap();
    bytes.extend(reply.take_head());
    bytes.extend(end.unwrap_or_default());
    assert!(reply.is_complete());
    String::from_utf8(bytes).unwrap()
}

#[test]
fn trailers_follow_the_last_chunk_and_nothing_else() {
    let named: Fields<'_> = &[(b"Trailer", b"X-Sum")];
    let text = trailed(GET, true, named, &[b"abc"]);
    assert!(text.contains("\r\nTrailer: X-Sum\r\n"), "{text}");
    assert!(
        text.ends_with("\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"),
        "{text}"
    );
    let text = trailed(GET, true, &[], &[]);
    assert!(text.ends_with("\r\n\r\n0\r\nX-Sum: 1\r\n\r\n"), "{text}");
    let text = trailed(GET, false, named, &[b"abc"]);
    assert!(
        !text.contains("Trailer") && !text.contains("X-Sum"),
        "{text}"
    );
    let text = trailed(GET, true, &[(b"Content-Length", b"3")], &[b"abc"]);
    assert!(text.ends_with("\r\n\r\nabc"), "{text}");
    let head = Asked {
        method: Method::Head,
        ..GET
    };
    assert!(trailed(head, true, &[], &[]).ends_with("\r\n\r\n"));
    let mut reply = Reply::new(GET);
    reply.announce_trailers();
    reply.start(200, b"OK", []).unwrap();
    let broken: [(&[u8], &[u8]); 1] = [(b"X", b"a\r\nb")];
    assert!(reply.finish_with(broken).is_err());
    assert!(!reply.is_complete());
}

#[test]
fn a_switch_to_another_protocol_is_complete_and_ends_the_connection() {
    let fields: Fields<'_> = &[
        (b"Date", b"x"),
        (b"Connection", b"keep-alive"),
        (b"Content-Length", b"0"),
        (b"X-A", b"1"),
    ];
    let mut reply = Reply::new(GET);
    reply.switch(b"other", fields.iter().copied()).unwrap();
    let head = String::from_utf8(reply.take_head()).unwrap();
    assert_eq!(
        head,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: Upgrade\r\n\
         Date: x\r\nX-A: 1\r\nServer: tonnage\r\n\r\n"
    );
    assert!(reply.is_complete() && reply.has_sent() && reply.closes());
    reply.count_raw(3);
    assert_eq!((reply.status(), reply.body_bytes()), (101, 3));
}

#[test]
fn a_head_can_be_replaced_until_it_was_sent() {
    let none: [(&[u8], &[u8]); 0] = [];
    let mut reply = Reply::new(GET);
    assert_eq!(reply.frame(1, false), Err(ReplyError::NotStarted));
    assert_eq!(
        reply.start(100, b"Continue", none),
        Err(ReplyError::Interim)
    );
    reply.start(200, b"OK", none).unwrap();
    reply.start(500, b"No", none).unwrap();
    assert_eq!(reply.status(), 500);
    reply.frame(1, false).unwrap();
    assert!(reply.take_head().starts_with(b"HTTP/1.1 500 No\r\n"));
    assert_eq!(reply.start(200, b"OK", none), Err(ReplyError::AlreadySent));
}

#[test]
fn who_watches_a_response_that_another_answered_for_is_told_of_that_answer() {
    let mut reply = Reply::new(GET);
    reply.keep_said();
    reply
        .start(200, b"OK", [(&b"ETag"[..], &b"x"[..])])
        .unwrap();
    reply.give_up(503, 26);
    let said = reply.said().unwrap();
    assert_eq!(
        (reply.status(), &said.reason[..]),
        (503, &b"Service Unavailable"[..])
    );
    assert!(said.fields.is_empty());
}
