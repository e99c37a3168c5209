//! What the fields of a request say about the connection: where the body ends (RFC
//! 9112, section 6), whether another request may follow (section 9.3), and whether the
//! client waits before it sends the body. Whatever two servers could read in two ways
//! is refused.

use super::authority::is_host;
use super::bytes::{decimal, items};
use super::{Fields, Known, Limits, Refusal, Version};

/// Where a request's body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    /// It has none.
    #[default]
    None,
    /// After so many bytes.
    Length(u64),
    /// Where the chunked coding ends.
    Chunked,
}

/// What a head says about the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Meaning {
    /// Where the body ends.
    pub framing: Framing,
    /// Whether the client lets another request follow. After a CONNECT none can,
    /// whatever stands here.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends a body.
    pub expects_continue: bool,
    /// Whether the client asks for another protocol (the Upgrade field says which).
    pub upgrade: bool,
}

/// What does not depend on the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Facts {
    framing: Framing,
    expects_continue: bool,
    connection: Connection,
}

/// The options of the Connection field that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Connection {
    close: bool,
    keep_alive: bool,
    upgrade: bool,
}

/// Fields of which there can be only one (RFC 9110, section 5.3).
const SINGLE: [Known; 3] = [Known::Host, Known::ContentLength, Known::ContentType];

/// Their bits.
const SINGLE_BITS: u64 = Known::Host.bit() | Known::ContentLength.bit() | Known::ContentType.bit();

/// Fields that `Facts::of` looks at, the Host apart.
const TELLING: u64 = Known::ContentLength.bit()
    | Known::TransferEncoding.bit()
    | Known::Connection.bit()
    | Known::Expect.bit()
    | Known::Upgrade.bit();

impl Facts {
    /// What the fields of a complete section say.
    #[inline]
    pub(super) fn of(fields: &Fields, section: &[u8], limits: &Limits) -> Result<Self, Refusal> {
        if fields.repeated() & SINGLE_BITS != 0 {
            let repeated = SINGLE.into_iter().find(|&known| fields.is_repeated(known));
            return Err(Refusal::Repeated(repeated.unwrap_or(Known::Other)));
        }
        if limits.folding {
            refuse_folds(fields)?;
        }
        if let Some(host) = fields.first(Known::Host) {
            let host = host.raw_value(section);
            // Empty where the target has no authority (RFC 9112, section 3.2).
            if !host.is_empty() && !is_host(host) {
                return Err(Refusal::Host);
            }
        }
        if fields.seen() & TELLING == 0 {
            return Ok(Self::default());
        }
        Ok(Self {
            framing: framing(fields, section, limits)?,
            expects_continue: expects_continue(fields, section)?,
            connection: connection(fields, section),
        })
    }

    /// What follows in this version.
    #[inline]
    pub(super) fn check(&self, version: Version, has_host: bool) -> Result<Meaning, Refusal> {
        let is_new = version >= Version::Http11;
        if is_new && !has_host {
            return Err(Refusal::MissingHost);
        }
        if !is_new && self.framing == Framing::Chunked {
            return Err(Refusal::CodingInOldVersion);
        }
        let has_body = !matches!(self.framing, Framing::None | Framing::Length(0));
        let Connection {
            close,
            keep_alive,
            upgrade,
        } = self.connection;
        Ok(Meaning {
            framing: self.framing,
            keep_alive: !close && (is_new || keep_alive),
            // RFC 9110, section 10.1.1: not in HTTP/1.0, and not without a body.
            expects_continue: self.expects_continue && is_new && has_body,
            // RFC 9110, section 7.8: not in HTTP/1.0 either.
            upgrade: upgrade && is_new,
        })
    }
}

/// Folding is let through for what only the application reads: a server in front of
/// this one may read a folded length or coding in another way.
#[cold]
fn refuse_folds(fields: &Fields) -> Result<(), Refusal> {
    let telling = TELLING | Known::Host.bit();
    let folded = fields.iter().any(|field| {
        field.is_folded() && field.known != Known::Other && telling & field.known.bit() != 0
    });
    if folded {
        return Err(Refusal::ObsoleteFolding);
    }
    Ok(())
}

/// The values of a name, one field after another.
fn values<'a>(
    fields: &'a Fields,
    section: &'a [u8],
    known: Known,
) -> impl Iterator<Item = &'a [u8]> {
    fields
        .iter()
        .filter(move |field| field.known == known)
        .map(move |field| field.raw_value(section))
}

fn framing(fields: &Fields, section: &[u8], limits: &Limits) -> Result<Framing, Refusal> {
    let length = fields.first(Known::ContentLength);
    if fields.has(Known::TransferEncoding) {
        // RFC 9112, section 6.1, lets a server refuse this; whichever of the two a
        // server in front of this one went by, the other means another request.
        if length.is_some() {
            return Err(Refusal::LengthAndCoding);
        }
        only_chunked(values(fields, section, Known::TransferEncoding))?;
        return Ok(Framing::Chunked);
    }
    let Some(length) = length else {
        return Ok(Framing::None);
    };
    let length = decimal(length.raw_value(section)).ok_or(Refusal::ContentLength)?;
    let is_too_large = limits.body_bytes != 0 && length > limits.body_bytes;
    // What does not fit 64 bits is `u64::MAX` here.
    if is_too_large || length == u64::MAX {
        return Err(Refusal::ContentTooLarge);
    }
    Ok(Framing::Length(length))
}

/// Makes sure that the only transfer coding is chunked. Others are not undone here, so
/// that an application could not read the body.
fn only_chunked<'a>(values: impl Iterator<Item = &'a [u8]>) -> Result<(), Refusal> {
    let (mut is_chunked, mut has_others) = (false, false);
    for coding in values.flat_map(items) {
        // Nothing comes after chunked, not even itself (RFC 9112, section 6.1).
        if is_chunked {
            return Err(Refusal::TransferCoding);
        }
        let is = |name: &str| coding.eq_ignore_ascii_case(name.as_bytes());
        if is("chunked") {
            is_chunked = true;
        } else if ["gzip", "x-gzip", "deflate", "compress", "x-compress"]
            .into_iter()
            .any(is)
        {
            has_others = true;
        } else if coding.is_empty() || is("identity") {
            // The latter is no coding any more (RFC 7230, appendix A.2).
            return Err(Refusal::TransferCoding);
        } else {
            return Err(Refusal::UnsupportedTransferCoding);
        }
    }
    match (is_chunked, has_others) {
        (true, false) => Ok(()),
        (true, true) => Err(Refusal::UnsupportedTransferCoding),
        (false, _) => Err(Refusal::TransferCoding),
    }
}

fn expects_continue(fields: &Fields, section: &[u8]) -> Result<bool, Refusal> {
    if !fields.has(Known::Expect) {
        return Ok(false);
    }
    let is_known = values(fields, section, Known::Expect)
        .all(|value| value.eq_ignore_ascii_case(b"100-continue"));
    if is_known {
        Ok(true)
    } else {
        Err(Refusal::Expectation)
    }
}

fn connection(fields: &Fields, section: &[u8]) -> Connection {
    let mut connection = Connection::default();
    if !fields.has(Known::Connection) {
        return connection;
    }
    for value in values(fields, section, Known::Connection) {
        // Nearly always, where there is the field at all.
        if value == b"keep-alive" {
            connection.keep_alive = true;
            continue;
        }
        for option in items(value) {
            if option.eq_ignore_ascii_case(b"close") {
                connection.close = true;
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                connection.keep_alive = true;
            } else if option.eq_ignore_ascii_case(b"upgrade") {
                connection.upgrade = fields.has(Known::Upgrade);
            }
        }
    }
    connection
}
