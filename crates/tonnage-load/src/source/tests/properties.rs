//! What must hold for any template and any data.

use proptest::prelude::*;

use super::*;

/// Values as they may be found in data: harmless ones, and those that would end a
/// line, a header or a request.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9%&=._-]{0,6}",
        1 => "[ -~\t\r\nä\u{85}]{0,6}",
        1 => Just("\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n".to_owned()),
    ]
}

proptest! {
    #[test]
    fn what_is_sent_is_one_request_and_says_just_what_was_asked_for(
        [in_path, in_header] in [value(), value()],
        in_body in any::<String>(),
        is_own in any::<bool>(),
        keepalive in any::<bool>(),
    ) {
        let path = "/p/{{line.p}}?{{seq}}";
        let header = "a{{line.h}}b{{rand:5..5}}";
        let body = "{{line.b}}{{seq}}";
        let mut line = json!({"p": in_path, "h": in_header, "b": in_body});
        let plan = if is_own {
            line["path"] = json!(path);
            line["headers"] = json!({"X-T": header});
            line["body"] = json!(body);
            line["method"] = json!("PUT");
            get("/", Some(&line.to_string()))
        } else {
            let mut common = post(&[], body);
            common.headers.push(crate::Header::new("X-T", header).unwrap());
            common.method = "PUT".to_owned();
            plan(&[path], common, Some(&line.to_string()))
        };
        let path_is_clean = in_path.bytes().all(|b| b.is_ascii_graphic() && !b"#<>`\"".contains(&b));
        let header_is_clean = !in_header.chars().any(|c| c.is_control() && c != '\t');
        let compiled = RequestSource::compile(&plan, "h:1", keepalive);
        prop_assert_eq!(compiled.is_ok(), path_is_clean && header_is_clean);
        let Ok(source) = compiled else { return Ok(()) };

        let request = sent(&mut source.cursor(9, 2, 3));
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut parsed = httparse::Request::new(&mut headers);
        let head = parsed.parse(request.as_bytes()).unwrap().unwrap();
        let expected_body = format!("{in_body}2");
        let mut expected = vec![
            ("Host", "h:1".to_owned()),
            ("User-Agent", concat!("tonnage/", env!("CARGO_PKG_VERSION")).to_owned()),
            ("X-T", format!("a{in_header}b5")),
            ("Content-Length", expected_body.len().to_string()),
        ];
        if !keepalive {
            expected.push(("Connection", "close".to_owned()));
        }
        let got: Vec<_> = parsed.headers.iter()
            .map(|h| (h.name, String::from_utf8(h.value.to_vec()).unwrap()))
            .collect();
        prop_assert_eq!(got, expected);
        let expected_path = format!("/p/{in_path}?2");
        prop_assert_eq!(parsed.method, Some("PUT"));
        prop_assert_eq!(parsed.path, Some(&expected_path[..]));
        prop_assert_eq!(&request[head..], &expected_body);

        let parts = Parts::of(request.as_bytes());
        prop_assert_eq!((parts.method, parts.path), ("PUT", &expected_path[..]));
        prop_assert_eq!(parts.authority(), "h:1");
        prop_assert_eq!(parts.body, expected_body.as_bytes());
        let x_t = format!("a{in_header}b5");
        prop_assert_eq!(parts.headers().last(), Some(("X-T", &x_t[..])));
    }

    #[test]
    fn compiling_never_panics(
        [path, header, body] in [template(), template(), template()],
        data in proptest::option::of("(\\PC{0,20}\n?){0,3}"),
        line in prop::collection::vec((template(), template()), 0..4),
    ) {
        let fields: serde_json::Map<_, _> =
            line.into_iter().map(|(name, value)| (name, json!(value))).collect();
        let text = data.map(|data| format!("{}\n{data}", json!(fields)));
        let mut request = post(&[], &body);
        request.headers.extend(crate::Header::new("X", &header));
        let path = format!("/{path}");
        if let Ok(source) = RequestSource::compile(&plan(&[&path], request, text.as_deref()), "h", true) {
            let mut cursor = source.cursor(0, 0, 1);
            for _ in 0..3 {
                cursor.next(&mut Vec::new());
            }
        }
    }
}

/// Anything that looks like a template, or nearly.
fn template() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("{{".to_owned()),
        Just("}}".to_owned()),
        Just("{{seq}}".to_owned()),
        Just("{{rand:-9223372036854775808..9223372036854775807}}".to_owned()),
        Just("{{line.x}}".to_owned()),
        Just("x".to_owned()),
        Just("path".to_owned()),
        Just("body".to_owned()),
        "\\PC{0,4}",
    ];
    prop::collection::vec(part, 0..5).prop_map(|parts| parts.concat())
}
