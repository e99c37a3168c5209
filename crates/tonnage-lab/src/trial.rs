//! One trial: drain → start → ready → verify → warm-up → window → stop.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use tonnage_load::{LoadPlan, Observer, Stop, Target, Timeouts, default_threads};
use tonnage_model::{
    Cell, CellPlan, EndReason, LoadReport, Pause, Study, TimeWait, TrialOutcome, TrialRecord,
};

use crate::server::{Output, Running, ServerPlan, Size};
use crate::{Catalog, FoundStack, LabError, LabEvent, Settings, sockets, usable_cpus, verify};

/// The longest phase of a request within a study; a request that takes longer is
/// a failure for any user of a web service.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// How long the first connect of a load may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often the number of TIME_WAIT sockets is looked at.
const DRAIN_POLL: Duration = Duration::from_millis(250);

/// The stack's name in the record of a server that somebody else started.
const EXTERNAL: &str = "external";

/// What all trials of a run share.
pub(crate) struct Trials<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) study: &'a Study,
    pub(crate) run_id: &'a str,
    pub(crate) run_folder: &'a Path,
    pub(crate) target: Option<&'a str>,
    /// The stacks of all cells; none with a target.
    pub(crate) stacks: &'a [FoundStack],
    pub(crate) stop: &'a Stop,
    pub(crate) events: &'a Sender<LabEvent>,
}

/// A trial that ended, and the error that ended it, if one did.
pub(crate) struct TrialEnd {
    pub(crate) record: TrialRecord,
    pub(crate) error: Option<LabError>,
}

/// What becomes known of a trial while it lasts, error or not.
#[derive(Default)]
struct Facts {
    lock: String,
    boot: Option<Duration>,
    processes: Option<u32>,
    time_wait: TimeWait,
    load: Option<LoadReport>,
}

impl Trials<'_> {
    /// Measures one cell with `clients` users. What goes wrong is in the record.
    pub(crate) fn measure(&self, plan: &CellPlan, clients: u32, position: u32) -> TrialEnd {
        let log = PathBuf::from(format!("trials/{position:03}/server.log"));
        let mut facts = Facts::default();
        let started_unix_us = crate::run::unix_us();
        let result = match self.target {
            _ if self.stop.is_requested() => Err(LabError::Interrupted),
            Some(base) => self.measure_external(base, plan, clients, &mut facts),
            None => self.measure_own(plan, clients, &self.run_folder.join(&log), &mut facts),
        };
        let cut_short = |load: &LoadReport| load.ended == EndReason::Interrupted;
        let interrupted = matches!(result, Err(LabError::Interrupted))
            || facts.load.as_ref().is_some_and(cut_short);
        let outcome = match &result {
            _ if interrupted => TrialOutcome::Interrupted,
            Ok(()) => TrialOutcome::Measured,
            Err(error) => TrialOutcome::Failed(error.to_string()),
        };
        TrialEnd {
            record: TrialRecord {
                run_id: self.run_id.to_owned(),
                position,
                cell: self.cell(plan, clients, facts.lock),
                started_unix_us,
                boot_ms: facts.boot.map(|boot| boot.as_millis() as u64),
                processes: facts.processes,
                time_wait: facts.time_wait,
                outcome,
                log: Some(log).filter(|log| self.run_folder.join(log).exists()),
                load: facts.load,
            },
            error: if interrupted {
                Some(LabError::Interrupted)
            } else {
                result.err()
            },
        }
    }

    fn cell(&self, plan: &CellPlan, clients: u32, lock: String) -> Cell {
        let external = self.target.is_some();
        let found = self.find(&plan.stack).filter(|_| !external);
        let size = found.and_then(|found| Size::choose(found, plan.workers, plan.threads).ok());
        let size = size.unwrap_or_default();
        let own_rule = || found?.stack.workers;
        let rule = plan.workers.filter(|_| !external).or_else(own_rule);
        Cell {
            stack: if external {
                EXTERNAL.to_owned()
            } else {
                plan.stack.clone()
            },
            workload: plan.workload.clone(),
            workers: size.workers,
            worker_rule: rule.map_or_else(String::new, |rule| rule.to_string()),
            threads: size.threads,
            clients,
            keepalive: plan.keepalive,
            duration_us: plan.duration.0.as_micros() as u64,
            warmup_us: plan.warmup.0.as_micros() as u64,
            parameters: plan.parameters.clone(),
            lock,
        }
    }

    fn measure_external(
        &self,
        base: &str,
        plan: &CellPlan,
        clients: u32,
        facts: &mut Facts,
    ) -> Result<(), LabError> {
        let workload = Catalog.workload(&plan.workload)?;
        verify(base, &workload, self.stop)?;
        facts.time_wait = self.drain(&self.study.pause);
        self.load(base, plan, clients, facts)
    }

    fn measure_own(
        &self,
        plan: &CellPlan,
        clients: u32,
        log: &Path,
        facts: &mut Facts,
    ) -> Result<(), LabError> {
        facts.time_wait = self.drain(&self.study.pause);
        let folder = log.parent().unwrap_or(self.run_folder);
        std::fs::create_dir_all(folder).map_err(LabError::io(folder))?;
        self.tell(LabEvent::Starting { clients });
        let found = self.find(&plan.stack);
        let found = found.ok_or_else(|| LabError::missing_data(&plan.stack))?;
        let server = ServerPlan {
            stack: found.clone(),
            workload: plan.workload.clone(),
            size: Size::choose(found, plan.workers, plan.threads)?,
            host: "127.0.0.1".to_owned(),
            port: None,
        };
        let output = Output::File(log.to_owned());
        let mut running = Running::start(self.settings, &server, output, self.stop, self.events)?;
        facts.lock.clone_from(&running.lock);
        facts.boot = Some(running.boot);
        verify(&running.base, &Catalog.workload(&plan.workload)?, self.stop)?;
        self.tell(LabEvent::Ready {
            boot_ms: running.boot.as_millis() as u64,
        });
        let base = running.base.clone();
        let loaded = self.load(&base, plan, clients, facts);
        // A server that died explains whatever else went wrong.
        running.check_alive("ended under load")?;
        facts.processes = Some(running.processes() as u32);
        loaded
    }

    fn load(
        &self,
        base: &str,
        plan: &CellPlan,
        clients: u32,
        facts: &mut Facts,
    ) -> Result<(), LabError> {
        let path = self
            .study
            .request
            .path
            .get_ref()
            .fill(|name| plan.parameters.get(name).cloned());
        let path = path.map_err(|error| LabError::Usage(error.to_string()))?;
        let target = Target::resolve(
            &format!("{}{path}", base.trim_end_matches('/')),
            PROBE_TIMEOUT,
        )?;
        let load = LoadPlan {
            threads: default_threads(clients, usable_cpus()),
            keepalive: plan.keepalive,
            warmup: plan.warmup.0,
            duration: Some(plan.duration.0),
            timeouts: Timeouts::all(REQUEST_TIMEOUT),
            ..LoadPlan::new(target, clients)
        };
        let total_seconds = (plan.warmup.0 + plan.duration.0).as_secs_f64();
        let (sender, receiver) = mpsc::channel();
        let report = thread::scope(|scope| {
            scope.spawn(|| {
                for progress in receiver {
                    self.tell(LabEvent::Load {
                        progress,
                        total_seconds,
                    });
                }
            });
            let observer = Observer {
                events: &sender,
                snapshots: false,
            };
            let report = tonnage_load::run(&load, self.stop, Some(observer));
            drop(sender);
            report
        })?;
        let nothing = report.counts.succeeded == 0 && report.ended != EndReason::Interrupted;
        let reason = describe_losses(&report);
        facts.load = Some(report);
        if nothing {
            return Err(LabError::NothingSucceeded(reason));
        }
        Ok(())
    }

    /// Waits until the sockets of earlier trials have left TIME_WAIT, up to the
    /// study's bounds.
    fn drain(&self, pause: &Pause) -> TimeWait {
        let bound = (sockets::ephemeral_ports() as f64 * pause.time_wait_share) as u64;
        let start = Instant::now();
        loop {
            let sockets = sockets::time_wait_sockets();
            let waited = start.elapsed();
            if sockets <= bound || waited >= pause.max_wait.0 || self.stop.is_requested() {
                return TimeWait {
                    sockets,
                    waited_ms: waited.as_millis() as u64,
                };
            }
            self.tell(LabEvent::Draining { sockets, bound });
            thread::sleep(DRAIN_POLL);
        }
    }

    fn find(&self, name: &str) -> Option<&FoundStack> {
        self.stacks.iter().find(|found| found.name == name)
    }

    fn tell(&self, event: LabEvent) {
        // A receiver that went away does not want to know.
        let _ = self.events.send(event);
    }
}

/// What became of the requests that did not succeed, such as
/// `connect × refused: 12, unfinished: 3`.
fn describe_losses(report: &LoadReport) -> String {
    let mut losses: Vec<String> = report
        .failures
        .iter()
        .map(|failure| {
            let (phase, cause) = (failure.phase.name(), failure.cause.name());
            format!("{phase} × {cause}: {}", failure.count)
        })
        .collect();
    if report.counts.unfinished > 0 {
        losses.push(format!(
            "unfinished when the window ended: {}",
            report.counts.unfinished
        ));
    }
    losses.join(", ")
}
