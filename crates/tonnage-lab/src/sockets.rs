//! Ports and sockets of this network namespace: free ports, who holds one, and
//! how many sockets are in TIME_WAIT.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::LabError;
use crate::process::ProcessInfo;

/// The ephemeral range where the kernel does not tell (its own default).
const DEFAULT_RANGE: (u64, u64) = (32_768, 60_999);

/// Ports below every common ephemeral range, so that no outgoing connection can
/// sit on the one that was just found free.
const SERVER_PORTS: std::ops::Range<u16> = 18_000..28_000;

/// Fails where somebody listens on the address already.
pub(crate) fn check_free(host: &str, port: u16) -> Result<(), LabError> {
    match TcpListener::bind((host, port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(LabError::PortInUse {
            host: host.to_owned(),
            port,
            by: holder(port).unwrap_or_default(),
        }),
        Err(error) => Err(LabError::Usage(format!(
            "cannot listen on {host}:{port}: {error}"
        ))),
    }
}

/// A port on `host` that nobody listens on.
pub(crate) fn free_port(host: &str) -> Result<u16, LabError> {
    // Begins at a place of its own, so that two runs seldom meet, and behind the
    // port given last, which its server may not listen on yet.
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let span = SERVER_PORTS.len() as u32;
    let first = std::process::id().wrapping_mul(2_654_435_761) % span;
    (0..span)
        .map(|_| GIVEN.fetch_add(1, Ordering::Relaxed))
        .map(|step| SERVER_PORTS.start + (first.wrapping_add(step) % span) as u16)
        .find(|&port| TcpListener::bind((host, port)).is_ok())
        .ok_or_else(|| {
            LabError::Usage(format!(
                "no port from {} to {} is free on {host}",
                SERVER_PORTS.start, SERVER_PORTS.end
            ))
        })
}

/// Who listens on a port, as ` by NAME (pid N)`.
fn holder(port: u16) -> Option<String> {
    let inodes = listener_inodes(port);
    let process = ProcessInfo::all()
        .into_iter()
        .find(|process| has_socket(process.id.pid, &inodes))?;
    Some(format!(" by {} (pid {})", process.name, process.id.pid))
}

/// Whether one of these processes listens on `port`.
pub(crate) fn listens(pids: &[u32], port: u16) -> bool {
    let inodes = listener_inodes(port);
    pids.iter().any(|&pid| has_socket(pid, &inodes))
}

/// The inodes of all sockets that listen on `port`, as `/proc/PID/fd` shows them.
fn listener_inodes(port: u16) -> Vec<String> {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .flat_map(fs::read_to_string)
        .flat_map(|table| {
            let inodes = table.lines().filter_map(|line| listener_inode(line, port));
            inodes
                .map(|inode| format!("socket:[{inode}]"))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn has_socket(pid: u32, sockets: &[String]) -> bool {
    let files = fs::read_dir(format!("/proc/{pid}/fd"));
    files
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok())
        .any(|target| {
            sockets
                .iter()
                .any(|socket| target.as_os_str() == socket.as_str())
        })
}

/// The inode of a line of `/proc/net/tcp` that listens on `port`.
fn listener_inode(line: &str, port: u16) -> Option<&str> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = line.split_whitespace().collect();
    let local_port = fields.get(1)?.rsplit(':').next()?;
    let here = u16::from_str_radix(local_port, 16).ok()? == port && *fields.get(3)? == LISTEN;
    here.then(|| fields.get(9).copied())?
}

/// Sockets in TIME_WAIT in this network namespace.
pub(crate) fn time_wait_sockets() -> u64 {
    parse_time_wait(&fs::read_to_string("/proc/net/sockstat").unwrap_or_default())
}

fn parse_time_wait(sockstat: &str) -> u64 {
    sockstat
        .lines()
        .find_map(|line| line.strip_prefix("TCP:"))
        .and_then(|counters| {
            let mut words = counters.split_whitespace();
            words
                .find(|word| *word == "tw")
                .and(words.next())?
                .parse()
                .ok()
        })
        .unwrap_or(0)
}

/// How many local ports there are for outgoing connections to one address.
pub(crate) fn ephemeral_ports() -> u64 {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut bounds = text
        .split_whitespace()
        .filter_map(|bound| bound.parse::<u64>().ok());
    let (low, high) = bounds.next().zip(bounds.next()).unwrap_or(DEFAULT_RANGE);
    high.saturating_sub(low) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_wait_is_read_from_the_kernels_line() {
        let sockstat =
            "sockets: used 8\nTCP: inuse 1 orphan 0 tw 1234 alloc 1 mem 351\nUDP: inuse 0 mem 0\n";
        assert_eq!(parse_time_wait(sockstat), 1234);
        assert_eq!(parse_time_wait(""), 0);
    }

    #[test]
    fn a_listener_is_told_apart_from_a_connection() {
        let listening = "   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1";
        assert_eq!(listener_inode(listening, 8000), Some("4711"));
        assert_eq!(listener_inode(listening, 8001), None);
        assert_eq!(
            listener_inode(&listening.replace(" 0A ", " 01 "), 8000),
            None
        );
    }

    #[test]
    fn no_port_is_given_twice_in_a_row() {
        let ports: std::collections::HashSet<u16> =
            (0..20).map(|_| free_port("127.0.0.1").unwrap()).collect();
        assert_eq!(ports.len(), 20);
    }

    #[test]
    fn a_taken_port_names_its_holder() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = check_free("127.0.0.1", port).unwrap_err().to_string();
        assert!(listens(&[std::process::id()], port) && !listens(&[1], port));
        assert!(
            error.contains(&format!("(pid {})", std::process::id())),
            "{error}"
        );
        drop(listener);
        check_free("127.0.0.1", port).unwrap();
    }

    #[test]
    fn a_free_port_can_be_listened_on() {
        let port = free_port("127.0.0.1").unwrap();
        assert!(SERVER_PORTS.contains(&port));
        assert!(ephemeral_ports() > 0);
    }
}
