//! Addresses to listen on, as gunicorn's `bind` writes them: `host:port`, `[::1]:port`,
//! `unix:path`, `fd://N`. Nothing is looked up or opened here.

use std::fmt;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::str::FromStr;

/// The port where none is written, as in gunicorn.
const DEFAULT_PORT: u16 = 8000;

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A host (a name, an IPv4 or an IPv6 address without brackets) and a port, where 0
    /// lets the kernel choose.
    Tcp {
        /// In small letters; `0.0.0.0` where none was written.
        host: String,
        /// 0 to 65535.
        port: u16,
    },
    /// A Unix socket in the file system.
    Unix(PathBuf),
    /// A Unix socket without a file: a name that begins with a NUL byte, given without it.
    Abstract(String),
    /// A socket that was inherited under this number.
    Descriptor(RawFd),
}

/// What is wrong with an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The part after the colon is no port.
    #[error("`{0}` is not a valid port number: it must be between 0 and 65535")]
    Port(String),
    /// The part after `fd://` is no descriptor.
    #[error("`{0}` is not a valid file descriptor")]
    Descriptor(String),
    /// Several colons without brackets.
    #[error("`{0}` has several colons: write an IPv6 address in brackets, as in `[::1]:8000`")]
    Brackets(String),
    /// A number without a colon, which would be taken for a host.
    #[error("`{0}` is a host without a name: for a port, write `:{0}`")]
    BarePort(String),
    /// `unix:` without a path.
    #[error("`unix:` must be followed by a path")]
    EmptyPath,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return unix(path.strip_prefix("//").unwrap_or(path));
        }
        if let Some(number) = text.strip_prefix("fd://") {
            return match number.parse() {
                Ok(descriptor) if descriptor >= 0 => Ok(Self::Descriptor(descriptor)),
                _ => Err(AddressError::Descriptor(number.to_owned())),
            };
        }
        tcp(text.strip_prefix("tcp://").unwrap_or(text))
    }
}

fn unix(path: &str) -> Result<Address, AddressError> {
    match path.strip_prefix('\0') {
        Some(name) => Ok(Address::Abstract(name.to_owned())),
        None if path.is_empty() => Err(AddressError::EmptyPath),
        None => Ok(Address::Unix(path.into())),
    }
}

fn tcp(text: &str) -> Result<Address, AddressError> {
    let (host, port) = split(text)?;
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => port
            .parse()
            .map_err(|_| AddressError::Port(port.to_owned()))?,
    };
    let host = if host.is_empty() {
        "0.0.0.0".to_owned()
    } else {
        host.to_ascii_lowercase()
    };
    Ok(Address::Tcp { host, port })
}

/// Host and port of `host`, `host:port`, `:port`, `[host]` and `[host]:port`.
fn split(text: &str) -> Result<(&str, Option<&str>), AddressError> {
    if let Some(rest) = text.strip_prefix('[') {
        let brackets = || AddressError::Brackets(text.to_owned());
        let (host, rest) = rest.split_once(']').ok_or_else(brackets)?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(brackets()),
        };
    }
    match text.split_once(':') {
        Some((_, port)) if port.contains(':') => Err(AddressError::Brackets(text.to_owned())),
        Some((host, port)) => Ok((host, Some(port))),
        None if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(AddressError::BarePort(text.to_owned()))
        }
        None => Ok((text, None)),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Abstract(name) => write!(f, "unix:\\0{name}"),
            Self::Descriptor(descriptor) => write!(f, "fd://{descriptor}"),
        }
    }
}

impl Address {
    /// The address as gunicorn's log writes it: a Python tuple, or the path.
    pub fn log_text(&self) -> String {
        match self {
            Self::Tcp { host, port } => format!("('{host}', {port})"),
            Self::Unix(path) => path.display().to_string(),
            Self::Abstract(name) => format!("\\0{name}"),
            Self::Descriptor(descriptor) => descriptor.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp {
            host: host.to_owned(),
            port,
        }
    }

    #[test]
    fn what_gunicorn_understands_is_understood() {
        // From gunicorn 27's tests and documentation of `bind`.
        for (text, address) in [
            ("127.0.0.1:8000", tcp("127.0.0.1", 8000)),
            ("127.0.0.1", tcp("127.0.0.1", 8000)),
            ("", tcp("0.0.0.0", 8000)),
            (":9001", tcp("0.0.0.0", 9001)),
            ("tcp://127.0.0.1:9002", tcp("127.0.0.1", 9002)),
            ("tcp://:9000", tcp("0.0.0.0", 9000)),
            ("[::1]:8000", tcp("::1", 8000)),
            ("[::1]", tcp("::1", 8000)),
            ("tcp://[::1]:5000", tcp("::1", 5000)),
            (
                "[0:0:0:0:0:FFFF:7F00:1]:80",
                tcp("0:0:0:0:0:ffff:7f00:1", 80),
            ),
            ("LocalHost:0", tcp("localhost", 0)),
            ("unix:/tmp/s.sock", Address::Unix("/tmp/s.sock".into())),
            ("unix:///tmp/s.sock", Address::Unix("/tmp/s.sock".into())),
            ("unix:relative.sock", Address::Unix("relative.sock".into())),
            ("unix:\0name", Address::Abstract("name".to_owned())),
            ("fd://33", Address::Descriptor(33)),
        ] {
            assert_eq!(text.parse(), Ok(address), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_advice() {
        for (text, error) in [
            ("127.0.0.1:http", AddressError::Port("http".to_owned())),
            ("127.0.0.1:70000", AddressError::Port("70000".to_owned())),
            ("127.0.0.1:", AddressError::Port(String::new())),
            ("::1:8000", AddressError::Brackets("::1:8000".to_owned())),
            ("[::1", AddressError::Brackets("[::1".to_owned())),
            ("[::1]8000", AddressError::Brackets("[::1]8000".to_owned())),
            ("8000", AddressError::BarePort("8000".to_owned())),
            ("fd://one", AddressError::Descriptor("one".to_owned())),
            ("fd://-1", AddressError::Descriptor("-1".to_owned())),
            ("unix:", AddressError::EmptyPath),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn addresses_are_written_as_they_are_read() {
        for text in [
            "127.0.0.1:8000",
            "[::1]:8000",
            "unix:/tmp/s.sock",
            "fd://33",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_log_writes_them_as_gunicorn() {
        let written = ["[::1]:80", "unix:/s", "fd://3"]
            .map(|text| text.parse::<Address>().unwrap().log_text());
        assert_eq!(written, ["('::1', 80)", "/s", "3"]);
    }
}
