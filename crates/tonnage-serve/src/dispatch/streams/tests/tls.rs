//! Bodies that are read as they are asked for, through TLS.

use super::*;
use crate::tls::testing::Authority;

#[test]
fn a_body_is_read_through_tls_when_it_is_asked_for() {
    let authority = Authority::new();
    let mut worker = Worker::new(IoSettings {
        tls: Some(authority.server()),
        ..settings()
    });
    let mut client = authority.client(worker.address);
    let body: Vec<u8> = (0..1_000_000_u32).map(|at| (at % 251) as u8).collect();
    let sent = body.clone();
    let asking = std::thread::spawn(move || {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n",
            sent.len()
        );
        client.write_all(head.as_bytes()).unwrap();
        client.write_all(&sent).unwrap();
        // The next request is in the same record as the end of the body might be.
        client.write_all(GET.as_bytes()).unwrap();
        let mut text = Vec::new();
        let mut room = [0; 1000];
        while !text.ends_with(b"second") {
            let count = client.read(&mut room).unwrap();
            assert!(count > 0);
            text.extend_from_slice(&room[..count]);
        }
        String::from_utf8(text).unwrap()
    });
    let token = worker.begin();
    assert!(worker.exchange(token).tls().is_some());
    assert!(worker.body(token).unwrap() == body);
    worker.answer(token, b"first");
    let token = worker.begin();
    assert_eq!(worker.body(token).unwrap(), b"");
    worker.answer(token, b"second");
    worker.until(|_| asking.is_finished().then_some(()));
    let text = asking.join().unwrap();
    assert!(text.contains("first") && text.ends_with("second"), "{text}");
}
