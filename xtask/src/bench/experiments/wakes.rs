//! Whom does a new connection wake, when four workers wait for it?

use super::super::process::run as run_to_end;
use super::super::serve::Places;
use super::{Settings, script};

/// Connections, one after the other.
const CONNECTIONS: &str = "2000";

pub(super) fn run(settings: &Settings, places: &Places) -> anyhow::Result<()> {
    println!("\nFour workers that wait for connections, figures for each of {CONNECTIONS}");
    for way in ["shared", "exclusive", "nested exclusive"] {
        for _ in 0..settings.repeats {
            let mut command = script(places, "wakes.py")?;
            command.args([way, CONNECTIONS]);
            print!("{}", run_to_end(&mut command)?.text);
        }
    }
    Ok(())
}
