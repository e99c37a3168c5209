//! What an application is told of besides requests: that time has passed, and who was
//! refused.

use super::*;
use crate::http::Refusal;

#[test]
fn who_is_never_without_work_has_a_turn_all_the_same() {
    let worker = Worker::start(settings(), 1);
    let mut client = worker.client();
    // All of it is there at once, so that nobody looks at the sockets in between.
    let busy = TURN_NS.div_ceil(BUSY.as_nanos() as u64) as usize + 1;
    let paths = [&["/turns"], &*vec!["/busy"; busy], &["/turns"]].concat();
    let request = |path: &&str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send(&paths.iter().map(request).collect::<String>());
    let answers: Vec<String> = paths.iter().map(|_| client.body()).collect();
    let [before, after] = [0, paths.len() - 1].map(|at| answers[at].parse::<usize>().unwrap());
    assert!(after > before, "{before} turns, and then {after}");
}

#[test]
fn what_is_refused_meanwhile_is_told_of_with_as_much_as_is_known() {
    let worker = Worker::start(settings(), 1);
    let mut busy = worker.client();
    busy.get("/wait");
    worker.wait_for("/wait");
    for (text, status) in [
        ("nonsense\r\n\r\n", "400"),
        (
            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
            "400",
        ),
    ] {
        let mut client = worker.client();
        client.send(text);
        let (head, _) = client.response();
        assert!(head.contains(status), "{head}");
    }
    assert!(worker.refused.try_recv().is_err(), "told by whom?");
    worker.open.send(()).unwrap();
    assert_eq!(busy.body(), "waited");
    let [line, length] = [(); 2].map(|()| worker.refused.recv_timeout(PATIENCE).unwrap());
    assert!(line.request().is_none());
    assert_eq!(length.refusal, crate::http::Refusal::ContentLength);
    assert_eq!(length.request().unwrap().path(), b"/a");
    assert!(length.sent_bytes > 0);
}

#[test]
fn what_cannot_be_kept_is_told_of_with_its_folder() {
    let settings = IoSettings {
        folder: std::path::Path::new("/does-not-exist").into(),
        ..settings()
    };
    let worker = Worker::start(settings, 1);
    let mut client = worker.client();
    let length = 8 << 20;
    client.send(&format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
    ));
    // The answer may come before all is sent, and the connection goes with it.
    let _ = client.0.write_all(&vec![b'x'; length]);
    let (head, body) = client.response();
    assert!(head.starts_with("HTTP/1.1 500"), "{head}");
    assert_eq!(body, b"no room for the request body\n");
    let refused = worker.refused.recv_timeout(PATIENCE).unwrap();
    assert_eq!(refused.refusal, Refusal::NoRoom);
    let trouble = worker.trouble.recv_timeout(PATIENCE).unwrap();
    assert!(
        trouble.starts_with("Cannot keep a request body in /does-not-exist: "),
        "{trouble}"
    );

    let mut slow = worker.client();
    slow.get("/big");
    let trouble = worker.trouble.recv_timeout(PATIENCE).unwrap();
    assert!(
        trouble.starts_with("Cannot keep a response in /does-not-exist: "),
        "{trouble}"
    );
    assert_eq!(slow.response().1.len(), 8 << 20);
}
