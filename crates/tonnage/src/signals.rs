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
    let ignored = ignored_signals();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // `nohup` has said that a hang-up does not concern us. Shells ignore the
        // interrupt for what a script starts in the background, too, but who
        // sends that one to us by number means it.
        if signal == SIGHUP && ignored >> (signal - 1) & 1 == 1 {
            continue;
        }
        // In this order: the first signal finds the flag down and sets it, the
        // second finds it up and exits. Servers then end with their parent.
        let code = i32::from(ExitStatus::Interrupted.code());
        signal_hook::flag::register_conditional_shutdown(signal, code, flag.clone())
            .and_then(|_| signal_hook::flag::register(signal, flag.clone()))
            .context("cannot listen for signals")?;
    }
    Ok(Stop::from_flag(flag))
}

/// The signals that this process was told to ignore, as the kernel's bit mask.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}
