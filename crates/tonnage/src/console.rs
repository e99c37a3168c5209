//! What a person sees while a study runs: a line on standard output as each step
//! ends, and on standard error, where that is a terminal, what is going on.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tonnage_lab::LabEvent;
use tonnage_load::LoadEvent;
use tonnage_model::Study;

use crate::output;

/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// Shows events until their sender is gone. `study` is `None` where no steps are
/// expected.
pub(crate) fn show(events: &Receiver<LabEvent>, study: Option<&Study>) {
    let mut console = Console {
        study,
        // Without a style of its own it would show an empty bar at once.
        bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
            .with_style(style("")),
        window: None,
        drain_was_told: false,
    };
    for event in events {
        console.event(event);
    }
    console.bar.finish_and_clear();
}

struct Console<'a> {
    study: Option<&'a Study>,
    bar: ProgressBar,
    /// Progress at the last look, for the rate since then: seconds, successes.
    window: Option<(f64, u64)>,
    /// Whether this wait for sockets was told where there is no terminal.
    drain_was_told: bool,
}

impl Console<'_> {
    fn event(&mut self, event: LabEvent) {
        match event {
            LabEvent::Swept { processes } => {
                self.note(&format!("Stopped {processes} processes that an earlier run had left behind."));
            }
            LabEvent::EnvironmentBegins { what } => {
                self.note(&format!("Installing {what} (only the first time) …"));
                self.spin(String::new());
            }
            LabEvent::EnvironmentStep(line) => self.bar.set_message(line),
            LabEvent::EnvironmentDone { what, seconds } => {
                self.clear();
                self.note(&format!("Installed {what} in {seconds:.1} s."));
            }
            LabEvent::OtherRun(run) => self.note(&format!(
                "warning: the run {run} is at work on this machine; the figures of both will be too low."
            )),
            LabEvent::RunBegins { run_id, folder } => {
                self.note(&format!("Run {run_id}, in {}", folder.display()));
            }
            LabEvent::CellBegins { label, number: (number, of) } => {
                let number = if of > 1 { format!("[{number}/{of}] ") } else { String::new() };
                self.note(&format!("{number}{label}"));
            }
            LabEvent::Draining { sockets, bound } => {
                if !output::progress_is_seen() && !std::mem::replace(&mut self.drain_was_told, true) {
                    output::note(&format!("Waiting until at most {bound} of {sockets} sockets are in TIME_WAIT …"));
                }
                self.spin(format!("waiting for sockets in TIME_WAIT to become fewer: {sockets}, wanted {bound}"));
            }
            LabEvent::Starting { clients } => self.spin(format!("starting the server for {clients} users")),
            LabEvent::Ready { boot_ms } => self.spin(format!("ready after {boot_ms} ms")),
            LabEvent::Load { progress, total_seconds } => self.load(&progress, total_seconds),
            LabEvent::TrialEnded(trial) => {
                self.clear();
                let line = self.study.filter(|_| trial.measured().is_some());
                if let Some(line) = line.and_then(|study| tonnage_report::step_line(study, &trial).ok()) {
                    output::result(&line);
                }
            }
            LabEvent::CellEnded(reason) => self.note(&format!("Ended: {reason}.")),
        }
    }

    fn load(&mut self, event: &LoadEvent, total_seconds: f64) {
        let &LoadEvent::Progress {
            elapsed,
            succeeded,
            failed,
        } = event
        else {
            return;
        };
        let seconds = elapsed.as_secs_f64();
        // The counts begin anew with the window; then there is no rate to show.
        let rate = match self.window.replace((seconds, succeeded)) {
            Some((before, count)) if seconds > before && succeeded >= count => {
                (succeeded - count) as f64 / (seconds - before)
            }
            _ => 0.0,
        };
        if total_seconds <= 0.0 {
            self.bar.set_style(style("{spinner} {msg}"));
            self.bar.set_message(format!(
                "{succeeded} succeeded, {rate:.0} req/s, {failed} failed"
            ));
            return self.bar.tick();
        }
        self.bar.set_style(style("{bar:24} {msg}"));
        self.bar.set_length((total_seconds * 1000.0) as u64);
        self.bar.set_position((seconds * 1000.0) as u64);
        let left = (total_seconds - seconds).max(0.0);
        self.bar.set_message(format!(
            "{left:.0} s left, {rate:.0} req/s, {failed} failed"
        ));
    }

    fn spin(&self, message: String) {
        self.bar.set_style(style("{spinner} {wide_msg}"));
        self.bar.enable_steady_tick(TICK);
        self.bar.set_message(message);
    }

    fn clear(&mut self) {
        self.drain_was_told = false;
        self.window = None;
        self.bar.disable_steady_tick();
        self.bar.set_message(String::new());
        self.bar.set_style(style(""));
        self.bar.tick();
    }

    fn note(&self, text: &str) {
        self.bar.suspend(|| output::note(text));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
