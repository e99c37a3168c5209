//! A socket that listens, and what has to be known of it: its name, where it comes from,
//! and how a connection is taken from it.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrAny, SocketAddrUnix, SocketFlags};

use super::Address;
use super::backlog;
use super::inherited::take_over;
use super::socket::{
    ListenError, ListenOptions, close_on_exec, listen_abstract, listen_tcp, listen_unix, make_ours,
};

/// The name of a listening socket, as the kernel knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Name {
    /// Address and port, the one that the kernel chose where 0 was asked for.
    Tcp(SocketAddr),
    /// A path.
    Unix(PathBuf),
    /// A name without a file, without its leading NUL byte.
    Abstract(Vec<u8>),
    /// Neither: a socket of another family, or without a name.
    Other,
}

impl From<SocketAddrAny> for Name {
    fn from(address: SocketAddrAny) -> Self {
        if address.address_family() != AddressFamily::UNIX {
            return SocketAddr::try_from(address).map_or(Self::Other, Self::Tcp);
        }
        let Ok(address) = SocketAddrUnix::try_from(address) else {
            return Self::Other;
        };
        match (address.path_bytes(), address.abstract_name()) {
            (Some(path), _) => Self::Unix(OsStr::from_bytes(path).into()),
            (None, Some(name)) => Self::Abstract(name.to_vec()),
            (None, None) => Self::Other,
        }
    }
}

impl fmt::Display for Name {
    /// As gunicorn's "Listening at".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Abstract(name) => write!(f, "unix:\\0{}", name.escape_ascii()),
            Self::Other => f.write_str("a socket without a name"),
        }
    }
}

/// Where a listening socket comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// We made it.
    Bound,
    /// It was inherited: `fd://N`, or from the server that this one replaces.
    Inherited,
    /// systemd made it and keeps it.
    Systemd,
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peer {
    /// Its address and port.
    Tcp(SocketAddr),
    /// Somebody on this machine; clients of Unix sockets have no names.
    Unix,
}

impl Peer {
    /// Its address without the port, as a text; empty for a Unix socket.
    pub fn host(self) -> String {
        match self {
            Self::Tcp(address) => address.ip().to_string(),
            Self::Unix => String::new(),
        }
    }
}

/// A socket that listens. It never waits, and is closed when another program is executed.
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
    name: Name,
    address: Address,
    origin: Origin,
}

impl Listener {
    /// Listens at an address. One attempt.
    pub fn open(address: &Address, options: &ListenOptions) -> Result<Self, ListenError> {
        let socket = match address {
            Address::Tcp { host, port } => listen_tcp(host, *port, options)?,
            Address::Unix(path) => listen_unix(path, options)?,
            Address::Abstract(name) => listen_abstract(name, options)?,
            Address::Descriptor(descriptor) => {
                return Self::adopt(*descriptor, Origin::Inherited, options);
            }
        };
        Self::new(socket, address.clone(), Origin::Bound)
    }

    /// Takes over a socket that this process inherited under this number.
    pub fn adopt(
        descriptor: RawFd,
        origin: Origin,
        options: &ListenOptions,
    ) -> Result<Self, ListenError> {
        let socket = take_over(descriptor)?;
        make_ours(&socket, options)?;
        Self::new(socket, Address::Descriptor(descriptor), origin)
    }

    fn new(socket: OwnedFd, address: Address, origin: Origin) -> Result<Self, ListenError> {
        let name = rustix::net::getsockname(&socket)
            .map_err(ListenError::doing("getsockname"))?
            .into();
        Ok(Self {
            socket,
            name,
            address,
            origin,
        })
    }

    /// The same socket once more, under another descriptor.
    pub fn try_clone(&self) -> io::Result<Self> {
        let (name, address) = (self.name.clone(), self.address.clone());
        Ok(Self {
            socket: self.socket.try_clone()?,
            name,
            address,
            origin: self.origin,
        })
    }

    /// Its name as the kernel knows it.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The address that was asked for.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Whether this is what opening the address would give: the address it was opened
    /// for, or, where it was inherited, the name it has.
    pub fn is_at(&self, address: &Address) -> bool {
        let same_name = match (address, &self.name) {
            (Address::Tcp { host, port }, Name::Tcp(name)) => {
                host.parse::<IpAddr>() == Ok(name.ip()) && *port == name.port()
            }
            (Address::Unix(path), Name::Unix(name)) => path == name,
            (Address::Abstract(text), Name::Abstract(name)) => text.as_bytes() == name,
            _ => false,
        };
        same_name || self.address == *address
    }

    /// Where it comes from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Takes one connection, if there is one: a socket that never waits and is closed on
    /// exec, with `TCP_NODELAY` where it is TCP. A connection that was given up before
    /// it was taken is passed over. Errors are those of this process, such as too many
    /// open descriptors; the connection then stays in the queue.
    pub fn accept(&self) -> io::Result<Option<(OwnedFd, Peer)>> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        loop {
            match rustix::net::acceptfrom_with(&self.socket, flags) {
                Ok((connection, peer)) => {
                    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
                    return Ok(Some((connection, peer.map_or(Peer::Unix, Peer::Tcp))));
                }
                Err(Errno::AGAIN) => return Ok(None),
                // Network errors of a connection that is none yet; see accept(2).
                Err(
                    Errno::INTR
                    | Errno::CONNABORTED
                    | Errno::PROTO
                    | Errno::NETDOWN
                    | Errno::NOPROTOOPT
                    | Errno::HOSTDOWN
                    | Errno::NONET
                    | Errno::HOSTUNREACH
                    | Errno::NETUNREACH,
                ) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Connections that wait to be taken, where the kernel tells it: of TCP.
    pub fn backlog(&self) -> Option<u32> {
        backlog::waiting(self)
    }

    /// Sets whether the socket survives when this process executes another program.
    pub fn survive_exec(&self, survives: bool) -> Result<(), ListenError> {
        close_on_exec(&self.socket, !survives)
    }

    /// Removes the file of a Unix socket, unless systemd owns it. The socket goes on
    /// listening for whoever has it open; nobody else can find it any more.
    pub fn unlink(&self) -> io::Result<()> {
        match &self.name {
            Name::Unix(path) if self.origin != Origin::Systemd => fs::remove_file(path),
            _ => Ok(()),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

#[cfg(test)]
mod tests;
