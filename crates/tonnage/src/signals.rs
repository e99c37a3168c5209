//! Ctrl-C and its kin: the first asks everything to come to an orderly end, the
//! second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use tonnage_load::Stop;
use tonnage_model::ExitStatus;

/// A wish to stop that the first signal fulfils.
pub(crate) fn stop_on_signals() -> anyhow::Result<Stop> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // In this order: the first signal finds the flag down and sets it, the
        // second finds it up and exits. Servers then end with their parent.
        let code = i32::from(ExitStatus::Interrupted.code());
        signal_hook::flag::register_conditional_shutdown(signal, code, flag.clone())
            .and_then(|_| signal_hook::flag::register(signal, flag.clone()))
            .context("cannot listen for signals")?;
    }
    Ok(Stop::from_flag(flag))
}
