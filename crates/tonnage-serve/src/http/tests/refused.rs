//! What is refused, and why: after the topics of llhttp's and gunicorn's test suites and
//! of published smuggling attacks.

use super::*;

#[test]
fn request_lines() {
    use Refusal::{BareCarriageReturn, BareLineFeed, Method, RequestLine, Target, Version};
    for (line, refusal) in [
        // HTTP/0.9, and lines without a part.
        (&b"GET /\r\n"[..], RequestLine),
        (b"GET /\n", BareLineFeed),
        (b"GET\r\n", RequestLine),
        (b"GET \r\n", RequestLine),
        (b"GET / \r\n", RequestLine),
        (b"GET HTTP/1.1\r\n", RequestLine),
        (b"\r\n\r\nGET / HTTP/1.1\r\n", RequestLine),
        (b"\nGET / HTTP/1.1\r\n", BareLineFeed),
        (b"\rGET / HTTP/1.1\r\n", RequestLine),
        // Blanks where none, or others, belong.
        (b" GET / HTTP/1.1\r\n", Method),
        (b"GET  / HTTP/1.1\r\n", Target),
        (b"GET\t/ HTTP/1.1\r\n", Method),
        (b"GET /\tHTTP/1.1\r\n", Target),
        (b"GET /  HTTP/1.1\r\n", RequestLine),
        (b"GET / HTTP/1.1 \r\n", RequestLine),
        (b"GET /a b HTTP/1.1\r\n", RequestLine),
        (b"GET /\x0bHTTP/1.1\r\n", Target),
        // Line ends.
        (b"GET / HTTP/1.1\n", BareLineFeed),
        (b"GET / HTTP/1.1\rHost: a\r\n", BareCarriageReturn),
        (b"GET / HTTP/1.1\r\rHost: a\r\n", BareCarriageReturn),
        (b"GET /\rx HTTP/1.1\r\n", RequestLine),
        // Methods.
        (b"get / HTTP/1.1\r\n", Method),
        (b"Get / HTTP/1.1\r\n", Method),
        (b"GE / HTTP/1.1\r\n", Method),
        (b"G / HTTP/1.1\r\n", Method),
        (b"GE#T / HTTP/1.1\r\n", Method),
        (b"GE(T / HTTP/1.1\r\n", Method),
        (b"GET: / HTTP/1.1\r\n", Method),
        (b"\"GET / HTTP/1.1\r\n", Method),
        (b"G\0T / HTTP/1.1\r\n", Method),
        (b"GET\0 / HTTP/1.1\r\n", Method),
        (b"G\xc3\x89T / HTTP/1.1\r\n", Method),
        (b"smuggled 1GET / HTTP/1.1\r\n", Method),
        (b"ABCDEFGHIJKLMNOPQRSTU / HTTP/1.1\r\n", Method),
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", Method),
        // Targets.
        (b"GET * HTTP/1.1\r\n", Target),
        (b"OPTIONS ** HTTP/1.1\r\n", Target),
        (b"GET foo HTTP/1.1\r\n", Target),
        (b"GET ?a=b HTTP/1.1\r\n", Target),
        (b"GET #a HTTP/1.1\r\n", Target),
        (b"GET example.com:80 HTTP/1.1\r\n", Target),
        (b"GET :// HTTP/1.1\r\n", Target),
        (b"GET 1http://a/ HTTP/1.1\r\n", Target),
        (b"GET ht_tp://a/ HTTP/1.1\r\n", Target),
        (b"GET http:/a HTTP/1.1\r\n", Target),
        (b"GET http:// HTTP/1.1\r\n", Target),
        (b"GET http:///a HTTP/1.1\r\n", Target),
        (b"GET http://:80/ HTTP/1.1\r\n", Target),
        (b"GET http://user:pass@a/ HTTP/1.1\r\n", Target),
        (b"GET http://a:b/ HTTP/1.1\r\n", Target),
        (b"GET foo?http://a/ HTTP/1.1\r\n", Target),
        (b"CONNECT / HTTP/1.1\r\n", Target),
        (b"CONNECT a HTTP/1.1\r\n", Target),
        (b"CONNECT a: HTTP/1.1\r\n", Target),
        (b"CONNECT a:99999 HTTP/1.1\r\n", Target),
        (b"CONNECT a:1?b HTTP/1.1\r\n", Target),
        (b"CONNECT http://a:1/ HTTP/1.1\r\n", Target),
        (b"GET /\0 HTTP/1.1\r\n", Target),
        (b"GET /\x7f HTTP/1.1\r\n", Target),
        (b"GET /caf\xc3\xa9 HTTP/1.1\r\n", Target),
        (b"GET /?\xe9 HTTP/1.1\r\n", Target),
        (b"GET /?a\x01 HTTP/1.1\r\n", Target),
        (b"GET /#\x80 HTTP/1.1\r\n", Target),
        // Versions.
        (b"GET / HTTP/0.9\r\n", Version),
        (b"GET / HTTP/2.0\r\n", Version),
        (b"GET / HTTP/9.9\r\n", Version),
        (b"GET / http/1.1\r\n", RequestLine),
        (b"GET / HTTP/1\r\n", RequestLine),
        (b"GET / HTTP/11\r\n", RequestLine),
        (b"GET / HTTP/1.10\r\n", RequestLine),
        (b"GET / HTTP/01.1\r\n", RequestLine),
        (b"GET / HTTP/1,1\r\n", RequestLine),
        (b"GET / HTTP/+1.1\r\n", RequestLine),
        (b"GET / HTTP/1.\xb2\r\n", RequestLine),
        (b"GET / HTPP/1.1\r\n", RequestLine),
        (b"GET / ICE/1.0\r\n", RequestLine),
        (b"GET / IHTTP/1.0\r\n", RequestLine),
        (b"PUT / RTSP/1.0\r\n", RequestLine),
        (b"GET / HTTP/1.1\0\r\n", RequestLine),
        // HTTP/2 without TLS.
        (b"PRI * HTTP/2.0\r\n", Target),
    ] {
        refused(&[line, b"Host: a\r\n\r\n"].concat(), refusal);
    }
}

#[test]
fn names_and_lines_of_fields() {
    use Refusal::{
        BareCarriageReturn, BareLineFeed, FieldName, FieldValue, MissingColon, ObsoleteFolding,
        SpaceBeforeColon,
    };
    for (fields, refusal) in [
        (&b"A\r\n"[..], MissingColon),
        (b"A\n", BareLineFeed),
        // A name cannot be folded.
        (b"A\r\n : b\r\n", MissingColon),
        (b": a\r\n", FieldName),
        (b"A : b\r\n", SpaceBeforeColon),
        (b"A\t: b\r\n", SpaceBeforeColon),
        (b"A B: c\r\n", SpaceBeforeColon),
        (b"Content-Length : 5\r\n", SpaceBeforeColon),
        (b"A\0: b\r\n", FieldName),
        (b"A(b): c\r\n", FieldName),
        (b"A@b: c\r\n", FieldName),
        (b"A[]: c\r\n", FieldName),
        (b"A\\b: c\r\n", FieldName),
        (b"A\x01b: c\r\n", FieldName),
        (b"\"A\": c\r\n", FieldName),
        (b"A;b: c\r\n", FieldName),
        (b"caf\xe9: c\r\n", FieldName),
        (b"\xef\xbb\xbfA: c\r\n", FieldName),
        (b"A\x0b: c\r\n", FieldName),
        // Folds.
        (b"A: b\r\n c\r\n", ObsoleteFolding),
        (b"A: b\r\n\tc\r\n", ObsoleteFolding),
        (b"A:\r\n b\r\n", ObsoleteFolding),
        (b"A: b\r\n \r\n", ObsoleteFolding),
        // Control characters.
        (b"A: b\0c\r\n", FieldValue),
        (b"A: \x01\r\n", FieldValue),
        (b"A: b\x7f\r\n", FieldValue),
        (b"A: b\x07\r\n", FieldValue),
        (b"A: \x0bchunked\r\n", FieldValue),
        (b"A: b\x0c\r\n", FieldValue),
        (b"A: \x1b[2J\r\n", FieldValue),
        // Line ends.
        (b"A: b\nC: d\r\n", BareLineFeed),
        (b"A: b\n\n", BareLineFeed),
        (b"A: b\n\r\n", BareLineFeed),
        (b"A: b\rC: d\r\n", BareCarriageReturn),
        (b"A: b\r\rC: d\r\n", BareCarriageReturn),
        (b"A:\rb\r\n", BareCarriageReturn),
        (b"\rA: b\r\n", BareCarriageReturn),
        (b"\r\r\n", BareCarriageReturn),
        (b"A\r\x1b5\xd5b\r\n", MissingColon),
    ] {
        fields_refused(fields, refusal);
    }
    // Nothing can be folded into the request line.
    refused(b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", FieldName);
    refused(b"GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", FieldName);
    refused(b"GET / HTTP/1.1\r\nHost: a\r\n\n", BareLineFeed);
}

#[test]
fn hosts() {
    use Refusal::{Host, MissingHost, Repeated};
    refused(b"GET / HTTP/1.1\r\n\r\n", MissingHost);
    refused(b"GET / HTTP/1.1\r\nX-Host: a\r\n\r\n", MissingHost);
    refused(b"GET / HTTP/1.7\r\n\r\n", MissingHost);
    // Not even a whole URI stands for it (RFC 9112, section 3.2).
    refused(b"GET http://a/ HTTP/1.1\r\n\r\n", MissingHost);
    for version in ["1.0", "1.1"] {
        let head = |host: &str| format!("GET / HTTP/{version}\r\nHost: {host}\r\n\r\n");
        for host in [
            "a b", "a/b", "http://a", "a@b", "a?b", "a#b", "a,b c", "a:b", "a:80:80", "[::1",
            "a\"b", "a\\b", "<a>", "\u{e9}", "a\tb", ":80",
        ] {
            refused(head(host).as_bytes(), Host);
        }
        refused(head("a\r\nhost: a").as_bytes(), Repeated(Known::Host));
        refused(head("a\r\nHOST: b").as_bytes(), Repeated(Known::Host));
        refused(head("\r\nHost:").as_bytes(), Repeated(Known::Host));
    }
}

#[test]
fn expectations() {
    for value in [
        "",
        "200-ok",
        "100-continue, 200-ok",
        "100-continue;q=1",
        "100",
    ] {
        let fields = format!("Expect: {value}\r\n");
        fields_refused(fields.as_bytes(), Refusal::Expectation);
    }
    fields_refused(
        b"Expect: 100-continue\r\nExpect: x\r\n",
        Refusal::Expectation,
    );
}

#[test]
fn what_is_too_long() {
    let limits = Limits {
        request_line_bytes: 30,
        fields: 3,
        field_bytes: 12,
        head_bytes: 34,
        ..Limits::default()
    };
    let line = |target_bytes: usize| {
        let target = "/".repeat(target_bytes);
        format!("GET {target} HTTP/1.1\r\n")
    };
    let fit = format!("{}Host: a\r\n\r\n", line(30 - 13));
    accepted(fit.as_bytes(), &limits);
    let with = |input: String, refusal| refused_with(input.as_bytes(), &limits, refusal);
    with(line(31 - 13), Refusal::RequestLineTooLong);
    with(line(1000), Refusal::RequestLineTooLong);
    // The bound is the line's, not that of what the client sent at once.
    with(
        format!("GET {}", "/".repeat(28)),
        Refusal::RequestLineTooLong,
    );
    assert_eq!(
        read(format!("GET {}", "/".repeat(27)).as_bytes(), &limits),
        Ok(None)
    );

    let head = |fields: &str| format!("GET / HTTP/1.1\r\n{fields}\r\n");
    let fit = head("Host: 67890\r\n");
    assert_eq!(fit.len(), 16 + 13 + 2);
    with(fit, Refusal::FieldTooLarge);
    accepted(head("Host: 6789\r\n").as_bytes(), &limits);
    with(
        "GET / HTTP/1.1\r\nHost: 678901".to_owned(),
        Refusal::FieldTooLarge,
    );
    with(
        "GET / HTTP/1.1\r\nHosthosthost".to_owned(),
        Refusal::FieldTooLarge,
    );

    accepted(head("Host: a\r\nA: b\r\nC: d\r\n").as_bytes(), &limits);
    with(
        head("Host: a\r\nA: b\r\nC: d\r\nE: f\r\n"),
        Refusal::TooManyFields,
    );

    let fit = "Host: 6789\r\nAbcd: 6789\r\nE: 456\r\n";
    assert_eq!(fit.len(), 32);
    let fits = Limits {
        head_bytes: 34,
        ..limits
    };
    accepted(head(fit).as_bytes(), &fits);
    let fits_not = Limits {
        head_bytes: 33,
        ..limits
    };
    refused_with(head(fit).as_bytes(), &fits_not, Refusal::FieldsTooLarge);
}

#[test]
fn what_must_not_be_folded_is_not() {
    let limits = Limits {
        folding: true,
        field_bytes: 40,
        ..Limits::default()
    };
    for fields in [
        "Host: a\r\nTransfer-Encoding:\r\n chunked\r\nA: b\r\n c\r\n",
        "Host: a\r\nTransfer-Encoding: chunked\r\n ,\r\n",
        "Host: a\r\nContent-Length: 1\r\n 2\r\n",
        "Host: a\r\n b\r\n",
        "Host: a\r\nConnection: a,\r\n close\r\n",
    ] {
        let input = format!("POST / HTTP/1.1\r\n{fields}\r\n");
        let outcome = read(input.as_bytes(), &limits);
        // A value that begins in the second line is one that was never in two.
        if fields.contains("Encoding:\r\n") {
            assert_eq!(
                outcome.map(|head| head.map(|head| head.meaning.framing)),
                Ok(Some(Framing::Chunked))
            );
        } else {
            assert_eq!(outcome, Err(Refusal::ObsoleteFolding), "{fields}");
        }
    }
    let endless = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n{}",
        " c\r\n".repeat(20)
    );
    refused_with(endless.as_bytes(), &limits, Refusal::FieldTooLarge);
    let controls = b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\0\r\n\r\n";
    refused_with(controls, &limits, Refusal::FieldValue);
}

#[test]
fn each_refusal_has_a_status_and_says_what_it_is() {
    for (refusal, status) in [
        (Refusal::RequestLine, 400),
        (Refusal::RequestLineTooLong, 414),
        (Refusal::TooManyFields, 431),
        (Refusal::ContentTooLarge, 413),
        (Refusal::Expectation, 417),
        (Refusal::UnsupportedTransferCoding, 501),
        (Refusal::Version, 505),
        (Refusal::HeadTimeout, 408),
    ] {
        assert_eq!(refusal.status(), status);
        assert!(!reason(status).is_empty());
    }
    assert_eq!(
        Refusal::Repeated(Known::Host).to_string(),
        "repeated host field"
    );
}
