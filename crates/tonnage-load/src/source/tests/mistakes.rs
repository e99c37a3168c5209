//! What is refused, and what the message says.

use super::*;

#[test]
fn mistakes_in_common_templates_are_named_with_their_place() {
    let with = |request| plan(&["/"], request, None);
    for (plan, expected) in [
        (
            get("/x/{{sqe}}", None),
            "the path `/x/{{sqe}}`, column 4: `{{sqe}}` stands for nothing: did you mean {{seq}}?",
        ),
        (get("/{{line.x}}", None), "give a file with --data"),
        (get("x", None), "the path `x` is no path"),
        (
            get("/ä", None),
            "the path `/ä` has the character 'ä', which cannot stand in a path (write %C3%A4 instead)",
        ),
        (
            with(post(&["X-A: {{rand:2..1}}"], "")),
            "the header `X-A`, column 1: `{{rand:2..1}}` needs two integers",
        ),
        (
            with(post(&[], "a {{seq")),
            "the body, column 3: `{{seq` has no end",
        ),
        (plan(&[], RequestParts::default(), None), "there is no URL"),
    ] {
        let message = error(&plan);
        assert!(message.contains(expected), "{message}");
    }
    let mut weightless = get("/", None);
    weightless.endpoints[0].weight = 0;
    assert!(error(&weightless).contains("the weight of `/` is 0"));
}

#[test]
fn mistakes_in_data_are_named_with_their_line() {
    for (path, data, expected) in [
        ("/", "\n \n", "the data has no line"),
        (
            "/",
            "{}\nno",
            "line 2 of the data, column 2, is no JSON object",
        ),
        (
            "/{{line.id}}",
            "{\"id\":1}\n{\"idd\":1}",
            "line 2 of the data: `id` is missing",
        ),
        (
            "/{{line.id}}",
            "{\"id\":1}\n\n{\"id\":\"a b\"}",
            "line 3 of the data: `id` has the character ' '",
        ),
        (
            "{{line.id}}",
            "{\"id\":1}",
            "line 1 of the data: `id` is no path",
        ),
        (
            "/",
            "{\"path\":\"/a\\r\\nX: y\"}",
            "line 1 of the data: `path` has the character '\\r'",
        ),
        (
            "/",
            "{\"path\":\"/{{line.x}}\",\"x\":\"?\\n\"}",
            "line 1 of the data: `x` has the character '\\n'",
        ),
        (
            "/",
            "{\"path\":\"/{{seq}\"}",
            "line 1 of the data: `path`, column 2: `{{seq}` has no end",
        ),
        (
            "/",
            "{\"method\":\"GET /\"}",
            "line 1 of the data: `GET /` is no HTTP method",
        ),
        (
            "/",
            "{\"headers\":{\"Content-Length\":3}}",
            "line 1 of the data: the header `Content-Length` is set",
        ),
        (
            "/",
            "{\"headers\":{\"A\":\"b\\r\\nC: d\"}}",
            "line 1 of the data: `A: b",
        ),
        (
            "/",
            "{\"headers\":{\"A\":\"{{line.x}}\"},\"x\":\"\\n\"}",
            "line 1 of the data: `x` has a control character",
        ),
    ] {
        let message = error(&get(path, Some(data)));
        assert!(message.contains(expected), "{data}: {message}");
    }
    let header = plan(
        &["/"],
        post(&["A: {{line.x}}"], ""),
        Some("{\"x\":\"\\r\"}"),
    );
    assert!(error(&header).contains("line 1 of the data: `x` has a control character"));
}

#[test]
fn what_would_not_fit_in_memory_is_refused() {
    let wire = Wire {
        host: "h",
        keepalive: true,
    };
    let limits = Limits {
        data_bytes: 8,
        requests: 5,
        ..Limits::DEFAULT
    };
    let message = |data| {
        let plan = plan(&["/", "/b"], RequestParts::default(), Some(data));
        compile::compile(&plan, wire, limits).map_err(|error| error.to_string())
    };
    assert!(message("{}\n{}").is_ok());
    assert!(
        message("{}\n{}\n{}")
            .unwrap_err()
            .starts_with("3 lines of data for 2 URLs are more than 5")
    );
    assert!(
        message("{}\n{}\n{}\n")
            .unwrap_err()
            .starts_with("the data has 9 bytes, and at most 8")
    );
}
