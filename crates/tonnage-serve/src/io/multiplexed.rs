//! Connections that speak HTTP/2. Each has a slot as others do, and so has each of its
//! streams, from its first byte until somebody has answered it: what is still to be sent
//! then is its session's affair.

use std::sync::Arc;

use super::{Io, Signs, Token};
use crate::connection::{BodyError, Connection, Stage, Taken};
use crate::h2::{Fares, Opened, PREFACE, Session};

/// How often it is looked how a connection fares, in ms.
const LOOK_EVERY_MS: u64 = 1000;

impl Io {
    /// Whether what a connection has sent, and what is no request of HTTP/1.1, is the
    /// beginning of HTTP/2, or may become it.
    pub(super) fn may_be_http2(&mut self, token: Token) -> bool {
        let allowed = self
            .settings
            .http2
            .is_some_and(|http2| http2.prior_knowledge);
        allowed
            && self.slots.get(token).is_some_and(|connection| {
                let unread = connection.unread();
                let common = unread.len().min(PREFACE.len());
                connection.served == 0 && unread[..common] == PREFACE[..common]
            })
    }

    /// Goes on with HTTP/2 where all that is said first has come; `true` where it has.
    pub(super) fn begin_http2_after_preface(&mut self, token: Token) -> bool {
        let Self { slots, pool, .. } = self;
        let Some(connection) = slots.get(token) else {
            return true;
        };
        if connection.unread().len() < PREFACE.len() {
            return false;
        }
        let ahead = connection.unread().to_vec();
        connection.drop_input(pool);
        self.begin_http2(token, ahead);
        true
    }

    /// From now on a connection speaks HTTP/2, of which `ahead` was read already.
    pub(super) fn begin_http2(&mut self, token: Token, ahead: Vec<u8>) {
        let settings = self.settings.http2.unwrap_or_default();
        let Some(connection) = self.slots.get(token) else {
            return;
        };
        let wire = connection.take_wire();
        let (folder, mail) = (&self.settings.folder, &self.mail);
        let session = Session::new(wire, ahead, folder, &settings, mail, token);
        if self.draining {
            session.leave();
        }
        connection.stage = Stage::Multiplexed(session);
        // What was not read is told by no event.
        let signs = Signs {
            readable: true,
            writable: true,
            hung_up: connection.hung_up,
        };
        self.watch_over(token);
        self.take_turn(token, signs);
    }

    fn session(&mut self, token: Token) -> Option<Arc<Session>> {
        match &self.slots.get(token)?.stage {
            Stage::Multiplexed(session) => Some(Arc::clone(session)),
            _ => None,
        }
    }

    /// Looks at connections of which others have found something new.
    pub(super) fn take_mail(&mut self) {
        for token in self.mail.take() {
            self.take_turn(token, Signs::default());
        }
    }

    /// Has a connection read and write, and does what comes of it.
    pub(super) fn take_turn(&mut self, token: Token, signs: Signs) {
        let Some(session) = self.session(token) else {
            return;
        };
        let turn = session.turn(signs);
        if let Some(error) = &turn.trouble {
            self.note_trouble("a response", error);
        }
        for opened in turn.opened {
            self.open_stream(token, opened);
        }
        self.tell_streams(&turn.news);
        if turn.is_over {
            self.end_session(token, &session);
        } else if turn.has_more {
            self.resume_later(token);
        }
        if session.takes_flush() {
            session.flush();
        }
    }

    /// Tells streams that there is something new of them.
    fn tell_streams(&mut self, news: &[Token]) {
        let signs = Signs {
            readable: true,
            writable: true,
            hung_up: false,
        };
        for &stream in news {
            self.see(stream, signs);
        }
    }

    /// A request has come: it has a slot of its own from now on.
    fn open_stream(&mut self, parent: Token, opened: Opened) {
        let Self { slots, pool, .. } = self;
        let Some(connection) = slots.get(parent) else {
            return;
        };
        let mut buffers = pool.take();
        opened.write_head(buffers.room());
        let (wire, peer) = (connection.wire.beside(), connection.peer);
        let introduced = connection.introduced.clone();
        let stream = opened.stream;
        let mut request = Connection::of_stream(wire, peer, connection.listener, stream, buffers);
        request.introduced = introduced;
        request.since_ns = self.now_ns;
        let token = slots.insert_stream(Box::new(request));
        let Some(request) = slots.get(token) else {
            return;
        };
        request.name_stream(token);
        match request.parse_stream_head(&self.settings.limits) {
            Err(refusal) => self.refuse(token, refusal),
            Ok(()) if self.streamed.is_some() => self.queue(token),
            Ok(()) => {
                // One that has gone already, or does not wait, is told nothing by that.
                let leave = b"HTTP/1.1 100 Continue\r\n\r\n";
                if request.awaits_continue() && request.send(&[leave]).is_err() {
                    return self.remove(token);
                }
                self.read_stream(token);
            }
        }
    }

    /// Reads what has come of a stream's body; then its request is complete.
    pub(super) fn read_stream(&mut self, token: Token) {
        let deadline_ms = self.now_ms() + self.settings.body_timeout_ms;
        let Some(request) = self.slots.get(token) else {
            return;
        };
        match request.take_stream(&self.settings.folder) {
            Taken::Wait => self.slots.set_deadline(token, deadline_ms),
            Taken::Whole => self.queue(token),
            Taken::Gone => self.remove(token),
            Taken::Broken(BodyError::Refused(refusal)) => self.refuse(token, refusal),
            Taken::Broken(BodyError::Io(error)) => self.give_up(token, &error),
        }
    }

    /// A stream was answered, by whomever.
    pub(super) fn close_stream(&mut self, token: Token, mut request: Box<Connection>) {
        // What is missing is seen by the client.
        let _ = request.finish_stream(&[]);
        let unread = request.unread_session();
        request.next_request(&mut self.pool);
        self.slots.remove(token);
        drop(request);
        if let Some(session) = unread {
            // That the rest of the body is not wanted is said by the library now.
            self.outbox.hold_session(&session, self.now_ns);
        }
    }

    /// A stream's request was refused, and the answer is on its way.
    pub(super) fn close_refused_stream(&mut self, token: Token) {
        if let Some(request) = self.slots.take(token) {
            self.close_stream(token, request);
        }
    }

    /// HTTP/2 has come to its end on a connection.
    fn end_session(&mut self, token: Token, session: &Arc<Session>) {
        let news = session.end();
        self.tell_streams(&news);
        session.shut_down();
        let settings = self.settings.http2.unwrap_or_default();
        // What its windows let the client have on its way, in frames that may be short.
        self.linger(token, 2 * u64::from(settings.connection_window_bytes()));
    }

    /// A connection is closed: what speaks HTTP/2 on it has its end, too.
    pub(super) fn lose_session(&mut self, connection: &Connection) {
        if let Stage::Multiplexed(session) = &connection.stage {
            let news = session.end();
            session.shut_down();
            self.tell_streams(&news);
        }
    }

    /// Looks at a connection again after a while.
    fn watch_over(&mut self, token: Token) {
        let now_ms = self.now_ms();
        self.slots.set_deadline(token, now_ms + LOOK_EVERY_MS);
    }

    /// Looks how a connection fares: it ends when it has been idle for long enough, or its
    /// client takes nothing.
    pub(super) fn look_after(&mut self, token: Token) {
        let now_ns = self.now_ns;
        let idle_ns = self.idle_ms().max(LOOK_EVERY_MS).saturating_mul(1_000_000);
        let Some(session) = self.session(token) else {
            return;
        };
        let send_timeout_ns = self.settings.send_timeout_ms.saturating_mul(1_000_000);
        let fares = session.look(now_ns, send_timeout_ns);
        let Some(connection) = self.slots.get(token) else {
            return;
        };
        match fares {
            Fares::Busy => connection.since_ns = now_ns,
            Fares::Stalled => return self.remove(token),
            Fares::Idle if now_ns.saturating_sub(connection.since_ns) < idle_ns => {}
            // It was told to go, and stays.
            Fares::Idle if connection.closing => return self.remove(token),
            Fares::Idle => {
                connection.closing = true;
                connection.since_ns = now_ns;
                session.leave();
            }
        }
        self.watch_over(token);
        self.take_turn(token, Signs::default());
    }

    /// Tells all connections that the worker is to end.
    pub(super) fn leave_sessions(&mut self) {
        let here = self.slots.here();
        let speaking = here.filter(|(_, it)| matches!(it.stage, Stage::Multiplexed(_)));
        for token in speaking.map(|(token, _)| token).collect::<Vec<_>>() {
            if let Some(session) = self.session(token) {
                session.leave();
            }
            if let Some(connection) = self.slots.get(token) {
                connection.closing = true;
            }
            self.take_turn(token, Signs::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use crate::dispatch::testing;
    use crate::h2::testing::{Client, DATA, HEADERS, RST_STREAM};
    use crate::io::{Events, Io, IoSettings};
    use crate::static_files::{Mount, StaticFiles};

    /// More than the window that a connection begins with.
    const FILE_BYTES: usize = 100_000;

    /// A worker that has a file, without an application, and a clock that is turned by hand.
    struct Site {
        io: Io,
        events: Events,
        now_ms: u64,
        _folder: tempfile::TempDir,
    }

    impl Site {
        fn new() -> (Self, Client) {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("long"), vec![b'x'; FILE_BYTES]).unwrap();
            let text = format!("/files={}", folder.path().display());
            let mount = Mount::parse(&text, "/".as_ref()).unwrap();
            let settings = IoSettings {
                static_files: Some(Arc::new(StaticFiles::new(vec![mount], None, None))),
                ..testing::settings()
            };
            let (io, address) = testing::sockets(settings);
            let site = Self {
                io,
                events: Events::default(),
                now_ms: 1_000_000,
                _folder: folder,
            };
            (site, Client::connect(address))
        }

        /// Goes on while a client does something.
        fn meanwhile<T: Send>(&mut self, act: impl FnOnce() -> T + Send) -> T {
            std::thread::scope(|scope| {
                let acting = scope.spawn(act);
                while !acting.is_finished() {
                    self.turn();
                }
                acting.join().unwrap()
            })
        }

        fn turn(&mut self) {
            self.io.poller().wait(&mut self.events, 1);
            self.io.process(&self.events, self.now_ms * 1_000_000);
        }

        /// So many seconds pass, in each of which it is looked how connections fare.
        fn pass(&mut self, seconds: u64) {
            for _ in 0..2 * seconds {
                self.now_ms += 500;
                self.turn();
            }
        }
    }

    /// Reads until the responses to these streams have so many bytes.
    fn read(client: &mut Client, bodies: &mut HashMap<u32, usize>, bytes: usize) {
        while bodies.values().sum::<usize>() < bytes {
            let frame = client.of_stream();
            assert!(matches!(frame.kind, HEADERS | DATA), "{frame:?}");
            let come = match frame.kind {
                DATA => frame.payload.len(),
                _ => 0,
            };
            *bodies.entry(frame.stream).or_default() += come;
        }
    }

    #[test]
    fn a_response_that_waits_for_another_is_not_given_up() {
        let (mut site, mut client) = Site::new();
        let mut bodies = HashMap::new();
        let timeout_s = testing::settings().send_timeout_ms / 1000;
        client = site.meanwhile(|| {
            client.get(1, "/files/long");
            client.get(3, "/files/long");
            // The window is the first one's alone.
            read(&mut client, &mut bodies, 65_535);
            client
        });
        assert_eq!(bodies[&1], 65_535);
        site.pass(timeout_s - 2);
        client = site.meanwhile(|| {
            for stream in [0, 1, 3] {
                client.give_room(stream, 1 << 20);
            }
            read(&mut client, &mut bodies, 2 * FILE_BYTES);
            client
        });
        // What is not taken is given up, but only in its time.
        site.meanwhile(|| {
            client.get(5, "/files/long");
            read(&mut client, &mut bodies, 2 * FILE_BYTES + 65_535);
        });
        site.pass(timeout_s - 2);
        site.pass(4);
        site.meanwhile(|| {
            let reset = client.of_stream();
            assert_eq!((reset.kind, reset.stream), (RST_STREAM, 5));
        });
    }
}
