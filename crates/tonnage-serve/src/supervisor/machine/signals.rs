//! What the machine makes of signals, and how it ends the server.

use rustix::process::Signal;

use super::{Course, End, QUICK_MS, Supervisor, log, send};
use crate::supervisor::event::{Action, Hook, Level, PidfileStep};
use crate::supervisor::roster::Phase;
use crate::supervisor::signal_name;

impl Supervisor {
    pub(super) fn signal(&mut self, signal: Signal, now_ms: u64, out: &mut Vec<Action>) {
        if let Course::Halting { .. } = self.course {
            if matches!(signal, Signal::INT | Signal::QUIT) {
                self.hurry(now_ms, out);
            }
            return;
        }
        let name = signal_name(signal.as_raw())
            .trim_start_matches("SIG")
            .to_ascii_lowercase();
        log(out, Level::Info, format!("Handling signal: {name}"));
        match signal {
            Signal::TERM => self.halt(
                Signal::TERM,
                End {
                    code: 0,
                    reason: None,
                },
                now_ms,
                out,
            ),
            Signal::INT | Signal::QUIT => {
                self.halt(
                    Signal::QUIT,
                    End {
                        code: 0,
                        reason: None,
                    },
                    now_ms,
                    out,
                );
            }
            // Nothing else makes sense before the sockets are open.
            _ if self.course == Course::Opening => {}
            Signal::HUP => {
                log(out, Level::Info, format!("Hang up: {}", self.name()));
                out.push(Action::Reload);
            }
            Signal::TTIN => self.retarget(self.target.saturating_add(1), out),
            Signal::TTOU if self.target > 1 => self.retarget(self.target - 1, out),
            Signal::USR1 => {
                out.push(Action::ReopenLogs);
                self.send_all(Signal::USR1, out);
            }
            Signal::USR2 => self.reexec(out),
            Signal::WINCH if self.policy.daemon => {
                log(out, Level::Info, "graceful stop of workers");
                self.retarget(0, out);
            }
            Signal::WINCH => log(out, Level::Debug, "SIGWINCH ignored. Not daemonized"),
            _ => {}
        }
    }

    fn reexec(&self, out: &mut Vec<Action>) {
        if self.reexec.is_some() {
            log(out, Level::Warning, "USR2 signal ignored. Child exists.");
        } else if self.has_parent {
            log(out, Level::Warning, "USR2 signal ignored. Parent exists.");
        } else {
            out.push(Action::Reexec);
        }
    }

    /// Begins to end the server: the workers are asked to stop by `signal`.
    pub(super) fn halt(&mut self, signal: Signal, end: End, now_ms: u64, out: &mut Vec<Action>) {
        // The other server needs the files of Unix sockets.
        let unlink = self.reexec.is_none() && !self.has_parent;
        out.push(Action::CloseListeners { unlink });
        let limit_ms = now_ms + self.patience_ms();
        self.course = Course::Halting {
            end,
            quick: signal == Signal::QUIT,
            limit_ms,
        };
        for worker in self.roster.iter_mut() {
            match worker.phase {
                Phase::Starting | Phase::Ready => {
                    worker.dismiss(limit_ms);
                    send(worker, signal, out);
                }
                // Asked before; only in a hurry it is asked once more.
                Phase::Stopping { kill_at_ms } => {
                    worker.phase = Phase::Stopping {
                        kill_at_ms: kill_at_ms.min(limit_ms),
                    };
                    if signal == Signal::QUIT {
                        send(worker, signal, out);
                    }
                }
                Phase::Aborted { .. } | Phase::Killed => {}
            }
        }
    }

    /// INT or QUIT while the server ends: the workers are to stop at once, and are killed
    /// in two seconds. Once more does not make it shorter: a terminal and a wrapper may both
    /// tell of one Ctrl-C, and workers have hooks to run and applications to end.
    fn hurry(&mut self, now_ms: u64, out: &mut Vec<Action>) {
        let Course::Halting {
            end,
            quick,
            limit_ms,
        } = self.course
        else {
            return;
        };
        let limit_ms = limit_ms.min(now_ms + QUICK_MS);
        self.course = Course::Halting {
            end,
            quick: true,
            limit_ms,
        };
        log(out, Level::Info, "Quick shutdown requested");
        for worker in self.roster.iter_mut() {
            if let Phase::Stopping { kill_at_ms } = worker.phase {
                worker.phase = Phase::Stopping {
                    kill_at_ms: kill_at_ms.min(limit_ms),
                };
                if !quick {
                    send(worker, Signal::QUIT, out);
                }
            }
        }
    }

    /// The last words.
    pub(super) fn finish(&mut self, end: End, out: &mut Vec<Action>) {
        let level = if end.code == 0 {
            Level::Info
        } else {
            Level::Error
        };
        log(out, level, format!("Shutting down: {}", self.name()));
        if let Some(reason) = end.reason {
            log(out, level, format!("Reason: {reason}"));
        }
        out.push(Action::Pidfile(PidfileStep::Remove));
        out.push(Action::Hook(Hook::OnExit));
        out.push(Action::Exit(end.code));
        self.course = Course::Over;
    }

    fn send_all(&mut self, signal: Signal, out: &mut Vec<Action>) {
        for worker in self.roster.iter_mut().filter(|worker| worker.pid.is_some()) {
            send(worker, signal, out);
        }
    }

    /// What gunicorn's log calls the server.
    fn name(&self) -> &'static str {
        if self.has_parent {
            "Master.2"
        } else {
            "Master"
        }
    }
}
