//! Does a request's task begin at once, or with the loop's next turn? Under both loops,
//! with a handler that never waits and one that waits once.

use super::super::serve::Places;
use super::{Settings, compare};

pub(super) fn run(settings: &Settings, places: &Places) -> anyhow::Result<()> {
    println!("\nA task for each request, 64 connections");
    let ways: [&[&str]; 8] = [
        &["asyncio", "create_task", "never waits"],
        &["asyncio", "eager", "never waits"],
        &["uvloop", "create_task", "never waits"],
        &["uvloop", "eager", "never waits"],
        &["asyncio", "create_task", "waits once"],
        &["asyncio", "eager", "waits once"],
        &["uvloop", "create_task", "waits once"],
        &["uvloop", "eager", "waits once"],
    ];
    compare(settings, places, "tasks.py", &ways)
}
