//! The load engine: HTTP/1.1 over plain epoll, one thread per core, nothing
//! shared between threads while load is sent.
//!
//! It prints nothing and reads neither arguments nor environment: a
//! [`LoadPlan`] goes in, [`LoadEvent`]s tell of progress, a
//! [`LoadReport`](tonnage_model::LoadReport) comes out.

mod checks;
mod chunked;
mod clock;
mod connection;
mod error;
mod plan;
mod recorder;
mod report;
mod request;
mod response;
mod run;
mod source;
mod stop;
mod target;
mod worker;

pub use checks::{CheckError, Checks, JsonExpectation, MAX_CHECKED_BYTES};
pub use error::LoadError;
pub use plan::{LoadPlan, Timeouts, default_threads};
pub use request::{Header, RequestError, RequestParts};
pub use run::{LoadEvent, run};
pub use source::{
    Cursor, DataPlan, Endpoint, Flaw, Next, Parts, Pick, Place, PlaceholderError, Request,
    RequestSource, SourceError, SourcePlan,
};
pub use stop::Stop;
pub use target::{Target, base_of};
