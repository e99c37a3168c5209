//! What the machine makes of the end of a worker: which ones were asked for, which are
//! replaced at once, which later, and which mean that a generation, or the server, is
//! not going to work.

use rustix::process::{Pid, Signal};

use super::{BACKOFF_MS, DEATHS_WITHOUT_BACKOFF, End, QUICK_DEATH_MS, Supervisor, log};
use crate::supervisor::event::{Action, Ending, Hook, Level};
use crate::supervisor::roster::{Phase, Worker};
use crate::supervisor::{EXIT_APP_LOAD_ERROR, EXIT_BOOT_ERROR, signal_name};

/// The end of a worker.
#[derive(Debug)]
pub(super) struct Exit {
    pub(super) ending: Ending,
    /// The kernel has killed for want of memory meanwhile.
    pub(super) out_of_memory: bool,
    /// Why it could not start, where it said so.
    pub(super) reason: Option<String>,
}

impl Supervisor {
    pub(super) fn exited(&mut self, pid: Pid, end: &Exit, now_ms: u64, out: &mut Vec<Action>) {
        let ending = end.ending;
        if self.reexec == Some(pid) {
            self.reexec = None;
            return;
        }
        let Some(worker) = self.roster.remove_pid(pid) else {
            // As process 1, the server buries strangers too.
            log(
                out,
                Level::Debug,
                format!(
                    "Reaped unknown child process (pid:{pid}, {})",
                    describe(ending)
                ),
            );
            return;
        };
        report(pid, ending, end.out_of_memory, out);
        out.push(Action::Vacated { slot: worker.slot });
        out.push(Action::Hook(Hook::ChildExit {
            pid,
            age: worker.age,
        }));
        if !self.is_halting() {
            self.judge(&worker, end, now_ms, out);
        }
    }

    /// What the end of a worker means for the server.
    fn judge(&mut self, worker: &Worker, exit: &Exit, now_ms: u64, out: &mut Vec<Action>) {
        if worker.dismissed {
            return;
        }
        if !worker.has_served {
            let failure = boot_failure(exit.ending);
            if let (0, Some(end)) = (self.settled, failure) {
                self.halt(Signal::TERM, end, now_ms, out);
                return;
            }
            if self.is_on_trial(worker) {
                let known = failure.and_then(|end| end.reason).map(str::to_owned);
                let reason = exit.reason.clone().or(known);
                let reason = reason.unwrap_or_else(|| describe(exit.ending));
                self.generation_failed(&reason, now_ms, out);
                return;
            }
        }
        // A worker that was aborted had its timeout: that is pace enough.
        let was_aborted = matches!(worker.phase, Phase::Aborted { .. } | Phase::Killed);
        if !was_aborted && (!worker.has_served || now_ms < worker.spawned_ms + QUICK_DEATH_MS) {
            self.quick_death(now_ms, out);
        }
    }

    /// Whether this worker was to prove that the current generation works, while an older
    /// one serves.
    pub(super) fn is_on_trial(&self, worker: &Worker) -> bool {
        let current = self.current;
        worker.generation == current
            && self.settled != current
            && self
                .roster
                .count(|other| other.is_ready() && other.generation != current)
                > 0
    }

    /// Returns to the generation before.
    pub(super) fn generation_failed(&mut self, reason: &str, now_ms: u64, out: &mut Vec<Action>) {
        let (failed, kept) = (self.current, self.settled);
        let text = format!(
            "Reload failed, the old workers go on: {}",
            reason.trim_end_matches('.')
        );
        log(out, Level::Error, text);
        let useless = self
            .roster
            .slots(|worker| worker.is_live() && worker.generation == failed);
        self.stop_all(&useless, now_ms, out);
        self.current = kept;
        if let Some((policy, target)) = self.fallback.take() {
            self.policy = policy;
            if target != self.target {
                self.set_target(target, out);
            }
        }
        out.push(Action::Hook(Hook::GenerationFailed {
            generation: failed,
            kept,
        }));
    }

    /// Counts a worker that died of its start, and puts off the next start if there were
    /// several.
    pub(super) fn quick_death(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        self.quick_deaths += 1;
        self.last_quick_death_ms = now_ms;
        if self.quick_deaths > DEATHS_WITHOUT_BACKOFF {
            let doublings = (self.quick_deaths - DEATHS_WITHOUT_BACKOFF - 1).min(16);
            let delay_ms = (BACKOFF_MS.0 << doublings).min(BACKOFF_MS.1);
            self.spawn_at_ms = now_ms + delay_ms;
            let text =
                format!("Workers keep dying at their start; the next one starts in {delay_ms} ms");
            log(out, Level::Warning, text);
        }
    }

    /// A worker that was started after the last quick death and lives is proof enough
    /// that starting works.
    pub(super) fn forget_deaths(&mut self, now_ms: u64) {
        let last_ms = self.last_quick_death_ms;
        let is_proof = |worker: &Worker| {
            worker.is_ready()
                && worker.spawned_ms >= last_ms
                && now_ms >= worker.spawned_ms + QUICK_DEATH_MS
        };
        if self.quick_deaths > 0 && self.roster.iter().any(is_proof) {
            self.quick_deaths = 0;
            self.spawn_at_ms = 0;
        }
    }
}

/// Whether a worker ended because it, or its application, cannot start at all.
fn boot_failure(ending: Ending) -> Option<End> {
    let end = |code, reason| {
        Some(End {
            code,
            reason: Some(reason),
        })
    };
    match ending {
        Ending::Code(EXIT_BOOT_ERROR) => end(EXIT_BOOT_ERROR, "Worker failed to boot."),
        Ending::Code(EXIT_APP_LOAD_ERROR) => end(EXIT_APP_LOAD_ERROR, "App failed to load."),
        _ => None,
    }
}

fn report(pid: Pid, ending: Ending, out_of_memory: bool, out: &mut Vec<Action>) {
    const KILL: i32 = Signal::KILL.as_raw();
    const TERM: i32 = Signal::TERM.as_raw();
    match ending {
        Ending::Code(0) => {}
        Ending::Code(code) => {
            log(
                out,
                Level::Error,
                format!("Worker (pid:{pid}) exited with code {code}."),
            );
        }
        Ending::Signal(signal) => {
            let hint = if signal == KILL && out_of_memory {
                " It was out of memory."
            } else {
                ""
            };
            let level = match signal {
                KILL => Level::Error,
                TERM => Level::Info,
                _ => Level::Warning,
            };
            log(
                out,
                level,
                format!("Worker (pid:{pid}) was sent {}!{hint}", signal_name(signal)),
            );
        }
    }
}

fn describe(ending: Ending) -> String {
    match ending {
        Ending::Code(code) => format!("it exited with code {code}"),
        Ending::Signal(signal) => format!("it was sent {}", signal_name(signal)),
    }
}
