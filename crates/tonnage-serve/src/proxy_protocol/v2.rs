//! Version 2: a signature, version and command, family and protocol, a length, addresses, and
//! whatever else a proxy has to say, which is left out.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Beginning, LONGEST_BYTES, Malformed, Said};

/// What it begins with: no text, and no request.
pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The signature, the two bytes that say what is meant, and the length.
const FIXED_BYTES: usize = 16;

/// Reads a header that begins with [`SIGNATURE`].
pub(super) fn read(bytes: &[u8]) -> Result<Beginning, Malformed> {
    let Some(fixed) = bytes.get(SIGNATURE.len()..FIXED_BYTES) else {
        return Ok(Beginning::Partial);
    };
    let (command, family) = (fixed[0], fixed[1]);
    let end = FIXED_BYTES + usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
    if end > LONGEST_BYTES || !matches!(command, 0x20 | 0x21) {
        return Err(Malformed);
    }
    let Some(rest) = bytes.get(FIXED_BYTES..end) else {
        return Ok(Beginning::Partial);
    };
    let said = if command == 0x20 {
        // The proxy speaks for itself, to see whether we are well for example.
        Said {
            protocol: "LOCAL",
            addresses: None,
        }
    } else {
        said(family, rest)?
    };
    Ok(Beginning::Header(end, said))
}

fn said(family: u8, rest: &[u8]) -> Result<Said, Malformed> {
    let (protocol, addresses) = match family {
        // Unknown, or Unix sockets, whose names say nothing of a client.
        0x00 | 0x31 => ("UNSPEC", None),
        0x11 => {
            let (client, rest) = rest.split_first_chunk::<4>().ok_or(Malformed)?;
            let (server, rest) = rest.split_first_chunk::<4>().ok_or(Malformed)?;
            let ports: &[u8; 4] = rest.first_chunk().ok_or(Malformed)?;
            let [client, server] = [*client, *server].map(Ipv4Addr::from);
            ("TCP4", Some(with_ports(client, server, *ports)))
        }
        0x21 => {
            let (client, rest) = rest.split_first_chunk::<16>().ok_or(Malformed)?;
            let (server, rest) = rest.split_first_chunk::<16>().ok_or(Malformed)?;
            let ports: &[u8; 4] = rest.first_chunk().ok_or(Malformed)?;
            let [client, server] = [*client, *server].map(Ipv6Addr::from);
            ("TCP6", Some(with_ports(client, server, *ports)))
        }
        _ => return Err(Malformed),
    };
    Ok(Said {
        protocol,
        addresses,
    })
}

fn with_ports<A: Into<std::net::IpAddr>>(
    client: A,
    server: A,
    [c0, c1, s0, s1]: [u8; 4],
) -> (SocketAddr, SocketAddr) {
    (
        SocketAddr::new(client.into(), u16::from_be_bytes([c0, c1])),
        SocketAddr::new(server.into(), u16::from_be_bytes([s0, s1])),
    )
}
