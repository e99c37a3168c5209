//! Version 1: `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`, and a line end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Beginning, Malformed, Said};

/// What it begins with.
pub(super) const PREFIX: &[u8] = b"PROXY ";

/// The longest line there can be, its end included.
const LONGEST_BYTES: usize = 107;

/// Reads a header that begins with [`PREFIX`].
pub(super) fn read(bytes: &[u8]) -> Result<Beginning, Malformed> {
    let line = &bytes[..bytes.len().min(LONGEST_BYTES)];
    let Some(end) = line.windows(2).position(|pair| pair == b"\r\n") else {
        return if bytes.len() < LONGEST_BYTES {
            Ok(Beginning::Partial)
        } else {
            Err(Malformed)
        };
    };
    let text = std::str::from_utf8(&line[PREFIX.len()..end]).map_err(|_| Malformed)?;
    Ok(Beginning::Header(end + 2, said(text)?))
}

fn said(text: &str) -> Result<Said, Malformed> {
    let words: Vec<&str> = text.split(' ').collect();
    let (protocol, addresses) = match words.as_slice() {
        // Whatever follows says nothing.
        ["UNKNOWN", ..] => ("UNKNOWN", None),
        ["TCP4", addresses @ ..] => ("TCP4", Some(pair::<Ipv4Addr>(addresses)?)),
        ["TCP6", addresses @ ..] => ("TCP6", Some(pair::<Ipv6Addr>(addresses)?)),
        _ => return Err(Malformed),
    };
    Ok(Said {
        protocol,
        addresses,
    })
}

fn pair<A>(words: &[&str]) -> Result<(SocketAddr, SocketAddr), Malformed>
where
    A: std::str::FromStr + Into<IpAddr>,
{
    let [client, server, client_port, server_port] = words else {
        return Err(Malformed);
    };
    let address = |text: &str, port: &str| {
        let ip: A = text.parse().map_err(|_| Malformed)?;
        Ok(SocketAddr::new(ip.into(), decimal(port)?))
    };
    Ok((address(client, client_port)?, address(server, server_port)?))
}

/// A port, as the one text that each number has.
fn decimal(text: &str) -> Result<u16, Malformed> {
    let port: u16 = text.parse().map_err(|_| Malformed)?;
    if port.to_string() == text {
        Ok(port)
    } else {
        Err(Malformed)
    }
}
