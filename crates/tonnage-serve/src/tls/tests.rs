//! What a server is told, and both sides of a connection over a pair of sockets.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::io::Errno;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::testing::{Authority, HOST};
use super::*;
use crate::connection::{Flushed, Handshake, Incoming, Outgoing, Wire};
use crate::dispatch::testing::{PATIENCE, until};

/// A server's side, and a client that has begun to shake hands.
fn pair(
    server: &Arc<TlsServer>,
    client: rustls::ClientConfig,
) -> (Wire, UnixStream, ClientConnection) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    theirs.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut wire = Wire::plain(OwnedFd::from(ours));
    wire.expect_tls(server);
    let name = ServerName::try_from(HOST).unwrap();
    let session = ClientConnection::new(Arc::new(client), name).unwrap();
    (wire, theirs, session)
}

/// A connection with its handshake done.
fn joined(
    server: &Arc<TlsServer>,
    client: rustls::ClientConfig,
) -> (Wire, StreamOwned<ClientConnection, UnixStream>) {
    let (mut wire, theirs, session) = pair(server, client);
    let mut stream = StreamOwned::new(session, theirs);
    let shaking = std::thread::spawn(move || {
        stream.conn.complete_io(&mut stream.sock).unwrap();
        stream
    });
    until(|| (wire.shake_hands().unwrap() == Handshake::Done).then_some(()));
    (wire, shaking.join().unwrap())
}

#[test]
fn a_client_is_shown_the_first_certificate_that_has_its_name() {
    let authority = Authority::new();
    let settings = authority.settings(&[HOST, "*.tonnage.test", "a.tonnage.test", "other.test"]);
    let provider = ring::default_provider();
    let certificates = Certificates::read(&settings, &provider).unwrap();
    assert!(certificates.only().is_none());
    let schemes = [rustls::SignatureScheme::ECDSA_NISTP256_SHA256];
    let subject = |name: Option<&str>| {
        let key = certificates.choose(name, &schemes)?;
        let info = TlsInfo {
            client: vec![key.cert[0].clone()],
            ..TlsInfo::default()
        };
        info.client_subject().map(str::to_owned)
    };
    let names = |subject: Option<String>| subject.unwrap_or_default();
    for (asked, shown) in [
        (Some(HOST), HOST),
        (Some("a.tonnage.test"), "*.tonnage.test"),
        (Some("OTHER.test"), "other.test"),
        (Some("unknown.test"), HOST),
        (Some("_"), HOST),
        (None, HOST),
    ] {
        let subject = names(subject(asked));
        assert_eq!(subject, format!(r"O=A\, B & Co.,CN={shown}"), "{asked:?}");
    }
    let foreign = [rustls::SignatureScheme::RSA_PKCS1_SHA256];
    assert!(certificates.choose(Some(HOST), &foreign).is_none());
}

#[test]
fn what_cannot_be_read_is_named() {
    let authority = Authority::new();
    let message = |identities: Vec<_>| {
        let settings = TlsSettings {
            identities,
            ..authority.settings(&[HOST])
        };
        TlsServer::new(&settings, &[]).unwrap_err().to_string()
    };
    let (chain, key) = authority.issue("own.test");
    let (_, other) = authority.issue("other.test");
    for (identity, says) in [
        (
            ("/none.pem".into(), None),
            "cannot read a certificate from /none.pem",
        ),
        ((chain.clone(), None), "it has none in PEM form"),
        (
            (chain.clone(), other),
            "it is not the key of the certificate in",
        ),
        (
            (key.clone().unwrap(), None),
            "it has no certificate in PEM form",
        ),
    ] {
        let message = message(vec![identity]);
        assert!(message.contains(says), "{message}");
    }
    // As with OpenSSL, one file may have both.
    let both = [&chain, key.as_ref().unwrap()].map(|path| std::fs::read(path).unwrap());
    std::fs::write(&chain, both.concat()).unwrap();
    let settings = TlsSettings {
        identities: vec![(chain, None)],
        ..authority.settings(&[HOST])
    };
    assert!(TlsServer::new(&settings, &[]).is_ok());
    let settings = TlsSettings {
        client_certificates: ClientCertificates::Required,
        authorities: None,
        ..settings
    };
    assert!(matches!(
        TlsServer::new(&settings, &[]),
        Err(TlsError::NoAuthorities)
    ));
}

#[test]
fn a_connection_knows_what_was_agreed_on_and_who_is_there() {
    let authority = Authority::new();
    let settings = TlsSettings {
        client_certificates: ClientCertificates::Optional,
        ..authority.settings(&[HOST])
    };
    let server = Arc::new(TlsServer::new(&settings, &[b"h2", b"http/1.1"]).unwrap());
    let own = authority.issue("client.test");
    for own in [None, Some(own)] {
        let shown = own.is_some();
        let mut config = authority.client_config(own);
        config.alpn_protocols = vec![b"http/1.1".to_vec(), b"made-up".to_vec()];
        let (wire, _client) = joined(&server, config);
        let info = wire.tls().unwrap();
        assert_eq!(info.protocol.as_deref(), Some(&b"http/1.1"[..]));
        assert_eq!((info.version(), info.version_name()), (0x0304, "TLSv1.3"));
        assert_eq!(info.suite() >> 8, 0x13);
        assert!(info.suite_name().starts_with("TLS_"));
        assert_eq!(info.server_name.as_deref(), Some(HOST));
        let server = info.server_certificate().unwrap();
        let file = std::fs::read_to_string(&settings.identities[0].0).unwrap();
        assert_eq!(server, file.replace('\r', ""));
        assert_eq!(
            (info.has_client(), info.client_chain().count()),
            (shown, usize::from(shown))
        );
        let names = (info.client_subject(), info.client_issuer());
        let expected = (r"O=A\, B & Co.,CN=client.test", "CN=Test authority");
        assert_eq!(
            names,
            if shown {
                (Some(expected.0), Some(expected.1))
            } else {
                (None, None)
            }
        );
    }
}

#[test]
fn a_handshake_that_drips_is_gone_on_with_and_one_that_breaks_the_rules_ends() {
    let authority = Authority::new();
    let server = authority.server();
    let (mut wire, mut theirs, mut session) = pair(&server, authority.client_config(None));
    assert_eq!(wire.shake_hands(), Ok(Handshake::Waiting));
    assert!(wire.can_move());
    let mut hello = Vec::new();
    session.write_tls(&mut hello).unwrap();
    for byte in &hello {
        theirs.write_all(&[*byte]).unwrap();
        assert_eq!(wire.shake_hands(), Ok(Handshake::Waiting));
        assert!(!wire.can_move());
    }
    let mut stream = StreamOwned::new(session, theirs);
    let shaking = std::thread::spawn(move || {
        stream.conn.complete_io(&mut stream.sock).unwrap();
        stream
    });
    until(|| (wire.shake_hands().unwrap() == Handshake::Done).then_some(()));
    drop(shaking.join());

    let (mut wire, mut theirs, _) = pair(&server, authority.client_config(None));
    theirs
        .write_all(b"\x16\x03\x01\x00\x04\x01\x00\x00\x00")
        .unwrap();
    assert_eq!(wire.shake_hands(), Err(Errno::PROTO));
    let mut alert = [0; 7];
    theirs.read_exact(&mut alert).unwrap();
    assert_eq!((alert[0], alert[5]), (21, 2), "a fatal alert");

    let (mut wire, mut theirs, _) = pair(&server, authority.client_config(None));
    theirs.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    assert_eq!(wire.shake_hands(), Ok(Handshake::NotTls));
    assert!(wire.bare().is_some());

    let (mut wire, theirs, _) = pair(&server, authority.client_config(None));
    drop(theirs);
    assert_eq!(wire.shake_hands(), Err(Errno::CONNRESET));
}

#[test]
fn what_a_client_does_not_take_is_bounded_and_goes_on_when_it_does() {
    let authority = Authority::new();
    let (mut wire, mut client) = joined(&authority.server(), authority.client_config(None));
    let block: Vec<u8> = (0..100_000_u32).map(|at| (at % 251) as u8).collect();
    let mut sent = Vec::new();
    loop {
        let taken = wire.write(&[&block[..10], &block[10..]]).unwrap();
        sent.extend_from_slice(&block[..taken]);
        if taken < block.len() {
            break;
        }
        assert!(sent.len() < 100 << 20, "a socket takes everything");
    }
    assert!(wire.is_stuck() && !wire.flush().unwrap());
    // Nothing more is taken while something waits.
    assert_eq!(wire.write(&[b"more"]).unwrap(), 0);
    let before = wire.pushed_bytes();
    let length = sent.len();
    let reading = std::thread::spawn(move || {
        let mut read = vec![0; length];
        client.read_exact(&mut read).unwrap();
        (client, read)
    });
    until(|| wire.flush().unwrap().then_some(()));
    let (mut client, read) = reading.join().unwrap();
    assert!(read == sent && wire.pushed_bytes() > before);
    wire.close();
    // In good order: without the notice it would be an error.
    assert_eq!(client.read(&mut [0; 10]).unwrap(), 0);
}

#[test]
fn what_is_stuck_below_a_tail_that_is_empty_is_seen_to_wait() {
    let authority = Authority::new();
    let (mut wire, mut client) = joined(&authority.server(), authority.client_config(None));
    let mut tail = Outgoing::default();
    let mut sent = 0;
    while tail.is_empty() {
        tail.send(&mut wire, &[&[b'x'; 10_000]]).unwrap();
        sent += 10_000;
        assert!(sent < 100 << 20, "a socket takes everything");
    }
    // All of it was enciphered: no part of it is left.
    assert_eq!((tail.waiting_bytes(), wire.is_stuck()), (1, true));
    let reading = std::thread::spawn(move || {
        let mut read = vec![0; sent];
        client.read_exact(&mut read).unwrap();
        read
    });
    until(|| (tail.flush(&mut wire).unwrap() == Flushed::All).then_some(()));
    assert!(tail.is_empty() && tail.waiting_bytes() == 0);
    assert!(reading.join().unwrap().iter().all(|byte| *byte == b'x'));
}

#[test]
fn what_was_deciphered_is_given_in_measures_and_tells_whether_there_is_more() {
    let authority = Authority::new();
    let (mut wire, mut client) = joined(&authority.server(), authority.client_config(None));
    assert_eq!(wire.read(&mut [0; 10]), Err(Errno::AGAIN));
    client.write_all(b"hello world").unwrap();
    client.flush().unwrap();
    let mut room = [0; 5];
    let some = |count, drained| Ok(Incoming::Bytes { count, drained });
    assert_eq!(wire.read(&mut room), some(5, false));
    assert_eq!(&room, b"hello");
    // An event tells of this once, maybe before the rest of the other is read.
    client.write_all(b"again").unwrap();
    client.flush().unwrap();
    let mut buffer = Vec::with_capacity(100);
    let rest = wire.read_into(&mut buffer);
    assert_eq!((rest, buffer.as_slice()), (some(6, false), &b" world"[..]));
    buffer.clear();
    let again = wire.read_into(&mut buffer);
    assert_eq!((again, buffer.as_slice()), (some(5, true), &b"again"[..]));
    assert_eq!(wire.read(&mut room), Err(Errno::AGAIN));
    client.conn.send_close_notify();
    client.flush().unwrap();
    assert_eq!(wire.read(&mut room), Ok(Incoming::End));
    // Its other half is open.
    assert_eq!(wire.write(&[b"bye"]).unwrap(), 3);
    let mut read = [0; 3];
    client.read_exact(&mut read).unwrap();
    assert_eq!(&read, b"bye");
}

#[test]
fn an_end_that_comes_with_the_last_bytes_is_not_overlooked() {
    let authority = Authority::new();
    let (mut wire, mut client) = joined(&authority.server(), authority.client_config(None));
    client.write_all(b"hello").unwrap();
    client.conn.send_close_notify();
    client.flush().unwrap();
    // Both are read at once: no event tells of the end.
    let (count, drained) = (5, false);
    let read = wire.read(&mut [0; 10]);
    assert_eq!(read, Ok(Incoming::Bytes { count, drained }));
    assert_eq!(wire.read(&mut [0; 10]), Ok(Incoming::End));
}
