//! Short responses that wait for each other: a client that is woken for each one by itself
//! costs the server the waking, which takes longer than all that the server does for a
//! request (docs/decisions/0018).
//!
//! They lie here and not with their connections, so that whoever has time can send them: the
//! thread that made them, or, where its application goes on for long, one that never calls
//! an application. How many wait, and until when at most, is decided by [`crate::io`].

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::SendFlags;

use crate::h2::Session;

/// How long a response waits at most before somebody sends it, in ns.
pub(crate) const LONGEST_NS: u64 = 2_000_000;

/// Responses of one worker that wait.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    held: Mutex<Held>,
    /// Rung for whoever sleeps until there is a response.
    bell: Condvar,
    holds_sessions: AtomicBool,
}

#[derive(Debug, Default)]
struct Held {
    responses: VecDeque<Response>,
    /// Connections of HTTP/2 that have responses, which they keep themselves.
    sessions: Vec<Arc<Session>>,
    sessions_since_ns: u64,
    /// Responses that ever waited here; the newest one's number.
    count: u64,
    somebody_sleeps: bool,
}

#[derive(Debug)]
struct Response {
    number: u64,
    socket: Arc<OwnedFd>,
    bytes: Vec<u8>,
    /// The socket took what it had room for: the rest is its connection's affair.
    was_tried: bool,
    sent: usize,
    failed: Option<Errno>,
    since_ns: u64,
}

impl Response {
    /// Sends as much as the socket takes, once.
    fn send(&mut self) {
        if std::mem::replace(&mut self.was_tried, true) {
            return;
        }
        match rustix::net::send(&self.socket, &self.bytes, SendFlags::NOSIGNAL) {
            Ok(bytes) => self.sent = bytes,
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) => self.failed = Some(error),
        }
    }
}

impl Outbox {
    /// Keeps a response, from `since_ns` on.
    pub(crate) fn hold(
        self: &Arc<Self>,
        socket: &Arc<OwnedFd>,
        bytes: &[u8],
        since_ns: u64,
    ) -> Ticket {
        let mut held = self.held();
        held.count += 1;
        let number = held.count;
        held.responses.push_back(Response {
            number,
            socket: Arc::clone(socket),
            bytes: bytes.to_vec(),
            was_tried: false,
            sent: 0,
            failed: None,
            since_ns,
        });
        if held.somebody_sleeps {
            self.bell.notify_one();
        }
        Ticket {
            outbox: Arc::clone(self),
            number: Some(number),
        }
    }

    /// Has a connection of HTTP/2 flushed with the others, from `since_ns` on.
    pub(crate) fn hold_session(&self, session: &Arc<Session>, since_ns: u64) {
        if !session.hold() {
            return;
        }
        let mut held = self.held();
        if held.sessions.is_empty() {
            held.sessions_since_ns = since_ns;
        }
        held.count += 1;
        held.sessions.push(Arc::clone(session));
        self.holds_sessions.store(true, Ordering::Release);
        if held.somebody_sleeps {
            self.bell.notify_one();
        }
    }

    /// Whether connections of HTTP/2 wait.
    pub(crate) fn holds_sessions(&self) -> bool {
        self.holds_sessions.load(Ordering::Acquire)
    }

    /// Flushes the connections of HTTP/2 that wait.
    pub(crate) fn flush_sessions(&self) {
        if !self.holds_sessions() {
            return;
        }
        let sessions = {
            let mut held = self.held();
            self.holds_sessions.store(false, Ordering::Release);
            std::mem::take(&mut held.sessions)
        };
        for session in sessions {
            // First, so that what comes from now on is flushed another time.
            session.let_go();
            session.flush();
        }
    }

    /// Flushes them where one has waited long enough, and says whether some wait on.
    fn flush_late_sessions(&self, now_ns: u64) -> bool {
        if !self.holds_sessions() {
            return false;
        }
        let since_ns = self.held().sessions_since_ns;
        if now_ns.saturating_sub(since_ns) < LONGEST_NS {
            return true;
        }
        self.flush_sessions();
        false
    }

    /// Sends all responses, where one has waited long enough, and says whether some wait
    /// on. They stay until their connections take them back.
    pub(crate) fn send_late(&self, now_ns: u64) -> bool {
        let some_wait = self.flush_late_sessions(now_ns);
        let mut held = self.held();
        let mut waiting = held.responses.iter().filter(|response| !response.was_tried);
        let Some(first) = waiting.next() else {
            return some_wait;
        };
        if now_ns.saturating_sub(first.since_ns) < LONGEST_NS {
            return true;
        }
        held.responses.iter_mut().for_each(Response::send);
        some_wait
    }

    /// Responses that have ever waited here.
    pub(crate) fn count(&self) -> u64 {
        self.held().count
    }

    /// Sleeps until there are more than `seen`, or so long.
    pub(crate) fn sleep(&self, seen: u64, most: Duration) {
        let mut held = self.held();
        if held.count == seen {
            held.somebody_sleeps = true;
            let woken = self.bell.wait_timeout(held, most);
            held = woken.unwrap_or_else(PoisonError::into_inner).0;
            held.somebody_sleeps = false;
        }
    }

    fn take(&self, number: u64) -> Option<Response> {
        let mut held = self.held();
        let at = held
            .responses
            .iter()
            .position(|response| response.number == number)?;
        held.responses.remove(at)
    }

    /// Whoever panicked with it in hand left it whole.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a connection has of its response that waits. A connection that ends lets it go: then
/// it is sent, as far as its socket takes it.
#[derive(Debug)]
pub(crate) struct Ticket {
    outbox: Arc<Outbox>,
    number: Option<u64>,
}

impl Ticket {
    /// The response, and how much of it was sent.
    pub(crate) fn redeem(mut self) -> io::Result<(Vec<u8>, usize)> {
        let number = self.number.take();
        let response = number.and_then(|number| self.outbox.take(number));
        match response {
            Some(Response {
                failed: Some(error),
                ..
            }) => Err(error.into()),
            Some(response) => Ok((response.bytes, response.sent)),
            None => Ok((Vec::new(), 0)),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let number = self.number.take();
        if let Some(mut response) = number.and_then(|number| self.outbox.take(number)) {
            response.send();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::os::unix::net::UnixStream;
    use std::time::Instant;

    use super::*;

    /// A socket for responses, and its client's end.
    fn pair() -> (Arc<OwnedFd>, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.set_nonblocking(true).unwrap();
        (Arc::new(ours.into()), theirs)
    }

    /// What has come by now.
    fn now(client: &mut UnixStream) -> Vec<u8> {
        let mut come = Vec::new();
        match client.read_to_end(&mut come) {
            Ok(_) => come,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                come
            }
        }
    }

    #[test]
    fn what_waits_is_sent_in_time_and_once() {
        let outbox = Arc::new(Outbox::default());
        let (first, mut first_client) = pair();
        let (second, mut second_client) = pair();
        let one = outbox.hold(&first, b"one", 10);
        let two = outbox.hold(&second, b"two", 20);
        outbox.send_late(10 + LONGEST_NS - 1);
        assert_eq!(now(&mut first_client), b"");
        // Those that came later go with it.
        outbox.send_late(10 + LONGEST_NS);
        outbox.send_late(20 + LONGEST_NS);
        assert_eq!(now(&mut first_client), b"one");
        assert_eq!(now(&mut second_client), b"two");
        assert_eq!(two.redeem().unwrap(), (b"two".to_vec(), 3));
        assert_eq!(one.redeem().unwrap(), (b"one".to_vec(), 3));
        assert!(outbox.held().responses.is_empty());
        assert_eq!(outbox.count(), 2);
    }

    #[test]
    fn what_was_not_sent_is_given_back_or_sent_at_the_end() {
        let outbox = Arc::new(Outbox::default());
        let (socket, mut client) = pair();
        let ticket = outbox.hold(&socket, b"mine", 0);
        assert_eq!(ticket.redeem().unwrap(), (b"mine".to_vec(), 0));
        assert_eq!(now(&mut client), b"");
        drop(outbox.hold(&socket, b"left", 0));
        drop(socket);
        // The socket is closed with the ticket: nobody else has it.
        let mut come = Vec::new();
        client.read_to_end(&mut come).unwrap();
        assert_eq!(come, b"left");
    }

    #[test]
    fn a_client_that_has_gone_or_is_full_is_told_to_whoever_redeems() {
        let outbox = Arc::new(Outbox::default());
        let (socket, client) = pair();
        drop(client);
        let ticket = outbox.hold(&socket, b"x", 0);
        outbox.send_late(LONGEST_NS);
        let error = ticket.redeem().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);

        let (ours, _client) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        while (&ours).write(&[0; 4096]).is_ok() {}
        let ticket = outbox.hold(&Arc::new(ours.into()), b"late", 0);
        outbox.send_late(LONGEST_NS);
        assert_eq!(ticket.redeem().unwrap(), (b"late".to_vec(), 0));
    }

    #[test]
    fn whoever_sleeps_is_woken_by_a_response() {
        const LONG: Duration = Duration::from_mins(1);
        let started = Instant::now();
        let outbox = Arc::new(Outbox::default());
        let sleeper = {
            let outbox = Arc::clone(&outbox);
            std::thread::spawn(move || outbox.sleep(0, LONG))
        };
        while !outbox.held().somebody_sleeps {
            std::thread::yield_now();
        }
        let (socket, _client) = pair();
        let _ticket = outbox.hold(&socket, b"one", 0);
        sleeper.join().unwrap();
        // There is one already: nobody would ring for it.
        outbox.sleep(0, LONG);
        assert!(started.elapsed() < LONG);
    }
}
