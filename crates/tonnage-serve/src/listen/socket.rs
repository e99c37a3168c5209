//! Making a socket that listens: look up, create, bind, listen, and the file of a Unix
//! socket. One attempt; who tries again is `opening`.

use std::fs;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Gid, Mode, Uid};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};

/// How listening sockets are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenOptions {
    /// How many connections the kernel keeps until a worker takes them, at least 1.
    pub backlog: u32,
    /// Whether other servers may listen at the same port (`SO_REUSEPORT`).
    pub reuse_port: bool,
    /// Which permissions the file of a Unix socket does *not* get.
    pub umask: u32,
    /// User and group that the file of a Unix socket is given to.
    pub owner: Option<(u32, u32)>,
    /// Whether TLS is spoken there, which is part of what they are called.
    pub tls: bool,
    /// How often an address that is in use is tried, at least once.
    pub tries: u32,
    /// How long to wait between two tries.
    pub retry_after: Duration,
}

impl Default for ListenOptions {
    /// As gunicorn.
    fn default() -> Self {
        Self {
            backlog: 2048,
            reuse_port: false,
            umask: 0,
            owner: None,
            tls: false,
            tries: 5,
            retry_after: Duration::from_secs(1),
        }
    }
}

/// Why nothing listens at an address.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The host has no address.
    #[error("cannot find the host `{host}`: {source}")]
    Resolve {
        /// As it was given.
        host: String,
        /// What the resolver says.
        source: io::Error,
    },
    /// At the path of a Unix socket is something else, which is not ours to remove.
    #[error("{} is not a socket", .0.display())]
    NotASocket(PathBuf),
    /// A system call failed.
    #[error("{doing}: {source}")]
    System {
        /// What was to be done.
        doing: &'static str,
        /// What the kernel says.
        source: io::Error,
    },
    /// The descriptor is not open.
    #[error("descriptor {0} is not open")]
    NotOpen(i32),
    /// The descriptor has been taken over before, and may be something else by now.
    #[error("descriptor {0} was taken over before")]
    TakenOver(i32),
}

impl ListenError {
    /// Names what failed, for `map_err`.
    pub(super) fn doing<E: Into<io::Error>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System {
            doing,
            source: source.into(),
        }
    }

    /// Whether somebody else listens there.
    pub fn is_in_use(&self) -> bool {
        self.is_kind(io::ErrorKind::AddrInUse)
    }

    /// Whether no interface of this machine has the address, or not yet.
    pub fn is_not_here(&self) -> bool {
        self.is_kind(io::ErrorKind::AddrNotAvailable)
    }

    fn is_kind(&self, kind: io::ErrorKind) -> bool {
        matches!(self, Self::System { source, .. } if source.kind() == kind)
    }
}

/// A socket that listens at a host and port.
pub(super) fn listen_tcp(
    host: &str,
    port: u16,
    options: &ListenOptions,
) -> Result<OwnedFd, ListenError> {
    let address = resolve(host, port)?;
    let family = if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let socket = create(family)?;
    sockopt::set_socket_reuseaddr(&socket, true).map_err(ListenError::doing("SO_REUSEADDR"))?;
    if options.reuse_port {
        sockopt::set_socket_reuseport(&socket, true).map_err(ListenError::doing("SO_REUSEPORT"))?;
    }
    // Connections inherit it from the listening socket.
    sockopt::set_tcp_nodelay(&socket, true).map_err(ListenError::doing("TCP_NODELAY"))?;
    rustix::net::bind(&socket, &address).map_err(ListenError::doing("bind"))?;
    listen(&socket, options)?;
    Ok(socket)
}

/// A socket that listens at a path. A socket that is there already is removed, as gunicorn
/// does: the file of a server that was killed stays behind.
pub(super) fn listen_unix(path: &Path, options: &ListenOptions) -> Result<OwnedFd, ListenError> {
    match fs::metadata(path) {
        Ok(found) if found.file_type().is_socket() => {
            fs::remove_file(path).map_err(ListenError::doing("remove the old socket"))?;
        }
        Ok(_) => return Err(ListenError::NotASocket(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(ListenError::doing("look at the path")(error)),
    }
    let address = SocketAddrUnix::new(path).map_err(ListenError::doing("path of the socket"))?;
    let socket = create(AddressFamily::UNIX)?;
    // The mask belongs to the whole process, which has no second thread at this point
    // that could make files.
    let before = rustix::process::umask(Mode::from_raw_mode(options.umask));
    let bound = rustix::net::bind(&socket, &address);
    rustix::process::umask(before);
    bound.map_err(ListenError::doing("bind"))?;
    if let Some((user, group)) = options.owner {
        let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
        rustix::fs::chown(path, Some(user), Some(group)).map_err(ListenError::doing("chown"))?;
    }
    listen(&socket, options)?;
    Ok(socket)
}

/// A socket that listens at a name without a file.
pub(super) fn listen_abstract(name: &str, options: &ListenOptions) -> Result<OwnedFd, ListenError> {
    let address = SocketAddrUnix::new_abstract_name(name.as_bytes())
        .map_err(ListenError::doing("name of the socket"))?;
    let socket = create(AddressFamily::UNIX)?;
    rustix::net::bind(&socket, &address).map_err(ListenError::doing("bind"))?;
    listen(&socket, options)?;
    Ok(socket)
}

/// Makes a socket that was inherited one of ours: never waiting, and listening.
pub(super) fn make_ours(socket: &OwnedFd, options: &ListenOptions) -> Result<(), ListenError> {
    rustix::io::ioctl_fionbio(socket, true).map_err(ListenError::doing("O_NONBLOCK"))?;
    close_on_exec(socket, true)?;
    // Asking a socket that listens to listen may be forbidden to us (SELinux).
    if !sockopt::socket_acceptconn(socket).map_err(ListenError::doing("SO_ACCEPTCONN"))? {
        listen(socket, options)?;
    }
    Ok(())
}

/// Sets whether the descriptor is closed when another program is executed.
pub(super) fn close_on_exec(socket: impl AsFd, closed: bool) -> Result<(), ListenError> {
    let set = if closed {
        rustix::io::ioctl_fioclex(socket)
    } else {
        rustix::io::ioctl_fionclex(socket)
    };
    set.map_err(ListenError::doing("FD_CLOEXEC"))
}

fn create(family: AddressFamily) -> Result<OwnedFd, ListenError> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::socket_with(family, SocketType::STREAM, flags, None)
        .map_err(ListenError::doing("socket"))
}

fn listen(socket: &OwnedFd, options: &ListenOptions) -> Result<(), ListenError> {
    let backlog = i32::try_from(options.backlog).unwrap_or(i32::MAX);
    rustix::net::listen(socket, backlog).map_err(ListenError::doing("listen"))
}

/// The host's first IPv4 address, else its first of any kind: gunicorn listens at IPv6
/// only where an IPv6 address is written, and a name such as `localhost` has both.
fn resolve(host: &str, port: u16) -> Result<SocketAddr, ListenError> {
    let failed = |source| ListenError::Resolve {
        host: host.to_owned(),
        source,
    };
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(failed)?.collect();
    let first = found
        .iter()
        .find(|address| address.is_ipv4())
        .or(found.first())
        .copied();
    first.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))
}
