//! Properties over heads that nobody wrote down: how they are cut changes nothing, what
//! is accepted can be written down again and means the same, nothing panics.

use super::*;
use proptest::prelude::*;

/// Parts of which heads are made: many right ones, enough wrong ones.
const PARTS: &[&str] = &[
    "GET ",
    "POST ",
    "OPTIONS ",
    "CONNECT ",
    "get ",
    "/",
    "/a?b#c",
    "*",
    "http://a/b",
    "a:80",
    " HTTP/1.1\r\n",
    " HTTP/1.0\r\n",
    " HTTP/2.0\r\n",
    " ",
    "\t",
    "\r\n",
    "\n",
    "\r",
    ":",
    ",",
    "Host: a\r\n",
    "Host:b:80\r\n",
    "Content-Length: 5\r\n",
    "content-length:",
    "Transfer-Encoding: chunked\r\n",
    "transfer-encoding:",
    "chunked",
    "gzip",
    "Connection: close\r\n",
    "Connection: upgrade\r\n",
    "Upgrade: x\r\n",
    "Expect: 100-continue\r\n",
    "X-A: b\r\n",
    "X_A",
    " folded\r\n",
    "\0",
    "\u{7f}",
    "\u{e9}",
];

fn part() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => prop::sample::select(PARTS).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ]
}

fn head() -> impl Strategy<Value = Vec<u8>> {
    let begin = prop::sample::select(vec![
        "",
        "\r\n",
        "GET / HTTP/1.1\r\n",
        "POST /a?b HTTP/1.1\r\nHost: a\r\n",
        "GET / HTTP/1.0\r\n",
    ]);
    (begin, prop::collection::vec(part(), 0..10)).prop_map(|(begin, parts)| {
        let mut head = begin.as_bytes().to_vec();
        head.extend(parts.concat());
        head
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    let permissions = any::<[bool; 5]>();
    (any::<bool>(), permissions).prop_map(|(tight, permissions)| {
        let [
            folding,
            strip_name_spaces,
            unconventional_method,
            unconventional_version,
            casefold_method,
        ] = permissions;
        let bounds = if tight {
            Limits {
                request_line_bytes: 18,
                fields: 2,
                field_bytes: 20,
                head_bytes: 36,
                body_bytes: 4,
                ..Limits::default()
            }
        } else {
            Limits::default()
        };
        Limits {
            folding,
            strip_name_spaces,
            unconventional_method,
            unconventional_version,
            casefold_method,
            ..bounds
        }
    })
}

/// The head as a proxy would write it.
fn render(head: &Head, input: &[u8]) -> Vec<u8> {
    let section = &input[head.line.bytes..];
    let mut out = [
        &*head.line.method_name(input),
        b" ",
        head.line.target.of(input),
        b" ",
        head.line.version.name().as_bytes(),
        b"\r\n",
    ]
    .concat();
    for field in &head.fields {
        push_field(&mut out, field.name.of(section), &field.value(section)).unwrap();
    }
    out.extend_from_slice(b"\r\n");
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_head_is_read_in_two_ways(head in head(), limits in limits()) {
        let _ = read(&head, &limits);
    }

    #[test]
    fn what_is_accepted_means_the_same_written_again(head in head(), limits in limits()) {
        let input = [&head[..], b"\r\n\r\n"].concat();
        if let Ok(Some(head)) = read_in_pieces(&input, [], &limits) {
            let again = render(&head, &input);
            // Without the permissions: what is written again has no oddities left, but for
            // methods and lengths.
            let roomy = Limits {
                unconventional_method: limits.unconventional_method,
                ..Limits::default()
            };
            let read_again = read_in_pieces(&again, [], &roomy).unwrap().unwrap();
            prop_assert_eq!(read_again.meaning, head.meaning);
            prop_assert_eq!(read_again.pairs(&again), head.pairs(&input));
            prop_assert_eq!(read_again.line.kind, head.line.kind);
            prop_assert_eq!(read_again.line.path.of(&again), head.line.path.of(&input));
            prop_assert_eq!(read_again.line.query.of(&again), head.line.query.of(&input));
            prop_assert_eq!(read_again.bytes(), again.len());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, &Limits::default());
        let input = [&b"GET / HTTP/1.1\r\n"[..], &bytes].concat();
        let _ = read(&input, &Limits::default());
    }

    #[test]
    fn right_fields_are_found_as_they_are(
        fields in prop::collection::vec(
            ("X[!#$%&'*+.^_`|~0-9A-Za-z-]{0,20}", "([!-~]([ -~\t]*[!-~])?)?", "[ \t]{0,3}", "[ \t]{0,3}"),
            0..20,
        ),
    ) {
        let mut section = b"Host: a\r\n".to_vec();
        for (name, value, before, after) in &fields {
            section.extend_from_slice(format!("{name}:{before}{value}{after}\r\n").as_bytes());
        }
        section.extend_from_slice(b"\r\n");
        let read = Fields::parse(&section, &Limits::default()).unwrap().unwrap();
        prop_assert_eq!(read.bytes(), section.len());
        prop_assert_eq!(read.len(), fields.len() + 1);
        for (field, (name, value, ..)) in read.iter().skip(1).zip(&fields) {
            prop_assert_eq!(field.name.of(&section), name.as_bytes());
            prop_assert_eq!(&*field.value(&section), value.as_bytes());
        }
    }
}
