//! One thread of the engine: its users, its epoll, its clock and its counters.
//!
//! Sockets are registered once, edge by edge, for everything. In steady state a
//! request costs one `send`, one `recv` and a share of an `epoll_wait`.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, sockopt};
use tonnage_model::{Cause, Phase};

use crate::clock::{Clock, thread_cpu_ns};
use crate::connection::{Connection, Stage, cause_of};
use crate::recorder::Recorder;
use crate::response::Response;
use crate::{LoadError, LoadPlan, Stop};

/// Bytes read at once. A read that does not fill it has emptied the socket,
/// which is what edge-triggered epoll needs to know.
const READ_BYTES: usize = 64 * 1024;

/// Events taken at once.
const EVENTS: usize = 256;

/// What a thread tells while it works, for progress displays.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    pub(crate) succeeded: AtomicU64,
    pub(crate) failed: AtomicU64,
}

/// What a thread measured.
#[derive(Debug)]
pub(crate) struct ThreadResult {
    pub(crate) recorder: Recorder,
    /// The window, in nanoseconds of the common clock.
    pub(crate) window_start_ns: u64,
    pub(crate) window_end_ns: u64,
    /// CPU time of the thread within the window.
    pub(crate) cpu_ns: u64,
    pub(crate) ended: ThreadEnd,
}

/// Why a thread ended its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThreadEnd {
    Duration,
    Count,
    Interrupted,
}

/// A thread at work.
pub(crate) struct Worker<'a> {
    plan: &'a LoadPlan,
    request: &'a [u8],
    stops: [&'a Stop; 2],
    gauge: &'a Gauge,
    clock: Clock,
    epoll: OwnedFd,
    connections: Vec<Connection>,
    recorder: Recorder,
    buffer: Box<[u8]>,
    /// Requests that may still be begun.
    budget: u64,
    /// The budget of the window, which the warm-up does not touch.
    window_budget: u64,
    in_flight: u64,
    in_window: bool,
    window_start_ns: u64,
    cpu_at_start_ns: u64,
    /// The next moment at which something changes: window begins, window ends.
    boundary_ns: u64,
    next_check_ns: u64,
}

impl<'a> Worker<'a> {
    /// A thread for `users` users that may make `budget` requests in its window,
    /// and ends early when either of `stops` is requested.
    pub(crate) fn new(
        plan: &'a LoadPlan,
        request: &'a [u8],
        stops: [&'a Stop; 2],
        gauge: &'a Gauge,
        clock: Clock,
        users: u32,
        budget: u64,
    ) -> Result<Self, LoadError> {
        let epoll =
            epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|error| LoadError::System {
                action: "cannot create an epoll instance",
                source: error.into(),
            })?;
        let to_head_request = plan.request.method == "HEAD";
        Ok(Self {
            plan,
            request,
            stops,
            gauge,
            clock,
            epoll,
            connections: (0..users)
                .map(|_| Connection::new(to_head_request))
                .collect(),
            recorder: Recorder::new(),
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
            budget: u64::MAX,
            window_budget: budget,
            in_flight: 0,
            in_window: false,
            window_start_ns: 0,
            cpu_at_start_ns: 0,
            boundary_ns: plan.warmup.as_nanos() as u64,
            next_check_ns: 0,
        })
    }

    /// Sends load until the window ends.
    pub(crate) fn run(mut self) -> Result<ThreadResult, LoadError> {
        let now = self.clock.now_ns();
        if self.boundary_ns <= now {
            self.begin_window(now);
        }
        for user in 0..self.connections.len() {
            self.start_request(user, now);
        }
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            let now = self.clock.now_ns();
            if now >= self.boundary_ns {
                if self.in_window {
                    return Ok(self.finish(now, ThreadEnd::Duration));
                }
                self.begin_window(now);
            }
            if now >= self.next_check_ns {
                if self.stops.iter().any(|stop| stop.is_requested()) {
                    return Ok(self.finish(now, ThreadEnd::Interrupted));
                }
                self.check_deadlines(now);
            }
            if self.in_window && self.budget == 0 && self.in_flight == 0 {
                return Ok(self.finish(now, ThreadEnd::Count));
            }
            self.wait(&mut events, now)?;
            for event in events.drain(..) {
                self.on_event(event.data.u64(), event.flags);
            }
        }
    }

    fn begin_window(&mut self, now: u64) {
        if !self.plan.warmup.is_zero() {
            self.recorder.begin_window(self.in_flight);
        }
        self.in_window = true;
        // What is still open from the warm-up will be counted, too.
        self.budget = match self.window_budget {
            u64::MAX => u64::MAX,
            budget => budget.saturating_sub(self.in_flight),
        };
        self.window_start_ns = now;
        self.cpu_at_start_ns = thread_cpu_ns();
        self.boundary_ns = self.plan.duration.map_or(u64::MAX, |duration| {
            now.saturating_add(duration.as_nanos() as u64)
        });
    }

    fn finish(mut self, now: u64, ended: ThreadEnd) -> ThreadResult {
        if !self.in_window {
            // Stopped during the warm-up: an empty window.
            self.begin_window(now);
        }
        self.recorder.counts.unfinished = self.in_flight;
        self.publish();
        ThreadResult {
            cpu_ns: thread_cpu_ns() - self.cpu_at_start_ns,
            recorder: self.recorder,
            window_start_ns: self.window_start_ns,
            window_end_ns: now,
            ended,
        }
    }

    fn wait(&mut self, events: &mut Vec<epoll::Event>, now: u64) -> Result<(), LoadError> {
        let until = self.boundary_ns.min(self.next_check_ns);
        let timeout = std::time::Duration::from_nanos(until.saturating_sub(now));
        let timeout = rustix::time::Timespec {
            tv_sec: timeout.as_secs() as i64,
            tv_nsec: timeout.subsec_nanos().into(),
        };
        match epoll::wait(&self.epoll, spare_capacity(events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(LoadError::System {
                action: "cannot wait for sockets",
                source: error.into(),
            }),
        }
    }

    /// Looks for phases that have lasted too long and pauses that are over.
    fn check_deadlines(&mut self, now: u64) {
        for user in 0..self.connections.len() {
            if self.connections[user].deadline_ns > now {
                continue;
            }
            match self.connections[user].stage {
                Stage::Idle => {}
                Stage::Paused => self.start_request(user, now),
                _ => self.fail(user, Cause::Timeout, now),
            }
        }
        let mut interval = self.plan.timeouts.check_interval_ns();
        if self.connections.iter().any(|c| c.stage == Stage::Paused) {
            interval = interval.min(1_000_000);
        }
        self.next_check_ns = now + interval;
        self.publish();
    }

    fn publish(&self) {
        self.gauge
            .succeeded
            .store(self.recorder.counts.succeeded, Ordering::Relaxed);
        self.gauge
            .failed
            .store(self.recorder.counts.failed, Ordering::Relaxed);
    }

    fn on_event(&mut self, data: u64, flags: EventFlags) {
        let user = (data & u64::from(u32::MAX)) as usize;
        let connection = &self.connections[user];
        if connection.socket.is_none() || connection.generation != (data >> 32) as u32 {
            return;
        }
        let generation = connection.generation;
        if connection.stage == Stage::Connecting {
            self.on_connected(user, flags);
            if self.connections[user].generation != generation {
                return;
            }
        }
        // This edge may be the only one that tells of data: a peer may answer as
        // soon as it accepts. Reading goes first: an answer that overtakes its
        // request is often followed by a reset, on which a further write would
        // founder.
        let readable = EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
        if flags.intersects(readable) {
            self.read(user, flags);
        }
        let connection = &self.connections[user];
        if connection.stage == Stage::Writing
            && connection.generation == generation
            && flags.contains(EventFlags::OUT)
        {
            self.write(user);
        }
    }

    /// A user wants its next answer, on its open connection or on a new one.
    fn start_request(&mut self, user: usize, now: u64) {
        let connection = &mut self.connections[user];
        if self.budget == 0 {
            connection.stage = Stage::Idle;
            connection.deadline_ns = u64::MAX;
            connection.close();
            return;
        }
        if self.budget != u64::MAX {
            self.budget -= 1;
        }
        self.in_flight += 1;
        self.recorder.counts.started += 1;
        connection.due_ns = now;
        connection.written = 0;
        if connection.socket.is_some() {
            self.begin_write(user, now);
        } else {
            self.connect(user, now);
        }
    }

    fn connect(&mut self, user: usize, now: u64) {
        let connection = &mut self.connections[user];
        connection.stage = Stage::Connecting;
        connection.deadline_ns = now + self.plan.timeouts.connect.as_nanos() as u64;
        let generation = connection.generation.wrapping_add(1);
        let data = EventData::new_u64(user as u64 | u64::from(generation) << 32);
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        let opened = connection
            .open(&self.plan.target.address)
            .and_then(|socket| epoll::add(&self.epoll, socket.as_fd(), data, flags));
        match opened {
            Ok(()) => self.recorder.counts.connections_opened += 1,
            Err(error) => self.fail(user, cause_of(error), now),
        }
    }

    fn on_connected(&mut self, user: usize, flags: EventFlags) {
        let now = self.clock.now_ns();
        let connection = &mut self.connections[user];
        let Some(socket) = &connection.socket else {
            return;
        };
        match sockopt::socket_error(socket) {
            Ok(Ok(())) if flags.contains(EventFlags::OUT) => {}
            Ok(Ok(())) => return,
            Ok(Err(error)) | Err(error) => return self.fail(user, cause_of(error), now),
        }
        connection.reset_backoff();
        self.recorder.connect_time.record(now - connection.due_ns);
        self.begin_write(user, now);
    }

    fn begin_write(&mut self, user: usize, now: u64) {
        let connection = &mut self.connections[user];
        connection.stage = Stage::Writing;
        connection.sent_ns = now;
        connection.deadline_ns = now + self.plan.timeouts.write.as_nanos() as u64;
        self.write(user);
    }

    /// Hands as much of the request to the kernel as it takes.
    fn write(&mut self, user: usize) {
        let connection = &mut self.connections[user];
        let Some(socket) = &connection.socket else {
            return;
        };
        loop {
            match rustix::net::send(
                socket,
                &self.request[connection.written..],
                SendFlags::NOSIGNAL,
            ) {
                Ok(sent) => {
                    connection.written += sent;
                    self.recorder.counts.bytes_sent += sent as u64;
                    if connection.written == self.request.len() {
                        // Where it took several writes, the wait begins only now.
                        let in_one = sent == self.request.len();
                        let now = if in_one {
                            connection.sent_ns
                        } else {
                            self.clock.now_ns()
                        };
                        connection.stage = Stage::Waiting;
                        connection.deadline_ns = now + self.plan.timeouts.wait.as_nanos() as u64;
                        return;
                    }
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Err(error) => return self.on_write_error(user, cause_of(error)),
            }
        }
    }

    /// A peer that refuses a request half-way answers, then resets; the answer
    /// may still be in the socket.
    fn on_write_error(&mut self, user: usize, cause: Cause) {
        let connection = &mut self.connections[user];
        let mut response = None;
        while let (None, Some(socket)) = (response, &connection.socket) {
            match rustix::net::recv(socket, &mut self.buffer[..], RecvFlags::empty()) {
                Ok((length @ 1.., _)) => {
                    self.recorder.counts.bytes_received += length as u64;
                    response = connection
                        .scanner
                        .feed(&self.buffer[..length])
                        .unwrap_or(None);
                }
                _ => break,
            }
        }
        let now = self.clock.now_ns();
        match response {
            Some(response) => self.on_response(user, response, true, now),
            None => self.fail(user, cause, now),
        }
    }

    /// Reads until the socket is empty or the response whole.
    fn read(&mut self, user: usize, flags: EventFlags) {
        let hang_up = EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
        let peer_closes = flags.intersects(hang_up);
        loop {
            let connection = &mut self.connections[user];
            let Some(socket) = &connection.socket else {
                return;
            };
            match rustix::net::recv(socket, &mut self.buffer[..], RecvFlags::empty()) {
                Ok((0, _)) => return self.on_peer_closed(user),
                Ok((length, _)) => {
                    let now = self.clock.now_ns();
                    self.recorder.counts.bytes_received += length as u64;
                    match connection.scanner.feed(&self.buffer[..length]) {
                        Ok(Some(response)) => {
                            return self.on_response(user, response, peer_closes, now);
                        }
                        Ok(None) => {
                            // An interim response (100) is no beginning of the
                            // final one, and neither ends a write.
                            let begun = !connection.scanner.is_untouched();
                            if begun && connection.stage == Stage::Waiting {
                                connection.stage = Stage::Reading;
                                connection.deadline_ns =
                                    now + self.plan.timeouts.read.as_nanos() as u64;
                            }
                        }
                        Err(_) => {
                            connection.stage = Stage::Reading;
                            return self.fail(user, Cause::Protocol, now);
                        }
                    }
                    if length < READ_BYTES && !peer_closes {
                        return;
                    }
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Err(error) => {
                    let now = self.clock.now_ns();
                    return self.fail(user, cause_of(error), now);
                }
            }
        }
    }

    fn on_peer_closed(&mut self, user: usize) {
        let now = self.clock.now_ns();
        let connection = &mut self.connections[user];
        if let Some(response) = connection.scanner.feed_end() {
            return self.on_response(user, response, true, now);
        }
        if !connection.scanner.is_untouched() {
            connection.stage = Stage::Reading;
        }
        self.fail(user, Cause::Closed, now);
    }

    fn on_response(&mut self, user: usize, response: Response, peer_closes: bool, now: u64) {
        let connection = &mut self.connections[user];
        let service_ns = now - connection.sent_ns;
        if self.plan.expected_statuses.contains(response.status) {
            let response_ns = now - connection.due_ns;
            self.recorder
                .success(response.status, service_ns, response_ns);
        } else {
            self.recorder.unexpected_status(response.status, service_ns);
        }
        self.in_flight -= 1;
        // A response that overtakes its request leaves the rest of it unsent.
        let request_is_out = connection.written == self.request.len();
        if response.reusable && self.plan.keepalive && request_is_out && !peer_closes {
            connection.scanner.reset();
        } else {
            connection.close();
        }
        self.start_request(user, now);
    }

    fn fail(&mut self, user: usize, cause: Cause, now: u64) {
        let connection = &mut self.connections[user];
        let phase = connection.stage.phase();
        self.recorder.failure(phase, cause);
        self.in_flight -= 1;
        connection.close();
        if phase == Phase::Connect {
            connection.stage = Stage::Paused;
            connection.deadline_ns = now + connection.next_backoff_ns();
            self.next_check_ns = self.next_check_ns.min(connection.deadline_ns);
        } else {
            self.start_request(user, now);
        }
    }
}
