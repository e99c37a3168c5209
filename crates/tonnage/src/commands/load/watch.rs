//! What a person sees while load is sent: a view that renews itself on a
//! terminal, one line a second elsewhere, charts where a page was asked for, and
//! nothing with `--quiet`.

use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tonnage_load::{LoadError, LoadEvent, LoadPlan, Observer};
use tonnage_model::{LoadReport, Slice};
use tonnage_report::{progress_line, progress_view};

use super::live::LivePage;
use crate::output;

/// Seconds that the view remembers for its sparkline.
const HISTORY: usize = 60;

/// Everybody who wants to know how it goes.
pub(super) struct Watch {
    view: View,
    live: Option<LivePage>,
    /// Ramp, warm-up and window together; `None` where only a count ends it.
    total: Option<Duration>,
}

enum View {
    Nothing,
    Lines,
    Terminal(Terminal),
}

struct Terminal {
    bar: ProgressBar,
    slices: Vec<Slice>,
}

impl Watch {
    pub(super) fn new(plan: &LoadPlan, quiet: bool, live: Option<LivePage>) -> Self {
        let view = if quiet {
            View::Nothing
        } else if output::progress_is_seen() {
            View::Terminal(Terminal {
                bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
                    .with_style(message_only()),
                slices: Vec::new(),
            })
        } else {
            View::Lines
        };
        Self {
            view,
            live,
            total: plan.window().map(|window| plan.lead_in() + window),
        }
    }

    /// Shows what `load` tells, until it ends.
    pub(super) fn during(
        mut self,
        load: impl FnOnce(Option<Observer<'_>>) -> Result<LoadReport, LoadError>,
    ) -> Result<LoadReport, LoadError> {
        if matches!(self.view, View::Nothing) && self.live.is_none() {
            return load(None);
        }
        let snapshots = self.live.is_some();
        thread::scope(|scope| {
            let (sender, events) = mpsc::channel();
            let shown = scope.spawn(move || {
                self.show(&events);
                self
            });
            let report = load(Some(Observer {
                events: &sender,
                snapshots,
            }));
            drop(sender);
            // A view that panicked has nothing more to say; the report counts.
            if let (Ok(watch), Ok(report)) = (shown.join(), &report)
                && let Some(live) = watch.live
            {
                live.finish(report);
            }
            report
        })
    }

    fn show(&mut self, events: &Receiver<LoadEvent>) {
        for event in events {
            match event {
                LoadEvent::Progress {
                    elapsed,
                    succeeded,
                    failed,
                } => self.progress(elapsed, succeeded, failed),
                LoadEvent::WindowBegins => {}
                LoadEvent::Slice(slice) => self.slice(*slice),
                LoadEvent::Snapshot(report) => {
                    if let Some(live) = &self.live {
                        live.update(&report);
                    }
                }
            }
        }
        if let View::Terminal(terminal) = &self.view {
            terminal.bar.finish_and_clear();
        }
    }

    fn slice(&mut self, slice: Slice) {
        match &mut self.view {
            View::Nothing => {}
            View::Lines => output::note(&progress_line(&slice)),
            View::Terminal(terminal) => {
                terminal.slices.push(slice);
                let excess = terminal.slices.len().saturating_sub(HISTORY);
                terminal.slices.drain(..excess);
            }
        }
    }

    fn progress(&mut self, elapsed: Duration, succeeded: u64, failed: u64) {
        let View::Terminal(terminal) = &self.view else {
            return;
        };
        let columns = output::width();
        let counts = (succeeded, failed);
        let view = progress_view(elapsed, self.total, counts, &terminal.slices, columns);
        terminal.bar.set_message(view);
        terminal.bar.tick();
    }
}

fn message_only() -> ProgressStyle {
    ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}
