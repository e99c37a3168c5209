//! Requests that were refused or turned away, until somebody tells of them: what is known
//! of each, as long as there are not too many, and how many there were beyond.

use crate::connection::Connection;
use crate::http::{Fields, Limits, Refusal, RequestLine};
use crate::listen::Peer;
use crate::request::Request;

/// Refused requests of each second of which more is kept than their number: a flood of
/// them fills neither the memory nor a log.
const KEPT_A_SECOND: usize = 64;

/// Failed handshakes of each second of which more is kept than their number: they are seldom
/// anybody's mistake but the client's.
const HANDSHAKES_A_SECOND: usize = 8;

const SECOND_NS: u64 = 1_000_000_000;

/// A handshake that came to nothing, so that there was no request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedHandshake {
    /// Who began it.
    pub peer: Peer,
    /// Why, for people.
    pub why: String,
}

/// A request that was refused.
#[derive(Debug)]
pub struct Refused {
    /// Who sent it.
    pub peer: Peer,
    /// What is wrong with it, or that there is no time for it.
    pub refusal: Refusal,
    /// Bytes of the answer's body.
    pub sent_bytes: u64,
    /// From its first byte to its refusal, in ns.
    pub took_ns: u64,
    head: Option<(Vec<u8>, RequestLine, Fields)>,
}

impl Refused {
    /// `sent_bytes`: of its answer's body.
    pub(super) fn new(
        connection: &Connection,
        refusal: Refusal,
        sent_bytes: usize,
        limits: &Limits,
        now_ns: u64,
    ) -> Self {
        Self {
            peer: connection.peer,
            refusal,
            sent_bytes: sent_bytes as u64,
            took_ns: now_ns.saturating_sub(connection.since_ns),
            head: head(connection, limits),
        }
    }

    /// A request of which an application, or whoever runs it, tells the rest.
    pub(super) fn answered(peer: Peer, refusal: Refusal) -> Self {
        Self {
            peer,
            refusal,
            sent_bytes: 0,
            took_ns: 0,
            head: None,
        }
    }

    /// Its head, where all of it was there: what is wrong is then what its fields mean
    /// together, or its body.
    pub fn request(&self) -> Option<Request<'_>> {
        let (bytes, line, fields) = self.head.as_ref()?;
        Some(Request::new(bytes, line, fields))
    }
}

/// The head as far as it is one, though it may mean nothing.
fn head(connection: &Connection, limits: &Limits) -> Option<(Vec<u8>, RequestLine, Fields)> {
    let bytes = connection.unread();
    if let Some(head) = &connection.head {
        return Some((bytes[..head.end].to_vec(), head.line, head.fields.clone()));
    }
    let line = RequestLine::parse(bytes, limits).ok()??;
    let mut fields = Fields::default();
    // Where only their meaning is refused, they have a length all the same.
    let _ = fields.advance(&bytes[line.bytes..], limits);
    let end = line.bytes + fields.bytes();
    (fields.bytes() > 0).then(|| (bytes[..end].to_vec(), line, fields))
}

/// Requests that were refused and not told of.
#[derive(Debug, Default)]
pub struct Refusals {
    /// The first ones of each second.
    pub kept: Vec<Refused>,
    /// How many broke the protocol or a limit beyond these.
    pub more: u64,
    /// How many were turned away beyond these.
    pub more_turned_away: u64,
    /// Why something that is too long for memory could not be kept, the newest time.
    pub trouble: Option<String>,
    /// The first handshakes of each second that failed.
    pub handshakes: Vec<FailedHandshake>,
    /// How many failed beyond these.
    pub more_handshakes: u64,
    second: u64,
    kept_in_second: usize,
    handshakes_in_second: usize,
    told_trouble_at: u64,
}

impl Refusals {
    /// Adds one; `refused` makes it only where there is room.
    pub(super) fn add(&mut self, now_ns: u64, refusal: Refusal, refused: impl FnOnce() -> Refused) {
        self.turn_to(now_ns);
        // While an application is stuck nobody takes them for longer than a second.
        if !self.is_full() && self.kept.len() < KEPT_A_SECOND {
            self.kept_in_second += 1;
            self.kept.push(refused());
        } else if refusal == Refusal::Overload {
            self.more_turned_away += 1;
        } else {
            self.more += 1;
        }
    }

    /// Adds a handshake that failed.
    pub(super) fn add_handshake(&mut self, now_ns: u64, peer: Peer, why: String) {
        self.turn_to(now_ns);
        if self.handshakes_in_second < HANDSHAKES_A_SECOND
            && self.handshakes.len() < HANDSHAKES_A_SECOND
        {
            self.handshakes_in_second += 1;
            self.handshakes.push(FailedHandshake { peer, why });
        } else {
            self.more_handshakes += 1;
        }
    }

    /// Notes that something could not be kept. It is told of once a second at most.
    pub(super) fn note_trouble(&mut self, trouble: String) {
        self.trouble = Some(trouble);
    }

    /// Those that nobody was told of, if any. How many there were beyond is known when
    /// their second is over.
    pub(super) fn take(&mut self, now_ns: u64) -> Option<Self> {
        if self.is_empty() {
            return None;
        }
        self.turn_to(now_ns);
        let mut taken = Self {
            kept: std::mem::take(&mut self.kept),
            handshakes: std::mem::take(&mut self.handshakes),
            ..Self::default()
        };
        if self.told_trouble_at != self.second {
            taken.trouble = self.trouble.take();
            if taken.trouble.is_some() {
                self.told_trouble_at = self.second;
            }
        }
        if !self.is_full() {
            taken.more = std::mem::take(&mut self.more);
            taken.more_turned_away = std::mem::take(&mut self.more_turned_away);
        }
        if self.handshakes_in_second < HANDSHAKES_A_SECOND {
            taken.more_handshakes = std::mem::take(&mut self.more_handshakes);
        }
        (!taken.is_empty()).then_some(taken)
    }

    fn is_empty(&self) -> bool {
        self.kept.is_empty()
            && self.more == 0
            && self.more_turned_away == 0
            && self.trouble.is_none()
            && self.handshakes.is_empty()
            && self.more_handshakes == 0
    }

    fn is_full(&self) -> bool {
        self.kept_in_second >= KEPT_A_SECOND
    }

    fn turn_to(&mut self, now_ns: u64) {
        let second = now_ns / SECOND_NS;
        if second != self.second {
            (self.second, self.kept_in_second) = (second, 0);
            self.handshakes_in_second = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(refusals: &mut Refusals, second: u64, refusal: Refusal) {
        let refused = || Refused::answered(Peer::Unix, refusal);
        refusals.add(second * SECOND_NS, refusal, refused);
    }

    #[test]
    fn a_flood_is_counted_and_told_of_when_its_second_is_over() {
        let mut refusals = Refusals::default();
        assert!(refusals.take(SECOND_NS).is_none());
        for _ in 0..1000 {
            add(&mut refusals, 1, Refusal::RequestLine);
        }
        for _ in 0..10 {
            add(&mut refusals, 1, Refusal::Overload);
        }
        let first = refusals.take(2 * SECOND_NS - 1).unwrap();
        assert_eq!((first.kept.len(), first.more), (KEPT_A_SECOND, 0));
        assert!(refusals.take(2 * SECOND_NS - 1).is_none());
        let rest = refusals.take(2 * SECOND_NS).unwrap();
        assert_eq!(
            (rest.kept.len(), rest.more, rest.more_turned_away),
            (0, 1000 - KEPT_A_SECOND as u64, 10)
        );
        add(&mut refusals, 2, Refusal::RequestLine);
        assert_eq!(refusals.take(2 * SECOND_NS).unwrap().kept.len(), 1);
    }

    #[test]
    fn failed_handshakes_take_no_room_from_requests() {
        let mut refusals = Refusals::default();
        for _ in 0..100 {
            refusals.add_handshake(SECOND_NS, Peer::Unix, "left".to_owned());
        }
        add(&mut refusals, 1, Refusal::RequestLine);
        let first = refusals.take(SECOND_NS).unwrap();
        assert_eq!((first.kept.len(), first.handshakes.len()), (1, 8));
        assert_eq!((first.more_handshakes, first.more), (0, 0));
        assert_eq!(refusals.take(2 * SECOND_NS).unwrap().more_handshakes, 92);
        assert!(refusals.take(2 * SECOND_NS).is_none());
    }

    #[test]
    fn no_more_are_kept_while_nobody_takes_them() {
        let mut refusals = Refusals::default();
        for second in 0..10 {
            for _ in 0..KEPT_A_SECOND {
                add(&mut refusals, second, Refusal::Overload);
            }
        }
        let taken = refusals.take(10 * SECOND_NS).unwrap();
        assert_eq!(
            (taken.kept.len(), taken.more_turned_away),
            (KEPT_A_SECOND, 9 * KEPT_A_SECOND as u64)
        );
    }
}
