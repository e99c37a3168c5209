//! The settings of the server: gunicorn's 120, by its names, flags, defaults and order of
//! precedence, and a few of our own.
//!
//! [`Invocation`] takes a command line and what the environment has, [`Settings`] comes
//! out, checked and typed, or every error at once. Which settings there are and which of
//! them are honoured is one table (`table/`), from which the parser, the errors, the
//! notices and the documentation are made. Executing a `gunicorn.conf.py`, finding users
//! and loading classes is left to Python; nothing is read from the process here
//! but who it belongs to and how many CPUs it may use.

mod arguments;
mod cpus;
mod document;
mod error;
mod foreign;
mod http2;
mod invocation;
mod networks;
mod normalise;
mod notice;
mod raw;
mod report;
mod resolve;
mod resolved;
mod setting;
mod source;
mod table;
mod tls;
mod typed;
mod values;
mod words;
mod worker_class;

#[cfg(test)]
mod tests;

pub use arguments::{Arguments, ArgumentsError, command, parse, read};
pub use cpus::Cpus;
pub use document::render_table;
pub use error::{SettingsError, SettingsErrors};
pub use invocation::Invocation;
pub use networks::TrustedPeers;
pub use notice::{Level, Notice};
pub use raw::{OBJECT_KEY, RawValue};
pub use resolved::{Entry, Layer};
pub use setting::{Fallback, Kind, Section, Setting, Standing};
pub use source::{Environment, Source};
pub use table::all as all_settings;
pub use tls::{ClientCertificates, TlsSettings};
pub use values::{
    Account, ApplicationSettings, CompressSettings, EventLoop, FileSettings, HEAD_BYTES, HeaderMap,
    HttpSettings, Lifespan, ListenSettings, LoggingSettings, MetricsSettings, ProcessSettings,
    ProxySettings, Settings, WebSocketSettings,
};
pub use words::{WordsError, split_words};
pub use worker_class::Interface;
