//! What a proxy says before the first byte of HTTP or TLS. It is looked at where it lies in
//! the socket, and only all of it is taken: what follows is for whoever reads then, and a
//! connection that is given away before has lost nothing.

use rustix::io::Errno;
use rustix::net::RecvFlags;

use super::Connection;
use crate::http::Refusal;
use crate::listen::Peer;
use crate::proxy_protocol::{Beginning, Introduced, LONGEST_BYTES, ProxyProtocol};

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Preamble {
    /// More has to come.
    Awaited,
    /// There is none, or it was taken.
    Over,
    /// The peer has gone.
    Gone,
}

impl Connection {
    /// Looks whether a proxy says who its client is; from then on that is the peer.
    pub(crate) fn read_preamble(&mut self, spoken: &ProxyProtocol) -> Result<Preamble, Refusal> {
        let mut room = [0; LONGEST_BYTES];
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let length = loop {
            match rustix::net::recv(self.socket(), &mut room, flags) {
                Ok((0, _)) => return Ok(Preamble::Gone),
                Ok((length, _)) => break length,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(Preamble::Awaited),
                Err(_) => return Ok(Preamble::Gone),
            }
        };
        let (length, said) = match spoken.read(self.peer, &room[..length])? {
            Beginning::Partial => return Ok(Preamble::Awaited),
            Beginning::Other => return Ok(Preamble::Over),
            Beginning::Header(length, said) => (length, said),
        };
        // They are there, so that it gives all of them.
        if rustix::io::read(self.socket(), &mut room[..length]) != Ok(length) {
            return Ok(Preamble::Gone);
        }
        self.introduced = Some(Box::new(Introduced {
            proxy: self.peer,
            said,
        }));
        if let Some((client, _)) = said.addresses {
            self.peer = Peer::Tcp(client);
        }
        Ok(Preamble::Over)
    }
}
