//! What a worker's sockets obey.

use std::path::Path;
use std::sync::Arc;

use crate::compress::Compression;
use crate::h2::Http2Settings;
use crate::http::Limits;
use crate::proxy_protocol::ProxyProtocol;
use crate::static_files::StaticFiles;
use crate::tls::TlsServer;

/// What a worker's sockets obey.
#[derive(Debug, Clone)]
pub struct IoSettings {
    /// What TLS is spoken with, where it is.
    pub tls: Option<Arc<TlsServer>>,
    /// How HTTP/2 is spoken, where it is.
    pub http2: Option<Http2Settings>,
    /// Bounds on what clients send.
    pub limits: Limits,
    /// Where bodies and tails go that are too long for memory.
    pub folder: Arc<Path>,
    /// How long an idle connection is kept, in ms; 0 closes it after each response.
    pub keep_alive_ms: u64,
    /// How long a client may take for a head, in ms.
    pub header_timeout_ms: u64,
    /// How long a client may let a body wait for its next bytes, in ms.
    pub body_timeout_ms: u64,
    /// How long a client may let a response wait, in ms.
    pub send_timeout_ms: u64,
    /// Connections at once.
    pub connections: usize,
    /// Complete requests that may wait for the application.
    pub max_queue: usize,
    /// How long they may wait, in ms; 0 for as long as they like.
    pub queue_timeout_ms: u64,
    /// Whether somebody wants to know how many requests there are and where their time goes.
    pub metered: bool,
    /// What proxies may say before the first request.
    pub proxy_protocol: Option<Arc<ProxyProtocol>>,
    /// Which responses are compressed.
    pub compression: Option<Arc<Compression>>,
    /// Files that are served without the application.
    pub static_files: Option<Arc<StaticFiles>>,
}
