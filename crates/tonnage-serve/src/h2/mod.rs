//! HTTP/2 (RFC 9113): several requests at a time on each connection.
//!
//! Frames, header compression and flow control are the `h2` crate's. It is a library of
//! futures; here they are polled by whoever has the sockets or a response in hand, without a
//! runtime. A [`Session`] is one connection and the responses on it; a [`Stream`] is what a
//! request's own [`Connection`] has instead of a socket, so that everything behind it is as
//! with HTTP/1.1. When streams are looked at is decided by [`crate::io`].
//!
//! [`Connection`]: crate::connection::Connection

mod allowance;
mod bells;
mod engine;
mod faring;
mod head;
mod link;
mod mail;
mod response;
mod session;
mod stream;
mod streams;

pub(crate) use self::faring::Fares;
pub(crate) use self::mail::Mail;
pub(crate) use self::session::{Opened, Session};
pub(crate) use self::stream::{Content, Stream, StreamAside};

/// What a client says first (RFC 9113, section 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What an HTTP/2 connection obeys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Http2Settings {
    /// Whether clients may begin with HTTP/2 where no TLS says so.
    pub prior_knowledge: bool,
    /// Whether TLS offers it.
    pub alpn: bool,
    /// Whether it is offered there before HTTP/1.1.
    pub is_preferred: bool,
    /// Streams of a connection at once.
    pub streams: u32,
    /// What one stream may send before the application has taken some of it, in bytes.
    pub window_bytes: u32,
    /// The largest frame, in bytes: 16 KiB to 16 MiB - 1.
    pub frame_bytes: u32,
    /// All fields of a request together, in bytes as RFC 9113 (6.5.2) counts them.
    pub head_bytes: u32,
}

/// The least that all streams of a connection together may send before the application has
/// taken some of it, in bytes.
const CONNECTION_WINDOW: u32 = 1 << 20;

impl Http2Settings {
    /// What all streams of a connection may send before the application has taken some of
    /// it, in bytes: the memory that an upload may take which nobody reads.
    pub(crate) fn connection_window_bytes(&self) -> u32 {
        CONNECTION_WINDOW.max(self.window_bytes)
    }
}

impl Default for Http2Settings {
    /// gunicorn's, but for prior knowledge.
    fn default() -> Self {
        Self {
            prior_knowledge: true,
            alpn: true,
            is_preferred: true,
            streams: 100,
            window_bytes: 65_535,
            frame_bytes: 16_384,
            head_bytes: 65_536,
        }
    }
}

#[cfg(test)]
pub(crate) mod testing;
