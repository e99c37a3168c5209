//! Sockets, connections and their bounds: how every service is served, whatever
//! it answers. What clients speak is HTTP/1.1, or HTTP/2 without TLS for gRPC.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustix::net::sockopt;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;

use crate::answer::Refusal;
use crate::error::ServiceError;
use crate::service::{Protocol, Service};
use crate::settings::Settings;

/// The longest wait for the head of a request, on an idle connection too.
const HEAD_TIMEOUT: Duration = Duration::from_mins(1);

/// The longest that a request may take with everything it waits for, the rest of
/// its own body included.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);

/// The longest that a peer may leave our bytes unacknowledged.
const SEND_TIMEOUT_MS: u32 = 30_000;

/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// Calls at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 256;

/// Connections that wait until they are accepted.
const BACKLOG: i32 = 4096;

/// How long to wait before asking again for a connection that the system could
/// not give: descriptors or memory are short, and come back as others end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A service at work; stops when dropped.
#[derive(Debug)]
pub struct Handle {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    /// Behind a lock only so that threads may share a handle.
    ended: Mutex<mpsc::Receiver<Infallible>>,
    grace: Duration,
    runtime: Option<Runtime>,
}

impl Handle {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, which ends with the port.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Takes no more connections, lets requests in flight end for as long as the
    /// settings grant, and cuts off the rest.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        // Nothing is ever sent: the channel closes when the last task has ended.
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(self.grace);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Starts a service on threads of its own; it can be asked when this returns.
pub fn serve(service: Service, settings: &Settings) -> Result<Handle, ServiceError> {
    let router = service.router(settings)?;
    let listener = listen(&settings.host, settings.port)?;
    let address = listener.local_addr()?;
    let threads = settings.threads.max(1);
    let runtime = Builder::new_multi_thread()
        .worker_threads(threads)
        .max_blocking_threads(threads)
        .thread_name(service.name())
        .enable_all()
        .build()?;
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    let (stop, stopped) = watch::channel(false);
    let (alive, ended) = mpsc::channel();
    let acceptor = Acceptor {
        listener,
        protocol: service.protocol(),
        router,
        room: Arc::new(Semaphore::new(settings.max_connections.max(1))),
        stopped,
        connections: GracefulShutdown::new(),
        _alive: alive,
    };
    runtime.spawn(acceptor.run());
    Ok(Handle {
        address,
        stop,
        ended: Mutex::new(ended),
        grace: settings.grace,
        runtime: Some(runtime),
    })
}

fn listen(host: &str, port: u16) -> Result<TcpListener, ServiceError> {
    let failed = |source: io::Error| {
        let host = host.to_owned();
        if source.kind() == io::ErrorKind::AddrInUse {
            ServiceError::PortInUse { host, port }
        } else {
            ServiceError::Listen { host, port, source }
        }
    };
    let addresses = (host, port).to_socket_addrs().map_err(failed)?;
    let addresses: Vec<SocketAddr> = addresses.collect();
    let listener = TcpListener::bind(addresses.as_slice()).map_err(failed)?;
    // Whoever binds for us chooses a queue too short for a crowd; the system cuts
    // this to what it allows.
    rustix::net::listen(&listener, BACKLOG).map_err(io::Error::from)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// What takes connections until the service is told to stop.
struct Acceptor {
    listener: tokio::net::TcpListener,
    protocol: Protocol,
    router: Router,
    room: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
    connections: GracefulShutdown,
    _alive: mpsc::Sender<Infallible>,
}

impl Acceptor {
    async fn run(mut self) {
        let mut stopped = self.stopped.clone();
        tokio::select! {
            () = self.accept() => {}
            _ = stopped.wait_for(|stop| *stop) => {}
        }
        // Nobody gets in any more, not even into the queue.
        drop(self.listener);
        self.connections.shutdown().await;
    }

    async fn accept(&mut self) {
        while let Ok(place) = self.room.clone().acquire_owned().await {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let served = self.connection(stream);
                    tokio::spawn(async move {
                        served.await;
                        drop(place);
                    });
                }
                Err(error) if is_of_connection(&error) => {}
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    /// One connection from its first request to its end. How it ends is its
    /// peer's affair.
    fn connection(&self, stream: TcpStream) -> impl Future<Output = ()> + use<> {
        // Both only make a connection better; without them it still works.
        let _ = stream.set_nodelay(true);
        let _ = sockopt::set_tcp_user_timeout(&stream, SEND_TIMEOUT_MS);
        let router = self.router.clone();
        let (protocol, watcher) = (self.protocol, self.connections.watcher());
        async move {
            let answer = service_fn(move |request| answered(router.clone(), request));
            let stream = TokioIo::new(stream);
            match protocol {
                Protocol::Http => {
                    let connection = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(HEAD_TIMEOUT)
                        .max_buf_size(MAX_HEAD)
                        .serve_connection(stream, answer);
                    let _ = watcher.watch(connection).await;
                }
                Protocol::Grpc => {
                    let connection = http2::Builder::new(TokioExecutor::new())
                        .timer(TokioTimer::new())
                        .keep_alive_interval(HEAD_TIMEOUT)
                        .max_header_list_size(MAX_HEAD as u32)
                        .max_concurrent_streams(MAX_STREAMS)
                        .serve_connection(stream, answer);
                    let _ = watcher.watch(connection).await;
                }
            }
        }
    }
}

/// Whether an error of `accept` concerns only the connection that it was about.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    let kind = error.kind();
    [
        ConnectionAborted,
        ConnectionRefused,
        ConnectionReset,
        Interrupted,
    ]
    .contains(&kind)
}

/// An answer that is none: the connection is closed instead.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the connection is closed without an answer")]
pub(crate) struct HangUp;

impl IntoResponse for HangUp {
    fn into_response(self) -> Response {
        let mut response = StatusCode::SERVICE_UNAVAILABLE.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

async fn answered(router: Router, request: hyper::Request<Incoming>) -> Result<Response, HangUp> {
    match tokio::time::timeout(REQUEST_TIMEOUT, router.oneshot(request)).await {
        Ok(Ok(response)) => match response.extensions().get::<HangUp>() {
            Some(hang_up) => Err(*hang_up),
            None => Ok(response),
        },
        Err(_) => {
            let message = format!("this took longer than {} s", REQUEST_TIMEOUT.as_secs());
            Ok(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message).into_response())
        }
    }
}
