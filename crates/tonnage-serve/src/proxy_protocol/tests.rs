//! Headers of both versions, cut at every byte.

use super::*;
use proptest::prelude::*;

const PROXY: &str = "10.0.0.1:1";

fn protocol(versions: Versions) -> ProxyProtocol {
    ProxyProtocol::new(versions, TrustedPeers::parse(&["10.0.0.0/8"]).unwrap())
}

fn read(bytes: &[u8]) -> Result<Beginning, Refusal> {
    let peer = Peer::Tcp(PROXY.parse().unwrap());
    protocol(Versions::Both).read(peer, bytes)
}

/// A header of version 2.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = v2::SIGNATURE.to_vec();
    bytes.extend([command, family]);
    bytes.extend((rest.len() as u16).to_be_bytes());
    bytes.extend(rest);
    bytes
}

fn pair(client: &str, server: &str) -> (SocketAddr, SocketAddr) {
    (client.parse().unwrap(), server.parse().unwrap())
}

#[test]
fn headers_say_who_the_client_is_however_they_are_cut() {
    let four = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 1, 0xbb];
    let mut six = [0; 36];
    six[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    (six[15], six[31], six[33], six[35]) = (1, 2, 80, 81);
    let with_more = [&four[..], &[4, 0, 1, 0]].concat();
    let v4 = Some(pair("192.0.2.1:56324", "198.51.100.1:443"));
    for (bytes, protocol, addresses) in [
        (
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".to_vec(),
            "TCP4",
            v4,
        ),
        (
            b"PROXY TCP6 2001:db8::1 ::2 80 81\r\n".to_vec(),
            "TCP6",
            Some(pair("[2001:db8::1]:80", "[::2]:81")),
        ),
        (b"PROXY UNKNOWN\r\n".to_vec(), "UNKNOWN", None),
        (b"PROXY UNKNOWN ff:: x 1\r\n".to_vec(), "UNKNOWN", None),
        (binary(0x21, 0x11, &four), "TCP4", v4),
        (binary(0x21, 0x11, &with_more), "TCP4", v4),
        (
            binary(0x21, 0x21, &six),
            "TCP6",
            Some(pair("[2001:db8::1]:80", "[::2]:81")),
        ),
        (binary(0x20, 0x11, &four), "LOCAL", None),
        (binary(0x20, 0, &[]), "LOCAL", None),
        (binary(0x21, 0, &[]), "UNSPEC", None),
        (binary(0x21, 0x31, &[0; 216]), "UNSPEC", None),
    ] {
        let said = Said {
            protocol,
            addresses,
        };
        for cut in 0..bytes.len() {
            assert_eq!(read(&bytes[..cut]), Ok(Beginning::Partial), "{bytes:?}");
        }
        let request = [&bytes[..], b"GET / HTTP/1.1\r\n\r\n"].concat();
        assert_eq!(read(&request), Ok(Beginning::Header(bytes.len(), said)));
    }
}

#[test]
fn what_is_no_header_is_refused() {
    for line in [
        "TCP4 192.0.2.1 198.51.100.1 56324\r\n",
        "TCP4 192.0.2.1 198.51.100.1 56324 443 1\r\n",
        "TCP4 192.0.2.1  198.51.100.1 56324 443\r\n",
        "TCP4 192.0.2.256 198.51.100.1 56324 443\r\n",
        "TCP4 2001:db8::1 ::2 80 81\r\n",
        "TCP6 192.0.2.1 198.51.100.1 56324 443\r\n",
        "TCP4 192.0.2.1 198.51.100.1 65536 443\r\n",
        "TCP4 192.0.2.1 198.51.100.1 +1 443\r\n",
        "TCP4 192.0.2.1 198.51.100.1 01 443\r\n",
        "TCP4 192.0.2.1 198.51.100.1 1 443\n\r\n",
        "UDP4 192.0.2.1 198.51.100.1 1 443\r\n",
        "tcp4 192.0.2.1 198.51.100.1 1 443\r\n",
        "\r\n",
        &"UNKNOWN ".repeat(20),
    ] {
        let bytes = [b"PROXY ", line.as_bytes()].concat();
        assert_eq!(read(&bytes), Err(Refusal::ProxyHeader), "{line}");
    }
    for bytes in [
        binary(0x11, 0x11, &[0; 12]),
        binary(0x22, 0x11, &[0; 12]),
        binary(0x21, 0x12, &[0; 12]),
        binary(0x21, 0x11, &[0; 11]),
        binary(0x21, 0x21, &[0; 35]),
        binary(0x21, 0x41, &[0; 36]),
        binary(0x21, 0x11, &[0; LONGEST_BYTES]),
    ] {
        assert_eq!(read(&bytes), Err(Refusal::ProxyHeader), "{bytes:?}");
    }
}

#[test]
fn only_proxies_that_are_listed_may_speak_it_and_others_need_not() {
    let stranger = Peer::Tcp("192.0.2.1:1".parse().unwrap());
    let protocol = protocol(Versions::Both);
    for bytes in [&b"PROXY UNK"[..], b"PROXY x\r\n", v2::SIGNATURE] {
        assert_eq!(protocol.read(stranger, bytes), Err(Refusal::ForbiddenProxy));
        assert!(protocol.read(Peer::Unix, bytes) != Err(Refusal::ForbiddenProxy));
    }
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"PROXY\t", b"\r\nGET"] {
        assert_eq!(protocol.read(stranger, bytes), Ok(Beginning::Other));
    }
}

#[test]
fn a_version_that_is_not_spoken_is_no_header() {
    let peer = Peer::Tcp(PROXY.parse().unwrap());
    let one = b"PROXY UNKNOWN\r\n";
    let two = binary(0x20, 0, &[]);
    let begins = |versions, bytes: &[u8]| protocol(versions).read(peer, bytes).unwrap();
    assert_eq!(begins(Versions::One, &two), Beginning::Other);
    assert_eq!(begins(Versions::Two, one), Beginning::Other);
    assert!(matches!(begins(Versions::One, one), Beginning::Header(..)));
    assert!(matches!(begins(Versions::Two, &two), Beginning::Header(..)));
}

proptest! {
    #[test]
    fn nothing_that_comes_is_more_than_it_is(
        which in 0..3_usize,
        rest in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let prefix = [&b""[..], v1::PREFIX, v2::SIGNATURE][which];
        let bytes = [prefix, &rest].concat();
        if let Ok(Beginning::Header(length, _)) = read(&bytes) {
            prop_assert!(length <= bytes.len());
            prop_assert_eq!(read(&bytes[..length - 1]), Ok(Beginning::Partial));
        }
    }
}
