//! What is sent for which plan.

mod mistakes;
mod properties;

use serde_json::json;

use super::*;
use crate::RequestParts;

fn post(headers: &[&str], body: &str) -> RequestParts {
    RequestParts {
        method: "POST".to_owned(),
        headers: headers.iter().map(|text| text.parse().unwrap()).collect(),
        body: body.as_bytes().to_vec(),
    }
}

fn plan(paths: &[&str], request: RequestParts, data: Option<&str>) -> SourcePlan {
    SourcePlan {
        endpoints: paths.iter().map(|&path| path.into()).collect(),
        request,
        data: data.map(|text| DataPlan {
            text: text.to_owned(),
            pick: Pick::Sequential,
        }),
    }
}

fn get(path: &str, data: Option<&str>) -> SourcePlan {
    plan(&[path], RequestParts::default(), data)
}

fn source(plan: &SourcePlan) -> RequestSource {
    RequestSource::compile(plan, "h:1", true).unwrap()
}

/// Data of `count` lines.
fn lines(count: u32, line: impl Fn(u32) -> serde_json::Value) -> String {
    let lines: Vec<_> = (0..count).map(|n| line(n).to_string()).collect();
    lines.join("\n")
}

/// What `cursor` sends next.
fn sent(cursor: &mut Cursor<'_>) -> String {
    let mut buffer = b"left over".to_vec();
    let request = cursor.next(&mut buffer).request;
    let bytes = cursor.source.bytes(request, &buffer);
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The paths of the next `count` requests of a thread.
fn paths(cursor: &mut Cursor<'_>, count: usize) -> Vec<String> {
    let path = |_| Parts::of(sent(cursor).as_bytes()).path.to_owned();
    (0..count).map(path).collect()
}

fn error(plan: &SourcePlan) -> String {
    let compiled = RequestSource::compile(plan, "h:1", true);
    compiled.unwrap_err().to_string()
}

#[test]
fn a_request_without_placeholders_is_put_together_once() {
    let plan = SourcePlan::constant("/p?q", post(&["X-A: b"], "{}"));
    for keepalive in [true, false] {
        let source = RequestSource::compile(&plan, "h:1", keepalive).unwrap();
        let target = crate::Target {
            url: "http://h:1/p?q".to_owned(),
            host_header: "h:1".to_owned(),
            path: "/p?q".to_owned(),
            address: crate::Address::Tcp(([127, 0, 0, 1], 1).into()),
            tls_host: None,
        };
        let expected = plan.request.to_bytes(&target, keepalive).unwrap();
        assert_eq!(source.single(), Some(&expected[..]));
        let next = source.cursor(0, 0, 1).next(&mut Vec::new());
        assert_eq!(next.request, Request::Fixed(0));
        assert!(!next.is_head && next.endpoint == 0);
        assert_eq!(source.fixed_count(), 1);
    }
}

#[test]
fn numbers_are_unique_over_all_threads() {
    let source = source(&get("/{{seq}}", None));
    assert_eq!(source.single(), None);
    let mut all: Vec<_> = (0..3)
        .flat_map(|thread| paths(&mut source.cursor(1, thread, 3), 4))
        .collect();
    assert_eq!(all[..4], ["/0", "/3", "/6", "/9"]);
    all.sort_by_key(|path| path[1..].parse::<u32>().unwrap());
    assert_eq!(all, (0..12).map(|n| format!("/{n}")).collect::<Vec<_>>());
}

#[test]
fn random_numbers_follow_from_seed_and_thread() {
    let source = source(&get("/{{rand:-1000000..1000000}}", None));
    let drawn = |seed, thread| paths(&mut source.cursor(seed, thread, 2), 5);
    assert_eq!(drawn(1, 0), drawn(1, 0));
    assert_ne!(drawn(1, 0), drawn(1, 1));
    assert_ne!(drawn(1, 0), drawn(2, 0));
}

#[test]
fn urls_get_their_share() {
    let mut plan = plan(&["/a", "/b"], RequestParts::default(), None);
    plan.endpoints[1].weight = 3;
    let source = source(&plan);
    let mut cursor = source.cursor(5, 0, 1);
    let mut counts = [0_u32; 2];
    for _ in 0..4000 {
        counts[usize::from(cursor.next(&mut Vec::new()).endpoint)] += 1;
    }
    assert!((900..1100).contains(&counts[0]), "{counts:?}");
    assert_eq!(source.fixed_count(), 2);
    assert_eq!(source.endpoints(), ["/a", "/b"]);
}

#[test]
fn lines_fill_templates_one_after_the_other_over_all_threads() {
    let data =
        "{\"id\":7,\"o\":{\"x\":[1, \"q\"]}}\n\n{\"id\":\"b-c\",\"o\":0}\n{\"id\":true,\"o\":1}";
    let source = source(&plan(
        &["/{{line.id}}"],
        post(&["X-Id: <{{line.id}}>"], "{{line.o}}"),
        Some(data),
    ));
    assert_eq!(source.fixed_count(), 3);
    let mut cursor = source.cursor(0, 1, 2);
    assert_eq!(paths(&mut cursor, 4), ["/b-c", "/7", "/true", "/b-c"]);
    let request = sent(&mut cursor);
    assert!(request.contains("X-Id: <7>\r\n"), "{request}");
    let end = "Content-Length: 13\r\n\r\n{\"x\":[1,\"q\"]}";
    assert!(request.ends_with(end), "{request}");
}

#[test]
fn lines_picked_at_random_are_all_picked() {
    let data = lines(10, |n| json!({"n": n}));
    let mut plan = get("/{{line.n}}", Some(&data));
    plan.data.as_mut().unwrap().pick = Pick::Random;
    let source = source(&plan);
    let drawn = paths(&mut source.cursor(3, 0, 1), 200);
    assert_ne!(drawn[..20], drawn[20..40]);
    for n in 0..10 {
        assert!(drawn.contains(&format!("/{n}")), "{n}");
    }
}

#[test]
fn a_line_replaces_what_it_names() {
    let data = [
        json!({"method": "HEAD", "path": "/own/{{seq}}"}),
        json!({"headers": {"x-a": "line", "X-B": 2}, "body": {"k": ["{{line.v}}"]}, "v": "w"}),
        json!({"body": [], "headers": {"content-type": "text/x"}}),
        json!({"body": ""}),
    ]
    .map(|line| line.to_string())
    .join("\n");
    let source = source(&plan(
        &["/common"],
        post(&["X-A: common"], "common body"),
        Some(&data),
    ));
    let mut cursor = source.cursor(0, 0, 1);
    let own_path = cursor.next(&mut Vec::new());
    assert!(own_path.is_head && own_path.request == Request::Rendered);
    assert_eq!(
        source.endpoints()[usize::from(own_path.endpoint)],
        "(paths of the data)"
    );

    let json_body = sent(&mut cursor);
    let parts = Parts::of(json_body.as_bytes());
    let agent = concat!("tonnage/", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        parts.headers().collect::<Vec<_>>(),
        [
            ("User-Agent", agent),
            ("X-B", "2"),
            ("x-a", "line"),
            ("Content-Type", "application/json"),
        ]
    );
    assert_eq!((parts.method, parts.path), ("POST", "/common"));
    assert_eq!(parts.body, br#"{"k":["w"]}"#);

    let own_type = sent(&mut cursor);
    assert!(own_type.contains("content-type: text/x\r\n"));
    assert!(!own_type.contains("application/json"));
    let no_body = sent(&mut cursor);
    assert!(
        no_body.contains("X-A: common\r\nContent-Length: 0\r\n"),
        "{no_body}"
    );
    assert_eq!(paths(&mut cursor, 1), ["/own/4"]);
}

#[test]
fn what_has_no_room_is_rendered_to_the_same_bytes() {
    let data = lines(8, |n| json!({"n": n, "body": format!("b{n}")}));
    let plan = plan(&["/a/{{line.n}}", "/b"], post(&[], ""), Some(&data));
    let roomy = source(&plan);
    let wire = Wire {
        host: "h:1",
        keepalive: true,
    };
    let limits = Limits {
        fixed_bytes: roomy.fixed(0).len() * 3,
        ..Limits::DEFAULT
    };
    let tight = compile::compile(&plan, wire, limits).unwrap();
    assert_eq!(roomy.fixed_count(), 16);
    assert!((1..4).contains(&tight.fixed_count()));
    let (mut a, mut b) = (roomy.cursor(1, 0, 1), tight.cursor(1, 0, 1));
    for _ in 0..50 {
        assert_eq!(sent(&mut a), sent(&mut b));
    }
}

#[test]
fn rendering_again_allocates_nothing() {
    let plan = plan(
        &["/{{rand:10..99}}"],
        post(&[], "n={{rand:100..999}}"),
        None,
    );
    let source = source(&plan);
    let mut cursor = source.cursor(1, 0, 1);
    let mut buffer = Vec::new();
    cursor.next(&mut buffer);
    let before = (buffer.as_ptr(), cursor.scratch.as_ptr());
    for _ in 0..100 {
        cursor.next(&mut buffer);
    }
    assert_eq!((buffer.as_ptr(), cursor.scratch.as_ptr()), before);
}

#[test]
fn a_request_that_takes_nothing_from_its_line_is_kept_once() {
    let data = "{\"n\":1}\n{\"n\":2}\n{\"n\":3}";
    let source = source(&plan(
        &["/same", "/{{line.n}}"],
        RequestParts::default(),
        Some(data),
    ));
    assert_eq!(source.fixed_count(), 4);
}
