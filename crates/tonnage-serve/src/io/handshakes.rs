//! Connections that shake hands: how that goes on, and what is told of those that fail.

use rustix::io::Errno;

use super::{Io, Signs, Token};
use crate::connection::{Connection, Handshake, Stage};
use crate::http::Refusal;

impl Io {
    /// Goes on with a handshake, whose time began when the connection was taken; then the
    /// first request is read.
    pub(super) fn shake_hands(&mut self, token: Token, signs: Signs) {
        let now_ns = self.now_ns;
        let Some(connection) = self.slots.get(token) else {
            return;
        };
        match connection.wire.shake_hands() {
            Ok(Handshake::Waiting) => {}
            Ok(Handshake::Done) => {
                connection.stage = Stage::Head;
                connection.since_ns = now_ns;
                connection.hung_up |= signs.hung_up;
                let agreed = connection
                    .wire
                    .tls()
                    .and_then(|tls| tls.protocol.as_deref());
                if agreed == Some(b"h2") {
                    return self.begin_http2(token, Vec::new());
                }
                self.read(token, signs);
            }
            Ok(Handshake::NotTls) => self.refuse(token, Refusal::NotTls),
            Err(error) => self.fail_handshake(token, error),
        }
    }

    /// Forgets a connection whose handshake came to nothing. One that had not begun is nobody's
    /// mistake: whoever looks whether the port is open says nothing.
    fn fail_handshake(&mut self, token: Token, error: Errno) {
        let told = self.slots.get(token).and_then(|connection| {
            let why = why(connection, error)?;
            Some((connection.peer, why))
        });
        if let Some((peer, why)) = told {
            if let Some(meters) = self.meters {
                meters.count_failed_handshake();
            }
            self.refusals.add_handshake(self.now_ns, peer, why);
        }
        self.remove(token);
    }

    /// The same for one that took too long.
    pub(super) fn give_up_handshake(&mut self, token: Token) {
        self.fail_handshake(token, Errno::TIMEDOUT);
    }
}

/// What is wrong, where the client has begun.
fn why(connection: &Connection, error: Errno) -> Option<String> {
    let session = connection.wire.session()?.lock();
    Some(match (session.problem(), error) {
        (Some(problem), _) => problem.to_string(),
        (None, Errno::CONNRESET) => "the client left".to_owned(),
        (None, Errno::TIMEDOUT) => "it took too long".to_owned(),
        (None, other) => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpStream;
    use std::sync::Arc;

    use crate::dispatch::testing;
    use crate::io::{Events, FailedHandshake, Io, IoSettings};
    use crate::tls::testing::Authority;

    /// What is told of a client that says this and then leaves, or lets so much time pass.
    fn told(says: &[u8], leaves: bool, passes_ms: u64) -> Vec<FailedHandshake> {
        let settings = IoSettings {
            tls: Some(Authority::new().server()),
            ..testing::settings()
        };
        let (mut io, address) = testing::sockets(settings);
        let mut events = Events::default();
        let mut now_ms = 1_000_000;
        let poller = Arc::clone(&io.poller());
        let mut turn = |io: &mut Io, now_ms: u64| {
            poller.wait(&mut events, 0);
            io.process(&events, now_ms * 1_000_000);
        };
        let mut client = TcpStream::connect(address).unwrap();
        testing::until(|| {
            turn(&mut io, now_ms);
            (io.connections() == 1).then_some(())
        });
        client.write_all(says).unwrap();
        if leaves {
            drop(client);
        }
        testing::until(|| {
            turn(&mut io, now_ms);
            now_ms += passes_ms;
            (io.connections() == 0).then_some(())
        });
        let refusals = io.take_refusals();
        refusals.map_or_else(Vec::new, |refusals| refusals.handshakes)
    }

    #[test]
    fn handshakes_that_fail_are_told_of_with_their_reason() {
        // A message that says that it is none.
        let broken = b"\x16\x03\x01\x00\x04\x01\x00\x00\x00";
        // The beginning of one that says that it is longer.
        let begun = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
        for (says, leaves, passes_ms, why) in [
            (&broken[..], false, 0, "MissingData"),
            (&begun[..], true, 0, "the client left"),
            (&begun[..], false, 1000, "it took too long"),
        ] {
            let told = told(says, leaves, passes_ms);
            assert_eq!(told.len(), 1, "{why}");
            assert!(told[0].why.contains(why), "{told:?}");
        }
    }

    #[test]
    fn who_says_nothing_is_not_told_of() {
        assert_eq!(told(b"", true, 0), []);
        assert_eq!(told(b"", false, 1000), []);
    }
}
