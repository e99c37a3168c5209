//! How a worker's connections come about: connect, TLS, HTTP/2's greeting; what
//! fails before that; and the phases that last too long.

use std::rc::Rc;

use rustix::event::epoll::{EventData, EventFlags};
use rustix::net::sockopt;
use tonnage_model::{Cause, Phase};

use super::exchange::Stage;
use super::failure;
use super::link::State;
use super::wire::Wire;
use super::worker::Worker;
use crate::backoff::PAUSE_CHECK_NS;
use crate::transport::{Transport, cause_of};

impl Worker<'_> {
    pub(super) fn connect(&mut self, at: usize, now: u64) {
        let link = &mut self.links[at];
        link.connecting_ns = now;
        link.deadline_ns = now + self.pulse.plan.timeouts.connect.as_nanos() as u64;
        link.generation = link.generation.wrapping_add(1);
        let data = EventData::new_u64(at as u64 | u64::from(link.generation) << 32);
        let opened = self.pulse.plan.target.address.connect().and_then(|socket| {
            self.poll.add(&socket, data)?;
            Ok(socket)
        });
        match opened {
            Ok(socket) => {
                link.open(socket);
                self.pulse.recorder().counts.connections_opened += 1;
            }
            Err(error) => self.fail_link(at, cause_of(error), now),
        }
    }

    pub(super) fn on_connected(&mut self, at: usize, flags: EventFlags, now: u64) {
        let link = &mut self.links[at];
        let State::Connecting(socket) = &link.state else {
            return;
        };
        match sockopt::socket_error(socket) {
            Ok(Ok(())) if flags.contains(EventFlags::OUT) => {}
            Ok(Ok(())) => return,
            Ok(Err(error)) | Err(error) => return self.fail_link(at, cause_of(error), now),
        }
        link.backoff.reset();
        let connect_ns = now - link.connecting_ns;
        link.connecting_ns = now;
        link.deadline_ns = now + self.pulse.plan.timeouts.connect.as_nanos() as u64;
        let State::Connecting(socket) = std::mem::replace(&mut link.state, State::Closed) else {
            return;
        };
        self.pulse.recorder().connect_time.record(connect_ns);
        let transport = Transport::new(self.tls);
        // Without TLS, it is done at the first look.
        self.links[at].state = match transport {
            Ok(transport) => State::ShakingHands(socket, transport),
            Err(cause) => {
                self.links[at].state = State::ShakingHands(socket, Transport::Plain);
                return self.fail_link(at, cause, now);
            }
        };
        self.shake_hands(at, now);
    }

    pub(super) fn shake_hands(&mut self, at: usize, now: u64) {
        let link = &mut self.links[at];
        let State::ShakingHands(socket, transport) = &mut link.state else {
            return;
        };
        match transport.shake_hands(socket) {
            Ok(true) => {}
            Ok(false) => return,
            Err(cause) => return self.fail_link(at, cause, now),
        }
        let now = self.pulse.clock.now_ns();
        if transport.is_tls() {
            let handshake_ns = now - link.connecting_ns;
            if transport.protocol() != Some(b"h2") {
                return self.fail_link(at, Cause::Protocol, now);
            }
            self.pulse.recorder().tls_time.record(handshake_ns);
        }
        let link = &mut self.links[at];
        if let State::ShakingHands(socket, transport) =
            std::mem::replace(&mut link.state, State::Closed)
        {
            let wire = Wire::new(socket, transport, Rc::clone(&self.scratch));
            link.greet(Rc::new(wire));
            self.greet(at, now);
        }
    }

    pub(super) fn greet(&mut self, at: usize, now: u64) {
        let link = &mut self.links[at];
        match link.poll_greeting() {
            std::task::Poll::Pending => {}
            std::task::Poll::Ready(Ok(())) => self.on_up(at, now),
            std::task::Poll::Ready(Err(error)) => {
                let cause = link.wire().map(|wire| failure::cause_of(&error, wire));
                self.fail_link(at, cause.unwrap_or(Cause::Closed), now);
            }
        }
    }

    fn on_up(&mut self, at: usize, now: u64) {
        let link = &mut self.links[at];
        link.deadline_ns = u64::MAX;
        self.connected.used += u32::from(!std::mem::replace(&mut link.was_up, true));
        self.connected.up += 1;
        self.connected.most = self.connected.most.max(self.connected.up);
        let deadline_ns = now + self.pulse.plan.timeouts.write.as_nanos() as u64;
        for &slot in &link.queue {
            self.exchanges[slot as usize].deadline_ns = deadline_ns;
        }
        self.converse(at, now);
    }

    /// A connection that was to come about has not: whatever waited for it has
    /// failed with it, and the next attempt comes after a pause.
    fn fail_link(&mut self, at: usize, cause: Cause, now: u64) {
        let phase = match self.links[at].state {
            State::ShakingHands(..) => Phase::Tls,
            State::Greeting(..) | State::Open(_) => Phase::Write,
            _ => Phase::Connect,
        };
        self.close(at);
        let link = &mut self.links[at];
        link.state = State::Paused;
        link.deadline_ns = now + link.backoff.next_ns();
        self.next_check_ns = self.next_check_ns.min(link.deadline_ns);
        for slot in std::mem::take(&mut link.queue) {
            let exchange = &mut self.exchanges[slot as usize];
            exchange.stage = Stage::Paused;
            exchange.deadline_ns = u64::MAX;
            self.pulse.recorder().failure(phase, cause);
            self.pulse.pacer.ended(now);
        }
    }

    /// The pause after a failed connect is over.
    fn resume(&mut self, at: usize, now: u64) {
        self.close(at);
        for slot in self.slots_of(at) {
            if self.exchanges[slot].stage == Stage::Paused {
                self.next_request(slot, now);
            }
        }
        self.touch(at);
    }

    /// Looks for phases that have lasted too long and pauses that are over.
    pub(super) fn check_deadlines(&mut self, now: u64) {
        for at in 0..self.links.len() {
            if self.links[at].deadline_ns > now {
                continue;
            }
            match self.links[at].state {
                State::Paused => self.resume(at, now),
                _ => self.fail_link(at, Cause::Timeout, now),
            }
        }
        for slot in 0..self.exchanges.len() {
            let exchange = &self.exchanges[slot];
            if exchange.deadline_ns > now {
                continue;
            }
            let stage = exchange.stage;
            let at = self.link_of(slot);
            if stage == Stage::Queued {
                self.links[at].queue.retain(|&queued| queued != slot as u32);
            }
            // Its stream is reset, and that has to be written.
            self.touch(at);
            self.fail(slot, stage.phase(), Cause::Timeout, now);
        }
        let mut interval = self.pulse.plan.timeouts.check_interval_ns();
        let is_paused = |state: &State| matches!(state, State::Paused);
        if self.links.iter().any(|link| is_paused(&link.state)) {
            interval = interval.min(PAUSE_CHECK_NS);
        }
        self.next_check_ns = now + interval;
    }
}
