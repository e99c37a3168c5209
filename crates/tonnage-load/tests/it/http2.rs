//! HTTP/2: what a healthy peer makes of it, and what is counted when one is not.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tonnage_load::{
    Checks, LoadModel, LoadPlan, Overload, Protocol, RequestParts, SourcePlan, Target, Timeouts,
};

use crate::peers::{
    Call, Fate, Setup, drain, frame, read_until, reset, serve, serve_raw, serve_unix, serve_with,
    write,
};
use crate::scripted::{failures, run};

const SETTINGS: u8 = 4;
const HEADERS: u8 = 1;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

async fn ok(call: Call) {
    call.answer(200, "ok");
}

/// Never answers, and holds what it has to answer with.
async fn silence(call: Call) {
    let _held = call;
    std::future::pending::<()>().await;
}

#[test]
fn requests_go_over_several_streams_connections_and_threads() {
    let peer = serve(ok);
    let mut plan = peer.plan(400, 4);
    (plan.connections, plan.threads) = (3, 2);
    let report = run(&plan);
    assert_eq!(report.counts.succeeded, 400);
    assert_eq!((peer.requests(), peer.connections()), (400, 3));
    assert_eq!(report.statuses, [(200, 400)].into());
    assert_eq!(report.bodies.kinds.len(), 1);
    assert_eq!(report.bodies.kinds[0].bytes, 2);
    assert_eq!(report.request.protocol, "HTTP/2");
    assert_eq!(report.request.load_model, "closed loop, 12 users");
    assert_eq!(report.generator.connections_used, 3);
    assert_eq!(report.generator.engine, "epoll");
    assert!(report.counts.bytes_sent > 400 * 9 && report.counts.bytes_received > 400 * 9);
}

#[test]
fn a_unix_socket_will_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    serve_unix(&path, ok);
    let target = Target::resolve_unix("http://here/", &path).unwrap();
    let mut plan = LoadPlan::new(target, 2);
    plan.protocol = Protocol::Http2 { streams: 3 };
    (plan.duration, plan.requests) = (None, Some(30));
    assert_eq!(run(&plan).counts.succeeded, 30);
}

#[test]
fn streams_of_one_connection_run_side_by_side() {
    static WAITING: AtomicU64 = AtomicU64::new(0);
    static MOST: AtomicU64 = AtomicU64::new(0);
    let peer = serve(|call| async {
        MOST.fetch_max(
            WAITING.fetch_add(1, Ordering::Relaxed) + 1,
            Ordering::Relaxed,
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
        WAITING.fetch_sub(1, Ordering::Relaxed);
        call.answer(200, "ok");
    });
    let report = run(&peer.plan(40, 10));
    assert_eq!((report.counts.succeeded, peer.connections()), (40, 1));
    assert_eq!(MOST.load(Ordering::Relaxed), 10);
    // No answer can be seen before it was given.
    assert!(report.service_time.min_us.unwrap() >= 20_000.0);
}

#[test]
fn bodies_come_in_pieces_of_any_length() {
    let peer = serve(|mut call| async move {
        let response = Response::new(());
        let mut stream = call.respond.send_response(response, false).unwrap();
        stream.send_data("be".into(), false).unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
        // More than all windows together have at first, by default.
        stream
            .send_data(Bytes::from(vec![b'x'; 3_000_000]), false)
            .unwrap();
        stream.send_data("end".into(), true).unwrap();
    });
    let mut plan = peer.plan(8, 2);
    plan.checks.body = Some(Checks::pattern("^bex+end$").unwrap());
    let report = run(&plan);
    assert_eq!(failures(&report), [""; 0]);
    assert_eq!(report.bodies.kinds[0].bytes, 3_000_005);
    assert!(report.counts.bytes_received > 8 * 3_000_005);
    assert!(report.body_time.max_us.unwrap() >= 2_000.0);
}

#[test]
fn request_bodies_of_any_length_arrive() {
    let peer = serve(|mut call| async move {
        let mut length = 0;
        let body = call.request.body_mut();
        while let Some(Ok(data)) = body.data().await {
            length += data.len();
            body.flow_control().release_capacity(data.len()).unwrap();
        }
        assert_eq!(call.request.headers()["content-type"], "text/plain");
        let status = if length == 500_000 { 200 } else { 400 };
        call.answer(status, "");
    });
    let mut plan = peer.plan(10, 3);
    let request = RequestParts {
        method: "POST".to_owned(),
        headers: vec!["Content-Type: text/plain".parse().unwrap()],
        body: vec![b'x'; 500_000],
    };
    plan.source = SourcePlan::constant("/upload", request);
    let report = run(&plan);
    assert_eq!(report.counts.succeeded, 10, "{:?}", failures(&report));
    assert!(report.counts.bytes_sent > 10 * 500_000);
}

#[test]
fn rendered_requests_differ() {
    static SEEN: AtomicU64 = AtomicU64::new(0);
    let peer = serve(|call| async {
        let number: u64 = call.request.uri().path()[1..].parse().unwrap();
        SEEN.fetch_or(1 << number, Ordering::Relaxed);
        assert_eq!(call.request.headers()["x-number"], number.to_string());
        call.answer(200, "ok");
    });
    let mut plan = peer.plan(20, 4);
    let request = RequestParts {
        headers: vec!["X-Number: {{seq}}".parse().unwrap()],
        ..RequestParts::default()
    };
    plan.source = SourcePlan::constant("/{{seq}}", request);
    assert_eq!(run(&plan).counts.succeeded, 20);
    assert_eq!(SEEN.load(Ordering::Relaxed), (1 << 20) - 1);
}

#[test]
fn an_open_loop_uses_streams_as_its_pool() {
    let peer = serve(ok);
    let mut plan = peer.plan(50, 8);
    plan.model = LoadModel::Open {
        rate_rps: 1000.0,
        law: tonnage_load::ArrivalLaw::Constant,
        overload: Overload::Queue,
    };
    let report = run(&plan);
    assert_eq!(report.counts.succeeded, 50);
    assert_eq!(report.arrivals.unwrap().sent, 50);
}

#[test]
fn a_peer_that_takes_one_stream_at_a_time_is_obeyed() {
    static WAITING: AtomicU64 = AtomicU64::new(0);
    let setup = Setup {
        most_streams: Some(1),
        ..Setup::default()
    };
    let peer = serve_with(setup, |call| async {
        assert_eq!(WAITING.fetch_add(1, Ordering::Relaxed), 0);
        tokio::time::sleep(Duration::from_millis(5)).await;
        WAITING.fetch_sub(1, Ordering::Relaxed);
        call.answer(200, "ok");
    });
    let report = run(&peer.plan(20, 4));
    assert_eq!(report.counts.succeeded, 20, "{:?}", failures(&report));
    // Waiting for the stream is part of the response time, not of the service time.
    assert!(report.response_time.percentile_us(50.0).unwrap() > 15_000.0);
    assert!(report.service_time.min_us.unwrap() < 15_000.0);
}

#[test]
fn reset_streams_are_counted_and_their_connection_goes_on() {
    let peer = serve(|mut call| async move {
        match call.number % 3 {
            0 => call.answer(200, "ok"),
            1 => reset(call),
            _ => {
                let response = Response::new(());
                let mut stream = call.respond.send_response(response, false).unwrap();
                stream.send_data("half".into(), false).unwrap();
                tokio::time::sleep(Duration::from_millis(2)).await;
                reset(call);
            }
        }
    });
    let report = run(&peer.plan(30, 1));
    assert_eq!(report.counts.succeeded, 10);
    assert_eq!(
        failures(&report),
        ["wait × stream: 10", "read × stream: 10"]
    );
    assert_eq!(peer.connections(), 1);
}

#[test]
fn a_peer_that_goes_away_has_refused_what_it_did_not_take() {
    let peer = serve_raw(|stream| {
        write(stream, &frame(SETTINGS, 0, 0, &[]));
        read_until(stream, HEADERS);
        // The last stream that it took is 0, the reason NO_ERROR.
        write(stream, &frame(GOAWAY, 0, 0, &[0; 8]));
        drain(stream);
    });
    let report = run(&peer.plan(5, 1));
    assert_eq!(failures(&report), ["wait × goaway: 5"]);
    assert_eq!(peer.connections(), 5);
}

#[test]
fn a_peer_that_goes_away_in_good_order_costs_no_request() {
    let peer = serve(|call| async {
        if call.number == 4 {
            call.fate.send(Fate::GoAway).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        call.answer(200, "ok");
    });
    let report = run(&peer.plan(60, 4));
    assert_eq!(report.counts.succeeded, 60, "{:?}", failures(&report));
    assert!(peer.connections() > 2, "{}", peer.connections());
}

#[test]
fn what_is_under_way_is_lost_with_the_connection() {
    let peer = serve(|mut call| async move {
        match call.number {
            // Its answer has begun when the connection goes.
            0 => {
                let response = Response::new(());
                let mut stream = call.respond.send_response(response, false).unwrap();
                stream.send_data("half".into(), false).unwrap();
                silence(call).await;
            }
            1 => silence(call).await,
            _ => {
                tokio::time::sleep(Duration::from_millis(5)).await;
                call.fate.send(Fate::Close).unwrap();
            }
        }
    });
    let report = run(&peer.plan(12, 3));
    assert_eq!(failures(&report), ["wait × closed: 8", "read × closed: 4"]);
    assert_eq!(peer.connections(), 4);
}

#[test]
fn answers_that_are_not_what_was_expected_fail_their_check() {
    let peer = serve(|call| async {
        match call.number % 4 {
            0 => call.answer(500, "ok"),
            1 => call.answer(200, "ko"),
            2 => call.answer(204, ""),
            _ => call.answer(200, "ok"),
        }
    });
    let mut plan = peer.plan(40, 1);
    plan.checks.body = Some(Checks::pattern("^ok").unwrap());
    let report = run(&plan);
    assert_eq!(report.counts.succeeded, 10);
    assert_eq!(
        failures(&report),
        ["check × status: 10", "check × body: 20"]
    );
    assert_eq!(report.statuses, [(200, 20), (204, 10), (500, 10)].into());
}

fn short(limit: Duration) -> Timeouts {
    Timeouts {
        wait: limit,
        read: limit,
        ..Timeouts::all(Duration::from_secs(30))
    }
}

#[test]
fn a_stream_that_lasts_too_long_is_cancelled_alone() {
    static CANCELLED: AtomicU64 = AtomicU64::new(0);
    let peer = serve(|mut call| async move {
        if call.number % 2 == 0 {
            return call.answer(200, "ok");
        }
        let mut begun = match call.number % 4 {
            1 => call.respond.send_response(Response::new(()), false).ok(),
            _ => None,
        };
        let reason = std::future::poll_fn(|context| match &mut begun {
            Some(stream) => stream.poll_reset(context),
            None => call.respond.poll_reset(context),
        });
        if reason.await.is_ok_and(|r| r == h2::Reason::CANCEL) {
            CANCELLED.fetch_add(1, Ordering::Relaxed);
        }
    });
    let mut plan = peer.plan(8, 1);
    plan.timeouts = short(Duration::from_millis(30));
    let report = run(&plan);
    assert_eq!(report.counts.succeeded, 4);
    assert_eq!(
        failures(&report),
        ["wait × timeout: 2", "read × timeout: 2"]
    );
    assert_eq!(peer.connections(), 1);
    // The last of them may still be on its way.
    assert!(CANCELLED.load(Ordering::Relaxed) >= 2);
}

#[test]
fn what_the_peer_never_allows_to_go_out_has_failed_to_be_written() {
    let setup = Setup {
        most_streams: Some(1),
        ..Setup::default()
    };
    let peer = serve_with(setup, silence);
    let mut plan = peer.plan(2, 2);
    plan.timeouts.write = Duration::from_millis(30);
    plan.timeouts.wait = Duration::from_millis(60);
    let report = run(&plan);
    assert_eq!(
        failures(&report),
        ["write × timeout: 1", "wait × timeout: 1"]
    );
}

#[test]
fn what_the_end_cuts_off_is_counted_as_unfinished() {
    let peer = serve(silence);
    let mut plan = peer.plan(1, 5);
    plan.requests = None;
    plan.duration = Some(Duration::from_millis(100));
    let report = run(&plan);
    assert_eq!((report.counts.started, report.counts.unfinished), (5, 5));
}

#[test]
fn a_target_that_is_gone_refuses_everybody() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = nobody.local_addr().unwrap();
    drop(nobody);
    let mut plan = LoadPlan {
        protocol: Protocol::Http2 { streams: 3 },
        ..crate::scripted::plan_for(gone, 1)
    };
    plan.requests = None;
    plan.duration = Some(Duration::from_millis(100));
    let report = run(&plan);
    let [failure] = &failures(&report)[..] else {
        panic!("{:?}", failures(&report));
    };
    assert!(failure.starts_with("connect × refused"), "{failure}");
    // Pauses grow: 1, 2, 4 … ms, three users each.
    assert!(report.counts.failed <= 3 * 8, "{failure}");
}

#[test]
fn a_connection_is_replaced_after_its_share() {
    let peer = serve(ok);
    let mut plan = peer.plan(20, 2);
    plan.requests_per_connection = Some(5);
    assert_eq!(run(&plan).counts.succeeded, 20);
    assert_eq!(peer.connections(), 4);

    let peer = serve(ok);
    let mut plan = peer.plan(6, 1);
    plan.keepalive = false;
    assert_eq!(run(&plan).counts.succeeded, 6);
    assert_eq!(peer.connections(), 6);
}

#[test]
fn what_is_no_http2_is_a_breach_of_protocol() {
    let peer = serve_raw(|stream| {
        write(
            stream,
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        );
        drain(stream);
    });
    let report = run(&peer.plan(3, 1));
    assert_eq!(failures(&report), ["wait × protocol: 3"]);
}

#[test]
fn headers_without_end_are_not_taken() {
    let peer = serve_raw(|stream| {
        write(stream, &frame(SETTINGS, 0, 0, &[]));
        read_until(stream, HEADERS);
        // :status 200, then the header `x: yyyy…` again and again.
        let mut header = b"\x00\x01x\x7f\x01".to_vec();
        header.extend([b'y'; 128]);
        write(stream, &frame(HEADERS, 0, 1, b"\x88"));
        let block = header.repeat(100);
        while write(stream, &frame(CONTINUATION, 0, 1, &block)) {}
    });
    let report = run(&peer.plan(1, 1));
    assert_eq!(failures(&report), ["wait × protocol: 1"]);
    let received = report.counts.bytes_received;
    assert!(received < 1024 * 1024, "{received}");
}

#[test]
fn a_peer_that_never_stops_does_not_keep_the_thread() {
    let pings = serve_raw(|stream| {
        write(stream, &frame(SETTINGS, 0, 0, &[]));
        let many = frame(PING, 1, 0, &[0; 8]).repeat(1000);
        while write(stream, &many) {}
    });
    let bodies = serve(|mut call| async move {
        let response = Response::new(());
        let mut stream = call.respond.send_response(response, false).unwrap();
        loop {
            stream.reserve_capacity(100_000);
            if std::future::poll_fn(|context| stream.poll_capacity(context))
                .await
                .is_none_or(|capacity| capacity.is_err())
            {
                return;
            }
            let data = Bytes::from(vec![0; stream.capacity()]);
            if stream.send_data(data, false).is_err() {
                return;
            }
        }
    });
    for peer in [pings, bodies] {
        let mut plan = peer.plan(1, 1);
        plan.requests = None;
        // Long enough for either side to get a CPU, whatever else runs.
        plan.duration = Some(Duration::from_secs(1));
        let report = run(&plan);
        assert_eq!(report.counts.unfinished, 1, "{:?}", failures(&report));
        assert!(report.counts.bytes_received > 1_000_000);
    }
}
