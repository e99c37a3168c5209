//! Clients that no server likes: those that stay and say nothing, those that say it a
//! byte at a time, and those that leave in the middle.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, ensure};

use super::rivals::PORT;

/// A server that does not answer is given up.
const TIMEOUT: Duration = Duration::from_secs(30);

fn connect(address: IpAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(SocketAddr::new(address, PORT))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Connections that asked once and are kept.
pub(super) struct Idle(Vec<TcpStream>);

impl Idle {
    pub(super) fn gather(address: IpAddr, count: usize) -> anyhow::Result<Self> {
        let mut kept = Vec::with_capacity(count);
        for number in 0..count {
            let mut stream = connect(address).with_context(|| format!("connection {number}"))?;
            stream.write_all(b"GET / HTTP/1.1\r\nHost: idle\r\n\r\n")?;
            let mut answer = [0; 1024];
            let length = stream.read(&mut answer)?;
            ensure!(
                answer[..length].starts_with(b"HTTP/1.1 200"),
                "idle client {number} was answered {}",
                String::from_utf8_lossy(&answer[..length])
            );
            kept.push(stream);
        }
        Ok(Self(kept))
    }

    /// How many the server has closed.
    pub(super) fn closed(&mut self) -> anyhow::Result<usize> {
        let mut closed = 0;
        for stream in &mut self.0 {
            stream.set_nonblocking(true)?;
            let read = stream.read(&mut [0; 1024]);
            let waits = matches!(&read, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
            closed += usize::from(!waits);
        }
        Ok(closed)
    }
}

/// Clients on a thread of their own, until they are dropped.
pub(super) struct Nuisance {
    stop: Arc<AtomicBool>,
    counter: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Nuisance {
    fn start(act: impl Fn(&AtomicBool, &AtomicU64) + Send + 'static) -> Self {
        let (stop, counter) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let shared = (Arc::clone(&stop), Arc::clone(&counter));
        Self {
            stop,
            counter,
            thread: Some(thread::spawn(move || act(&shared.0, &shared.1))),
        }
    }

    /// Clients that send a byte every 300 ms: half of them of a head that never ends,
    /// the others of a body. One that the server ends begins anew. Counts bytes.
    pub(super) fn slow(address: IpAddr, count: usize) -> Self {
        const PERIOD: Duration = Duration::from_millis(300);
        Self::start(move |stop, bytes| {
            let mut clients: Vec<Option<TcpStream>> = (0..count).map(|_| None).collect();
            while !stop.load(Ordering::Relaxed) {
                for (number, client) in clients.iter_mut().enumerate() {
                    let sent = client.as_mut().map(|stream| stream.write_all(b"x"));
                    if let Some(Ok(())) = sent {
                        bytes.fetch_add(1, Ordering::Relaxed);
                    } else {
                        *client = begin_slowly(address, number % 2 == 0).ok();
                    }
                    thread::sleep(PERIOD / count as u32);
                }
            }
        })
    }

    /// Clients that go away in the middle of a head, a body and a response, in turn, a
    /// millisecond apart. Counts them.
    pub(super) fn leaving(address: IpAddr) -> Self {
        Self::start(move |stop, count| {
            while !stop.load(Ordering::Relaxed) {
                // A server that is overrun for a moment is none that leaks.
                if leave(address, count.load(Ordering::Relaxed)).is_ok() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                thread::sleep(Duration::from_millis(1));
            }
        })
    }

    pub(super) fn counted(&self) -> u64 {
        self.counter.load(Ordering::Relaxed)
    }
}

impl Drop for Nuisance {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn begin_slowly(address: IpAddr, of_head: bool) -> io::Result<TcpStream> {
    let mut stream = connect(address)?;
    stream.write_all(b"POST /upload HTTP/1.1\r\nHost: slow\r\n")?;
    let rest: &[u8] = if of_head {
        b"X-Long: "
    } else {
        b"Content-Length: 100000\r\n\r\n"
    };
    stream.write_all(rest)?;
    Ok(stream)
}

fn leave(address: IpAddr, number: u64) -> io::Result<()> {
    let mut stream = connect(address)?;
    match number % 4 {
        0 => stream.write_all(b"GET / HTTP/1.1\r\nHost: le")?,
        1 => {
            stream.write_all(b"POST /upload HTTP/1.1\r\nHost: leaving\r\n")?;
            stream.write_all(b"Content-Length: 100000\r\n\r\nhalf")?;
        }
        asks => {
            stream.write_all(b"GET /parts HTTP/1.1\r\nHost: leaving\r\n\r\n")?;
            stream.read_exact(&mut [0; 64])?;
            // With bytes unread the kernel resets the connection; politely in the others.
            if asks == 2 {
                stream.shutdown(Shutdown::Write)?;
            }
        }
    }
    Ok(())
}
