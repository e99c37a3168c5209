//! `tonnage doctor`: what this machine can measure, and how noisy it is.

use std::sync::mpsc::{Receiver, channel};
use std::thread;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tonnage_lab::{Depth, DoctorStep, LabError, examine};
use tonnage_model::ExitStatus;
use tonnage_report::{doctor_json, doctor_text};

use crate::args::DoctorArgs;
use crate::{output, settings, signals};

pub(crate) fn run(args: &DoctorArgs) -> anyhow::Result<ExitStatus> {
    let settings = settings::lab()?;
    let stop = signals::stop_on_signals()?;
    let depth = if args.brief {
        Depth::Brief
    } else {
        Depth::Full
    };
    let examined = thread::scope(|scope| {
        let (steps, seen) = channel();
        scope.spawn(move || show(&seen));
        // The sender ends with this block, and the bar with it.
        examine(depth, &settings, &stop, Some(&steps))
    });
    let noise = match examined {
        Err(LabError::Interrupted) => return Ok(ExitStatus::Interrupted),
        examined => examined?,
    };
    if args.json {
        output::result(&doctor_json(&noise)?);
    } else {
        output::result(&doctor_text(&noise, output::width()));
    }
    // A bad grade is a good answer.
    Ok(ExitStatus::Done)
}

/// A bar on standard error while people watch, until the sender is gone.
fn show(steps: &Receiver<DoctorStep>) {
    let style = ProgressStyle::with_template("{bar:24} {msg}")
        .expect("the template is right")
        .progress_chars("━━─");
    let bar =
        ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr()).with_style(style);
    for step in steps {
        bar.set_length(step.of.into());
        bar.set_position(step.done.into());
        bar.set_message(step.what);
    }
    bar.finish_and_clear();
}
