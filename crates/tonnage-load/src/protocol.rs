//! What is spoken over the connections of a load.

use crate::GrpcMethod;

/// What is spoken over the connections.
#[derive(Debug, Clone, Default)]
pub enum Protocol {
    /// HTTP/1.1: one request at a time on each connection.
    #[default]
    Http1,
    /// HTTP/2, with prior knowledge (by ALPN where TLS is spoken).
    Http2 {
        /// Requests at a time on each connection; at least 1.
        streams: u32,
    },
    /// Unary gRPC calls over HTTP/2. The source's bodies are the messages, as
    /// JSON; its paths are the method's, and its HTTP method is of no account.
    Grpc {
        /// Calls at a time on each connection; at least 1.
        streams: u32,
        /// What is called.
        method: GrpcMethod,
    },
}

impl Protocol {
    /// Requests at a time on each connection.
    pub fn streams(&self) -> u32 {
        match self {
            Self::Http1 => 1,
            Self::Http2 { streams } | Self::Grpc { streams, .. } => *streams,
        }
    }

    /// The name for reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 { .. } => "HTTP/2",
            Self::Grpc { .. } => "gRPC",
        }
    }

    /// The gRPC method that is called, where it is gRPC.
    pub fn method(&self) -> Option<&GrpcMethod> {
        match self {
            Self::Grpc { method, .. } => Some(method),
            Self::Http1 | Self::Http2 { .. } => None,
        }
    }

    /// What is offered by ALPN.
    pub(crate) fn alpn(&self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 { .. } | Self::Grpc { .. } => b"h2",
        }
    }
}
