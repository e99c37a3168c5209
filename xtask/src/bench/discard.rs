//! A generator that leaves bodies in the kernel: it counts their bytes and never copies
//! them (`MSG_TRUNC`, see `tcp(7)`), so that large responses fill the server's core and not
//! the client's own. It prints its sum as wrk does. Everything else is left to wrk, and
//! what bodies hold to whoever asked once before.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Args;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::RecvFlags;

use super::process::{CLIENT_CPU, pinned};

/// A server that sends nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most that one call leaves in the kernel, in bytes.
const AT_ONCE_BYTES: usize = 1 << 20;

/// The longest head that is read, in bytes.
const MAX_HEAD_BYTES: usize = 8192;

#[derive(Debug, Args)]
pub(crate) struct Settings {
    #[arg(long)]
    connections: u32,
    #[arg(long)]
    seconds: u32,
    #[arg(long)]
    port: u16,
}

/// This program itself as such a generator, on the clients' core.
pub(super) fn generator(connections: u32, seconds: u32, port: u16) -> anyhow::Result<Command> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let mut command = pinned(CLIENT_CPU, &program);
    command.args([
        "bench",
        "discard",
        "--connections",
        &connections.to_string(),
    ]);
    command.args([
        "--seconds",
        &seconds.to_string(),
        "--port",
        &port.to_string(),
    ]);
    Ok(command)
}

/// A connection and what is left of the body that comes; `None` between two responses.
struct Client {
    stream: TcpStream,
    left: Option<u64>,
}

pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let poller = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut clients = connect(settings, &poller)?;
    // Only its address and its length are used: the kernel writes nothing to it.
    let mut nowhere = vec![0; AT_ONCE_BYTES];
    let mut events = Vec::with_capacity(settings.connections as usize);
    let patience = PATIENCE.try_into().context("no such time")?;
    let start = Instant::now();
    let mut responses = 0_u64;
    for client in &mut clients {
        client.ask()?;
    }
    while start.elapsed() < Duration::from_secs(settings.seconds.into()) {
        events.clear();
        epoll::wait(&poller, spare_capacity(&mut events), Some(&patience))?;
        ensure!(!events.is_empty(), "nothing came for {PATIENCE:?}");
        for event in &events {
            let number = event.data.u64() as usize;
            responses += u64::from(clients[number].go_on(&mut nowhere)?);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("  {responses} requests in {seconds:.2}s");
    println!("Requests/sec: {:.2}", responses as f64 / seconds);
    Ok(())
}

fn connect(settings: &Settings, poller: &std::os::fd::OwnedFd) -> anyhow::Result<Vec<Client>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, settings.port));
    let mut clients = Vec::new();
    for number in 0..settings.connections {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let data = epoll::EventData::new_u64(number.into());
        epoll::add(poller, &stream, data, epoll::EventFlags::IN)?;
        clients.push(Client { stream, left: None });
    }
    Ok(clients)
}

impl Client {
    /// A request is short enough for any socket that is empty.
    fn ask(&mut self) -> anyhow::Result<()> {
        self.left = None;
        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        Ok(self.stream.write_all(request)?)
    }

    /// Reads on; whether the response is whole and the next one asked for.
    fn go_on(&mut self, nowhere: &mut [u8]) -> anyhow::Result<bool> {
        let mut left = match self.left {
            Some(left) => left,
            None => self.begin()?,
        };
        while left > 0 {
            let most = nowhere.len().min(left as usize);
            match rustix::net::recv(&self.stream, &mut nowhere[..most], RecvFlags::TRUNC) {
                Ok((_, 0)) => bail!("the server closed in the middle of a body"),
                Ok((_, length)) => left -= length as u64,
                Err(Errno::AGAIN) => {
                    self.left = Some(left);
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.ask()?;
        Ok(true)
    }

    /// Reads the head; what follows it. Every server here sends it in one piece.
    fn begin(&mut self) -> anyhow::Result<u64> {
        let mut head = [0; MAX_HEAD_BYTES];
        let length = self.stream.read(&mut head)?;
        after_head(&head[..length])
    }
}

/// The Content-Length that a head says.
pub(super) fn length_in(head: &str) -> Option<u64> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse().ok())
}

/// How much of the body is to come where `data` begins a response.
fn after_head(data: &[u8]) -> anyhow::Result<u64> {
    let end = data.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.with_context(|| format!("no head in {} bytes", data.len()))?;
    let head = std::str::from_utf8(&data[..end]).context("a head that is no text")?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "it answers {head:?}");
    let length = length_in(head).with_context(|| format!("no length in {head:?}"))?;
    let here = (data.len() - end - 4) as u64;
    length
        .checked_sub(here)
        .context("more came than was asked for")
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn what_a_head_leaves_is_known() {
        let head = "HTTP/1.1 200 OK\r\ncontent-LENGTH: 5\r\n\r\n";
        assert_eq!(after_head(head.as_bytes()).unwrap(), 5);
        assert_eq!(after_head(format!("{head}ab").as_bytes()).unwrap(), 3);
        assert!(after_head(format!("{head}abcdef").as_bytes()).is_err());
        assert!(after_head(b"HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\n").is_err());
        assert!(after_head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(after_head(b"HTTP/1.1 200 OK\r\n").is_err());
    }

    #[test]
    fn a_body_is_passed_over_to_its_last_byte() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for _ in 0..2 {
                let mut request = [0; 256];
                let length = stream.read(&mut request).unwrap();
                assert!(request[..length].starts_with(b"GET / "), "one request each");
                let body = vec![b'x'; 3 << 20];
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(&body).unwrap();
            }
        });
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let mut client = Client { stream, left: None };
        client.ask().unwrap();
        let mut nowhere = vec![7; AT_ONCE_BYTES];
        // Its socket waits, so that each call reads a whole response.
        assert!(client.go_on(&mut nowhere).unwrap());
        assert!(client.go_on(&mut nowhere).unwrap());
        assert!(nowhere.iter().all(|byte| *byte == 7), "nothing was copied");
        server.join().unwrap();
    }
}
