//! Asks a server once, so that an error page is not measured.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;

use super::super::discard::length_in;
use super::mode::Mode;
use super::rivals::PORT;

/// What every application that says hello answers: its length, and how it begins.
pub(super) const HELLO: (usize, &str) = (13, "Hello, World!");

/// How long a server that listens may take to answer rightly, and one that was told to
/// end until it no longer listens.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Workers of the server before may outlive their master for a moment.
pub(super) fn wait_until_free() -> anyhow::Result<()> {
    let deadline = Instant::now() + TIMEOUT;
    while TcpStream::connect(("127.0.0.1", PORT)).is_ok() {
        ensure!(
            Instant::now() < deadline,
            "the server before still listens on port {PORT}"
        );
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Waits for the answer whose body has a length and begins so; to an upload, if that is
/// what is measured.
pub(super) fn verify((length, beginning): (usize, &str), uploads: bool) -> anyhow::Result<()> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let answer = ask(uploads);
        let body = match &answer {
            Ok(text) if text.starts_with("HTTP/1.1 200") => text.split_once("\r\n\r\n"),
            _ => None,
        };
        match body {
            Some((_, body)) if body.len() == length && body.starts_with(beginning) => {
                return Ok(());
            }
            // Some listen before they can serve.
            _ => ensure!(Instant::now() < deadline, "it answers {answer:?}"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// The same by curl, where TLS or HTTP/2 is spoken, and nothing else.
pub(super) fn verify_by_curl(mode: Mode, (length, beginning): (usize, &str)) -> anyhow::Result<()> {
    let (version, spoken) = match mode {
        Mode::Http2 => ("--http2-prior-knowledge", "2"),
        Mode::Http2Tls => ("--http2", "2"),
        _ => ("--http1.1", "1.1"),
    };
    let end = format!("\n{spoken} 200");
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--insecure", "--max-time", "30"]);
        curl.args([version, "--write-out", "\n%{http_version} %{http_code}"]);
        let output = curl.arg(mode.url()).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        match text.strip_suffix(&end) {
            Some(body) if body.len() == length && body.starts_with(beginning) => return Ok(()),
            // Some listen before they can serve.
            _ => ensure!(
                Instant::now() < deadline,
                "it answers curl {text:?} {}",
                String::from_utf8_lossy(&output.stderr)
            ),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn ask(uploads: bool) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", PORT))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let head = if uploads {
        "POST / HTTP/1.1\r\nContent-Length: 4\r\n"
    } else {
        "GET / HTTP/1.1\r\n"
    };
    let rest = format!("Host: 127.0.0.1:{PORT}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(rest.as_bytes())?;
    if uploads {
        stream.write_all(b"good")?;
    }
    let mut answer = Vec::new();
    let mut part = vec![0; 65_536];
    // Not until it closes the connection: not every server does what it is asked.
    while !is_whole(&answer) {
        match stream.read(&mut part)? {
            0 => break,
            count => answer.extend_from_slice(&part[..count]),
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Whether there are as many bytes as the head says.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    length_in(head).is_some_and(|length| body.len() as u64 >= length)
}
