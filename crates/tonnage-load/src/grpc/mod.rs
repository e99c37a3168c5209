//! gRPC: unary calls over HTTP/2, with JSON on our side of them.
//!
//! A [`GrpcMethod`] says what a call's messages look like, learned from a `.proto`
//! file or from the server itself; it turns JSON into the frame of a request, and
//! the frame of a response into JSON. Sending them is the `h2` module's business.

mod call;
mod error;
mod message;
mod method;
mod reflection;

pub use call::call_once;
pub use error::GrpcError;
pub(crate) use message::FRAME_HEAD_BYTES;
pub use method::GrpcMethod;
