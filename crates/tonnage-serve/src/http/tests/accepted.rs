//! What is read, and as what.

use super::*;

/// The limits of gunicorn's defaults.
fn usual() -> Limits {
    Limits::default()
}

#[track_caller]
fn meaning_of(fields: &str, version: &str) -> Meaning {
    let input = format!("POST / {version}\r\nHost: a\r\n{fields}\r\n");
    accepted(input.as_bytes(), &usual()).meaning
}

#[test]
fn a_request_of_wrk() {
    let input = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n";
    let head = accepted(input, &usual());
    assert_eq!(head.bytes(), input.len());
    assert_eq!(head.line.kind, Method::Get);
    assert_eq!(head.line.method.of(input), b"GET");
    assert_eq!(head.line.target.of(input), b"/");
    assert_eq!(head.line.path.of(input), b"/");
    assert_eq!(head.line.query.of(input), b"");
    assert_eq!(head.line.form, TargetForm::Origin);
    assert_eq!(head.line.version, Version::Http11);
    assert_eq!(
        head.fields.get(&input[head.line.bytes..], Known::Host),
        Some(b"127.0.0.1:8000".into())
    );
    assert_eq!(
        head.meaning,
        Meaning {
            framing: Framing::None,
            keep_alive: true,
            expects_continue: false,
            upgrade: false,
        }
    );
}

#[test]
fn a_request_of_a_browser() {
    let input = "GET /search?q=caf%C3%A9&x=1 HTTP/1.1\r\n\
        Host: example.com\r\n\
        Connection: keep-alive\r\n\
        sec-ch-ua: \"Chromium\";v=\"140\"\r\n\
        Upgrade-Insecure-Requests: 1\r\n\
        User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\n\
        Accept: text/html,*/*;q=0.8\r\n\
        Sec-Fetch-Site: none\r\n\
        Accept-Encoding: gzip, deflate, br, zstd\r\n\
        Accept-Language: de,en;q=0.9\r\n\
        Cookie: a=b; c=d\r\n\
        X-Own: \t with\ttabs \t \r\n\
        X_Under: 1\r\n\
        X-Empty:\r\n\
        X-Latin: caf\u{e9}\r\n\
        \r\n";
    let head = accepted(input.as_bytes(), &usual());
    assert_eq!(head.bytes(), input.len());
    assert_eq!(head.line.path.of(input.as_bytes()), b"/search");
    assert_eq!(head.line.query.of(input.as_bytes()), b"q=caf%C3%A9&x=1");
    let pairs = head.pairs(input.as_bytes());
    let known: Vec<Known> = head.fields.iter().map(|field| field.known).collect();
    for (pair, known, name, value) in [
        (0, Known::Host, "Host", "example.com"),
        (1, Known::Connection, "Connection", "keep-alive"),
        (2, Known::SecChUa, "sec-ch-ua", "\"Chromium\";v=\"140\""),
        (5, Known::Accept, "Accept", "text/html,*/*;q=0.8"),
        (9, Known::Cookie, "Cookie", "a=b; c=d"),
        (10, Known::Other, "X-Own", "with\ttabs"),
        (11, Known::Other, "X_Under", "1"),
        (12, Known::Other, "X-Empty", ""),
        (13, Known::Other, "X-Latin", "caf\u{c3}\u{a9}"),
    ]
    .map(|(index, kind, name, value)| (&pairs[index], (known[index], kind), name, value))
    {
        assert_eq!((pair.0.as_str(), pair.1.as_str()), (name, value));
        assert_eq!(known.0, known.1);
    }
    let with_underscores: Vec<bool> = head.fields.iter().map(|f| f.has_underscore).collect();
    assert_eq!(with_underscores.iter().position(|&has| has), Some(11));
    assert_eq!(head.fields.len(), 14);
}

#[test]
fn targets() {
    for (line, path, query) in [
        ("GET / HTTP/1.1", "/", ""),
        ("GET /a/b?c=d?e=/f HTTP/1.1", "/a/b", "c=d?e=/f"),
        ("GET /? HTTP/1.1", "/", ""),
        ("GET /a#b?c HTTP/1.1", "/a", ""),
        ("GET /a?b#c#d HTTP/1.1", "/a", "b"),
        ("GET //a//b HTTP/1.1", "//a//b", ""),
        ("GET /../%2e%2E/ HTTP/1.1", "/../%2e%2E/", ""),
        ("GET /\"<>\\^`{|} HTTP/1.1", "/\"<>\\^`{|}", ""),
        ("GET /*:@!$&'()+,;= HTTP/1.1", "/*:@!$&'()+,;=", ""),
        ("GET /http://a/ HTTP/1.1", "/http://a/", ""),
        ("GET http://a.example/b?c HTTP/1.1", "/b", "c"),
        ("GET HTTPS://a:443 HTTP/1.1", "", ""),
        ("GET http://[::1]:8000?b HTTP/1.1", "", "b"),
        ("GET coap+tcp://a/b#c HTTP/1.1", "/b", ""),
        ("OPTIONS * HTTP/1.1", "*", ""),
        ("OPTIONS / HTTP/1.1", "/", ""),
        ("M-SEARCH /a HTTP/1.1", "/a", ""),
        ("PROPFIND /a HTTP/1.0", "/a", ""),
        ("!$%&'*+-.^_`|~19AZ09 / HTTP/1.1", "/", ""),
    ] {
        let input = format!("{line}\r\nHost: a\r\n\r\n");
        let line = accepted(input.as_bytes(), &usual()).line;
        assert_eq!(line.path.of(input.as_bytes()), path.as_bytes(), "{input}");
        assert_eq!(line.query.of(input.as_bytes()), query.as_bytes(), "{input}");
        let target = input.split(' ').nth(1).unwrap();
        assert_eq!(line.target.of(input.as_bytes()), target.as_bytes());
    }
    let input = b"GET http://b.example:81/c HTTP/1.1\r\nHost: a\r\n\r\n";
    let line = accepted(input, &usual()).line;
    assert_eq!(line.authority(input), Some(&b"b.example:81"[..]));
    let input = b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let line = accepted(input, &usual()).line;
    assert_eq!(
        (line.form, line.kind),
        (TargetForm::Authority, Method::Connect)
    );
    assert_eq!(line.authority(input), None);
}

#[test]
fn versions() {
    for (name, version) in [
        ("HTTP/1.0", Version::Http10),
        ("HTTP/1.1", Version::Http11),
        ("HTTP/1.2", Version::Http11),
        ("HTTP/1.9", Version::Http11),
    ] {
        let input = format!("GET / {name}\r\nHost: a\r\n\r\n");
        assert_eq!(accepted(input.as_bytes(), &usual()).line.version, version);
    }
    // In HTTP/1.0 no Host is needed.
    let head = accepted(b"GET / HTTP/1.0\r\n\r\n", &usual());
    assert!(head.fields.is_empty());
    assert!(!head.meaning.keep_alive);
    // Before a request there may be one empty line.
    let input = b"\r\nGET / HTTP/1.0\r\n\r\n";
    let head = accepted(input, &usual());
    assert_eq!(head.line.method.of(input), b"GET");
    assert_eq!(head.bytes(), input.len());
}

#[test]
fn empty_hosts_are_hosts() {
    for host in ["", "a", "[::1]:80", "a_b:80", "a:"] {
        let input = format!("GET / HTTP/1.1\r\nHost:{host}\r\n\r\n");
        accepted(input.as_bytes(), &usual());
    }
}

#[test]
fn bodies_end_where_the_fields_say() {
    for (fields, framing) in [
        ("", Framing::None),
        ("Content-Length: 0\r\n", Framing::Length(0)),
        ("Content-Length: 42\r\n", Framing::Length(42)),
        ("content-length:\t0042 \r\n", Framing::Length(42)),
        ("CONTENT-LENGTH: 1073741824\r\n", Framing::Length(1 << 30)),
        ("Transfer-Encoding: chunked\r\n", Framing::Chunked),
        ("transfer-encoding:   ChunKed\t\r\n", Framing::Chunked),
        ("X-Transfer-Encoding: chunked\r\n", Framing::None),
        ("Content_Length: 5\r\n", Framing::None),
        ("Content-Length-: 5\r\n", Framing::None),
    ] {
        assert_eq!(meaning_of(fields, "HTTP/1.1").framing, framing, "{fields}");
    }
    let without = Limits {
        body_bytes: 0,
        ..usual()
    };
    let input = b"POST / HTTP/1.0\r\nContent-Length: 18446744073709551614\r\n\r\n";
    assert_eq!(
        accepted(input, &without).meaning.framing,
        Framing::Length(u64::MAX - 1)
    );
}

#[test]
fn connections_stay_open_as_the_client_wants_it() {
    for (fields, old, new) in [
        ("", false, true),
        ("Connection: keep-alive\r\n", true, true),
        ("Connection: Keep-Alive\r\n", true, true),
        ("Connection: close\r\n", false, false),
        ("CONNECTION: CLOSE\r\n", false, false),
        ("Connection: close, keep-alive\r\n", false, false),
        ("Connection: foo,keep-alive ,bar\r\n", true, true),
        ("Connection: foo\r\nConnection: ,close,\r\n", false, false),
        ("Connection: closed\r\n", false, true),
        ("Connection:\r\n", false, true),
        ("Proxy-Connection: close\r\n", false, true),
        ("X-Connection: close\r\n", false, true),
    ] {
        let keeps = |version| meaning_of(fields, version).keep_alive;
        assert_eq!(
            (keeps("HTTP/1.0"), keeps("HTTP/1.1")),
            (old, new),
            "{fields}"
        );
    }
}

#[test]
fn upgrades_need_both_fields() {
    for (fields, upgrade) in [
        ("Connection: Upgrade\r\nUpgrade: websocket\r\n", true),
        (
            "Upgrade: websocket\r\nConnection: keep-alive, upgrade\r\n",
            true,
        ),
        ("Upgrade: websocket\r\n", false),
        ("Connection: Upgrade\r\n", false),
    ] {
        assert_eq!(meaning_of(fields, "HTTP/1.1").upgrade, upgrade, "{fields}");
        assert!(!meaning_of(fields, "HTTP/1.0").upgrade, "{fields}");
    }
}

#[test]
fn expectations_are_for_bodies() {
    let expect = "Expect: 100-Continue\r\n";
    for (fields, expects) in [
        ("Content-Length: 5\r\n", true),
        ("Transfer-Encoding: chunked\r\n", true),
        ("Content-Length: 0\r\n", false),
        ("", false),
    ] {
        let with = meaning_of(&format!("{expect}{fields}"), "HTTP/1.1");
        assert_eq!(with.expects_continue, expects, "{fields}");
        assert!(!meaning_of(fields, "HTTP/1.1").expects_continue);
    }
    let old = meaning_of(&format!("{expect}Content-Length: 5\r\n"), "HTTP/1.0");
    assert!(!old.expects_continue);
}

#[test]
fn what_follows_is_left_alone() {
    let first = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
    let second = b"abcGET /b HTTP/1.1\r\nHost: b\r\n\r\n";
    let both = [&first[..], second].concat();
    let head = accepted(&both, &usual());
    assert_eq!(head.bytes(), first.len());
    let next = &both[head.bytes() + 3..];
    assert_eq!(accepted(next, &usual()).line.path.of(next), b"/b");
}

#[test]
fn oddities_are_taken_where_they_are_permitted() {
    let folding = Limits {
        folding: true,
        ..usual()
    };
    let input = b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n  c \r\n\td\r\n \r\nY:\r\n  e\r\n\r\n";
    let head = accepted(input, &folding);
    let pairs = head.pairs(input);
    assert_eq!(pairs[1], ("X".to_owned(), "b c d".to_owned()));
    assert_eq!(pairs[2], ("Y".to_owned(), "e".to_owned()));

    let spaces = Limits {
        strip_name_spaces: true,
        ..usual()
    };
    let input = b"POST / HTTP/1.1\r\nHost : a\r\nContent-Length \t: 5\r\n\r\n";
    let head = accepted(input, &spaces);
    assert_eq!(head.meaning.framing, Framing::Length(5));
    assert_eq!(head.pairs(input)[1].0, "Content-Length");

    let methods = Limits {
        unconventional_method: true,
        ..usual()
    };
    for method in ["get", "G", "A#b", "AVeryLongMethodThatNobodyHasSeen"] {
        let input = format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n");
        let line = accepted(input.as_bytes(), &methods).line;
        assert_eq!(&*line.method_name(input.as_bytes()), method.as_bytes());
        assert_eq!(line.kind, Method::Other);
    }
    let casefold = Limits {
        casefold_method: true,
        ..methods
    };
    let input = b"head / HTTP/1.1\r\nHost: a\r\n\r\n";
    let line = accepted(input, &casefold).line;
    assert_eq!(&*line.method_name(input), b"HEAD");
    assert_eq!(line.kind, Method::Head);

    let versions = Limits {
        unconventional_version: true,
        ..usual()
    };
    for (name, version) in [
        ("HTTP/0.9", Version::Http10),
        ("HTTP/2.0", Version::Http11),
        ("HTTP/3.7", Version::Http11),
    ] {
        let input = format!("GET / {name}\r\nHost: a\r\n\r\n");
        assert_eq!(accepted(input.as_bytes(), &versions).line.version, version);
    }
}

#[test]
fn no_limit_means_no_limit_of_its_own() {
    let limits = Limits {
        request_line_bytes: 0,
        fields: 0,
        field_bytes: 0,
        head_bytes: 0,
        ..usual()
    };
    let input = format!(
        "GET /{} HTTP/1.1\r\nHost: a\r\nX: {}\r\n{}\r\n",
        "a".repeat(20_000),
        "b".repeat(100_000),
        "Y: c\r\n".repeat(1000)
    );
    let head = read_in_pieces(input.as_bytes(), [50_000, 110_000], &limits)
        .unwrap()
        .unwrap();
    assert_eq!(head.bytes(), input.len());
    assert_eq!(head.fields.len(), 1002);
}

#[test]
fn fields_can_be_read_again() {
    let mut fields = Fields::default();
    let first = b"Host: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n";
    assert_eq!(
        fields.advance(first, &usual()),
        Err(Refusal::Repeated(Known::ContentLength))
    );
    fields.clear();
    assert_eq!(fields, Fields::default());
    let second = b"Host: b\r\n\r\nrest";
    assert_eq!(fields.advance(second, &usual()), Ok(true));
    assert_eq!(Fields::parse(second, &usual()), Ok(Some(fields.clone())));
    assert_eq!(fields.bytes(), 11);
    assert!(!fields.has(Known::ContentLength));
    assert!(fields.check(Version::Http11).is_ok());
}
