//! One thread of the engine over HTTP/2: its connections, its epoll and what
//! becomes of each request. When requests are due is the pacer's business, what
//! is counted the recorder's; how a connection comes about is in `connecting.rs`,
//! what goes over it in `conversation.rs`.

use rustix::event::epoll::EventFlags;
use tonnage_model::{Cause, Phase};

use super::exchange::{Exchange, Stage};
use super::link::{Link, State};
use super::requests::Requests;
use super::wire::{Scratch, scratch};
use crate::poll::Poll;
use crate::pulse::{Connected, Pulse, Task, ThreadResult};
use crate::tls::TlsClient;
use crate::{Checks, LoadError, RequestSource};

/// A thread at work. Slot `s` is stream `s / C` of connection `s % C`, of C
/// connections.
pub(crate) struct Worker<'a> {
    pub(super) pulse: Pulse<'a>,
    pub(super) requests: Requests<'a>,
    pub(super) checks: Checks,
    pub(super) tls: Option<&'a TlsClient>,
    pub(super) poll: Poll,
    pub(super) links: Vec<Link>,
    pub(super) exchanges: Vec<Exchange>,
    /// Connections that have something to do.
    touched: Vec<usize>,
    pub(super) scratch: Scratch,
    pub(super) connected: Connected,
    /// Requests that one socket carries.
    pub(super) limit: u32,
    /// When to look for phases that have lasted too long.
    pub(super) next_check_ns: u64,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(
        task: Task<'a>,
        source: &'a RequestSource,
        tls: Option<&'a TlsClient>,
    ) -> Result<Self, LoadError> {
        let (plan, part) = (task.plan, task.part);
        let streams = plan.protocol.streams();
        let cursor = source.cursor(plan.seed, part.thread, part.threads);
        // A copy of its own: threads that share a pattern would wait for each other.
        let checks = plan.checks.clone();
        let links: Vec<Link> = (0..task.connections).map(|_| Link::new(streams)).collect();
        let exchange = |stream: u32, link: &Link| {
            let waker = link.bells.stream_waker(stream);
            Exchange::new(checks.needs_body(), plan.protocol.method().is_some(), waker)
        };
        let exchanges = (0..streams).flat_map(|s| links.iter().map(move |link| exchange(s, link)));
        Ok(Self {
            requests: Requests::new(plan, source, cursor),
            exchanges: exchanges.collect(),
            checks,
            tls,
            poll: Poll::new()?,
            links,
            touched: Vec::new(),
            scratch: scratch(),
            connected: Connected::default(),
            limit: if plan.keepalive {
                plan.requests_per_connection.unwrap_or(u32::MAX)
            } else {
                1
            },
            next_check_ns: 0,
            pulse: Pulse::new(task),
        })
    }

    /// Sends load until the window ends.
    pub(crate) fn run(mut self) -> Result<ThreadResult, LoadError> {
        let mut events = Poll::events();
        loop {
            let mut now = self.pulse.clock.now_ns();
            if let Some(ended) = self.pulse.tick(now) {
                return Ok(self.pulse.finish(now, ended, self.connected));
            }
            while let Some(due) = self.pulse.take_due(now) {
                self.start_request(due.slot as usize, due.due_ns, now);
            }
            if now >= self.next_check_ns {
                self.check_deadlines(now);
            }
            if self.look_after_touched(now) {
                now = self.pulse.clock.now_ns();
            }
            let wake_ns = match self.touched[..] {
                [] => self.pulse.wake_ns().min(self.next_check_ns),
                // A peer that sends without end has only had its turn.
                _ => now,
            };
            self.poll.wait(&mut events, now, wake_ns)?;
            for event in events.drain(..) {
                self.on_event(event.data.u64(), event.flags);
            }
        }
    }

    pub(super) fn link_of(&self, slot: usize) -> usize {
        slot % self.links.len()
    }

    /// The slots of a connection.
    pub(super) fn slots_of(&self, at: usize) -> impl Iterator<Item = usize> + use<> {
        (at..self.exchanges.len()).step_by(self.links.len())
    }

    pub(super) fn touch(&mut self, at: usize) {
        if !std::mem::replace(&mut self.links[at].is_touched, true) {
            self.touched.push(at);
        }
    }

    /// Does what connections have to do beside their events; says whether it was
    /// anything. Those that are touched meanwhile come next time.
    fn look_after_touched(&mut self, now: u64) -> bool {
        let count = self.touched.len();
        for index in 0..count {
            let at = self.touched[index];
            self.links[at].is_touched = false;
            match self.links[at].state {
                State::Closed if !self.links[at].queue.is_empty() => self.connect(at, now),
                State::Open(_) => self.converse(at, now),
                _ => {}
            }
        }
        self.touched.drain(..count);
        count > 0
    }

    fn on_event(&mut self, data: u64, flags: EventFlags) {
        let at = (data & u64::from(u32::MAX)) as usize;
        if self.links[at].generation != (data >> 32) as u32 {
            return;
        }
        let now = self.pulse.clock.now_ns();
        if let Some(wire) = self.links[at].wire() {
            wire.notice(flags);
        }
        match self.links[at].state {
            State::Closed | State::Paused => {}
            State::Connecting(_) => self.on_connected(at, flags, now),
            State::ShakingHands(..) => self.shake_hands(at, now),
            State::Greeting(..) => self.greet(at, now),
            State::Open(_) => self.converse(at, now),
        }
    }

    /// A request is due in a slot that is free: it waits for its connection,
    /// which is looked after next.
    #[inline]
    pub(super) fn start_request(&mut self, slot: usize, due_ns: u64, now: u64) {
        self.pulse.recorder().counts.started += 1;
        let at = self.link_of(slot);
        let exchange = &mut self.exchanges[slot];
        exchange.stage = Stage::Queued;
        exchange.due_ns = due_ns;
        exchange.deadline_ns = match self.links[at].state {
            State::Open(_) => now + self.pulse.plan.timeouts.write.as_nanos() as u64,
            // Until there is a connection, its own deadlines count.
            _ => u64::MAX,
        };
        self.links[at].queue.push_back(slot as u32);
        self.touch(at);
    }

    /// The slot is free: its next request, if there is one already.
    #[inline]
    pub(super) fn next_request(&mut self, slot: usize, now: u64) {
        if let Some(due_ns) = self.pulse.pacer.next(slot as u32, now) {
            self.start_request(slot, due_ns, now);
        } else {
            let exchange = &mut self.exchanges[slot];
            exchange.stage = Stage::Idle;
            exchange.deadline_ns = u64::MAX;
        }
    }

    /// A request has failed on a connection that is or was up.
    pub(super) fn fail(&mut self, slot: usize, phase: Phase, cause: Cause, now: u64) {
        self.exchanges[slot].let_go();
        self.pulse.recorder().failure(phase, cause);
        self.end(slot, now);
    }

    pub(super) fn end(&mut self, slot: usize, now: u64) {
        let at = self.link_of(slot);
        self.links[at].under_way -= u32::from(self.exchanges[slot].is_under_way());
        self.pulse.pacer.ended(now);
        self.next_request(slot, now);
    }

    /// The connection is over: so is what was under way on it.
    pub(super) fn on_lost(&mut self, at: usize, now: u64) {
        let cause = self.links[at].wire().and_then(|wire| wire.end());
        for slot in self.slots_of(at) {
            if self.exchanges[slot].is_under_way() {
                // The library has told each stream; this is for one that it forgot.
                self.listen_to(slot, now);
            }
            if self.exchanges[slot].is_under_way() {
                let phase = self.exchanges[slot].stage.phase();
                self.fail(slot, phase, cause.unwrap_or(Cause::Protocol), now);
            }
        }
        self.replace(at);
    }

    /// Closes a connection that has nothing under way. Where requests wait for it,
    /// they get another.
    pub(super) fn replace(&mut self, at: usize) {
        self.count_bytes(at);
        self.close(at);
        for index in 0..self.links[at].queue.len() {
            let slot = self.links[at].queue[index] as usize;
            self.exchanges[slot].deadline_ns = u64::MAX;
        }
        if !self.links[at].queue.is_empty() {
            self.touch(at);
        }
    }

    pub(super) fn close(&mut self, at: usize) {
        if self.links[at].close() {
            self.connected.up -= 1;
        }
    }
}
