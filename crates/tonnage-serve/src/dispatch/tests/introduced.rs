//! Connections whose proxy says who its client is.

use std::sync::Arc;

use super::*;
use crate::proxy_protocol::{ProxyProtocol, Versions};
use crate::settings::TrustedPeers;

const TEXT: &str = "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n";

fn worker(proxies: &str) -> Worker {
    Worker::start(obeyed(proxies), 1)
}

fn obeyed(proxies: &str) -> IoSettings {
    let proxies = TrustedPeers::parse(&[proxies]).unwrap();
    let spoken = ProxyProtocol::new(Versions::Both, proxies);
    IoSettings {
        proxy_protocol: Some(Arc::new(spoken)),
        ..settings()
    }
}

fn own(client: &Client) -> SocketAddr {
    client.0.local_addr().unwrap()
}

#[test]
fn the_client_is_who_the_proxy_says_on_all_of_a_connection() {
    let worker = worker("127.0.0.1");
    let mut client = worker.client();
    let own = own(&client);
    client.send(&format!("{TEXT}GET /peer HTTP/1.1\r\nHost: a\r\n\r\n"));
    for _ in 0..2 {
        assert_eq!(client.body(), format!("192.0.2.1:56324 by {own}"));
        client.get("/peer");
    }
    client.body();
    // It is said once: what looks like it later is no request.
    client.send(TEXT);
    assert!(client.response().0.starts_with("HTTP/1.1 400"));
}

#[test]
fn a_header_may_come_byte_by_byte() {
    let worker = worker("127.0.0.1");
    let mut client = worker.client();
    client.0.set_nodelay(true).unwrap();
    for byte in TEXT.as_bytes() {
        client.0.write_all(&[*byte]).unwrap();
    }
    client.get("/peer");
    assert!(client.body().starts_with("192.0.2.1:56324 by"));
}

#[test]
fn a_connection_without_a_header_is_what_it_looks_like() {
    let worker = worker("127.0.0.1");
    let mut client = worker.client();
    let own = own(&client);
    client.get("/peer");
    assert_eq!(client.body(), own.to_string());
    let mut client = worker.client();
    client.send("PROXY UNKNOWN\r\n");
    let own = client.0.local_addr().unwrap();
    client.get("/peer");
    assert_eq!(client.body(), format!("{own} by {own}"));
}

#[test]
fn who_may_not_say_it_and_what_is_no_header_are_refused() {
    let strict = worker("192.0.2.9");
    let mut client = strict.client();
    client.send(TEXT);
    assert!(client.response().0.starts_with("HTTP/1.1 403"));
    assert!(client.is_closed());
    let worker = worker("127.0.0.1");
    let mut client = worker.client();
    client.send("PROXY TCP4 nonsense\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(client.response().0.starts_with("HTTP/1.1 400"));
    assert!(client.is_closed());
    assert_eq!(worker.dispatcher.served() + strict.dispatcher.served(), 0);
}

#[test]
fn a_header_that_does_not_come_ends_the_connection_in_time() {
    let settings = IoSettings {
        header_timeout_ms: 100,
        ..obeyed("127.0.0.1")
    };
    let worker = Worker::start(settings, 1);
    let mut client = worker.client();
    client.send("PROXY TCP4 192");
    assert!(client.is_closed());
}
