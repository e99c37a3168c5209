//! Inboxes: how a worker hands a connection that it has just accepted to another worker.
//! Each slot of the board has one, made before any fork, so that a connection outlives
//! the worker it was sent to: whoever has the slot next finds it, or the supervisor does.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use crate::board::SlotId;

/// A connection from another worker.
#[derive(Debug)]
pub struct HandedOver {
    /// A socket that never waits and is closed on exec.
    pub connection: OwnedFd,
    /// Which of the server's listening sockets it came in by.
    pub listener: u16,
}

#[derive(Debug)]
struct Inbox {
    receiver: OwnedFd,
    sender: OwnedFd,
}

/// The inboxes of the first slots. Slots beyond them have none: each costs two
/// descriptors in every process.
#[derive(Debug)]
pub struct Inboxes {
    all: Vec<Inbox>,
}

impl Inboxes {
    /// Makes inboxes for the first `count` slots.
    pub fn new(count: u16) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        // Where each is the other's peer, datagrams are not bounded in number
        // (`net.unix.max_dgram_qlen`, 10 of them) but by the send buffer, which has room
        // for some hundreds: more than a burst.
        let kind = SocketType::DGRAM;
        let pair = |_| -> io::Result<Inbox> {
            let (receiver, sender) = socketpair(AddressFamily::UNIX, kind, flags, None)?;
            Ok(Inbox { receiver, sender })
        };
        Ok(Self {
            all: (0..count).map(pair).collect::<io::Result<_>>()?,
        })
    }

    /// How many slots have an inbox.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether no slot has one.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What a worker waits at to learn that its inbox has something.
    pub fn receiver(&self, slot: SlotId) -> Option<BorrowedFd<'_>> {
        self.all
            .get(slot.index())
            .map(|inbox| inbox.receiver.as_fd())
    }

    /// Sends a connection to a slot's inbox. False where it has none or is full; the
    /// connection then stays where it is. After true, close it here.
    pub fn send(&self, slot: SlotId, connection: impl AsFd, listener: u16) -> io::Result<bool> {
        let Some(inbox) = self.all.get(slot.index()) else {
            return Ok(false);
        };
        let payload = listener.to_ne_bytes();
        let descriptors = [connection.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        loop {
            match sendmsg(
                &inbox.sender,
                &[IoSlice::new(&payload)],
                &mut control,
                flags,
            ) {
                Ok(_) => return Ok(true),
                Err(Errno::INTR) => {}
                // Full, or too many descriptors are under way.
                Err(Errno::AGAIN | Errno::NOBUFS | Errno::TOOMANYREFS) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes the next connection out of a slot's inbox. Errors are those of this
    /// process, such as too many open descriptors; a connection is then lost.
    pub fn take(&self, slot: SlotId) -> io::Result<Option<HandedOver>> {
        let Some(inbox) = self.all.get(slot.index()) else {
            return Ok(None);
        };
        loop {
            let mut payload = [0; 2];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut parts = [IoSliceMut::new(&mut payload)];
            let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
            match recvmsg(&inbox.receiver, &mut parts, &mut control, flags) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
            let connection = control.drain().find_map(|message| match message {
                RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
                _ => None,
            });
            let listener = u16::from_ne_bytes(payload);
            // A message without a connection: the kernel could not make a descriptor.
            let lost = || io::Error::from(Errno::MFILE);
            return connection
                .map(|connection| {
                    Some(HandedOver {
                        connection,
                        listener,
                    })
                })
                .ok_or_else(lost);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_connection_arrives_with_the_number_of_its_listener() {
        let inboxes = Inboxes::new(2).unwrap();
        let (own, other) = (SlotId::new(0), SlotId::new(1));
        let (mut client, server) = UnixStream::pair().unwrap();
        assert!(inboxes.take(other).unwrap().is_none());
        assert!(inboxes.send(other, &server, 513).unwrap());
        drop(server);
        assert!(inboxes.take(own).unwrap().is_none());
        client.write_all(b"hello").unwrap();
        let handed_over = inboxes.take(other).unwrap().unwrap();
        assert_eq!(handed_over.listener, 513);
        let flags = rustix::io::fcntl_getfd(&handed_over.connection).unwrap();
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        let mut read = [0; 5];
        UnixStream::from(handed_over.connection)
            .read_exact(&mut read)
            .unwrap();
        assert_eq!(&read, b"hello");
        assert!(inboxes.take(other).unwrap().is_none());
    }

    #[test]
    fn a_full_inbox_takes_nothing_and_loses_nothing() {
        let inboxes = Inboxes::new(1).unwrap();
        let slot = SlotId::new(0);
        let (_client, server) = UnixStream::pair().unwrap();
        let mut sent = 0;
        while inboxes.send(slot, &server, sent).unwrap() {
            sent += 1;
            assert!(sent < 10_000, "an inbox must have a bound");
        }
        assert!(sent >= 64, "{sent} is no burst");
        for expected in 0..sent {
            assert_eq!(inboxes.take(slot).unwrap().unwrap().listener, expected);
        }
        assert!(inboxes.take(slot).unwrap().is_none());
    }

    #[test]
    fn slots_beyond_the_last_inbox_have_none() {
        let inboxes = Inboxes::new(1).unwrap();
        let (_client, server) = UnixStream::pair().unwrap();
        assert!(!inboxes.send(SlotId::new(1), &server, 0).unwrap());
        assert!(inboxes.take(SlotId::new(1)).unwrap().is_none());
        assert!(
            inboxes.receiver(SlotId::new(0)).is_some()
                && inboxes.receiver(SlotId::new(1)).is_none()
        );
    }
}
