//! Metrics for a statsd collector, by gunicorn's names. The supervisor sends once a second
//! what has come to pass since it did last, so that no request waits for it: counters are
//! summed up, and durations are sent as one value for all of nearly the same length, with the
//! sample rate that says for how many it stands.

use std::fmt::{Display, Write as _};
use std::net::{ToSocketAddrs, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixDatagram;

use super::retry::Retry;
use super::view::Scene;
use crate::board::{BOUNDS_NS, Histogram, State, Totals};
use crate::listen::{Address, AddressError, Listener};

/// The port where none is written, as in gunicorn.
const DEFAULT_PORT: u16 = 8125;

/// How often is sent, in ms.
const EVERY_MS: u64 = 1000;

/// How long after a failure it is tried again to find the collector, in ms.
const RETRY_MS: u64 = 10_000;

/// The longest datagram, in bytes: it is to pass a usual network in one piece.
const MOST_BYTES: usize = 1400;

/// A collector, and what it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsdOptions {
    /// Where it is.
    pub address: Address,
    /// What all names begin with; empty, or with a dot at its end.
    pub prefix: String,
    /// Tags as `DogStatsD` has them, separated by commas; empty for none.
    pub tags: String,
    /// Whether it is told how many connections wait to be accepted.
    pub backlog: bool,
}

impl StatsdOptions {
    /// An address as gunicorn writes it: `HOST:PORT`, `HOST`, or `unix://PATH`.
    pub fn parse_address(text: &str) -> Result<Address, AddressError> {
        let is_bare = !text.starts_with("unix:") && !text.trim_start_matches('[').contains(':');
        if is_bare {
            format!("{text}:{DEFAULT_PORT}").parse()
        } else {
            text.parse()
        }
    }

    /// A prefix as it stands before names.
    pub fn whole_prefix(text: &str) -> String {
        match text.trim_end_matches('.') {
            "" => String::new(),
            prefix => format!("{prefix}."),
        }
    }
}

#[derive(Debug)]
enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

/// Who tells it.
#[derive(Debug)]
pub struct Statsd {
    options: StatsdOptions,
    socket: Option<Socket>,
    due_ms: u64,
    retry: Retry,
    last: Totals,
}

impl Statsd {
    /// Nothing is sent, or looked up, before it is told something.
    pub fn new(options: StatsdOptions) -> Self {
        Self {
            options,
            socket: None,
            due_ms: 0,
            retry: Retry::new(RETRY_MS),
            last: Totals::default(),
        }
    }

    /// What was asked for.
    pub fn options(&self) -> &StatsdOptions {
        &self.options
    }

    /// Its socket, which no worker may keep.
    pub fn descriptor(&self) -> Option<RawFd> {
        self.socket.as_ref().map(|socket| match socket {
            Socket::Udp(socket) => socket.as_raw_fd(),
            Socket::Unix(socket) => socket.as_raw_fd(),
        })
    }

    /// Sends what is new, where it is time. A collector that is not there misses it.
    pub fn tell(&mut self, scene: Scene<'_>, now_ms: u64) {
        if now_ms < self.due_ms {
            return;
        }
        self.due_ms = now_ms + EVERY_MS;
        let (mut totals, mut workers) = (Totals::default(), 0_u32);
        for (id, slot) in scene.board.used() {
            totals.add(&scene.board.meters(id).snapshot());
            workers += u32::from(!matches!(slot.state(), State::Empty));
        }
        for (count, more) in totals.logged.iter_mut().zip(scene.logged) {
            *count += more;
        }
        let mut packets = Packets::new(&self.options);
        push(&mut packets, &totals, &self.last);
        packets.push("gunicorn.workers", workers, "g");
        if self.options.backlog {
            let backlogs = scene.listeners.iter().filter_map(Listener::backlog);
            packets.push("gunicorn.backlog", backlogs.sum::<u32>(), "h");
        }
        let packets = packets.all;
        self.last = totals;
        self.connect(now_ms);
        for packet in packets {
            // Whoever does not hear it will not hear that either.
            let _ = match &self.socket {
                Some(Socket::Udp(socket)) => socket.send(packet.as_bytes()),
                Some(Socket::Unix(socket)) => socket.send(packet.as_bytes()),
                None => return,
            };
        }
    }

    fn connect(&mut self, now_ms: u64) {
        if self.socket.is_none() {
            let connected = self
                .retry
                .attempt(now_ms, || connect(&self.options.address));
            self.socket = connected.and_then(Result::ok);
        }
    }
}

fn connect(address: &Address) -> std::io::Result<Socket> {
    match address {
        Address::Unix(path) => {
            let socket = UnixDatagram::unbound()?;
            socket.set_nonblocking(true)?;
            socket.connect(path)?;
            Ok(Socket::Unix(socket))
        }
        Address::Tcp { host, port } => {
            let addresses = (host.as_str(), *port).to_socket_addrs()?;
            let mut last = std::io::Error::other("the host has no address");
            for address in addresses {
                let any = if address.is_ipv4() {
                    "0.0.0.0:0"
                } else {
                    "[::]:0"
                };
                let made = UdpSocket::bind(any).and_then(|socket| {
                    socket.set_nonblocking(true)?;
                    socket.connect(address)?;
                    Ok(socket)
                });
                match made {
                    Ok(socket) => return Ok(Socket::Udp(socket)),
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
        Address::Abstract(_) | Address::Descriptor(_) => {
            Err(std::io::Error::other("no address of a collector"))
        }
    }
}

/// What has come since.
fn push(packets: &mut Packets<'_>, totals: &Totals, last: &Totals) {
    let requests = totals.responses().saturating_sub(last.responses());
    packets.count("gunicorn.requests", requests);
    for (status, count) in &totals.statuses {
        let known = last.statuses.iter().find(|(known, _)| known == status);
        let new = count.saturating_sub(known.map_or(0, |(_, count)| *count));
        packets.count(&format!("gunicorn.request.status.{status}"), new);
    }
    for (ms, count) in durations(&totals.service.since(&last.service)) {
        let (kind, rate) = ("ms", 1.0 / count as f64);
        if count == 1 {
            packets.push("gunicorn.request.duration", ms, kind);
        } else {
            packets.push("gunicorn.request.duration", ms, &format!("{kind}|@{rate}"));
        }
    }
    let names = ["warning", "error", "exception", "critical"];
    for (name, (now, before)) in names.iter().zip(totals.logged.iter().zip(last.logged)) {
        packets.count(&format!("gunicorn.log.{name}"), now.saturating_sub(before));
    }
}

/// Durations in ms and how many each stands for. All together they have the sum that was
/// measured, as far as their bounds allow.
fn durations(new: &Histogram) -> Vec<(f64, u64)> {
    let uppers = BOUNDS_NS
        .into_iter()
        .chain([BOUNDS_NS[BOUNDS_NS.len() - 1] * 2]);
    let lowers = [0].into_iter().chain(BOUNDS_NS);
    let buckets = lowers.zip(uppers).zip(new.counts);
    let buckets: Vec<_> = buckets.filter(|(_, count)| *count > 0).collect();
    let middle = |low: u64, high: u64| (low + high) as f64 / 2.0;
    let guessed: f64 = buckets
        .iter()
        .map(|((low, high), count)| middle(*low, *high) * *count as f64)
        .sum();
    let factor = new.sum_ns as f64 / guessed;
    let durations = buckets.into_iter().map(|((low, high), count)| {
        let ns = (middle(low, high) * factor).clamp(low as f64, high as f64);
        ((ns / 1e3).round() / 1e3, count)
    });
    durations.collect()
}

/// Metrics as datagrams.
struct Packets<'o> {
    options: &'o StatsdOptions,
    all: Vec<String>,
}

impl<'o> Packets<'o> {
    fn new(options: &'o StatsdOptions) -> Self {
        Self {
            options,
            all: Vec::new(),
        }
    }

    /// A counter that has risen.
    fn count(&mut self, name: &str, more: u64) {
        if more > 0 {
            self.push(name, more, "c|@1.0");
        }
    }

    fn push(&mut self, name: &str, value: impl Display, kind: &str) {
        let StatsdOptions { prefix, tags, .. } = self.options;
        let mut line = format!("{prefix}{name}:{value}|{kind}");
        if !tags.is_empty() {
            let _ = write!(line, "|#{tags}");
        }
        match self.all.last_mut() {
            Some(packet) if packet.len() + 1 + line.len() <= MOST_BYTES => {
                packet.push('\n');
                packet.push_str(&line);
            }
            _ => self.all.push(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::{Board, SlotId, Split};

    fn options() -> StatsdOptions {
        StatsdOptions {
            address: StatsdOptions::parse_address("localhost").unwrap(),
            prefix: StatsdOptions::whole_prefix("shop.."),
            tags: "env:test,a:b".to_owned(),
            backlog: false,
        }
    }

    fn totals(durations_ms: &[(u16, u64)]) -> Totals {
        let board = Board::new(1).unwrap();
        let meters = board.meters(SlotId::new(0));
        for (status, ms) in durations_ms {
            let split = Split {
                application_ns: ms * 1_000_000,
                ..Split::default()
            };
            meters.count_served(*status, &split, 0);
        }
        meters.snapshot()
    }

    fn lines(totals: &Totals, last: &Totals) -> String {
        let options = options();
        let mut packets = Packets::new(&options);
        push(&mut packets, totals, last);
        packets.all.join("\n--\n")
    }

    #[test]
    fn names_are_gunicorns_and_only_what_is_new_is_told() {
        let first = totals(&[(200, 12)]);
        let second = totals(&[(200, 12), (200, 13), (200, 13), (404, 2)]);
        insta::assert_snapshot!(lines(&second, &first), @r"
        shop.gunicorn.requests:3|c|@1.0|#env:test,a:b
        shop.gunicorn.request.status.200:2|c|@1.0|#env:test,a:b
        shop.gunicorn.request.status.404:1|c|@1.0|#env:test,a:b
        shop.gunicorn.request.duration:1.832|ms|#env:test,a:b
        shop.gunicorn.request.duration:13.084|ms|@0.5|#env:test,a:b
        ");
        assert_eq!(lines(&second, &second), "");
    }

    #[test]
    fn durations_keep_their_sum() {
        let all = totals(&[(200, 3), (200, 4), (200, 40), (200, 41), (200, 42)]);
        let told: f64 = durations(&all.service)
            .iter()
            .map(|(ms, count)| ms * *count as f64)
            .sum();
        assert!((told - 130.0).abs() < 130.0 * 0.1, "{told}");
    }

    #[test]
    fn many_metrics_take_several_datagrams() {
        let statuses: Vec<(u16, u64)> = (200..300).map(|status| (status, 1)).collect();
        let text = lines(&totals(&statuses), &Totals::default());
        let packets: Vec<&str> = text.split("\n--\n").collect();
        assert!(packets.len() > 3);
        assert!(packets.iter().all(|packet| packet.len() <= MOST_BYTES));
        assert_eq!(text.matches("request.status").count(), 100);
    }

    #[test]
    fn addresses_are_gunicorns() {
        let parse = |text| StatsdOptions::parse_address(text).unwrap().to_string();
        assert_eq!(parse("localhost"), parse("localhost:8125"));
        assert_eq!(parse("[::1]:9000"), "[::1]:9000");
        assert_eq!(parse("unix:///run/s.sock"), parse("unix:/run/s.sock"));
        assert_eq!(StatsdOptions::whole_prefix(""), "");
    }
}
