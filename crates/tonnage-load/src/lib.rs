//! The load engine: HTTP over plain epoll, one thread per core, nothing
//! shared between threads while load is sent.
//!
//! It prints nothing and reads neither arguments nor environment: a
//! [`LoadPlan`] goes in, [`LoadEvent`]s tell of progress, a
//! [`LoadReport`](tonnage_model::LoadReport) comes out.

mod address;
mod backoff;
mod body;
mod calibrate;
mod checks;
mod clock;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod grpc;
mod h1;
mod h2;
mod pacer;
mod plan;
mod poll;
mod profile;
mod protocol;
mod pulse;
mod random;
mod recorder;
mod report;
mod request;
mod run;
mod schedule;
mod server_status;
mod slices;
mod source;
mod stop;
mod surroundings;
mod target;
mod tls;
mod transport;
mod verdict;

pub use address::Address;
pub use calibrate::calibrate;
pub use checks::{CheckError, Checks, JsonExpectation, MAX_CHECKED_BYTES};
pub use error::LoadError;
pub use grpc::{GrpcError, GrpcMethod, call_once};
pub use plan::{
    DEFAULT_DURATION, LoadModel, LoadPlan, MAX_CONNECTIONS, MAX_USERS, Overload, Timeouts,
    default_threads,
};
pub use protocol::Protocol;
pub use request::{Header, RequestError, RequestParts};
pub use run::{LoadEvent, Observer, run};
pub use schedule::ArrivalLaw;
pub use server_status::{ServerStatusError, server_totals};
pub use source::{
    Cursor, DataPlan, Endpoint, Flaw, Next, Parts, Pick, Place, PlaceholderError, Request,
    RequestSource, SourceError, SourcePlan,
};
pub use stop::Stop;
pub use target::{Target, base_of, path_of, same_host};
pub use tls::{TlsError, TlsSettings};
