//! All sockets that one server listens on.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use super::{Address, ListenError, Listener};

/// The sockets of a server, in the order of its addresses.
#[derive(Debug, Default)]
pub struct Listeners {
    all: Vec<Listener>,
    /// What the configuration asked for. Where sockets were inherited, they are others.
    asked: Vec<Address>,
}

impl Listeners {
    pub(super) fn new(all: Vec<Listener>, asked: Vec<Address>) -> Self {
        Self { all, asked }
    }

    /// The addresses that the configuration asked for.
    pub fn asked(&self) -> &[Address] {
        &self.asked
    }

    /// The sockets.
    pub fn iter(&self) -> impl Iterator<Item = &Listener> {
        self.all.iter()
    }

    /// The socket with this number.
    pub fn get(&self, index: usize) -> Option<&Listener> {
        self.all.get(index)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none: before they were opened, or after they were closed.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Their descriptors, for `GUNICORN_FD`.
    pub fn descriptors(&self) -> Vec<RawFd> {
        self.all
            .iter()
            .map(|listener| listener.as_fd().as_raw_fd())
            .collect()
    }

    /// Lets them survive the execution of another program. To be called in the child
    /// that is about to execute it; else [`Listeners::close_on_exec`] has to follow, so
    /// that other children do not get them too.
    pub fn survive_exec(&self) -> Result<(), ListenError> {
        self.all
            .iter()
            .try_for_each(|listener| listener.survive_exec(true))
    }

    /// Lets them be closed when another program is executed, as they are when they are
    /// opened.
    pub fn close_on_exec(&self) -> Result<(), ListenError> {
        self.all
            .iter()
            .try_for_each(|listener| listener.survive_exec(false))
    }

    /// Closes this process's way to them; workers keep theirs. With `unlink`, the files
    /// of Unix sockets go, so that nobody finds the server any more.
    pub fn close(&mut self, unlink: bool) {
        for listener in self.all.drain(..) {
            if unlink {
                // What is gone already needs no removal, and nothing else can be done.
                let _ = listener.unlink();
            }
        }
    }

    /// Puts others in their place. The files of Unix sockets that are not among the new
    /// ones go.
    pub fn replace(&mut self, new: Self) {
        for old in &self.all {
            if new.all.iter().all(|listener| listener.name() != old.name()) {
                let _ = old.unlink();
            }
        }
        *self = new;
    }
}

impl fmt::Display for Listeners {
    /// As gunicorn's "Listening at".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, listener) in self.all.iter().enumerate() {
            write!(f, "{}{listener}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}
