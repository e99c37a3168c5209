//! Websockets as bytes (RFC 6455, and RFC 7692 for compressed messages): the handshake is
//! checked, frames are read and written, the close handshake is kept. There is no input or
//! output here: who reads and sends, how much may wait, and when a ping is due is left to
//! others.

mod close;
mod decode;
mod deflate;
mod frame;
mod handshake;
mod socket;

pub use close::{Closed, code};
pub use deflate::Codec;
pub use handshake::Upgrade;
pub(crate) use handshake::VERSION;
pub use socket::{Framed, Message, Options, WebSocket};
