//! The workloads of the five studies natively: what a request may cost at least,
//! and the upstream services that the workloads call.
//!
//! [`serve`] starts one [`Service`] in this process. Arguments, environment,
//! signals and printing are left to the command line.

mod answer;
mod body;
mod calls;
mod cores;
mod echo;
mod error;
pub mod evaluate;
mod fanout;
mod grpc;
mod hello;
mod matmul;
mod nested_loop;
mod params;
mod python;
mod relay;
mod restaurants;
mod server;
mod service;
mod settings;
mod slow;
mod upstream;

pub use error::ServiceError;
pub use restaurants::Trouble;
pub use server::{Handle, serve};
pub use service::Service;
pub use settings::{Log, Settings};
