//! The connections of a worker, each in a numbered slot. A connection that somebody
//! works on is away from its slot; what happens to it meanwhile is noted there.

use crate::connection::Connection;

/// Names a connection among those of its worker, also after the slot was given to
/// another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token {
    index: u32,
    generation: u32,
}

impl Token {
    /// As the kernel carries it with an event.
    pub(super) fn to_u64(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    pub(super) fn from_u64(data: u64) -> Self {
        Self {
            index: data as u32,
            generation: (data >> 32) as u32,
        }
    }
}

/// What the kernel said of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signs {
    /// There is something to read.
    pub readable: bool,
    /// There is room to write.
    pub writable: bool,
    /// The peer has closed, or the connection is broken.
    pub hung_up: bool,
}

impl Signs {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            readable: self.readable || other.readable,
            writable: self.writable || other.writable,
            hung_up: self.hung_up || other.hung_up,
        }
    }
}

#[derive(Debug)]
enum Occupant {
    /// Nobody; the next free slot.
    Free(Option<u32>),
    Here(Box<Connection>),
    /// In the hands of a thread, with what happened since.
    Away(Signs),
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    occupant: Occupant,
    /// It is a request on a connection that has a slot of its own.
    is_stream: bool,
    /// When the connection has waited long enough; beside the connection and not in
    /// it, so that looking through ten thousand idle ones touches only this table.
    deadline_ms: u64,
}

/// A moment that never comes.
pub(super) const NEVER_MS: u64 = u64::MAX;

/// The table of connections.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Option<u32>,
    count: usize,
    streams: usize,
}

impl Slots {
    /// Connections, those in somebody's hands included.
    pub(super) fn len(&self) -> usize {
        self.count - self.streams
    }

    /// Whether there are neither connections nor streams.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// One request of a connection that has many at a time.
    pub(super) fn insert_stream(&mut self, request: Box<Connection>) -> Token {
        let token = self.insert(request, NEVER_MS);
        self.slots[token.index as usize].is_stream = true;
        self.streams += 1;
        token
    }

    pub(super) fn insert(&mut self, connection: Box<Connection>, deadline_ms: u64) -> Token {
        self.count += 1;
        let occupant = Occupant::Here(connection);
        if let Some(index) = self.free {
            let slot = &mut self.slots[index as usize];
            if let Occupant::Free(next) = slot.occupant {
                self.free = next;
            }
            slot.occupant = occupant;
            slot.deadline_ms = deadline_ms;
            return Token {
                index,
                generation: slot.generation,
            };
        }
        let index = self.slots.len() as u32;
        self.slots.push(Slot {
            generation: 0,
            occupant,
            is_stream: false,
            deadline_ms,
        });
        Token {
            index,
            generation: 0,
        }
    }

    fn slot(&mut self, token: Token) -> Option<&mut Slot> {
        self.slots
            .get_mut(token.index as usize)
            .filter(|slot| slot.generation == token.generation)
    }

    /// The connection, where nobody has it in hand.
    pub(super) fn get(&mut self, token: Token) -> Option<&mut Connection> {
        match &mut self.slot(token)?.occupant {
            Occupant::Here(connection) => Some(connection),
            _ => None,
        }
    }

    /// Takes a connection out to work on it.
    pub(super) fn take(&mut self, token: Token) -> Option<Box<Connection>> {
        let slot = self.slot(token)?;
        let away = Occupant::Away(Signs::default());
        match std::mem::replace(&mut slot.occupant, away) {
            Occupant::Here(connection) => {
                slot.deadline_ms = NEVER_MS;
                Some(connection)
            }
            other => {
                slot.occupant = other;
                None
            }
        }
    }

    /// Puts a connection back; gives what happened while it was away.
    pub(super) fn put_back(&mut self, token: Token, connection: Box<Connection>) -> Signs {
        let Some(slot) = self.slot(token) else {
            return Signs::default();
        };
        match std::mem::replace(&mut slot.occupant, Occupant::Here(connection)) {
            Occupant::Away(signs) => signs,
            _ => Signs::default(),
        }
    }

    /// Notes what happened to a connection that is away; `false` where it is here.
    pub(super) fn note(&mut self, token: Token, new: Signs) -> bool {
        match self.slot(token).map(|slot| &mut slot.occupant) {
            Some(Occupant::Away(signs)) => {
                *signs = signs.and(new);
                true
            }
            _ => false,
        }
    }

    /// What happened to a connection since it has been away.
    pub(super) fn noted(&mut self, token: Token) -> Signs {
        match self.slot(token).map(|slot| &slot.occupant) {
            Some(Occupant::Away(signs)) => *signs,
            _ => Signs::default(),
        }
    }

    /// Gives the slot away; the connection, where it was here.
    pub(super) fn remove(&mut self, token: Token) -> Option<Box<Connection>> {
        let free = self.free;
        let slot = self.slot(token)?;
        if matches!(slot.occupant, Occupant::Free(_)) {
            return None;
        }
        let was = std::mem::replace(&mut slot.occupant, Occupant::Free(free));
        // Tokens of whoever was here mean nobody from now on.
        slot.generation = slot.generation.wrapping_add(1);
        slot.deadline_ms = NEVER_MS;
        let was_stream = std::mem::take(&mut slot.is_stream);
        self.free = Some(token.index);
        self.count -= 1;
        self.streams -= usize::from(was_stream);
        match was {
            Occupant::Here(connection) => Some(connection),
            _ => None,
        }
    }

    pub(super) fn set_deadline(&mut self, token: Token, deadline_ms: u64) {
        if let Some(slot) = self.slot(token) {
            slot.deadline_ms = deadline_ms;
        }
    }

    /// The connections whose time is over.
    pub(super) fn overdue(&self, now_ms: u64) -> Vec<Token> {
        let numbered = self.slots.iter().enumerate();
        numbered
            .filter(|(_, slot)| slot.deadline_ms <= now_ms)
            .filter(|(_, slot)| matches!(slot.occupant, Occupant::Here(_)))
            .map(|(index, slot)| Token {
                index: index as u32,
                generation: slot.generation,
            })
            .collect()
    }

    /// The connections that nobody has in hand.
    pub(super) fn here(&self) -> impl DoubleEndedIterator<Item = (Token, &Connection)> {
        let numbered = self.slots.iter().enumerate();
        numbered.filter_map(|(index, slot)| match &slot.occupant {
            Occupant::Here(connection) => Some((
                Token {
                    index: index as u32,
                    generation: slot.generation,
                },
                &**connection,
            )),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Box<Connection> {
        let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        Box::new(Connection::new(ours.into(), crate::listen::Peer::Unix, 0))
    }

    #[test]
    fn a_token_outlives_its_connection_and_then_names_nobody() {
        let mut slots = Slots::default();
        let first = slots.insert(connection(), 10);
        assert!(slots.get(first).is_some());
        assert!(slots.remove(first).is_some());
        let second = slots.insert(connection(), 10);
        assert_eq!(first.index, second.index);
        assert!(slots.get(first).is_none());
        assert!(slots.remove(first).is_none());
        assert_eq!(slots.len(), 1);
        assert_eq!(Token::from_u64(second.to_u64()), second);
    }

    #[test]
    fn what_happens_while_a_connection_is_away_is_noted() {
        let mut slots = Slots::default();
        let token = slots.insert(connection(), 10);
        let readable = Signs {
            readable: true,
            ..Signs::default()
        };
        assert!(!slots.note(token, readable));
        let away = slots.take(token).unwrap();
        assert!(slots.take(token).is_none());
        assert!(slots.note(token, readable));
        assert_eq!(slots.overdue(100), []);
        assert_eq!(slots.put_back(token, away), readable);
        slots.set_deadline(token, 50);
        assert_eq!(slots.overdue(50), [token]);
    }

    #[test]
    fn a_slot_given_up_while_its_connection_is_away_is_used_again() {
        let mut slots = Slots::default();
        let token = slots.insert(connection(), 10);
        let away = slots.take(token).unwrap();
        assert!(slots.remove(token).is_none());
        drop(away);
        assert_eq!(slots.len(), 0);
        assert_eq!(slots.insert(connection(), 10).index, token.index);
    }
}
