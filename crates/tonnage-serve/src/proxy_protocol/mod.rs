//! The PROXY protocol, by which a proxy says who its client is before the first byte of HTTP
//! (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>). Version 1 is a line of
//! text, version 2 is binary. Bytes in, meaning out; where they come from and what is done
//! with it is left to the connection.
//!
//! As with gunicorn a connection may also begin without it: whoever must not say who they are
//! are kept away by the list of proxies, not by this.

#[cfg(test)]
mod tests;
mod v1;
mod v2;

use std::net::SocketAddr;

use crate::http::Refusal;
use crate::listen::Peer;
use crate::settings::TrustedPeers;

/// The longest header that is read, in bytes. The longest of version 1 has 107; version 2
/// may append certificates.
pub(crate) const LONGEST_BYTES: usize = 16 << 10;

/// Which versions are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// Only the text.
    One,
    /// Only the binary form.
    Two,
    /// Whichever comes.
    Both,
}

/// Who may say what.
#[derive(Debug, Clone)]
pub struct ProxyProtocol {
    versions: Versions,
    proxies: TrustedPeers,
}

/// What a proxy said of its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// As gunicorn's `PROXY_PROTOCOL` has it: `TCP4`, `TCP6`, `UNKNOWN`, `LOCAL`, `UNSPEC`.
    pub protocol: &'static str,
    /// The client, and the address that it connected to, where they were said. Otherwise the
    /// connection is what it looks like.
    pub addresses: Option<(SocketAddr, SocketAddr)>,
}

/// A connection whose proxy spoke.
#[derive(Debug, Clone, Copy)]
pub struct Introduced {
    /// Who holds the other end of the socket.
    pub proxy: Peer,
    /// What it said.
    pub said: Said,
}

/// What a connection begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// Too little to tell.
    Partial,
    /// Something else.
    Other,
    /// A header of so many bytes.
    Header(usize, Said),
}

/// A header that is none, or too long. Nothing is said of what is wrong with it: it is the
/// proxy's mistake, which no client can mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Malformed;

impl ProxyProtocol {
    /// Spoken in these versions by these proxies.
    pub fn new(versions: Versions, proxies: TrustedPeers) -> Self {
        Self { versions, proxies }
    }

    /// Looks at the first bytes of a connection with this peer.
    pub(crate) fn read(&self, peer: Peer, bytes: &[u8]) -> Result<Beginning, Refusal> {
        let with_one = self.versions != Versions::Two;
        let with_two = self.versions != Versions::One;
        let begins = |is_spoken: bool, with: &[u8]| is_spoken && bytes.starts_with(with);
        let may_begin = |is_spoken: bool, with: &[u8]| is_spoken && with.starts_with(bytes);
        let read = if begins(with_one, v1::PREFIX) {
            v1::read
        } else if begins(with_two, v2::SIGNATURE) {
            v2::read
        } else if may_begin(with_one, v1::PREFIX) || may_begin(with_two, v2::SIGNATURE) {
            return Ok(Beginning::Partial);
        } else {
            return Ok(Beginning::Other);
        };
        let address = match peer {
            Peer::Tcp(address) => Some(address.ip()),
            Peer::Unix => None,
        };
        if !self.proxies.trusts(address) {
            return Err(Refusal::ForbiddenProxy);
        }
        read(bytes).map_err(|Malformed| Refusal::ProxyHeader)
    }
}
