//! Listening: addresses as they are written, sockets that listen on them or were
//! inherited, and the inboxes through which workers hand connections to each other. Who
//! accepts when is the worker's business, who owns the sockets the supervisor's.

mod address;
mod backlog;
mod inbox;
mod inherited;
mod listener;
mod listeners;
mod opening;
mod socket;

pub use address::{Address, AddressError};
pub use inbox::{HandedOver, Inboxes};
pub use inherited::Inherited;
pub use listener::{Listener, Name, Origin, Peer};
pub use listeners::Listeners;
pub use opening::{Note, Opening, Step};
pub use socket::{ListenError, ListenOptions};
