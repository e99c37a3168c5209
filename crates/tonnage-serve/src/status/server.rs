//! Who answers questions on the status address. The supervisor's loop waits for its sockets
//! beside its own and lets it go on; it never waits by itself.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use rustix::event::{PollFd, PollFlags};

use super::client::{Client, Question};
use super::health::Health;
use super::retry::Retry;
use super::view::{Scene, View};
use crate::http::{self, Method, Refusal};
use crate::listen::{Address, ListenError, ListenOptions, Listener};
use crate::reply::push_date;

/// Questions at a time; beyond that the oldest connection is closed.
const MOST_CLIENTS: usize = 32;

/// How long after a failure it is tried again to listen, in ms.
const RETRY_MS: u64 = 1000;

const TEXT: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";

/// The page for people: it has all it needs, and asks `/status` each second.
const PAGE: &str = include_str!("page.html");

/// The status address.
#[derive(Debug)]
pub struct StatusServer {
    address: Address,
    options: ListenOptions,
    listener: Option<Listener>,
    clients: Vec<Client>,
    retry: Retry,
    /// It was said that the address cannot be had.
    told: bool,
}

impl StatusServer {
    /// Will listen there.
    pub fn new(address: Address, options: ListenOptions) -> Self {
        Self {
            address,
            options,
            listener: None,
            clients: Vec::new(),
            retry: Retry::new(RETRY_MS),
            told: false,
        }
    }

    /// The address that was asked for.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Begins to listen, where it does not yet and has not just tried. A server that takes
    /// over from another gets the address when that one is gone. What is to be said of it.
    pub fn open(&mut self, now_ms: u64) -> Option<Result<String, ListenError>> {
        if self.listener.is_some() {
            return None;
        }
        let open = || Listener::open(&self.address, &self.options);
        match self.retry.attempt(now_ms, open)? {
            Ok(listener) => {
                let name = listener.to_string();
                self.listener = Some(listener);
                self.told = false;
                Some(Ok(name))
            }
            Err(error) => {
                let was_told = std::mem::replace(&mut self.told, true);
                (!was_told).then_some(Err(error))
            }
        }
    }

    /// All its sockets, which no worker may keep.
    pub fn descriptors(&self) -> Vec<RawFd> {
        let listener = self.listener.iter();
        let listener = listener.map(|listener| listener.as_fd().as_raw_fd());
        listener
            .chain(self.clients.iter().map(Client::descriptor))
            .collect()
    }

    /// What it waits for.
    pub fn watch<'s>(&'s self, sources: &mut Vec<PollFd<'s>>) {
        let listener = self.listener.iter();
        sources.extend(listener.map(|listener| PollFd::new(listener, PollFlags::IN)));
        sources.extend(self.clients.iter().map(|client| {
            let (socket, flags) = client.interest();
            PollFd::from_borrowed_fd(socket, flags)
        }));
    }

    /// Answers what can be answered now.
    pub fn serve(&mut self, scene: Scene<'_>, now_ms: u64) {
        // Descriptors that are lacking now may be there at the next question.
        let _ = self.accept(now_ms);
        self.clients
            .retain_mut(|client| client.go_on(now_ms, |asked| answer(asked, scene, now_ms)));
    }

    fn accept(&mut self, now_ms: u64) -> io::Result<()> {
        let Some(listener) = &self.listener else {
            return Ok(());
        };
        for _ in 0..MOST_CLIENTS {
            let Some((socket, _)) = listener.accept()? else {
                break;
            };
            if self.clients.len() >= MOST_CLIENTS {
                self.clients.remove(0);
            }
            self.clients.push(Client::new(socket, now_ms));
        }
        Ok(())
    }

    /// Goes away; the file of a Unix socket, too.
    pub fn close(&mut self) {
        self.clients.clear();
        if let Some(listener) = self.listener.take() {
            // What is gone already needs no removal, and nothing else can be done.
            let _ = listener.unlink();
        }
    }
}

fn answer(asked: Result<Question, Refusal>, scene: Scene<'_>, now_ms: u64) -> Vec<u8> {
    let question = match asked {
        Ok(question) => question,
        Err(refusal) => return response(refusal.status(), TEXT, &format!("{refusal}\n"), false),
    };
    let bodiless = match question.method {
        Method::Get => false,
        Method::Head => true,
        _ => return response(405, TEXT, "only GET and HEAD\n", false),
    };
    let (status, kind, body) = match question.path.as_str() {
        "/" => (200, HTML, PAGE.to_owned()),
        "/metrics" => (200, PROMETHEUS, View::new(scene, now_ms).to_prometheus()),
        "/status" => {
            let document = View::new(scene, now_ms).to_json();
            (200, JSON, format!("{document:#}\n"))
        }
        "/health" => {
            let health = Health::of(scene, now_ms);
            let status = if health.serves() { 200 } else { 503 };
            (status, TEXT, format!("{}\n", health.name()))
        }
        // Whoever would end a supervisor that replaces stuck workers by itself makes it worse.
        "/health/live" => (200, TEXT, "ok\n".to_owned()),
        _ => {
            let known = "not found: here are /, /health, /health/live, /metrics and /status\n";
            (404, TEXT, known.to_owned())
        }
    };
    response(status, kind, &body, bodiless)
}

fn response(status: u16, kind: &str, body: &str, bodiless: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(512 + body.len());
    // The phrases of our own statuses have nothing that could be refused.
    let _ = http::push_status(&mut out, status, http::reason(status).as_bytes());
    out.extend_from_slice(http::SERVER);
    push_date(&mut out);
    out.extend_from_slice(format!("Content-Type: {kind}\r\n").as_bytes());
    if status == 405 {
        out.extend_from_slice(b"Allow: GET, HEAD\r\n");
    }
    http::push_length(&mut out, body.len() as u64);
    out.extend_from_slice(
        b"Cache-Control: no-store\r\n\
          X-Content-Type-Options: nosniff\r\n\
          Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; \
          script-src 'unsafe-inline'; connect-src 'self'; img-src data:\r\n\
          Connection: close\r\n\r\n",
    );
    if !bodiless {
        out.extend_from_slice(body.as_bytes());
    }
    out
}
