//! Where a request's time goes, for those who count it. The numbers are `board/`'s.

use super::Exchange;
use crate::board::{Meters, Split};
use crate::dispatch::now_ns;
use crate::overdue::Ticket;

impl Exchange {
    /// Keeps where its time goes: it waited for so long, in ns, to be given to the
    /// application, and for so long for the interpreter.
    pub(crate) fn split(&mut self, queue_ns: u64, gil_ns: u64) {
        self.split = Some(Split {
            queue_ns,
            gil_ns,
            ..Split::default()
        });
    }

    /// Counts it, once the application is done with it: how it was answered, and where its
    /// time went. What others have answered was counted then.
    pub(crate) fn count(&self, meters: &Meters, ended_ns: u64) {
        if self.ticket.as_ref().is_some_and(Ticket::is_answered_for) {
            return;
        }
        let mut split = self.split.unwrap_or_default();
        // How long a websocket is open is nobody's service time.
        let ended_ns = self.accepted_ns.unwrap_or(ended_ns);
        let had_ns = ended_ns.saturating_sub(self.began_ns);
        split.write_ns = split.write_ns.min(had_ns);
        split.application_ns = had_ns - split.write_ns;
        meters.count_served(self.reply.status(), &split, self.reply.body_bytes());
    }

    /// Does something that hands the response on, and counts how long that takes.
    pub(super) fn hand_on<T>(&mut self, hand_on: impl FnOnce(&mut Self) -> T) -> T {
        if self.split.is_none() {
            return hand_on(self);
        }
        let began_ns = now_ns();
        let handed_on = hand_on(self);
        if let Some(split) = &mut self.split {
            split.write_ns += now_ns().saturating_sub(began_ns);
        }
        handed_on
    }
}
