//! Taking connections: one a wake, and not when the worker next door has clearly fewer.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::neighbours::Neighbours;
use super::{Io, Token};
use crate::connection::{Connection, Stage};
use crate::listen::Peer;

/// How long a worker that has no descriptors left leaves new connections to others, in ms.
const OUT_OF_DESCRIPTORS_MS: u64 = 100;

/// How long a worker that is about to end keeps idle connections, in ms.
pub(super) const DRAIN_IDLE_MS: u64 = 2000;

/// Connections that are taken at once where all workers are busy.
const ACCEPTED_AT_ONCE: usize = 64;

/// Connections that a listener's backlog may have when the worker ends.
const MOST_WAITING: usize = 4096;

/// Idle connections that are asked for unread bytes before none is closed to make room.
const LOOKED_AT: usize = 8;

impl Io {
    /// Begins to take connections.
    pub(super) fn listen(&mut self) -> io::Result<()> {
        if self.listening || self.draining || self.paused {
            return Ok(());
        }
        for (number, listener) in self.listeners.iter().enumerate() {
            self.poller.listen(listener.as_fd(), number as u32)?;
        }
        self.listening = true;
        Ok(())
    }

    /// Leaves new connections to the other workers, but for those that this one may have
    /// been woken for: a connection wakes one worker (`EPOLLEXCLUSIVE`), and the others
    /// would not hear of it.
    fn stop_listening(&mut self) {
        if !self.listening {
            return;
        }
        for listener in &self.listeners {
            // It is registered, and what else could fail would change nothing.
            let _ = self.poller.unlisten(listener.as_fd());
        }
        self.listening = false;
        self.accept_waiting();
    }

    /// Leaves new connections to workers that have time for them, until told otherwise.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
        if paused {
            self.stop_listening();
        } else {
            self.listen_again();
        }
    }

    /// Whether new connections are left to others.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }

    /// Takes connections although nobody here has time: no worker has, and they are to
    /// be counted, and turned away when they have waited long enough.
    pub fn accept_waiting(&mut self) {
        for number in 0..self.listeners.len() {
            for _ in 0..ACCEPTED_AT_ONCE {
                if self.slots.len() >= self.settings.connections || !self.accept_one(number) {
                    break;
                }
            }
        }
    }

    /// Takes connections again, where there is room.
    pub(super) fn listen_again(&mut self) {
        if !self.listening && self.slots.len() < self.settings.connections {
            // At the next sweep it is tried again.
            let _ = self.listen();
        }
    }

    /// Takes no more connections, and ends when those that are there have ended. Where
    /// the listeners go away with this worker, `empty_backlog` takes what waits in them.
    pub fn drain(&mut self, empty_backlog: bool) {
        if self.draining {
            return;
        }
        self.now_ns = crate::dispatch::now_ns();
        self.stop_listening();
        if empty_backlog {
            for number in 0..self.listeners.len() {
                // More than any backlog has: those who come meanwhile do not count.
                for _ in 0..MOST_WAITING {
                    if !self.accept_one(number) {
                        break;
                    }
                }
            }
        }
        self.empty_inbox();
        self.draining = true;
        self.ending.store(true, Ordering::Relaxed);
        self.listeners.clear();
        // At once: what is asked on them here ends them.
        self.give_idle_away();
        self.leave_sessions();
        // A client may be about to use an idle connection: it has a moment to do so.
        let soon_ms = self.now_ms() + DRAIN_IDLE_MS;
        let idle = self
            .slots
            .here()
            .filter(|(_, connection)| connection.is_idle() && !connection.has_unseen_input());
        for token in idle.map(|(token, _)| token).collect::<Vec<_>>() {
            self.slots.set_deadline(token, soon_ms);
        }
    }

    /// Takes one connection of a listener that has some.
    pub(super) fn accept(&mut self, number: u32) {
        if self.slots.len() >= self.settings.connections && !self.evict() {
            self.stop_listening();
            return;
        }
        self.accept_one(number as usize);
    }

    /// Takes one connection, if there is one.
    fn accept_one(&mut self, number: usize) -> bool {
        let Some(listener) = self.listeners.get(number) else {
            return false;
        };
        match listener.accept() {
            Ok(Some((socket, peer))) => {
                let neighbours = self.neighbours.as_ref();
                if neighbours.is_some_and(|all| all.send(&socket, number as u16, false)) {
                    self.counts.handed_over += 1;
                } else {
                    self.adopt(socket, peer, number as u32);
                    self.look_closely();
                }
                true
            }
            // Another worker was faster.
            Ok(None) => false,
            Err(_) => {
                self.stop_listening();
                self.next_sweep_ms = self.now_ms() + OUT_OF_DESCRIPTORS_MS;
                false
            }
        }
    }

    /// Takes what other workers left here.
    pub(super) fn empty_inbox(&mut self) {
        while let Some(left) = self.neighbours.as_ref().and_then(Neighbours::take) {
            // Who has gone already has no name any more, and must not pass for a neighbour on
            // a Unix socket, who is trusted.
            if let Ok(address) = rustix::net::getpeername(&left.connection) {
                let tcp = address.and_then(|address| std::net::SocketAddr::try_from(address).ok());
                let peer = tcp.map_or(Peer::Unix, Peer::Tcp);
                self.adopt(left.connection, peer, left.listener.into());
            }
            // Only now, so that it is counted twice for a moment rather than not at all.
            if let Some(neighbours) = &self.neighbours {
                neighbours.count_arrived();
            }
        }
    }

    /// Makes a socket one of ours.
    fn adopt(&mut self, socket: OwnedFd, peer: Peer, listener: u32) {
        let connection = Connection::new(socket, peer, listener);
        let folder = Arc::clone(&self.settings.folder);
        let mut connection = connection.within(folder, Arc::clone(&self.ending));
        if let Some(tls) = &self.settings.tls {
            connection = connection.through_tls(tls);
        }
        if self.settings.proxy_protocol.is_some() {
            connection.stage = Stage::Preamble;
        }
        connection.since_ns = self.now_ns;
        let deadline_ms = self.now_ms() + self.first_ms();
        let token = self.slots.insert(Box::new(connection), deadline_ms);
        self.counts.connections += 1;
        if let Some(meters) = self.meters {
            meters.count_connection();
        }
        self.tell_connections();
        let watched = match self.slots.get(token) {
            Some(connection) => self.poller.watch(connection.socket(), token),
            None => Ok(()),
        };
        if watched.is_err() {
            self.remove(token);
        }
    }

    /// Makes room by closing the connection that has been idle longest. One whose request has
    /// come and was not read yet is not idle; to look costs a call, so that only a few are
    /// looked at.
    fn evict(&mut self) -> bool {
        let mut spared: Vec<Token> = Vec::new();
        while spared.len() < LOOKED_AT {
            let idle = self
                .slots
                .here()
                .filter(|(token, connection)| connection.is_idle() && !spared.contains(token));
            let longest = idle.min_by_key(|(_, connection)| connection.since_ns);
            match longest.map(|(token, connection)| (token, connection.has_unseen_input())) {
                Some((token, false)) => {
                    self.remove(token);
                    return true;
                }
                Some((token, true)) => spared.push(token),
                None => return false,
            }
        }
        false
    }

    pub(super) fn tell_connections(&self) {
        if let Some(neighbours) = &self.neighbours {
            neighbours.set_connections(self.slots.len());
        }
    }

    /// Whether no worker waits for something to do.
    pub fn nobody_has_time(&self) -> bool {
        self.neighbours.as_ref().is_none_or(Neighbours::all_busy)
    }
}
