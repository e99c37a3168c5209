//! Real sockets: bound, inherited, in use, and left behind.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::IntoRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt;

use super::*;

fn open(text: &str) -> Listener {
    Listener::open(&text.parse().unwrap(), &ListenOptions::default()).unwrap()
}

fn tcp_name(listener: &Listener) -> SocketAddr {
    let Name::Tcp(address) = listener.name() else {
        panic!("{listener:?}")
    };
    *address
}

/// Waits until a connection is there: the client's `connect` may return earlier.
fn accept(listener: &Listener) -> (OwnedFd, Peer) {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        if let Some(accepted) = listener.accept().unwrap() {
            return accepted;
        }
        assert!(Instant::now() < deadline, "nobody came");
        thread::yield_now();
    }
}

#[test]
fn tcp_connections_are_taken_without_waiting_and_without_delay() {
    let listener = open("127.0.0.1:0");
    assert!(listener.accept().unwrap().is_none());
    let mut client = TcpStream::connect(tcp_name(&listener)).unwrap();
    let (connection, peer) = accept(&listener);
    assert_eq!(peer, Peer::Tcp(client.local_addr().unwrap()));
    assert!(sockopt::tcp_nodelay(&connection).unwrap());
    let mut connection = TcpStream::from(connection);
    let error = connection.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    client.write_all(b"x").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    connection.set_nonblocking(false).unwrap();
    let mut read = String::new();
    connection.read_to_string(&mut read).unwrap();
    assert_eq!(read, "x");
}

#[test]
fn names_are_written_as_gunicorn_writes_them() {
    let listener = open("localhost:0");
    let port = tcp_name(&listener).port();
    assert_eq!(listener.to_string(), format!("http://127.0.0.1:{port}"));
    assert_eq!(
        Name::Tcp("[::1]:80".parse().unwrap()).to_string(),
        "http://[::1]:80"
    );
}

#[test]
fn an_address_in_use_is_told_from_other_failures() {
    let listener = open("127.0.0.1:0");
    let again: Address = tcp_name(&listener).to_string().parse().unwrap();
    let error = Listener::open(&again, &ListenOptions::default()).unwrap_err();
    assert!(error.is_in_use(), "{error}");
    // An address that is reserved for documentation (RFC 5737).
    let error =
        Listener::open(&"192.0.2.1:0".parse().unwrap(), &ListenOptions::default()).unwrap_err();
    assert!(error.is_not_here() && !error.is_in_use(), "{error}");
}

#[test]
fn with_reuse_port_two_servers_listen_at_one_port() {
    let options = ListenOptions {
        reuse_port: true,
        ..ListenOptions::default()
    };
    let first = Listener::open(&"127.0.0.1:0".parse().unwrap(), &options).unwrap();
    let address: Address = tcp_name(&first).to_string().parse().unwrap();
    Listener::open(&address, &options).unwrap();
}

#[test]
fn the_file_of_a_unix_socket_has_the_permissions_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    let options = ListenOptions {
        umask: 0o117,
        ..ListenOptions::default()
    };
    let listener = Listener::open(&Address::Unix(path.clone()), &options).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o660
    );
    assert_eq!(listener.to_string(), format!("unix:{}", path.display()));
    let _client = UnixStream::connect(&path).unwrap();
    assert_eq!(accept(&listener).1, Peer::Unix);
    listener.unlink().unwrap();
    assert!(!path.exists());
}

#[test]
fn the_socket_of_a_dead_server_is_replaced_and_other_files_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let address = Address::Unix(path.clone());
    Listener::open(&address, &ListenOptions::default()).unwrap();
    UnixStream::connect(&path).unwrap_err();
    fs::remove_file(&path).unwrap();
    fs::write(&path, "precious").unwrap();
    let error = Listener::open(&address, &ListenOptions::default()).unwrap_err();
    assert!(matches!(error, ListenError::NotASocket(_)), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn an_abstract_name_needs_no_file() {
    let name = format!("tonnage-test-{}", std::process::id());
    let listener =
        Listener::open(&Address::Abstract(name.clone()), &ListenOptions::default()).unwrap();
    assert_eq!(listener.name(), &Name::Abstract(name.clone().into_bytes()));
    assert_eq!(listener.to_string(), format!("unix:\\0{name}"));
    listener.unlink().unwrap();
}

#[test]
fn an_inherited_socket_is_used_as_it_is() {
    let inherited = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = inherited.local_addr().unwrap();
    let copy = rustix::io::fcntl_dupfd_cloexec(&inherited, 800).unwrap();
    rustix::io::fcntl_setfd(&copy, rustix::io::FdFlags::empty()).unwrap();
    let number = copy.into_raw_fd();
    drop(inherited);
    let listener = open(&format!("fd://{number}"));
    assert_eq!(
        (tcp_name(&listener), listener.origin()),
        (address, Origin::Inherited)
    );
    assert!(listener.is_at(&address.to_string().parse().unwrap()));
    assert!(!listener.is_at(&"127.0.0.1:1".parse().unwrap()));
    assert!(listener.accept().unwrap().is_none(), "it must not wait");
    let _client = TcpStream::connect(address).unwrap();
    assert!(matches!(accept(&listener).1, Peer::Tcp(_)));
    let flags = rustix::io::fcntl_getfd(&listener).unwrap();
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    listener.survive_exec(true).unwrap();
    assert!(rustix::io::fcntl_getfd(&listener).unwrap().is_empty());
}

#[test]
fn a_host_that_does_not_exist_is_named() {
    let error = Listener::open(
        &"no-such-host.invalid:80".parse().unwrap(),
        &ListenOptions::default(),
    );
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with("cannot find the host `no-such-host.invalid`"),
        "{error}"
    );
}
