//! Ends what takes too long. Deadlines are seconds, so looking twice a second will do.

use super::Io;
use super::slots::Signs;
use crate::connection::Stage;
use crate::http::Refusal;

/// How often it is looked whose time is over, in ms.
pub(super) const EVERY_MS: u64 = 500;

/// How long a worker without a connection sleeps, in ms: it has to show that it lives.
pub(super) const IDLE_PATIENCE_MS: u64 = 1000;

impl Io {
    /// Ends the connections whose time is over.
    pub(super) fn sweep(&mut self) {
        self.next_sweep_ms = self.now_ms() + EVERY_MS;
        for token in self.slots.overdue(self.now_ms()) {
            let Some(connection) = self.slots.get(token) else {
                continue;
            };
            match connection.stage {
                // What has come in time counts, also where nobody had time to look, or where
                // it was too little for the kernel to tell of.
                Stage::Head | Stage::Body(_) if connection.has_unseen_input() => {
                    let signs = Signs {
                        readable: true,
                        ..Signs::default()
                    };
                    self.work(token, signs);
                }
                Stage::Head if connection.is_idle() => self.remove(token),
                Stage::Multiplexed(_) => self.look_after(token),
                Stage::Head => self.refuse(token, Refusal::HeadTimeout),
                Stage::Body(_) => self.refuse(token, Refusal::BodyTimeout),
                Stage::Handshake => self.give_up_handshake(token),
                Stage::Preamble
                | Stage::Skipping(_)
                | Stage::Flushing
                | Stage::Lingering { .. }
                | Stage::Request => self.remove(token),
            }
        }
        self.turn_away_late();
        self.listen_again();
    }

    /// Turns requests away that have waited too long while nobody took them.
    fn turn_away_late(&mut self) {
        let longest_ns = match self.settings.queue_timeout_ms {
            0 => return,
            timeout_ms => timeout_ms * 1_000_000,
        };
        while let Some(first) = self.waiting.front() {
            if self.now_ns.saturating_sub(first.queued_ns) <= longest_ns {
                return;
            }
            if let Some(late) = self.waiting.pop_front() {
                self.turn_away(late.token, late.connection);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use crate::dispatch::testing;
    use crate::io::{Events, Io};

    /// Takes what the kernel tells of, at a time of this clock.
    fn process(io: &mut Io, events: &mut Events, now_ms: u64) {
        io.poller().wait(events, 0);
        io.process(events, now_ms * 1_000_000);
    }

    #[test]
    fn an_upload_that_goes_on_too_slowly_to_be_told_of_has_its_time_anew() {
        let settings = testing::settings();
        let timeout_ms = settings.body_timeout_ms;
        let (mut io, address) = testing::sockets(settings);
        let mut events = Events::default();
        let mut client = TcpStream::connect(address).unwrap();
        client
            .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nbegin")
            .unwrap();
        let mut now_ms = 1_000_000;
        testing::until(|| {
            process(&mut io, &mut events, now_ms);
            (io.connections() == 1).then_some(())
        });
        process(&mut io, &mut events, now_ms);
        for _ in 0..3 {
            client.write_all(b"more").unwrap();
            now_ms += timeout_ms + 1;
            process(&mut io, &mut events, now_ms);
            // The kernel tells of no less than all of it.
            assert!(events.is_empty());
            assert_eq!(io.connections(), 1);
        }
        now_ms += timeout_ms + 1;
        process(&mut io, &mut events, now_ms);
        let mut answer = [0; 12];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 408");
    }
}
