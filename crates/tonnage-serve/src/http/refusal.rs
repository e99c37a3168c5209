//! Why a request is refused, and the status that says so. After each of these but
//! `Overload` the connection closes: where the next request begins is not known, or not
//! worth knowing.

use super::Known;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not `method target HTTP/1.x`; requests of HTTP/0.9 come here too.
    #[error("malformed request line")]
    RequestLine,
    /// The method is no token, or not a usual one.
    #[error("invalid method")]
    Method,
    /// The target is empty, has bytes that a URI cannot have, or is in a form that its
    /// method cannot have.
    #[error("invalid request target")]
    Target,
    /// HTTP, but not HTTP/1.
    #[error("unsupported HTTP version")]
    Version,
    /// The request line is longer than `Limits::request_line_bytes`.
    #[error("request line too long")]
    RequestLineTooLong,
    /// A line ends with LF alone.
    #[error("bare LF as line terminator")]
    BareLineFeed,
    /// A CR is followed by something other than LF.
    #[error("bare CR")]
    BareCarriageReturn,
    /// A field's name is empty or no token.
    #[error("invalid field name")]
    FieldName,
    /// There is a blank between a field's name and its colon.
    #[error("blank before the colon of a field")]
    SpaceBeforeColon,
    /// A line of the head is no field.
    #[error("field without a colon")]
    MissingColon,
    /// A field's value has a control character.
    #[error("invalid character in a field value")]
    FieldValue,
    /// A field goes on in the next line.
    #[error("obsolete line folding")]
    ObsoleteFolding,
    /// A field is longer than `Limits::field_bytes`.
    #[error("field too large")]
    FieldTooLarge,
    /// There are more than `Limits::fields`.
    #[error("too many fields")]
    TooManyFields,
    /// All fields together are longer than `Limits::head_bytes`.
    #[error("fields too large")]
    FieldsTooLarge,
    /// HTTP/1.1 without a Host.
    #[error("missing Host field")]
    MissingHost,
    /// The Host is no host with or without a port.
    #[error("invalid Host field")]
    Host,
    /// A field that can stand only once stands twice.
    #[error("repeated {} field", .0.name())]
    Repeated(Known),
    /// The Content-Length is no number.
    #[error("invalid Content-Length field")]
    ContentLength,
    /// Both a Content-Length and a Transfer-Encoding.
    #[error("both Content-Length and Transfer-Encoding")]
    LengthAndCoding,
    /// The Transfer-Encoding does not end with chunked, or names it twice.
    #[error("invalid Transfer-Encoding field")]
    TransferCoding,
    /// A transfer coding other than chunked.
    #[error("unsupported transfer coding")]
    UnsupportedTransferCoding,
    /// A Transfer-Encoding in HTTP/1.0, which has none.
    #[error("Transfer-Encoding in HTTP/1.0")]
    CodingInOldVersion,
    /// An expectation other than 100-continue.
    #[error("unknown expectation")]
    Expectation,
    /// The body is longer than `Limits::body_bytes`.
    #[error("content too large")]
    ContentTooLarge,
    /// A chunk's size is no hexadecimal number, or one beyond 64 bits.
    #[error("invalid chunk size")]
    ChunkSize,
    /// What follows a chunk's size is no extension.
    #[error("invalid chunk extension")]
    ChunkExtension,
    /// A chunk's data goes on where its end should be.
    #[error("chunk longer than its size")]
    ChunkEnd,
    /// The line before a chunk is longer than `Limits::chunk_line_bytes`.
    #[error("chunk size line too long")]
    ChunkLineTooLong,
    /// The lines between the chunks are far longer than the chunks.
    #[error("more chunk lines than content")]
    ChunkOverhead,
    /// A trailer field that would change what has been decided already.
    #[error("forbidden {} field in the trailers", .0.name())]
    ForbiddenTrailer(Known),
    /// The trailers are longer than `Limits::trailer_bytes`.
    #[error("trailers too large")]
    TrailersTooLarge,
    /// A field's name has an underscore, so that it can pass for another one; found by
    /// who knows which proxies are trusted, not here.
    #[error("field name with an underscore")]
    Underscore,
    /// Two fields of a trusted proxy say that its client did and did not speak TLS; found
    /// likewise.
    #[error("contradictory scheme fields")]
    Scheme,
    /// What a proxy says of its client before the request cannot be understood; found by
    /// [`crate::proxy_protocol`].
    #[error("malformed PROXY header")]
    ProxyHeader,
    /// Whoever says it is not one of the proxies that may; found likewise.
    #[error("PROXY header of a peer that is no trusted proxy")]
    ForbiddenProxy,
    /// What asks for a websocket breaks the rules of its handshake; found by who speaks that
    /// protocol, not here.
    #[error("invalid websocket handshake")]
    WebSocket,
    /// It asks for another version of the protocol than the only one; found likewise.
    #[error("unsupported websocket version")]
    WebSocketVersion,
    /// HTTP without TLS, where TLS is spoken; found by the connection, not here.
    #[error("TLS is spoken here: ask with https://")]
    NotTls,
    /// The head did not come in time; found by the connection, not here.
    #[error("request head took too long")]
    HeadTimeout,
    /// The body did not come in time; found by the connection, not here.
    #[error("request body took too long")]
    BodyTimeout,
    /// Nothing is wrong with it, but there is no time for it; found by who lets requests
    /// wait, not here.
    #[error("too many requests wait already")]
    Overload,
    /// Nothing is wrong with it, but its body cannot be kept; found by the connection, not
    /// here.
    #[error("no room for the request body")]
    NoRoom,
}

impl Refusal {
    /// Whether the client did something wrong.
    pub fn is_clients_fault(self) -> bool {
        !matches!(self, Self::Overload | Self::NoRoom)
    }

    /// The status code of the answer.
    pub fn status(self) -> u16 {
        match self {
            Self::RequestLineTooLong => 414,
            Self::FieldTooLarge
            | Self::TooManyFields
            | Self::FieldsTooLarge
            | Self::TrailersTooLarge => 431,
            Self::HeadTimeout | Self::BodyTimeout => 408,
            Self::ContentTooLarge => 413,
            Self::Expectation => 417,
            Self::WebSocketVersion => 426,
            Self::UnsupportedTransferCoding => 501,
            Self::ForbiddenProxy => 403,
            Self::NoRoom => 500,
            Self::Overload => 503,
            Self::Version => 505,
            Self::RequestLine
            | Self::Method
            | Self::Target
            | Self::BareLineFeed
            | Self::BareCarriageReturn
            | Self::FieldName
            | Self::SpaceBeforeColon
            | Self::MissingColon
            | Self::FieldValue
            | Self::ObsoleteFolding
            | Self::MissingHost
            | Self::Host
            | Self::Repeated(_)
            | Self::ContentLength
            | Self::LengthAndCoding
            | Self::TransferCoding
            | Self::CodingInOldVersion
            | Self::ChunkSize
            | Self::ChunkExtension
            | Self::ChunkEnd
            | Self::ChunkLineTooLong
            | Self::ChunkOverhead
            | Self::ForbiddenTrailer(_)
            | Self::Underscore
            | Self::ProxyHeader
            | Self::Scheme
            | Self::WebSocket
            | Self::NotTls => 400,
        }
    }
}
