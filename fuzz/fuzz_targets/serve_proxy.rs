//! The PROXY protocol: whatever comes is a header, no header, or refused, never a panic; no
//! beginning of a header is anything else than its beginning; and what version 1 says means the
//! same when it is written again.
//!
//! Input: a byte that chooses the versions, then the first bytes of a connection.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tonnage_serve::fuzzing::{Introduction, read_introduction};
use tonnage_serve::proxy_protocol::{Said, Versions};

fuzz_target!(|input: &[u8]| {
    let Some((which, data)) = input.split_first() else {
        return;
    };
    let versions = match which % 3 {
        0 => Versions::Both,
        1 => Versions::One,
        _ => Versions::Two,
    };
    let Introduction::Header(bytes, said) = read_introduction(data, versions) else {
        return;
    };
    assert!(bytes <= data.len());
    // What follows a header does not matter.
    let alone = read_introduction(&data[..bytes], versions);
    assert_eq!(alone, Introduction::Header(bytes, said));
    for end in 0..bytes {
        let part = read_introduction(&data[..end], versions);
        assert_eq!(part, Introduction::Partial, "{end} of {bytes}");
    }
    if let Some(line) = written(&said) {
        let length = line.len();
        let again = read_introduction(&line, Versions::One);
        assert_eq!(again, Introduction::Header(length, said));
    }
});

/// As version 1 has it.
fn written(said: &Said) -> Option<Vec<u8>> {
    let (client, server) = said.addresses?;
    assert_eq!(client.is_ipv4(), server.is_ipv4());
    assert_eq!(client.is_ipv4(), said.protocol == "TCP4");
    let (protocol, from, to) = (said.protocol, client.ip(), server.ip());
    let ports = format!("{} {}", client.port(), server.port());
    Some(format!("PROXY {protocol} {from} {to} {ports}\r\n").into_bytes())
}
