//! The workloads of the five studies natively: what a request may cost at least,
//! and the upstream services that the workloads call.
//!
//! [`serve`] starts one [`Service`] in this process. Arguments, environment,
//! signals and printing are left to the command line.

mod answer;
mod error;
pub mod evaluate;
mod hello;
mod params;
mod python;
mod server;
mod service;
mod settings;

pub use error::ServiceError;
pub use server::{Handle, serve};
pub use service::Service;
pub use settings::{Log, Settings};
