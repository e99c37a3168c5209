//! Is the interpreter's lock released around a send that does not wait? Beside a thread
//! that computes, and alone. Two threads on one core take turns by the scheduler's clock,
//! and the interpreter's matters little; on two cores, one of which the client needs now
//! and then, it is all that matters.

use super::super::serve::Places;
use super::{Settings, compare};

pub(super) fn run(settings: &Settings, places: &Places) -> anyhow::Result<()> {
    println!("\nThe lock around send, one thread that serves 64 connections");
    let ways: [&[&str]; 6] = [
        &["kept", "alone"],
        &["released", "alone"],
        &["kept", "beside a thread that computes"],
        &["released", "beside a thread that computes"],
        &["kept", "the same on two cores"],
        &["released", "the same on two cores"],
    ];
    compare(settings, places, "gil.py", &ways)
}
