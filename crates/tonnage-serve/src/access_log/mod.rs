//! The access log: a line for each answered request, in gunicorn's format language.
//!
//! `format.rs` reads a format, `render.rs` and `json.rs` turn a record into a line, `date.rs` keeps
//! the date's text for a second, `file.rs` is where lines go, `log.rs` gathers lines
//! and writes them from a thread of its own. `answered.rs` says what is known of a request;
//! which ones are logged is the caller's business.

mod answered;
mod date;
mod file;
mod format;
mod json;
mod log;
mod render;
mod trace;

pub use jiff::tz::TimeZone;

pub use self::answered::Answered;
pub use self::date::LogDate;
pub use self::file::Destination;
pub use self::format::{AccessFormat, BadAccessFormat};
pub use self::log::{AccessLog, Trouble};
pub use self::render::{AccessLookup, AccessRecord};
pub use self::trace::TraceContext;

#[cfg(test)]
mod tests;
