//! HTTP/1.1 as bytes (RFC 9112): request heads and chunked bodies are read, response
//! heads and chunks are written. There is no input or output here: where bytes come
//! from, how long they may take, and what is answered is left to the connection.
//!
//! Everything is read from left to right, and what is wrong is refused at the first
//! byte that shows it, so that how the network cuts a request changes nothing. The
//! strictness is that of RFC 9112 and of gunicorn 27, whichever is stricter.

mod authority;
mod bytes;
mod chunked;
mod date;
mod fields;
mod known;
mod limits;
mod meaning;
mod method;
mod refusal;
mod request_line;
mod response;
mod span;
mod status;
#[cfg(test)]
mod tests;
mod unquote;

pub use chunked::{ChunkedDecoder, Progress};
pub use date::DateCache;
pub use fields::{Field, Fields};
pub use known::Known;
pub use limits::Limits;
pub use meaning::{Framing, Meaning};
pub use method::Method;
pub use refusal::Refusal;
pub use request_line::{RequestLine, TargetForm, Version};
pub use response::{
    BadField, CHUNK_END, CHUNKED, CONTINUE, LAST_CHUNK, ResponseFraming, ResponseName, SERVER,
    parse_status, push_chunk_head, push_end, push_field, push_length, push_status,
    response_framing,
};
pub use span::Span;
pub use status::reason;
pub use unquote::unquote;
