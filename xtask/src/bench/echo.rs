//! A client of websockets that are echoed: each of its connections has one message under
//! way, and sends the next when that has come back whole and unchanged. It offers no
//! compression, so that none is measured, and prints its sum as wrk does.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Args;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;

use self::frames::{Frame, Message, PING, masked};
use super::process::{CLIENT_CPU, pinned};

mod frames;

/// A server that sends nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Different messages that are sent in turn: masking is done before the time that counts.
const MESSAGES: usize = 16;

/// What is asked for in one call, in bytes, beside what is left from the one before.
const AT_ONCE_BYTES: usize = 1 << 17;

/// The longest head of an answer that is read, in bytes.
const MAX_HEAD_BYTES: usize = 8192;

/// The key of RFC 6455, section 1.3, and what a server makes of it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

#[derive(Debug, Args)]
pub(crate) struct Settings {
    #[arg(long)]
    connections: u32,
    #[arg(long)]
    seconds: u32,
    #[arg(long)]
    port: u16,
    /// Of each message
    #[arg(long)]
    bytes: usize,
}

/// This program itself as such a client, on the clients' core.
pub(super) fn generator(
    connections: u32,
    seconds: u32,
    port: u16,
    bytes: usize,
) -> anyhow::Result<Command> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let mut command = pinned(CLIENT_CPU, &program);
    command.args(["bench", "echo", "--connections", &connections.to_string()]);
    command.args(["--seconds", &seconds.to_string()]);
    command.args(["--port", &port.to_string()]);
    command.args(["--bytes", &bytes.to_string()]);
    Ok(command)
}

pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let messages: Vec<Message> = (0..MESSAGES)
        .map(|number| Message::new(number, settings.bytes))
        .collect();
    let poller = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut clients = connect(settings, &poller)?;
    let mut events = Vec::with_capacity(settings.connections as usize);
    let patience = PATIENCE.try_into().context("no such time")?;
    let start = Instant::now();
    let mut echoes = 0_u64;
    for client in &mut clients {
        client.say(&messages, &poller)?;
    }
    while start.elapsed() < Duration::from_secs(settings.seconds.into()) {
        events.clear();
        epoll::wait(&poller, spare_capacity(&mut events), Some(&patience))?;
        ensure!(!events.is_empty(), "nothing came for {PATIENCE:?}");
        for event in &events {
            let client = &mut clients[event.data.u64() as usize];
            if client.is_stuck {
                client.say(&messages, &poller)?;
            }
            // Whoever was woken to write has perhaps nothing to read.
            let flags = event.flags;
            if flags != epoll::EventFlags::OUT && client.listen(&messages)? {
                echoes += 1;
                client.say(&messages, &poller)?;
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("  {echoes} requests in {seconds:.2}s");
    println!("Requests/sec: {:.2}", echoes as f64 / seconds);
    Ok(())
}

fn connect(settings: &Settings, poller: &OwnedFd) -> anyhow::Result<Vec<Client>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, settings.port));
    let mut clients = Vec::new();
    for number in 0..settings.connections as usize {
        let client = Client::open(address, number)?;
        let data = epoll::EventData::new_u64(number as u64);
        epoll::add(poller, &client.stream, data, epoll::EventFlags::IN)?;
        clients.push(client);
    }
    Ok(clients)
}

/// One websocket.
struct Client {
    stream: TcpStream,
    number: usize,
    /// Which message is under way: each client begins with another one.
    turn: usize,
    /// How much of its frame is sent.
    sent: usize,
    /// How much of its payload has come back.
    returned: usize,
    /// Whether the socket takes nothing more for now.
    is_stuck: bool,
    /// What has come and is not looked at.
    input: Vec<u8>,
    /// Answers to pings, sent before the next message.
    pongs: Vec<u8>,
}

impl Client {
    fn open(address: SocketAddr, number: usize) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        shake_hands(&mut stream)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            number,
            turn: number,
            sent: 0,
            returned: 0,
            is_stuck: false,
            input: Vec::with_capacity(AT_ONCE_BYTES),
            pongs: Vec::new(),
        })
    }

    /// Sends on; where the socket is full, the poller says when there is room.
    fn say(&mut self, messages: &[Message], poller: &OwnedFd) -> anyhow::Result<()> {
        if self.sent == 0 && !self.pongs.is_empty() {
            // Short enough for any socket that is empty.
            self.stream.write_all(&self.pongs)?;
            self.pongs.clear();
        }
        let frame = &messages[self.turn % messages.len()].frame;
        let mut is_stuck = false;
        while self.sent < frame.len() && !is_stuck {
            match self.stream.write(&frame[self.sent..]) {
                Ok(length) => self.sent += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => is_stuck = true,
                Err(error) => return Err(error.into()),
            }
        }
        if is_stuck != self.is_stuck {
            let room = if is_stuck {
                epoll::EventFlags::OUT
            } else {
                epoll::EventFlags::empty()
            };
            let data = epoll::EventData::new_u64(self.number as u64);
            epoll::modify(poller, &self.stream, data, epoll::EventFlags::IN | room)?;
            self.is_stuck = is_stuck;
        }
        Ok(())
    }

    /// Reads on; whether the message is back, and the next one's turn.
    fn listen(&mut self, messages: &[Message]) -> anyhow::Result<bool> {
        self.input.reserve(AT_ONCE_BYTES);
        let length = rustix::io::read(&self.stream, spare_capacity(&mut self.input))?;
        ensure!(length > 0, "the server closed a connection");
        let message = &messages[self.turn % messages.len()];
        let (mut at, mut is_back) = (0, false);
        while let Some(frame) = Frame::first(&self.input[at..])? {
            let payload = &self.input[at + frame.head_bytes..at + frame.bytes()];
            if frame.opcode == PING {
                self.pongs
                    .extend(masked(frames::PONG, payload, 0x5bd1_e995));
            } else {
                ensure!(!is_back, "a message came that nobody sent");
                self.returned = message.compare(&frame, payload, self.returned)?;
                is_back = frame.is_last;
            }
            at += frame.bytes();
        }
        self.input.drain(..at);
        if is_back {
            ensure!(self.returned == message.payload.len(), "an echo is short");
            (self.sent, self.returned, self.turn) = (0, 0, self.turn + 1);
        }
        Ok(is_back)
    }
}

/// Asks for a websocket, and looks at the answer.
fn shake_hands(stream: &mut TcpStream) -> anyhow::Result<()> {
    let request = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    // A byte at a time: what follows the head is not to be lost.
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).context("no websocket")?;
        head.push(byte[0]);
        ensure!(head.len() <= MAX_HEAD_BYTES, "a head without an end");
    }
    let head = String::from_utf8_lossy(&head);
    let lower = head.to_ascii_lowercase();
    if lower.contains("\r\nsec-websocket-extensions:") {
        bail!("an extension that nobody offered: {head}");
    }
    let accepts = head.starts_with("HTTP/1.1 101 ") && head.contains(ACCEPT);
    ensure!(accepts, "no websocket, but {head}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    const BYTES: usize = 100_000;

    /// Echoes in two parts, with a ping between them, and returns what answers that.
    fn echo_once(stream: &mut TcpStream, message: &Message) -> Vec<u8> {
        let mut request = [0; 1024];
        let length = stream.read(&mut request).unwrap();
        assert!(request[..length].starts_with(b"GET / "));
        let answer =
            format!("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n");
        stream.write_all(answer.as_bytes()).unwrap();
        let mut frame = vec![0; message.frame.len()];
        stream.read_exact(&mut frame).unwrap();
        assert!(frame == message.frame);
        let (first, second) = message.payload.split_at(BYTES / 2);
        let head = |byte: u8, payload: &[u8]| {
            let mut head = vec![byte, 126];
            head.extend((payload.len() as u16).to_be_bytes());
            [head.as_slice(), payload].concat()
        };
        let parts = [
            head(0x02, first),
            vec![0x89, 2, b'h', b'i'],
            head(0x80, second),
        ];
        stream.write_all(&parts.concat()).unwrap();
        let mut pong = vec![0; 8];
        stream.read_exact(&mut pong).unwrap();
        pong
    }

    #[test]
    fn a_message_in_parts_comes_back_and_a_ping_is_answered() {
        let messages = [Message::new(0, BYTES), Message::new(1, BYTES)];
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let message = Message::new(0, BYTES);
            echo_once(&mut listener.accept().unwrap().0, &message)
        });
        let poller = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let mut client = Client::open(address, 0).unwrap();
        // So that a frame waits for as long as it has to.
        client.stream.set_nonblocking(false).unwrap();
        let data = epoll::EventData::new_u64(0);
        epoll::add(&poller, &client.stream, data, epoll::EventFlags::IN).unwrap();
        client.say(&messages, &poller).unwrap();
        while !client.listen(&messages).unwrap() {}
        assert_eq!((client.turn, client.sent, client.returned), (1, 0, 0));
        client.say(&messages, &poller).unwrap();
        assert_eq!(server.join().unwrap()[..2], [0x8a, 0x82]);
    }
}
