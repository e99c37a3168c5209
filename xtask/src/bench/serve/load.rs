//! `tonnage load` against the server that is measured, by the wheel's own program.

use anyhow::Context;

use super::super::own::Report;
use super::super::process::run as run_to_end;
use super::places::Places;
use super::rivals::PORT;

/// Sends load as some arguments say; no request may fail.
pub(super) fn load(places: &Places, arguments: &[&str]) -> anyhow::Result<Report> {
    let mut command = places.load()?;
    command.args(["--threads", "1"]).args(arguments);
    command.arg(format!("http://127.0.0.1:{PORT}/"));
    Report::parse(&run_to_end(&mut command)?.text)
        .with_context(|| format!("tonnage load {}", arguments.join(" ")))
}
