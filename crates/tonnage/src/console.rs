//! What a person sees while a study runs: a line on standard output as each step
//! ends, and on standard error, where that is a terminal, what is going on.

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tonnage_lab::LabEvent;
use tonnage_load::LoadEvent;
use tonnage_model::{Conditions, NoiseGrade, Study, TrialKind, TrialRecord};

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
        course: None,
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
    /// Where the run is, once a trial has begun.
    course: Option<Course>,
    /// Progress at the last look, for the rate since then: seconds, successes.
    window: Option<(f64, u64)>,
    /// Whether this wait for sockets was told where there is no terminal.
    drain_was_told: bool,
}

/// Where a run is.
struct Course {
    made: usize,
    left: usize,
    seconds_left: f64,
    began: Instant,
    /// What is measured now.
    name: String,
}

impl Course {
    /// The part of the line that stays while a trial lasts.
    fn line(&self) -> String {
        let left = (self.seconds_left - self.began.elapsed().as_secs_f64()).max(0.0);
        format!("{} left, {}", in_words(left), self.name)
    }
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
            LabEvent::Examining => self.spin("looking how noisy this machine is".to_owned()),
            LabEvent::RunBegins { run_id, folder, conditions } => {
                self.clear();
                self.note(&format!("Run {run_id}, in {}", folder.display()));
                self.conditions(&conditions);
            }
            LabEvent::CellBegins { label, number: (number, of) } => {
                let number = if of > 1 { format!("[{number}/{of}] ") } else { String::new() };
                self.note(&format!("{number}{label}"));
            }
            LabEvent::TrialBegins { name, kind, clients, block: (block, blocks), made, left, seconds_left } => {
                let kind = match kind {
                    TrialKind::Measure | TrialKind::Reference => "",
                    TrialKind::Duplicate => " again",
                    TrialKind::Search => " (search)",
                };
                let block = if blocks > 1 && block <= blocks {
                    format!(", block {block}/{blocks}")
                } else {
                    String::new()
                };
                let plural = if clients == 1 { "" } else { "s" };
                self.course = Some(Course {
                    made,
                    left,
                    seconds_left,
                    began: Instant::now(),
                    name: format!("{name}{kind}, {clients} user{plural}{block}"),
                });
                self.step("starting");
            }
            LabEvent::Draining { sockets, bound } => {
                if !output::progress_is_seen() && !std::mem::replace(&mut self.drain_was_told, true) {
                    output::note(&format!("Waiting until at most {bound} of {sockets} sockets are in TIME_WAIT …"));
                }
                self.step(&format!("waiting for sockets in TIME_WAIT to become fewer: {sockets}, wanted {bound}"));
            }
            LabEvent::Starting { clients } if self.course.is_none() => {
                self.spin(format!("starting the server for {clients} users"));
            }
            LabEvent::Starting { .. } => self.step("starting the server"),
            LabEvent::Ready { boot_ms } => self.step(&format!("ready after {boot_ms} ms, warming up")),
            LabEvent::Load { progress, total_seconds } => self.load(&progress, total_seconds),
            LabEvent::TrialEnded(trial) => self.trial_ended(&trial),
            LabEvent::TrialFailed(reason) => self.note(&format!("Failed: {reason}")),
            LabEvent::CellEnded(reason) => self.note(&format!("Ended: {reason}.")),
        }
    }

    /// What a reader of the figures has to know from the start.
    fn conditions(&self, conditions: &Conditions) {
        let noise = conditions.noise.as_ref();
        let grade = noise.map(|noise| format!("Noise grade {:?}, ", noise.grade));
        self.note(&format!(
            "{}limits by {}, seed {}.",
            grade.unwrap_or_default(),
            conditions.isolation_text,
            conditions.seed
        ));
        if noise.is_some_and(|noise| noise.grade == NoiseGrade::D) {
            self.note(
                "warning: this machine is too noisy to trust its figures (see `tonnage doctor`).",
            );
        }
        for (stack, reason) in &conditions.unavailable {
            self.note(&format!("Left out: {stack}: {reason}"));
        }
    }

    /// The step's line, where the study has one: once for each step.
    fn trial_ended(&mut self, trial: &TrialRecord) {
        self.clear();
        let is_step = trial.kind == TrialKind::Measure && trial.block == 0;
        let study = self.study.filter(|_| is_step && trial.measured().is_some());
        if let Some(line) = study.and_then(|study| tonnage_report::step_line(study, trial).ok()) {
            self.bar.suspend(|| output::result(&line));
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
        let of = if total_seconds > 0.0 {
            let left = (total_seconds - seconds).max(0.0);
            format!("{left:.0} s, ")
        } else {
            String::new()
        };
        self.step(&format!("{of}{rate:.0} req/s, {failed} failed"));
    }

    /// Shows where the run is, and what its trial is doing.
    fn step(&self, doing: &str) {
        let Some(course) = &self.course else {
            return self.spin(doing.to_owned());
        };
        self.bar.disable_steady_tick();
        self.bar.set_style(style("{bar:8} {pos}/{len} {wide_msg}"));
        self.bar.set_length((course.made + course.left) as u64);
        self.bar.set_position(course.made as u64);
        self.bar.set_message(format!("{}: {doing}", course.line()));
        self.bar.tick();
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

/// `40 s`, `6 min`, `1 h 20 min`.
fn in_words(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    if seconds < 90.0 {
        format!("{seconds:.0} s")
    } else if minutes < 90 {
        format!("{minutes} min")
    } else {
        format!("{} h {} min", minutes / 60, minutes % 60)
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
