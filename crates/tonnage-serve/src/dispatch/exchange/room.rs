//! A writer that waits until its client has taken some of what waits for it.

use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use super::Exchange;
use crate::connection::Flushed;

impl Exchange {
    /// Whether so much waits for the client that a writer should wait too.
    pub fn is_full(&self) -> bool {
        self.intact && self.connection.is_full()
    }

    /// The client's socket, for whoever waits for room otherwise than
    /// [`Exchange::wait_for_room`] does. None where room is not the socket's to give: a stream
    /// shares it with others.
    pub fn socket(&self) -> Option<BorrowedFd<'_>> {
        (!self.connection.is_stream()).then(|| self.connection.socket())
    }

    /// Waits until the client has taken some of what waits, at most so long.
    pub fn wait_for_room(&mut self, most: Timespec) {
        if self.is_full() {
            self.hand_on(|exchange| exchange.poll_for_room(most));
        }
    }

    fn poll_for_room(&mut self, most: Timespec) {
        if self.connection.is_stream() {
            self.intact &= self.connection.wait_for_room(most);
            return;
        }
        while self.is_full() {
            let socket = self.connection.socket();
            let mut watched = [PollFd::from_borrowed_fd(socket, PollFlags::OUT)];
            let writable = rustix::event::poll(&mut watched, Some(&most));
            match (writable, self.connection.flush()) {
                // A signal says nothing about the client.
                (
                    Ok(1..) | Err(Errno::INTR),
                    Ok(Flushed::All | Flushed::Blocked | Flushed::Yielded),
                ) => {}
                _ => self.intact = false,
            }
        }
    }
}
