//! The `tonnage` program: everything is in the library, so that tests and the
//! Python wheel run the very same code.

use std::process::ExitCode;

use tonnage_model::ExitStatus;

fn main() -> ExitCode {
    // A panic is an internal error like any other: its message has been printed,
    // and unwinding has stopped whatever was started.
    std::panic::catch_unwind(|| tonnage::run(std::env::args_os()))
        .unwrap_or(ExitStatus::Internal)
        .code()
        .into()
}
