//! What the server says of the same window: where it is `tonnage serve` with
//! `--status-bind`, its counters are read when the window begins and when it has ended.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;
use tonnage_model::{ServerSide, ServerTotals};

/// The document that is understood.
const SCHEMA: u64 = 1;

/// How long the server may take to answer: nothing of it waits for a worker.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How often it is looked again for responses that have arrived and are not counted yet: a
/// worker counts a response when it has sent it, and may have lost its processor in between.
const MORE_LOOKS: u32 = 10;

/// How long that waits each time.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// The longest answer, in bytes.
const MOST_BYTES: u64 = 16 << 20;

/// Why a server's status cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ServerStatusError {
    /// It does not answer there.
    #[error("cannot read the server's status at http://{address}/status: {source}")]
    Unreachable {
        /// Where it was looked for.
        address: SocketAddr,
        /// What the kernel says.
        source: io::Error,
    },
    /// Something else answers there.
    #[error("http://{address}/status is no status of `tonnage serve --status-bind`")]
    Unknown {
        /// Where it was looked for.
        address: SocketAddr,
    },
}

/// Reads a server's counters now.
pub fn server_totals(address: SocketAddr) -> Result<ServerTotals, ServerStatusError> {
    let answer =
        fetch(address).map_err(|source| ServerStatusError::Unreachable { address, source })?;
    totals(&answer).ok_or(ServerStatusError::Unknown { address })
}

fn fetch(address: SocketAddr) -> io::Result<String> {
    let mut socket = TcpStream::connect_timeout(&address, TIMEOUT)?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    socket.set_write_timeout(Some(TIMEOUT))?;
    let request = format!("GET /status HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes())?;
    let mut answer = String::new();
    socket.take(MOST_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}

fn totals(answer: &str) -> Option<ServerTotals> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    if !head.starts_with("HTTP/1.1 200 ") {
        return None;
    }
    let status: Value = serde_json::from_str(body).ok()?;
    if status["schema"].as_u64() != Some(SCHEMA) || status["server"]["name"] != "tonnage" {
        return None;
    }
    let (totals, server) = (&status["totals"], &status["server"]);
    let sum_us = |name: &str| Some(totals[name]["sum_s"].as_f64()? * 1e6);
    Some(ServerTotals {
        whose: format!("{} since {}", server["pid"], server["started"]),
        responses: totals["responses"].as_u64()?,
        requests: totals["service"]["count"].as_u64()?,
        turned_away: totals["turned_away"].as_u64()?,
        service_us: sum_us("service")?,
        queue_wait_us: sum_us("queue_wait")?,
        gil_wait_us: sum_us("gil_wait")?,
        application_us: sum_us("application")?,
        write_us: sum_us("write")?,
    })
}

/// The two looks at a server. The first one is taken by a thread of its own: whoever
/// collects figures has others to wait for.
#[derive(Debug)]
pub(crate) struct Looks {
    address: SocketAddr,
    first: Option<JoinHandle<Result<ServerTotals, ServerStatusError>>>,
}

impl Looks {
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self {
            address,
            first: None,
        }
    }

    /// The window begins.
    pub(crate) fn begin(&mut self) {
        let address = self.address;
        let look = thread::Builder::new().name("server-status".to_owned());
        self.first = look.spawn(move || server_totals(address)).ok();
    }

    /// The window has ended, and so many responses have arrived: the server's side of it, or
    /// why that is not known.
    pub(crate) fn end(self, arrived: u64) -> Result<ServerSide, String> {
        let last = server_totals(self.address);
        let first = self.first.and_then(|first| first.join().ok());
        let first = first.ok_or("the window had no beginning")?;
        let first = first.map_err(|error| error.to_string())?;
        let mut last = last.map_err(|error| error.to_string())?;
        for _ in 0..MORE_LOOKS {
            if last.requests >= first.requests.saturating_add(arrived) || first.whose != last.whose
            {
                break;
            }
            thread::sleep(BETWEEN_LOOKS);
            last = server_totals(self.address).map_err(|error| error.to_string())?;
        }
        if first.whose != last.whose {
            return Err("the server was restarted in the window".to_owned());
        }
        Ok(ServerSide::between(&first, &last))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn status(requests: u64) -> String {
        status_of(7, requests)
    }

    fn status_of(pid: u32, requests: u64) -> String {
        let sum =
            |share: f64| serde_json::json!({ "sum_s": requests as f64 * share, "count": requests });
        let document = serde_json::json!({
            "schema": 1,
            "server": { "name": "tonnage", "pid": pid, "started": "2026-01-01T00:00:00Z" },
            "totals": {
                "responses": requests + 1, "turned_away": 1, "service": sum(0.01),
                "queue_wait": sum(0.002), "gil_wait": sum(0.001),
                "application": sum(0.006), "write": sum(0.001),
            },
        });
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{document}")
    }

    /// A server that gives these answers, one after the other.
    fn server(answers: Vec<String>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for answer in answers {
                let (mut socket, _) = listener.accept().unwrap();
                let mut request = [0; 1024];
                assert!(socket.read(&mut request).unwrap() > 0);
                socket.write_all(answer.as_bytes()).unwrap();
            }
        });
        address
    }

    #[test]
    fn the_window_is_what_lies_between_two_looks() {
        // The last response that has arrived is counted a little later.
        let address = server(vec![status(100), status(299), status(300)]);
        let mut looks = Looks::at(address);
        looks.begin();
        // One after the other, as the server answers.
        let first = looks.first.take().unwrap().join().unwrap();
        looks.first = thread::Builder::new().spawn(move || first).ok();
        let side = looks.end(200).unwrap();
        assert_eq!((side.responses, side.requests), (200, 200));
        let near = |us: Option<f64>, expected: f64| (us.unwrap() - expected).abs() < 1e-6;
        assert!(near(side.service_us, 10_000.0) && near(side.queue_wait_us, 2000.0));
        assert!(near(side.application_us, 6000.0) && near(side.write_us, 1000.0));
    }

    #[test]
    fn another_server_has_counted_other_requests() {
        let address = server(vec![status_of(7, 100), status_of(8, 300)]);
        let mut looks = Looks::at(address);
        looks.begin();
        let first = looks.first.take().unwrap().join().unwrap();
        looks.first = thread::Builder::new().spawn(move || first).ok();
        let why = looks.end(200).unwrap_err();
        assert_eq!(why, "the server was restarted in the window");
        // Nobody is there any more.
        let mut looks = Looks::at(address);
        looks.begin();
        assert!(looks.end(0).unwrap_err().contains("cannot read"));
    }

    #[test]
    fn what_is_no_status_is_told_from_nobody() {
        let address = server(vec![status(1).replace("200 OK", "404 Not Found")]);
        let error = server_totals(address).unwrap_err();
        assert!(
            matches!(error, ServerStatusError::Unknown { .. }),
            "{error}"
        );
        let closed = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let error = server_totals(closed).unwrap_err();
        assert!(
            matches!(error, ServerStatusError::Unreachable { .. }),
            "{error}"
        );
    }
}
