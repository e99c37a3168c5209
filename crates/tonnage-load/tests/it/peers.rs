//! HTTP/2 servers that do to each request just what a test tells them to: one
//! that speaks the protocol, and one that writes raw bytes.

use std::future::{Future, poll_fn};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::thread;

use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream};
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::spawn_local;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tonnage_load::{LoadPlan, Protocol};

use crate::scripted::plan_for;

/// A listening server; its threads end with the test's process.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Arc<AtomicU64>,
    pub(crate) connections: Arc<AtomicU64>,
}

impl Peer {
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// `requests` requests over one connection with `streams` streams.
    pub(crate) fn plan(&self, requests: u64, streams: u32) -> LoadPlan {
        LoadPlan {
            protocol: Protocol::Http2 { streams },
            ..plan_for(self.address, requests)
        }
    }
}

/// What may happen to the connection as a whole.
pub(crate) enum Fate {
    /// It is dropped.
    Close,
    /// It goes away once its requests are answered.
    GoAway,
}

/// A request for the script.
pub(crate) struct Call {
    pub(crate) request: Request<RecvStream>,
    pub(crate) respond: SendResponse<Bytes>,
    /// Its number on its connection, from 0.
    pub(crate) number: u64,
    pub(crate) fate: UnboundedSender<Fate>,
}

impl Call {
    /// Answers with a status and a body in one piece.
    pub(crate) fn answer(mut self, status: u16, body: &'static str) {
        let response = Response::builder().status(status).body(()).unwrap();
        // The engine may have gone, at the end of its window.
        if let Ok(mut stream) = self.respond.send_response(response, body.is_empty())
            && !body.is_empty()
        {
            let _ = stream.send_data(body.into(), true);
        }
    }
}

/// How a server is set up.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) most_streams: Option<u32>,
    pub(crate) tls: Option<Arc<ServerConfig>>,
}

pub(crate) fn serve<F: Future<Output = ()> + 'static>(
    script: impl Fn(Call) -> F + Copy + Send + 'static,
) -> Peer {
    serve_with(Setup::default(), script)
}

/// Serves each request with `script`, which gets the request and its answer.
pub(crate) fn serve_with<F: Future<Output = ()> + 'static>(
    setup: Setup,
    script: impl Fn(Call) -> F + Copy + Send + 'static,
) -> Peer {
    let (listener, peer) = listen();
    let (requests, connections) = (peer.requests.clone(), peer.connections.clone());
    let serve = async move {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            socket.set_nodelay(true).unwrap();
            connections.fetch_add(1, Ordering::Relaxed);
            let (requests, most_streams) = (requests.clone(), setup.most_streams);
            let tls = setup.tls.clone().map(TlsAcceptor::from);
            spawn_local(async move {
                match tls {
                    None => converse(socket, most_streams, script, requests).await,
                    Some(tls) => {
                        if let Ok(socket) = tls.accept(socket).await {
                            converse(socket, most_streams, script, requests).await;
                        }
                    }
                }
            });
        }
    };
    run_beside(serve);
    peer
}

/// The same on a Unix socket.
pub(crate) fn serve_unix<F: Future<Output = ()> + 'static>(
    path: &std::path::Path,
    script: impl Fn(Call) -> F + Copy + Send + 'static,
) {
    let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
    run_beside(async move {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::UnixListener::from_std(listener).unwrap();
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            spawn_local(converse(socket, None, script, Arc::default()));
        }
    });
}

/// Runs a server on a thread of its own.
fn run_beside(serve: impl Future<Output = ()> + Send + 'static) {
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, serve);
    });
}

async fn converse<F: Future<Output = ()> + 'static>(
    socket: impl AsyncRead + AsyncWrite + Unpin,
    most_streams: Option<u32>,
    script: impl Fn(Call) -> F + Copy + 'static,
    requests: Arc<AtomicU64>,
) {
    let mut builder = Builder::new();
    if let Some(most) = most_streams {
        builder.max_concurrent_streams(most);
    }
    let Ok(mut connection) = builder.handshake(socket).await else {
        return;
    };
    let (fate, mut fates): (_, UnboundedReceiver<Fate>) = unbounded_channel();
    for number in 0.. {
        let accepted = poll_fn(|context| {
            match fates.poll_recv(context) {
                Poll::Ready(Some(Fate::Close) | None) => return Poll::Ready(None),
                Poll::Ready(Some(Fate::GoAway)) => connection.graceful_shutdown(),
                Poll::Pending => {}
            }
            connection.poll_accept(context)
        });
        let Some(Ok((request, respond))) = accepted.await else {
            return;
        };
        requests.fetch_add(1, Ordering::Relaxed);
        let call = Call {
            request,
            respond,
            number,
            fate: fate.clone(),
        };
        spawn_local(script(call));
    }
}

fn listen() -> (TcpListener, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = Peer {
        address: listener.local_addr().unwrap(),
        requests: Arc::default(),
        connections: Arc::default(),
    };
    (listener, peer)
}

/// Does whatever `script` says to each connection, once the preface has come.
pub(crate) fn serve_raw(script: impl Fn(&mut TcpStream) + Copy + Send + 'static) -> Peer {
    let (listener, peer) = listen();
    let connections = peer.connections.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            connections.fetch_add(1, Ordering::Relaxed);
            thread::spawn(move || {
                let mut stream = stream.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut preface = [0; 24];
                if stream.read_exact(&mut preface).is_ok() {
                    assert_eq!(&preface[..3], b"PRI");
                    script(&mut stream);
                }
            });
        }
    });
    peer
}

/// A frame's bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Reads frames until one of this kind has come.
pub(crate) fn read_until(stream: &mut TcpStream, kind: u8) {
    let mut head = [0; 9];
    while stream.read_exact(&mut head).is_ok() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        if stream.read_exact(&mut payload).is_err() || head[3] == kind {
            return;
        }
    }
}

/// Reads and forgets until the peer closes.
pub(crate) fn drain(stream: &mut TcpStream) {
    while matches!(stream.read(&mut [0; 4096]), Ok(1..)) {}
}

/// Writes what may find nobody.
pub(crate) fn write(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).is_ok()
}

/// Ends a stream with a reset.
pub(crate) fn reset(mut call: Call) {
    call.respond.send_reset(Reason::INTERNAL_ERROR);
}
