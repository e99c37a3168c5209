//! What a worker and a connection that is up have to say to each other: requests
//! that wait go out, answers are taken in and judged.

use tonnage_model::{Cause, Phase};

use super::exchange::{Exchange, Heard, Stage};
use super::failure::{cause_of, is_of_connection};
use super::worker::Worker;
use crate::grpc::FRAME_HEAD_BYTES;
use crate::recorder::Moments;
use crate::{Checks, GrpcMethod};

impl Worker<'_> {
    /// Writes requests and reads answers until there is nothing more to do for now.
    pub(super) fn converse(&mut self, at: usize, mut now: u64) {
        if let Some(open) = self.links[at].up() {
            open.wire.begin_turn();
        }
        loop {
            self.send_queued(at, now);
            let is_over = self.links[at].poll();
            now = self.pulse.clock.now_ns();
            self.listen(at, now);
            self.count_bytes(at);
            if is_over {
                return self.on_lost(at, now);
            }
            let link = &self.links[at];
            if link.under_way == 0 && (link.is_worn || self.is_of_no_use(at)) {
                return self.replace(at);
            }
            let link = &self.links[at];
            let has_rung = link.bells.take_connection();
            if !has_rung && (link.queue.is_empty() || link.room(self.limit) == 0) {
                break;
            }
        }
        if self.links[at]
            .up()
            .is_some_and(|open| open.wire.wants_turn())
        {
            self.touch(at);
        }
    }

    /// Whether nothing waits for the connection and nothing will.
    fn is_of_no_use(&self, at: usize) -> bool {
        self.links[at].queue.is_empty() && self.pulse.pacer.is_exhausted()
    }

    /// Hands over as many waiting requests as the peer allows.
    fn send_queued(&mut self, at: usize, now: u64) {
        if self.links[at].queue.is_empty() {
            return;
        }
        let room = self.links[at].room(self.limit);
        let deadline_ns = now + self.pulse.plan.timeouts.wait.as_nanos() as u64;
        for _ in 0..room {
            let Some(slot) = self.links[at].queue.pop_front() else {
                return;
            };
            let slot = slot as usize;
            let Some(request) = self.requests.next() else {
                self.fail(slot, Phase::Write, Cause::System, now);
                continue;
            };
            match self.links[at].begin(request, self.limit) {
                Some(Ok(answer)) => self.exchanges[slot].begin(answer, now, deadline_ns),
                Some(Err(error)) if is_of_connection(&error) || self.links[at].is_used() => {
                    // It is going away: the request takes the next connection.
                    self.links[at].queue.push_front(slot as u32);
                    self.links[at].is_worn = true;
                    return;
                }
                _ => self.fail(slot, Phase::Write, Cause::Protocol, now),
            }
        }
    }

    /// Takes in what came for the connection's streams.
    fn listen(&mut self, at: usize, now: u64) {
        for word in 0..self.links[at].bells.words() {
            let mut rung = self.links[at].bells.take_streams(word);
            while rung != 0 {
                let stream = word * 64 + rung.trailing_zeros() as usize;
                rung &= rung - 1;
                self.listen_to(at + stream * self.links.len(), now);
            }
        }
    }

    pub(super) fn listen_to(&mut self, slot: usize, now: u64) {
        let exchange = &mut self.exchanges[slot];
        match exchange.listen() {
            Heard::Nothing => {}
            Heard::Began => {
                exchange.stage = Stage::Reading;
                exchange.first_byte_ns = now;
                exchange.deadline_ns = now + self.pulse.plan.timeouts.read.as_nanos() as u64;
            }
            Heard::Whole => self.on_response(slot, now),
            Heard::Broken(error) => {
                let phase = exchange.stage.phase();
                let cause = self.links[self.link_of(slot)]
                    .wire()
                    .map_or(Cause::Closed, |wire| cause_of(&error, wire));
                self.fail(slot, phase, cause, now);
            }
        }
    }

    fn on_response(&mut self, slot: usize, now: u64) {
        let exchange = &mut self.exchanges[slot];
        exchange.let_go();
        let first_byte_ns = match exchange.first_byte_ns {
            0 => now,
            ns => ns,
        };
        let moments = Moments {
            due_ns: exchange.due_ns,
            sent_ns: exchange.sent_ns,
            first_byte_ns,
            end_ns: now,
        };
        let verified = match self.pulse.plan.protocol.method() {
            None => {
                let kept = exchange.body.kept().unwrap_or_default();
                self.checks.verify(exchange.status, kept)
            }
            Some(method) => verify_call(method, &self.checks, exchange),
        };
        let recorder = self.pulse.recorder();
        match verified {
            Ok(()) => recorder.success(exchange.status, exchange.body.print(), moments),
            Err(cause) => recorder.unexpected(exchange.status, cause, now - moments.sent_ns),
        }
        self.end(slot, now);
    }

    pub(super) fn count_bytes(&mut self, at: usize) {
        if let Some(open) = self.links[at].up() {
            let (sent, received) = open.wire.take_counts();
            let counts = &mut self.pulse.recorder().counts;
            counts.bytes_sent += sent;
            counts.bytes_received += received;
        }
    }
}

/// Whether a gRPC call came to what it must: the status of HTTP, that of gRPC, one
/// message, and what that is as JSON.
fn verify_call(method: &GrpcMethod, checks: &Checks, exchange: &Exchange) -> Result<(), Cause> {
    if !checks.statuses.contains(exchange.status) {
        return Err(Cause::Status);
    }
    let has_message = exchange.body.print().bytes >= FRAME_HEAD_BYTES as u64;
    if exchange.grpc_status() != Some(0) || !has_message {
        return Err(Cause::Grpc);
    }
    if !checks.needs_body() {
        return Ok(());
    }
    let kept = exchange.body.kept().unwrap_or_default();
    let json = method.response(kept).ok_or(Cause::Body)?;
    checks.verify(exchange.status, &json)
}
