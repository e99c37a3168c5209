//! gRPC: calls against a hand-written server, and what is said of a method that
//! cannot be called.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use prost::Message as _;
use tonnage_load::{
    GrpcError, GrpcMethod, LoadError, LoadPlan, Protocol, RequestParts, SourcePlan, Target,
    TlsSettings,
};

use crate::peers::{Call, Peer, serve, serve_raw};
use crate::scripted::{failures, run};

const PROTO: &str = r#"
syntax = "proto3";
package demo;
message Item { int64 id = 1; }
message Num { int32 num = 1; string full_name = 2; repeated Item items = 3; Item best = 4; }
service Echo {
  rpc Say(Num) returns (Num);
  rpc Watch(Num) returns (stream Num);
}
"#;

const SAY: &str = "/demo.Echo/Say";

fn method() -> GrpcMethod {
    GrpcMethod::from_proto_text(PROTO, SAY).unwrap()
}

/// A plan of `requests` calls, two at a time.
fn plan(peer: &Peer, requests: u64, body: &str) -> LoadPlan {
    let request = RequestParts {
        headers: vec!["X-Meta: yes".parse().unwrap()],
        body: body.as_bytes().to_vec(),
        ..RequestParts::default()
    };
    LoadPlan {
        protocol: Protocol::Grpc {
            streams: 2,
            method: method(),
        },
        source: SourcePlan::constant(SAY, request),
        ..peer.plan(requests, 2)
    }
}

/// Reads a request to its end.
async fn body_of(call: &mut Call) -> Bytes {
    let mut body = Vec::new();
    while let Some(Ok(data)) = call.request.body_mut().data().await {
        body.extend_from_slice(&data);
    }
    body.into()
}

fn status(number: u32) -> HeaderMap {
    [(
        http::HeaderName::from_static("grpc-status"),
        HeaderValue::from(number),
    )]
    .into_iter()
    .collect()
}

/// Answers with frames and a status behind them.
fn answer(mut call: Call, frames: Bytes, trailers: HeaderMap) {
    let response = Response::builder().header("content-type", "application/grpc");
    let response = response.body(()).unwrap();
    if let Ok(mut stream) = call.respond.send_response(response, false) {
        let _ = stream.send_data(frames, false);
        let _ = stream.send_trailers(trailers);
    }
}

async fn echo(mut call: Call) {
    let headers = call.request.headers();
    assert_eq!(call.request.method(), "POST");
    assert_eq!(call.request.uri().path(), SAY);
    assert_eq!(headers["content-type"], "application/grpc");
    assert_eq!(
        (&headers["te"], &headers["x-meta"]),
        (&"trailers".parse().unwrap(), &"yes".parse().unwrap())
    );
    let frame = body_of(&mut call).await;
    answer(call, frame, status(0));
}

#[test]
fn a_call_carries_json_there_and_back() {
    let peer = serve(echo);
    let json = r#"{"num": 5, "fullName": "x", "items": [{"id": 7}, {"id": "8"}]}"#;
    let mut plan = plan(&peer, 20, json);
    plan.checks.json = ["/num=5", "/fullName=x", "/items/1/id=8"]
        .map(|text| text.parse().unwrap())
        .to_vec();
    let report = run(&plan);
    assert_eq!(report.counts.succeeded, 20, "{:?}", failures(&report));
    assert_eq!(report.request.protocol, "gRPC");
    assert_eq!(report.request.method, "POST");
    assert_eq!(report.statuses, [(200, 20)].into());
    plan.checks.json = vec!["/num=6".parse().unwrap()];
    assert_eq!(failures(&run(&plan)), ["check × body: 20"]);
}

#[test]
fn defaults_are_shown_as_they_are() {
    let peer = serve(echo);
    let mut plan = plan(&peer, 2, "");
    plan.checks.json = vec!["/num=0".parse().unwrap(), "/items=[]".parse().unwrap()];
    assert_eq!(run(&plan).counts.succeeded, 2);
}

#[test]
fn rendered_messages_differ() {
    static SEEN: AtomicU64 = AtomicU64::new(0);
    let peer = serve(|mut call| async {
        let frame = body_of(&mut call).await;
        // Field 1 as a number, in a frame of two bytes.
        assert_eq!(frame[..6], [0, 0, 0, 0, 2, 8]);
        SEEN.fetch_or(1 << frame[6], Ordering::Relaxed);
        answer(call, frame, status(0));
    });
    assert_eq!(
        run(&plan(&peer, 10, r#"{"num": 1{{seq}}}"#))
            .counts
            .succeeded,
        10
    );
    assert_eq!(SEEN.load(Ordering::Relaxed), 0b11_1111_1111 << 10);
}

#[test]
fn a_status_other_than_ok_is_a_failure() {
    let peer = serve(|mut call| async {
        let frame = body_of(&mut call).await;
        match call.number % 5 {
            0 => answer(call, frame, status(0)),
            1 => answer(call, frame, status(13)),
            // Without its message, and without its status.
            2 => answer(call, Bytes::new(), status(0)),
            3 => answer(call, frame, HeaderMap::new()),
            _ => {
                // Trailers only.
                let mut response = Response::new(());
                *response.headers_mut() = status(5);
                call.respond.send_response(response, true).unwrap();
            }
        }
    });
    let mut plan = plan(&peer, 50, "{}");
    plan.protocol = Protocol::Grpc {
        streams: 1,
        method: method(),
    };
    let report = run(&plan);
    assert_eq!(report.counts.succeeded, 10);
    assert_eq!(failures(&report), ["check × grpc: 40"]);
}

#[test]
fn what_is_no_grpc_at_all_fails_by_its_http_status() {
    let peer = serve(|call| async { call.answer(502, "bad gateway") });
    let report = run(&plan(&peer, 6, "{}"));
    assert_eq!(failures(&report), ["check × status: 6"]);
}

fn problem_of(proto: &str, path: &str) -> String {
    GrpcMethod::from_proto_text(proto, path)
        .unwrap_err()
        .to_string()
}

#[test]
fn a_method_that_cannot_be_called_is_refused_with_the_way_out() {
    for (path, problem) in [
        ("/", "names no gRPC method"),
        ("/demo.Echo", "names no gRPC method"),
        ("/demo.Ehco/Say", "did you mean `demo.Echo`"),
        ("/demo.Echo/Sya", "did you mean `Say`? (known: Say, Watch)"),
        ("/demo.Echo/Watch", "streams its messages"),
    ] {
        let said = problem_of(PROTO, path);
        assert!(said.contains(problem), "{said}");
    }
    assert_eq!(
        problem_of("syntax = \"proto3\";\nmessage Num { int33 x = 1; }", SAY),
        "input.proto:2:15: name 'int33' is not defined"
    );
    let said = problem_of("syntax = \"proto3\";\n\nmessage {", SAY);
    assert!(said.starts_with("input.proto:3:9: "), "{said}");
}

#[test]
fn a_proto_file_may_import_its_neighbours() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("main.proto");
    let main = r#"syntax = "proto3"; package demo; import "item.proto"; import "google/protobuf/empty.proto";
        service Echo { rpc Say(Item) returns (google.protobuf.Empty); }"#;
    fs::write(&file, main).unwrap();
    let said = GrpcMethod::from_proto_file(&file, SAY)
        .unwrap_err()
        .to_string();
    assert!(
        said.starts_with("main.proto:1:") && said.contains("item.proto"),
        "{said}"
    );
    let item = "syntax = \"proto3\"; package demo; message Item { int64 id = 1; }";
    fs::write(folder.path().join("item.proto"), item).unwrap();
    let method = GrpcMethod::from_proto_file(&file, SAY).unwrap();
    assert_eq!(method.path(), SAY);
    let missing = folder.path().join("missing.proto");
    let error = GrpcMethod::from_proto_file(&missing, SAY).unwrap_err();
    let said = format!(
        "{}: No such file or directory (os error 2)",
        missing.display()
    );
    assert_eq!(error, GrpcError::Proto(said));
}

#[test]
fn json_that_does_not_fit_is_refused_before_the_load() {
    let peer = serve(echo);
    for (json, problem) in [
        ("{", "it is no JSON"),
        ("[]", "it must be an object"),
        (
            r#"{"nmu": 1}"#,
            "there is no field `nmu`; did you mean `num`?",
        ),
        (r#"{"num": "x"}"#, "`num`: "),
        (
            r#"{"items": [{"id": 1}, {"if": 1}]}"#,
            "there is no field `items[1].if`",
        ),
        (r#"{"best": {"id": {}}}"#, "`best.id`: "),
        (r#"{"num": {{rand:1..2}}, "x": 1}"#, "there is no field `x`"),
    ] {
        let error = tonnage_load::run(&plan(&peer, 2, json), &tonnage_load::Stop::new(), None);
        let said = error.unwrap_err().to_string();
        assert!(
            said.starts_with("the body does not fit `demo.Num`: "),
            "{said}"
        );
        assert!(said.contains(problem), "{json}: {said}");
    }
    assert_eq!(peer.requests(), 0);
}

/// A length-delimited field of protobuf.
fn field(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag << 3 | 2];
    prost::encode_length_delimiter(value.len(), &mut bytes).unwrap();
    bytes.extend(value);
    bytes
}

fn framed(message: &[u8]) -> Bytes {
    let mut frame = vec![0];
    frame.extend((message.len() as u32).to_be_bytes());
    frame.extend(message);
    frame.into()
}

/// A file's descriptor, as a server sends it.
fn descriptor(name: &str, text: &str, dependency: &[&str]) -> Vec<u8> {
    let file = protox::file::File::from_source(name, text).unwrap();
    let mut proto = file.file_descriptor_proto().clone();
    // As after linking, where names are full ones.
    for service in &mut proto.service {
        for method in &mut service.method {
            method.input_type = Some(".demo.Item".to_owned());
            method.output_type = Some(".demo.Item".to_owned());
        }
    }
    proto.dependency = dependency.iter().map(ToString::to_string).collect();
    proto.encode_to_vec()
}

/// A server that knows the older reflection only, and tells each file on its own.
async fn reflecting(mut call: Call) {
    if call.request.uri().path() != "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    {
        let mut response = Response::new(());
        *response.headers_mut() = status(12);
        call.respond.send_response(response, true).unwrap();
        return;
    }
    let request = body_of(&mut call).await;
    let message = &request[5..];
    let files = |bytes: Vec<u8>| field(4, &field(1, &bytes));
    let told = if message == field(4, b"demo.Echo") {
        let main = "syntax = \"proto3\"; package demo; import \"item.proto\"; service Echo { rpc Say(Item) returns (Item); }";
        files(descriptor("main.proto", main, &["item.proto"]))
    } else if message == field(3, b"item.proto") {
        let item = "syntax = \"proto3\"; package demo; message Item { int64 id = 1; }";
        files(descriptor("item.proto", item, &[]))
    } else if message[0] >> 3 == 7 {
        field(
            6,
            &[
                field(1, &field(1, b"demo.Echo")),
                field(1, &field(1, b"other.Thing")),
            ]
            .concat(),
        )
    } else {
        // Code 5: not found.
        field(7, &[vec![8, 5], field(2, b"what?")].concat())
    };
    answer(call, framed(&told), status(0));
}

fn reflect(peer: &Peer, path: &str, timeout: Duration) -> Result<GrpcMethod, LoadError> {
    let url = format!("grpc://{}{path}", peer.address);
    let target = Target::resolve(&url, Duration::from_secs(5)).unwrap();
    assert!(target.is_grpc());
    GrpcMethod::from_reflection(&target, &TlsSettings::default(), timeout)
}

#[test]
fn a_server_can_be_asked_what_it_serves() {
    let peer = serve(reflecting);
    let limit = Duration::from_secs(10);
    assert_eq!(reflect(&peer, SAY, limit).unwrap().path(), SAY);
    let said = reflect(&peer, "/demo.Ecko/Say", limit)
        .unwrap_err()
        .to_string();
    assert_eq!(
        said,
        "there is no gRPC service `demo.Ecko`; did you mean `demo.Echo`? (known: demo.Echo, other.Thing)"
    );
    let said = reflect(&peer, "/demo.Echo/Sing", limit)
        .unwrap_err()
        .to_string();
    assert!(said.contains("has no method `Sing`"), "{said}");
}

#[test]
fn a_server_that_does_not_tell_is_named() {
    let limit = Duration::from_secs(10);
    let mute = serve(|mut call| async move {
        let mut response = Response::new(());
        *response.headers_mut() = status(12);
        let _ = call.respond.send_response(response, true);
    });
    let said = reflect(&mute, SAY, limit).unwrap_err().to_string();
    assert!(said.contains("it offers no server reflection"), "{said}");
    let stranger = serve_raw(|stream| {
        let _ = std::io::Write::write_all(stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let said = reflect(&stranger, SAY, limit).unwrap_err().to_string();
    assert!(said.contains("what it speaks is not HTTP/2"), "{said}");
    let silent = serve_raw(crate::peers::drain);
    let began = Instant::now();
    let said = reflect(&silent, SAY, Duration::from_millis(50))
        .unwrap_err()
        .to_string();
    assert!(said.contains("it does not answer in time"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(5));
}
