//! The HTTP server core: listeners, supervisor, protocol, connections, logs. It knows
//! nothing of Python, prints nothing, and reads neither arguments nor environment.

pub mod access_log;
pub mod board;
pub mod codings;
pub mod compress;
pub mod connection;
pub mod dispatch;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod h2;
pub mod helper_thread;
pub mod http;
pub mod io;
pub mod listen;
mod outbox;
pub mod overdue;
pub mod proxies;
pub mod proxy_protocol;
pub mod reply;
pub mod request;
pub mod settings;
pub mod static_files;
pub mod status;
pub mod supervisor;
pub mod tls;
pub mod websocket;
