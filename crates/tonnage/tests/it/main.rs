//! The program as its users run it: arguments in, output and exit codes out.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are test code, though not all of it stands in tests"
)]

#[path = "../common/mod.rs"]
mod common;

mod answerer;
mod answers;
mod audit;
mod doctor;
mod load;
mod load_models;
mod own_stack;
mod resume;
mod serve;
mod service;
mod stack;
mod study;
mod trouble;
mod usage;
