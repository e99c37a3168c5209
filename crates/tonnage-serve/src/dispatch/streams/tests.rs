//! One thread that turns by hand, and clients on loopback.

mod bodies;
mod compressed;
mod http2;
mod late;
mod tls;
mod together;
mod websockets;
mod whole;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::*;
use crate::dispatch::testing::{PATIENCE, settings, sockets, sockets_with_limit, until};
use crate::io::IoSettings;

/// The shortest request.
const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/// A worker that does nothing by itself.
struct Worker {
    streams: Streams,
    address: SocketAddr,
    /// Requests that were begun.
    begun: HashMap<Token, Exchange>,
}

impl Worker {
    fn new(settings: IoSettings) -> Self {
        let (io, address) = sockets(settings);
        Self::over(io, address)
    }

    fn over(io: Io, address: SocketAddr) -> Self {
        Self {
            streams: Streams::new(io, None),
            address,
            begun: HashMap::new(),
        }
    }

    fn client(&self) -> TcpStream {
        let client = TcpStream::connect(self.address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client
    }

    /// One turn; tells the requests that are begun what happened.
    fn turn(&mut self) {
        self.streams.poll();
        let mut noted = Vec::new();
        self.streams.take_noted(&mut noted);
        for (token, signs) in noted {
            if let Some(exchange) = self.begun.get_mut(&token) {
                exchange.note(signs);
                exchange.flush();
            }
        }
    }

    /// Turns until there is something.
    fn until<T>(&mut self, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        until(|| {
            let found = look(self);
            if found.is_none() {
                self.turn();
            }
            found
        })
    }

    /// A client that has sent this, and its request.
    fn asked(&mut self, text: &str) -> (TcpStream, Token) {
        let mut client = self.client();
        client.write_all(text.as_bytes()).unwrap();
        (client, self.begin())
    }

    /// What a client sends next, and its request.
    fn asked_again(&mut self, client: &mut TcpStream, text: &str) -> Token {
        client.write_all(text.as_bytes()).unwrap();
        self.begin()
    }

    /// The next request, kept.
    fn begin(&mut self) -> Token {
        let (token, exchange) = self.until(|worker| worker.streams.next());
        self.begun.insert(token, exchange);
        token
    }

    fn exchange(&mut self, token: Token) -> &mut Exchange {
        self.begun.get_mut(&token).unwrap()
    }

    /// What there is of a body.
    fn receive(&mut self, token: Token) -> (Received, Vec<u8>) {
        let mut content = Vec::new();
        let exchange = self.begun.get_mut(&token).unwrap();
        let sink = &mut |part: &[u8]| content.extend_from_slice(part);
        let received = self.streams.receive(exchange, sink);
        (received, content)
    }

    /// All of a body, or how it broke off.
    fn body(&mut self, token: Token) -> Result<Vec<u8>, Received> {
        let mut body = Vec::new();
        self.until(|worker| {
            let (received, content) = worker.receive(token);
            body.extend(content);
            match received {
                Received::Part { last: true } => Some(Ok(())),
                Received::Part { last: false } | Received::Nothing => None,
                broken => Some(Err(broken)),
            }
        })
        .map(|()| body)
    }

    fn answer(&mut self, token: Token, text: &[u8]) {
        let none: [(&[u8], &[u8]); 0] = [];
        let mut exchange = self.begun.remove(&token).unwrap();
        exchange.close_if_body_is_left();
        exchange.start(200, b"OK", none).unwrap();
        exchange.send(text, true).unwrap();
        exchange.finish().unwrap();
        self.streams.end(token, exchange);
    }
}

/// What a client reads up to the end of a body.
fn read(client: &mut TcpStream, end: &str) -> String {
    let mut bytes = Vec::new();
    let mut room = vec![0; 64 << 10];
    while !bytes.ends_with(end.as_bytes()) {
        let count = client.read(&mut room).unwrap();
        assert!(
            count > 0,
            "closed after {:?}",
            String::from_utf8_lossy(&bytes)
        );
        bytes.extend_from_slice(&room[..count]);
    }
    String::from_utf8(bytes).unwrap()
}

/// What a client reads until the connection is closed, while the worker turns.
fn rest(worker: &mut Worker, client: &mut TcpStream) -> String {
    client.set_nonblocking(true).unwrap();
    let mut bytes = Vec::new();
    worker.until(|_| {
        let read = client.read_to_end(&mut bytes);
        read.is_ok().then_some(())
    });
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn what_is_seen_during_one_request_counts_for_those_behind_it() {
    let mut worker = Worker::new(settings());
    let (mut client, mut token) = worker.asked(&GET.repeat(2));
    // The kernel says once that there is more, and that it is the last.
    client.write_all(GET.as_bytes()).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    worker.until(|worker| worker.exchange(token).is_hung_up().then_some(()));
    for text in [b"1", b"2"] {
        worker.answer(token, text);
        token = worker.begin();
    }
    worker.answer(token, b"3");
    assert_eq!(rest(&mut worker, &mut client).matches(" 200 OK").count(), 3);
}

#[test]
fn a_client_that_goes_while_its_request_waits_is_not_waited_for() {
    let mut worker = Worker::new(settings());
    let mut client = worker.client();
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello")
        .unwrap();
    worker.until(|worker| worker.streams.has_more().then_some(()));
    drop(client);
    let descriptor = worker.streams.descriptor();
    let mut watched = [PollFd::new(&descriptor, PollFlags::IN)];
    rustix::event::poll(&mut watched, None).unwrap();
    worker.turn();
    let token = worker.begin();
    assert_eq!(worker.body(token), Err(Received::Gone));
}

#[test]
fn a_client_that_goes_away_is_noticed_before_its_answer() {
    let mut worker = Worker::new(settings());
    let (client, token) = worker.asked(GET);
    assert!(!worker.exchange(token).is_hung_up());
    assert_eq!(worker.receive(token).0, Received::Part { last: true });
    drop(client);
    worker.until(|worker| worker.exchange(token).is_hung_up().then_some(()));
    worker.answer(token, b"for nobody");
    worker.until(|worker| (worker.streams.io.connections() == 0).then_some(()));
}

#[test]
fn a_client_that_only_ends_its_sending_side_gets_its_answer() {
    let mut worker = Worker::new(settings());
    let (mut client, token) = worker.asked(GET);
    client.shutdown(std::net::Shutdown::Write).unwrap();
    worker.until(|worker| worker.exchange(token).is_hung_up().then_some(()));
    worker.answer(token, b"all the same");
    assert!(rest(&mut worker, &mut client).ends_with("all the same"));
}

#[test]
fn what_a_client_does_not_take_is_counted_and_sent_on() {
    let mut worker = Worker::new(settings());
    let (mut client, token) = worker.asked(GET);
    let none: [(&[u8], &[u8]); 0] = [];
    let exchange = worker.exchange(token);
    exchange.start(200, b"OK", none).unwrap();
    let mut sent = 0;
    while exchange.tail_bytes() < 100_000 {
        exchange.send(&vec![b'x'; 50_000], false).unwrap();
        sent += 1;
        assert!(sent < 1000, "a socket takes everything");
    }
    let reader = std::thread::spawn(move || read(&mut client, "0\r\n\r\n"));
    worker.until(|worker| (worker.exchange(token).tail_bytes() == 0).then_some(()));
    let mut exchange = worker.begun.remove(&token).unwrap();
    exchange.send(b"end", true).unwrap();
    exchange.finish().unwrap();
    worker.streams.end(token, exchange);
    assert_eq!(reader.join().unwrap().matches('x').count(), sent * 50_000);
}

#[test]
fn requests_are_answered_in_any_order_and_drained() {
    let mut worker = Worker::new(settings());
    let mut asked = [worker.asked(GET), worker.asked(GET)];
    worker.streams.drain(false);
    assert!(!worker.streams.is_drained());
    for (client, token) in asked.iter_mut().rev() {
        worker.answer(*token, b"answered");
        assert!(rest(&mut worker, client).ends_with("answered"));
    }
    worker.until(|worker| worker.streams.is_drained().then_some(()));
}

#[test]
fn a_request_that_came_slowly_has_not_waited_for_the_application() {
    let mut worker = Worker::new(IoSettings {
        queue_timeout_ms: 50,
        ..settings()
    });
    let mut client = worker.client();
    client.write_all(b"GET / HT").unwrap();
    worker.until(|worker| (worker.streams.io.connections() == 1).then_some(()));
    let since = Instant::now();
    worker.until(|_| (since.elapsed() > Duration::from_millis(120)).then_some(()));
    client.write_all(b"TP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let token = worker.begin();
    worker.answer(token, b"served");
    read(&mut client, "served");
    assert_eq!(worker.streams.counts().turned_away, 0);
}

#[test]
fn a_request_that_comes_at_the_last_moment_is_served() {
    let mut worker = Worker::new(settings());
    let (mut client, token) = worker.asked(GET);
    worker.answer(token, b"first");
    read(&mut client, "first");
    client.write_all(GET.as_bytes()).unwrap();
    // The connection's time is over before anybody has looked at the socket again.
    let late_ns = now_ns() + (settings().keep_alive_ms + 1000) * 1_000_000;
    worker.streams.io.process(&Events::default(), late_ns);
    let token = worker.begin();
    worker.answer(token, b"second");
    read(&mut client, "second");
}
