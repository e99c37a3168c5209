//! One thread of the engine: its connections, its epoll and what becomes of each
//! request. When requests are due is the pacer's business, what is counted the
//! recorder's.
//!
//! Sockets are registered once, edge by edge, for everything. In steady state a
//! request costs one `send`, one `recv` and a share of an `epoll_wait`.

use rustix::event::epoll::{EventData, EventFlags};
use rustix::net::sockopt;
use tonnage_model::{Cause, Phase};

use super::connection::{Connection, Stage, Written};
use super::response::Response;
use crate::backoff::PAUSE_CHECK_NS;
use crate::poll::Poll;
use crate::pulse::{Connected, Pulse, Task, ThreadResult};
use crate::recorder::Moments;
use crate::tls::TlsClient;
use crate::transport::{Incoming, Transport, cause_of};
use crate::{Checks, Cursor, LoadError, RequestSource};

/// Bytes read at once. A read that does not fill it has emptied the socket,
/// which is what edge-triggered epoll needs to know.
const READ_BYTES: usize = 64 * 1024;

/// Reads from one socket in a row before the others, the timeouts and the window
/// get their turn: a peer may send faster than anybody reads.
const READS_IN_A_ROW: usize = 16;

/// Reads after a failed write: more than any socket holds.
const MAX_LAST_READS: usize = 1024;

/// How late a request leaves where the thread has been kept from looking at its sockets: by
/// other programs, or because the process was stopped.
const LATE_NS: u64 = 1_000_000;

/// A thread at work.
pub(crate) struct Worker<'a> {
    pulse: Pulse<'a>,
    source: &'a RequestSource,
    cursor: Cursor<'a>,
    checks: Checks,
    tls: Option<&'a TlsClient>,
    poll: Poll,
    connections: Vec<Connection>,
    buffer: Box<[u8]>,
    connected: Connected,
    /// Sockets that had more to read than one turn takes: no further event tells
    /// of it. Slot, generation and the flags of the event.
    unread: Vec<(usize, u32, EventFlags)>,
    /// When to look for phases that have lasted too long.
    next_check_ns: u64,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(
        task: Task<'a>,
        source: &'a RequestSource,
        tls: Option<&'a TlsClient>,
    ) -> Result<Self, LoadError> {
        let slots = task.connections;
        let plan = task.plan;
        let part = task.part;
        // A copy of its own: threads that share a pattern would wait for each other.
        let checks = plan.checks.clone();
        let keep_body = checks.needs_body();
        Ok(Self {
            pulse: Pulse::new(task),
            source,
            cursor: source.cursor(plan.seed, part.thread, part.threads),
            checks,
            tls,
            poll: Poll::new()?,
            connections: (0..slots).map(|_| Connection::new(keep_body)).collect(),
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
            connected: Connected::default(),
            unread: Vec::new(),
            next_check_ns: 0,
        })
    }

    /// Sends load until the window ends.
    pub(crate) fn run(mut self) -> Result<ThreadResult, LoadError> {
        let mut events = Poll::events();
        loop {
            let now = self.pulse.clock.now_ns();
            if let Some(ended) = self.pulse.tick(now) {
                return Ok(self.pulse.finish(now, ended, self.connected));
            }
            while let Some(due) = self.pulse.take_due(now) {
                let slot = due.slot as usize;
                if now.saturating_sub(due.due_ns) > LATE_NS {
                    // The peer may have closed what was not used meanwhile, and is not to
                    // blame for a request that leaves without a look at that.
                    self.read(slot, EventFlags::IN);
                }
                self.start_request(slot, due.due_ns, now);
            }
            if now >= self.next_check_ns {
                self.check_deadlines(now);
            }
            let unread = std::mem::take(&mut self.unread);
            let wake_ns = if unread.is_empty() {
                self.pulse.wake_ns().min(self.next_check_ns)
            } else {
                now
            };
            self.poll.wait(&mut events, now, wake_ns)?;
            for event in events.drain(..) {
                self.on_event(event.data.u64(), event.flags);
            }
            for (slot, generation, flags) in unread {
                self.read_on(slot, generation, flags);
            }
        }
    }

    /// Goes on where a turn ended, unless an event has come since.
    fn read_on(&mut self, slot: usize, generation: u32, flags: EventFlags) {
        let is_pending = self.unread.iter().any(|&(other, ..)| other == slot);
        if !is_pending && self.connections[slot].generation == generation {
            self.read(slot, flags);
        }
    }

    /// Looks for phases that have lasted too long and pauses that are over.
    fn check_deadlines(&mut self, now: u64) {
        for slot in 0..self.connections.len() {
            if self.connections[slot].deadline_ns > now {
                continue;
            }
            match self.connections[slot].stage {
                Stage::Idle => {}
                Stage::Paused => self.next_request(slot, now),
                _ => self.fail(slot, Cause::Timeout, now),
            }
        }
        let mut interval = self.pulse.plan.timeouts.check_interval_ns();
        if self.connections.iter().any(|c| c.stage == Stage::Paused) {
            interval = interval.min(PAUSE_CHECK_NS);
        }
        self.next_check_ns = now + interval;
    }

    fn on_event(&mut self, data: u64, flags: EventFlags) {
        let slot = (data & u64::from(u32::MAX)) as usize;
        let connection = &self.connections[slot];
        if connection.socket.is_none() || connection.generation != (data >> 32) as u32 {
            return;
        }
        let generation = connection.generation;
        match connection.stage {
            Stage::Connecting => self.on_connected(slot, flags),
            Stage::ShakingHands => self.shake_hands(slot),
            _ => {}
        }
        let connection = &self.connections[slot];
        if connection.generation != generation || connection.stage == Stage::ShakingHands {
            return;
        }
        // This edge may be the only one that tells of data: a peer may answer as
        // soon as it accepts. Reading goes first: an answer that overtakes its
        // request is often followed by a reset, on which a further write would
        // founder.
        let readable = EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
        if flags.intersects(readable) {
            self.read(slot, flags);
        }
        let connection = &self.connections[slot];
        if connection.stage == Stage::Writing
            && connection.generation == generation
            && flags.contains(EventFlags::OUT)
        {
            self.write(slot);
        }
    }

    /// The slot is free: its next request, if there is one already.
    #[inline]
    fn next_request(&mut self, slot: usize, now: u64) {
        if let Some(due_ns) = self.pulse.pacer.next(slot as u32, now) {
            self.start_request(slot, due_ns, now);
        } else {
            let connection = &mut self.connections[slot];
            connection.stage = Stage::Idle;
            connection.deadline_ns = u64::MAX;
            if self.pulse.pacer.is_exhausted() {
                self.close(slot);
            }
        }
    }

    /// Begins a request, on the slot's open connection or on a new one.
    #[inline]
    fn start_request(&mut self, slot: usize, due_ns: u64, now: u64) {
        self.pulse.recorder().counts.started += 1;
        let connection = &mut self.connections[slot];
        connection.due_ns = due_ns;
        connection.written = 0;
        let next = self.cursor.next(&mut connection.rendered);
        connection.request = next.request;
        connection.scanner.reset(next.is_head);
        if connection.socket.is_some() {
            self.begin_write(slot, now);
        } else {
            self.connect(slot, now);
        }
    }

    fn connect(&mut self, slot: usize, now: u64) {
        let connection = &mut self.connections[slot];
        connection.stage = Stage::Connecting;
        connection.connecting_ns = now;
        connection.deadline_ns = now + self.pulse.plan.timeouts.connect.as_nanos() as u64;
        let generation = connection.generation.wrapping_add(1);
        let data = EventData::new_u64(slot as u64 | u64::from(generation) << 32);
        let opened = connection
            .open(&self.pulse.plan.target.address)
            .and_then(|socket| self.poll.add(socket, data));
        match opened {
            Ok(()) => self.pulse.recorder().counts.connections_opened += 1,
            Err(error) => self.fail(slot, cause_of(error), now),
        }
    }

    fn on_connected(&mut self, slot: usize, flags: EventFlags) {
        let now = self.pulse.clock.now_ns();
        let connection = &mut self.connections[slot];
        let Some(socket) = &connection.socket else {
            return;
        };
        match sockopt::socket_error(socket) {
            Ok(Ok(())) if flags.contains(EventFlags::OUT) => {}
            Ok(Ok(())) => return,
            Ok(Err(error)) | Err(error) => return self.fail(slot, cause_of(error), now),
        }
        let connect_ns = now - connection.connecting_ns;
        connection.connecting_ns = now;
        self.pulse.recorder().connect_time.record(connect_ns);
        if self.tls.is_none() {
            return self.on_up(slot, now);
        }
        let connection = &mut self.connections[slot];
        connection.stage = Stage::ShakingHands;
        connection.deadline_ns = now + self.pulse.plan.timeouts.connect.as_nanos() as u64;
        match Transport::new(self.tls) {
            Ok(transport) => {
                connection.transport = transport;
                self.shake_hands(slot);
            }
            Err(cause) => self.fail(slot, cause, now),
        }
    }

    fn shake_hands(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        let Some(socket) = &connection.socket else {
            return;
        };
        let done = connection.transport.shake_hands(socket);
        let now = self.pulse.clock.now_ns();
        match done {
            Ok(false) => {}
            Ok(true) => {
                let handshake_ns = now - connection.connecting_ns;
                self.pulse.recorder().tls_time.record(handshake_ns);
                self.on_up(slot, now);
            }
            Err(cause) => self.fail(slot, cause, now),
        }
    }

    fn on_up(&mut self, slot: usize, now: u64) {
        let connection = &mut self.connections[slot];
        connection.is_up = true;
        self.connected.used += u32::from(!std::mem::replace(&mut connection.was_up, true));
        self.connected.up += 1;
        self.connected.most = self.connected.most.max(self.connected.up);
        self.begin_write(slot, now);
    }

    #[inline]
    fn begin_write(&mut self, slot: usize, now: u64) {
        let connection = &mut self.connections[slot];
        connection.stage = Stage::Writing;
        connection.sent_ns = now;
        connection.first_byte_ns = 0;
        connection.deadline_ns = now + self.pulse.plan.timeouts.write.as_nanos() as u64;
        self.write(slot);
    }

    /// Hands as much of the request to the kernel as it takes.
    fn write(&mut self, slot: usize) {
        let began_before = self.connections[slot].written > 0;
        loop {
            let (bytes, is_out) = match self.connections[slot].write(self.source) {
                Ok(Written::Blocked) => return,
                Ok(Written::Part(bytes)) => (bytes, false),
                Ok(Written::All(bytes)) => (bytes, true),
                Err(cause) => return self.on_write_error(slot, cause),
            };
            self.pulse.recorder().counts.bytes_sent += bytes as u64;
            let connection = &mut self.connections[slot];
            if !is_out {
                continue;
            }
            // Where it took several writes, the wait begins only now.
            let now = if began_before {
                self.pulse.clock.now_ns()
            } else {
                connection.sent_ns
            };
            connection.stage = Stage::Waiting;
            connection.deadline_ns = now + self.pulse.plan.timeouts.wait.as_nanos() as u64;
            return;
        }
    }

    /// A peer that refuses a request half-way answers, then resets; the answer
    /// may still be in the socket.
    fn on_write_error(&mut self, slot: usize, cause: Cause) {
        let mut response = None;
        for _ in 0..MAX_LAST_READS {
            if response.is_some() {
                break;
            }
            let connection = &mut self.connections[slot];
            let Some(socket) = &connection.socket else {
                return;
            };
            match connection.transport.read(socket, &mut self.buffer) {
                Ok(Incoming::Data(length) | Incoming::LastData(length)) => {
                    let data = &self.buffer[..length];
                    response = connection.scanner.feed(data).unwrap_or(None);
                    self.pulse.recorder().counts.bytes_received += length as u64;
                }
                // Why the peer closed, which the write could not know.
                Err(Cause::Alert) => return self.fail_now(slot, Cause::Alert),
                _ => break,
            }
        }
        let now = self.pulse.clock.now_ns();
        match response {
            Some(response) => self.on_response(slot, response, true, now),
            None => self.fail(slot, cause, now),
        }
    }

    /// Reads until the socket is empty, the response whole or the turn over.
    fn read(&mut self, slot: usize, flags: EventFlags) {
        let hang_up = EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
        let peer_closes = flags.intersects(hang_up);
        for _ in 0..READS_IN_A_ROW {
            let connection = &mut self.connections[slot];
            let Some(socket) = &connection.socket else {
                return;
            };
            let (length, emptied) = match connection.transport.read(socket, &mut self.buffer) {
                Ok(Incoming::Nothing) => return,
                Ok(Incoming::End) => return self.on_peer_closed(slot),
                Ok(Incoming::Data(length)) => (length, false),
                // A close that has been announced still has to be read.
                Ok(Incoming::LastData(length)) => (length, !peer_closes),
                Err(cause) => return self.fail_now(slot, cause),
            };
            let now = self.pulse.clock.now_ns();
            self.pulse.recorder().counts.bytes_received += length as u64;
            let connection = &mut self.connections[slot];
            if connection.stage == Stage::Idle {
                // An answer to nothing: what follows on it cannot be trusted.
                return self.close(slot);
            }
            match connection.scanner.feed(&self.buffer[..length]) {
                Ok(Some(response)) => return self.on_response(slot, response, peer_closes, now),
                Ok(None) => self.on_part(slot, now),
                Err(_) => {
                    connection.stage = Stage::Reading;
                    return self.fail(slot, Cause::Protocol, now);
                }
            }
            if emptied {
                return;
            }
        }
        let generation = self.connections[slot].generation;
        self.unread.push((slot, generation, flags));
    }

    /// Something came, and the response is not whole.
    fn on_part(&mut self, slot: usize, now: u64) {
        let connection = &mut self.connections[slot];
        // An interim response (100) is no beginning of the final one, and neither
        // ends a write.
        if connection.scanner.is_untouched() {
            return;
        }
        if connection.first_byte_ns == 0 {
            connection.first_byte_ns = now;
        }
        if connection.stage == Stage::Waiting {
            connection.stage = Stage::Reading;
            connection.deadline_ns = now + self.pulse.plan.timeouts.read.as_nanos() as u64;
        }
    }

    fn on_peer_closed(&mut self, slot: usize) {
        let now = self.pulse.clock.now_ns();
        let connection = &mut self.connections[slot];
        if connection.stage == Stage::Idle {
            // Between two requests, where a peer may close what it does not use.
            self.close(slot);
            return;
        }
        if let Some(response) = connection.scanner.feed_end() {
            return self.on_response(slot, response, true, now);
        }
        if !connection.scanner.is_untouched() {
            connection.stage = Stage::Reading;
        }
        self.fail(slot, Cause::Closed, now);
    }

    fn on_response(&mut self, slot: usize, response: Response, peer_closes: bool, now: u64) {
        let connection = &mut self.connections[slot];
        let first_byte_ns = match connection.first_byte_ns {
            0 => now,
            ns => ns,
        };
        let moments = Moments {
            due_ns: connection.due_ns,
            sent_ns: connection.sent_ns,
            first_byte_ns,
            end_ns: now,
        };
        let body = connection.scanner.body().print();
        connection.served += 1;
        connection.backoff.reset();
        // A response that overtakes its request leaves the rest of it unsent.
        let request_is_out = connection.request_is_out(self.source);
        let worn_out = self.pulse.plan.requests_per_connection == Some(connection.served);
        let reusable = response.reusable
            && self.pulse.plan.keepalive
            && request_is_out
            && !peer_closes
            && !worn_out;
        let service_ns = now - moments.sent_ns;
        let kept = connection.scanner.body().kept().unwrap_or_default();
        let verified = self.checks.verify(response.status, kept);
        let recorder = self.pulse.recorder();
        match verified {
            Ok(()) => recorder.success(response.status, body, moments),
            Err(cause) => recorder.unexpected(response.status, cause, service_ns),
        }
        self.pulse.pacer.ended(now);
        if !reusable {
            self.close(slot);
        }
        self.next_request(slot, now);
    }

    fn fail_now(&mut self, slot: usize, cause: Cause) {
        let now = self.pulse.clock.now_ns();
        self.fail(slot, cause, now);
    }

    fn fail(&mut self, slot: usize, cause: Cause, now: u64) {
        let connection = &mut self.connections[slot];
        if connection.stage == Stage::Idle {
            // Nothing was asked for: the connection is gone, no request is.
            self.close(slot);
            return;
        }
        let phase = connection.phase_of(cause);
        self.pulse.recorder().failure(phase, cause);
        self.pulse.pacer.ended(now);
        self.close(slot);
        if matches!(phase, Phase::Connect | Phase::Tls) {
            let connection = &mut self.connections[slot];
            connection.stage = Stage::Paused;
            connection.deadline_ns = now + connection.backoff.next_ns();
            self.next_check_ns = self.next_check_ns.min(connection.deadline_ns);
        } else {
            self.next_request(slot, now);
        }
    }

    fn close(&mut self, slot: usize) {
        if self.connections[slot].close() {
            self.connected.up -= 1;
        }
    }
}
