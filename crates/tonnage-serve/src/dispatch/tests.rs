//! Workers on loopback, with an application in Rust and clients by hand.

mod evenness;
mod http2;
mod introduced;
mod late;
mod metered;
mod overload;
mod telling;
mod tls;
mod together;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::testing::{PATIENCE, listener, long_body, settings, sockets, sockets_with_limit, until};
use super::*;
use crate::connection::Body;
use crate::io::{IoSettings, Neighbours, Refused};
use crate::listen::{Listener, Name};

/// How long a request to `/busy` takes.
const BUSY: Duration = Duration::from_millis(50);

/// What the application does, by the path.
struct Tester {
    /// Each request to `/wait` takes one before it answers.
    gate: Arc<Mutex<Receiver<()>>>,
    /// Told of each request that reached the application.
    seen: Sender<String>,
    /// Told of requests that did not.
    refused: Sender<Refused>,
    /// Told of what could not be kept.
    trouble: Sender<String>,
    /// How often it had a turn.
    turns: usize,
}

impl Application for Tester {
    fn serve(&mut self, mut exchange: Exchange) -> Option<Exchange> {
        let path = String::from_utf8_lossy(exchange.path()).into_owned();
        let _ = self.seen.send(path.clone());
        let answer = match path.as_str() {
            "/wait" => {
                let gate = self.gate.lock().unwrap();
                gate.recv_timeout(PATIENCE).unwrap();
                b"waited".to_vec()
            }
            "/big" => vec![b'x'; 8 << 20],
            "/echo" => match exchange.take_body() {
                Body::Empty => Vec::new(),
                Body::Memory(bytes) => bytes.to_vec(),
                Body::File(mut file, _) => {
                    let mut bytes = Vec::new();
                    file.read_to_end(&mut bytes).unwrap();
                    bytes
                }
            },
            "/busy" => {
                std::thread::sleep(BUSY);
                b"was busy".to_vec()
            }
            "/peer" => peers(&exchange).into_bytes(),
            "/turns" => self.turns.to_string().into_bytes(),
            "/fail" => return None,
            _ => format!("{path} {}", exchange.take_body().len()).into_bytes(),
        };
        let none: [(&[u8], &[u8]); 0] = [];
        exchange.start(200, b"OK", none).unwrap();
        exchange.send(&answer, true).unwrap();
        exchange.finish().unwrap();
        Some(exchange)
    }

    fn detached<T: Send>(&mut self, waiting: impl FnOnce() -> T + Send) -> T {
        waiting()
    }

    fn turn(&mut self) {
        self.turns += 1;
    }

    fn refused(&mut self, refusals: Refusals) {
        for refused in refusals.kept {
            let _ = self.refused.send(refused);
        }
        if let Some(trouble) = refusals.trouble {
            let _ = self.trouble.send(trouble);
        }
    }
}

/// Who asks, and who holds the other end of the socket where that is somebody else.
fn peers(exchange: &Exchange) -> String {
    let name = |peer| match peer {
        crate::listen::Peer::Tcp(address) => address.to_string(),
        crate::listen::Peer::Unix => "a neighbour".to_owned(),
    };
    match exchange.introduced() {
        Some(_) => format!(
            "{} by {}",
            name(exchange.peer()),
            name(exchange.neighbour())
        ),
        None => name(exchange.peer()),
    }
}

/// A worker in this process.
struct Worker {
    dispatcher: Arc<Dispatcher>,
    address: SocketAddr,
    threads: Vec<JoinHandle<()>>,
    open: Sender<()>,
    seen: Receiver<String>,
    refused: Receiver<Refused>,
    trouble: Receiver<String>,
}

impl Worker {
    fn start(settings: IoSettings, threads: usize) -> Self {
        let listener = listener();
        Self::on(settings, threads, listener, None)
    }

    fn on(
        settings: IoSettings,
        threads: usize,
        listener: Listener,
        neighbours: Option<Neighbours>,
    ) -> Self {
        let Name::Tcp(address) = *listener.name() else {
            panic!("not TCP")
        };
        let io = Io::new(settings, vec![listener], neighbours).unwrap();
        Self::over(io, threads, address)
    }

    fn over(io: Io, threads: usize, address: SocketAddr) -> Self {
        let dispatcher = Dispatcher::start(io, threads, None).unwrap();
        let (open, gate) = channel();
        let (tell, seen) = channel();
        let (tell_refused, refused) = channel();
        let (tell_trouble, trouble) = channel();
        let gate = Arc::new(Mutex::new(gate));
        let threads = (0..threads).map(|_| {
            let dispatcher = Arc::clone(&dispatcher);
            let mut tester = Tester {
                gate: Arc::clone(&gate),
                seen: tell.clone(),
                refused: tell_refused.clone(),
                trouble: tell_trouble.clone(),
                turns: 0,
            };
            std::thread::spawn(move || dispatcher.run(&mut tester))
        });
        let threads = threads.collect();
        Self {
            dispatcher,
            address,
            threads,
            open,
            seen,
            refused,
            trouble,
        }
    }

    fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// Waits until the application has been given a request for this path.
    fn wait_for(&self, path: &str) {
        loop {
            let seen = self.seen.recv_timeout(PATIENCE);
            if seen.expect("the application was not called") == path {
                return;
            }
        }
    }

    /// Waits until all threads have ended.
    #[track_caller]
    fn await_end(&self) {
        until(|| {
            let mut threads = self.threads.iter();
            threads.all(JoinHandle::is_finished).then_some(())
        });
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.dispatcher.end(Ending::AtOnce);
    }
}

struct Client(TcpStream);

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    fn get(&mut self, path: &str) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
    }

    /// Reads one response with a Content-Length: its head and its body.
    fn response(&mut self) -> (String, Vec<u8>) {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            self.0.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        if head.starts_with("HTTP/1.1 100") {
            return (head, Vec::new());
        }
        let (_, length) = head.split_once("Content-Length: ").expect(&head);
        let length = length.split_once('\r').unwrap().0.parse().unwrap();
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        (head, body)
    }

    fn body(&mut self) -> String {
        String::from_utf8(self.response().1).unwrap()
    }

    /// Whether the server has closed; what it still says is passed over.
    fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

#[test]
fn requests_follow_each_other_on_a_connection_pipelined_or_not() {
    let worker = Worker::start(settings(), 1);
    let mut client = worker.client();
    for path in ["/a", "/b"] {
        client.get(path);
        assert_eq!(client.body(), format!("{path} 0"));
    }
    let many: Vec<String> = (0..200).map(|number| format!("/{number}")).collect();
    let request = |path: &String| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let sent = many.iter().map(request).collect::<Vec<_>>().concat();
    client.send(&sent);
    for path in &many {
        assert_eq!(client.body(), format!("{path} 0"));
    }
    client.send("GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let (head, _) = client.response();
    assert!(head.contains("Connection: close"), "{head}");
    assert!(client.is_closed());
}

#[test]
fn bodies_are_complete_before_the_application_is_called_however_they_come() {
    let worker = Worker::start(settings(), 1);
    let mut client = worker.client();
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    let mut other = worker.client();
    other.get("/other");
    assert_eq!(other.body(), "/other 0");
    client.send("lloGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.body(), "hello");
    assert_eq!(client.body(), "/next 0");
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
    assert_eq!(client.body(), "hello");
    client.send(
        "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    );
    assert!(client.response().0.starts_with("HTTP/1.1 100 Continue"));
    client.send("ok");
    assert_eq!(client.body(), "ok");
}

#[test]
fn long_bodies_go_through_files_and_back() {
    let worker = Worker::start(settings(), 1);
    let mut client = worker.client();
    let body = long_body();
    let mut sender = client.0.try_clone().unwrap();
    let sent = body.clone();
    let sending = std::thread::spawn(move || {
        let head = format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
            sent.len()
        );
        sender.write_all(head.as_bytes()).unwrap();
        sender.write_all(&sent).unwrap();
    });
    assert!(client.response().1 == body);
    sending.join().unwrap();
}

#[test]
fn what_is_no_request_is_refused_and_ends_the_connection() {
    let worker = Worker::start(settings(), 1);
    for (text, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\nHost: a\n\n", "400"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "400",
        ),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", "505"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n",
            "413",
        ),
    ] {
        let mut client = worker.client();
        client.send(text);
        let (head, _) = client.response();
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status}")),
            "{text:?}: {head}"
        );
        assert!(head.contains("Connection: close"), "{head}");
        assert!(client.is_closed());
    }
    assert_eq!(worker.dispatcher.counts().refused, 5);
    assert_eq!(worker.dispatcher.served(), 0);
}

#[test]
fn several_threads_run_at_once() {
    let worker = Worker::start(settings(), 3);
    let mut clients: Vec<Client> = (0..3).map(|_| worker.client()).collect();
    for client in &mut clients {
        client.get("/wait");
    }
    // The lock of the gate is kept by one of them: that all were called is enough.
    for _ in 0..3 {
        worker.wait_for("/wait");
    }
    for _ in 0..3 {
        worker.open.send(()).unwrap();
    }
    for client in &mut clients {
        assert_eq!(client.body(), "waited");
    }
}

#[test]
fn draining_answers_what_comes_and_then_ends() {
    let worker = Worker::start(settings(), 1);
    let mut kept = worker.client();
    kept.get("/wait");
    worker.wait_for("/wait");
    let mut idle = worker.client();
    idle.send("GET /begun HTTP/1.1\r\n");
    until(|| (worker.dispatcher.io().connections() == 2).then_some(()));
    worker.dispatcher.end(Ending::Gracefully {
        empty_backlog: true,
    });
    worker.open.send(()).unwrap();
    // What was in hand when it began says so with its next response at the latest.
    assert_eq!(kept.body(), "waited");
    idle.send("Host: a\r\n\r\n");
    let (head, body) = idle.response();
    assert!(head.contains("Connection: close"), "{head}");
    assert_eq!(body, b"/begun 0");
    assert!(idle.is_closed());
    drop(kept);
    worker.dispatcher.poller.ring();
    worker.await_end();
}

#[test]
fn an_application_that_loses_a_request_loses_only_its_connection() {
    let worker = Worker::start(settings(), 1);
    let mut other = worker.client();
    other.get("/");
    other.body();
    let mut lost = worker.client();
    lost.get("/fail");
    assert!(lost.is_closed());
    other.get("/");
    other.body();
    assert_eq!(worker.dispatcher.io().connections(), 1);
}
