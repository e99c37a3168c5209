//! How a connection fares that is looked at now and then: what is idle may be told to go,
//! and what its client does not take ends.

use std::sync::PoisonError;

use h2::Reason;

use super::engine::Engine;
use super::session::Session;

/// How a connection fares that nothing was heard of for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fares {
    /// Something goes on.
    Busy,
    /// No request is under way, and none came since it was looked.
    Idle,
    /// The client takes nothing of what it is sent.
    Stalled,
}

/// What was seen when it was looked how the connection fares.
#[derive(Debug, Default)]
pub(super) struct Look {
    begun: u64,
    sent_bytes: u64,
    moved_ns: u64,
    seconds_ns: u64,
}

impl Session {
    /// Looks how it fares, about once a second. Responses that nobody else watches and that
    /// their client has not taken anything of for `send_timeout_ns` are ended.
    pub(crate) fn look(&self, now_ns: u64, send_timeout_ns: u64) -> Fares {
        let mut engine = self.engine();
        let mut look = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, sent_bytes) = engine.link.counts();
        if look.moved_ns == 0 || look.sent_bytes != sent_bytes || engine.link.is_writable() {
            look.sent_bytes = sent_bytes;
            look.moved_ns = now_ns;
        } else if now_ns.saturating_sub(look.moved_ns) >= send_timeout_ns {
            return Fares::Stalled;
        }
        let seconds = now_ns.saturating_sub(look.seconds_ns) / 1_000_000_000;
        if seconds > 0 {
            look.seconds_ns = now_ns;
            engine.allowance.seconds(seconds.min(60));
        }
        let has_ended_some = engine.end_stalled(now_ns, send_timeout_ns);
        let is_idle = engine.is_idle() && look.begun == engine.begun;
        look.begun = engine.begun;
        if has_ended_some {
            self.flush_locked(&mut engine);
        }
        if is_idle { Fares::Idle } else { Fares::Busy }
    }
}

impl Engine {
    /// Resets responses that nobody gives any more, and of which their client takes nothing;
    /// whether there were some.
    fn end_stalled(&mut self, now_ns: u64, send_timeout_ns: u64) -> bool {
        let has_room = self.link.is_writable();
        let left = self.streams.iter_mut().filter(|(_, it)| it.is_left);
        let stalled: Vec<u32> = left
            .filter_map(|(&stream, outbound)| {
                let is_stalled = outbound.is_stalled(now_ns, send_timeout_ns, has_room);
                is_stalled.then_some(stream)
            })
            .collect();
        for &stream in &stalled {
            if let Some(outbound) = self.streams.get_mut(&stream) {
                outbound.reset(Reason::CANCEL);
            }
            self.look_at(stream);
        }
        !stalled.is_empty()
    }
}
