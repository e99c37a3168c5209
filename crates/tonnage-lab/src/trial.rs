//! One trial: drain → start → ready → verify → warm up until steady → window →
//! counters → stop. Which trial is made is the schedule's choice.

mod plans;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use tonnage_limits::{Backend, Sampler};
use tonnage_load::{LoadEvent, LoadPlan, Observer, Stop};
use tonnage_model::{
    Assertion, CellPlan, CpuSet, EndReason, LoadReport, Pause, Request, Study, TimeWait,
    TrialOutcome, TrialRecord, Usage, WarmUp,
};

use crate::pin::{self, Apart};
use crate::schedule::Job;
use crate::server::{Output, Running};
use crate::{
    Catalog, FoundStack, LabError, LabEvent, Settings, sockets, upstream_calls, verify, warm_up,
};

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
    /// The stacks of all cells and of the reference; none with a target.
    pub(crate) stacks: &'a [FoundStack],
    /// How limits are set.
    pub(crate) backend: &'a Backend,
    /// CPUs that may be used.
    pub(crate) cpus: &'a [u32],
    /// Memory of the machine, in bytes.
    pub(crate) machine_bytes: u64,
    /// What the generator reaches against a responder that does nothing.
    pub(crate) ceiling_rps: Option<f64>,
    pub(crate) seed: u64,
    pub(crate) stop: &'a Stop,
    pub(crate) events: &'a Sender<LabEvent>,
}

/// A trial to be made: its job with the plan and request that belong to it.
pub(crate) struct Order<'a> {
    pub(crate) job: &'a Job,
    /// The cell's plan, a search's change included.
    pub(crate) plan: CellPlan,
    pub(crate) request: &'a Request,
    /// What a search demands of the result.
    pub(crate) objective: Option<Assertion>,
    /// How long the server may take to become steady.
    pub(crate) steady_within: Duration,
    pub(crate) position: u32,
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
    memory_clamped_bytes: Option<u64>,
    warm_up: Option<WarmUp>,
    generator_cpus: Option<CpuSet>,
    usage: Option<Usage>,
    upstream_calls: Option<u64>,
    load: Option<LoadReport>,
}

impl Trials<'_> {
    /// Makes a trial. What goes wrong is in the record.
    pub(crate) fn measure(&self, order: &Order<'_>) -> TrialEnd {
        let log = PathBuf::from(format!("trials/{:03}/server.log", order.position));
        let mut facts = Facts::default();
        let started_unix_us = crate::run::unix_us();
        let started = Instant::now();
        let result = match self.target {
            _ if self.stop.is_requested() => Err(LabError::Interrupted),
            Some(base) => self.measure_external(base, order, &mut facts),
            None => self.measure_own(order, &self.run_folder.join(&log), &mut facts),
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
                position: order.position,
                block: order.job.block,
                kind: order.job.kind,
                cell_number: order.job.cell.map(|cell| cell as u32),
                cell: self.cell(order, facts.lock),
                started_unix_us,
                took_us: started.elapsed().as_micros() as u64,
                boot_ms: facts.boot.map(|boot| boot.as_millis() as u64),
                processes: facts.processes,
                time_wait: facts.time_wait,
                memory_clamped_bytes: facts.memory_clamped_bytes,
                warm_up: facts.warm_up,
                generator_cpus: facts.generator_cpus,
                usage: facts.usage,
                upstream_calls: facts.upstream_calls,
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

    fn measure_external(
        &self,
        base: &str,
        order: &Order<'_>,
        facts: &mut Facts,
    ) -> Result<(), LabError> {
        facts.time_wait = self.drain(&self.study.pause);
        verify(base, &Catalog.workload(&order.plan.workload)?, self.stop)?;
        let load = self.load_plan(base, order, None)?;
        facts.warm_up = warm_up::until_steady(&load, order.steady_within, self.stop)?;
        self.load(&load, None, || {}, facts)
    }

    fn measure_own(
        &self,
        order: &Order<'_>,
        log: &Path,
        facts: &mut Facts,
    ) -> Result<(), LabError> {
        facts.time_wait = self.drain(&self.study.pause);
        let folder = log.parent().unwrap_or(self.run_folder);
        std::fs::create_dir_all(folder).map_err(LabError::io(folder))?;
        self.tell(LabEvent::Starting {
            clients: order.job.clients,
        });
        let apart = self.apart(&order.plan);
        facts.generator_cpus = apart.as_ref().map(|apart| apart.generator.clone());
        let server = self.server_plan(order, apart.as_ref(), facts)?;
        let output = Output::File(log.to_owned());
        let mut running = Running::launch(self.settings, &server, output, self.stop, self.events)?;
        facts.lock.clone_from(&running.lock);
        let mut sampler = running.watch();
        let measured = self.measure_running(order, &mut running, &mut sampler, apart, facts);
        // Before the group is removed, whatever happened.
        facts.usage = Some(sampler.finish());
        let killed = running.oom_kills();
        match measured {
            // What the kernel did explains whatever went wrong then.
            Err(error) if killed > 0 && !matches!(error, LabError::Interrupted) => {
                Err(LabError::MemoryKilled {
                    kills: killed,
                    then: error.to_string(),
                })
            }
            measured => measured,
        }
    }

    fn measure_running(
        &self,
        order: &Order<'_>,
        running: &mut Running,
        sampler: &mut Sampler,
        apart: Option<Apart>,
        facts: &mut Facts,
    ) -> Result<(), LabError> {
        running.wait_until_ready(self.stop)?;
        facts.boot = Some(running.boot);
        let workload = Catalog.workload(&order.plan.workload)?;
        verify(&running.base, &workload, self.stop)?;
        self.tell(LabEvent::Ready {
            boot_ms: running.boot.as_millis() as u64,
        });
        let generator = apart.map(|apart| apart.generator);
        let mut load = self.load_plan(&running.base, order, generator.as_ref())?;
        load.server_status = running.status;
        let calls_before = running.upstream.as_deref().and_then(upstream_calls::so_far);
        facts.warm_up = on_cpus(generator.as_ref(), || {
            warm_up::until_steady(&load, order.steady_within, self.stop)
        })?;
        running.check_alive("ended while it was warmed up")?;
        let loaded = self.load(&load, generator.as_ref(), || sampler.window_begins(), facts);
        sampler.window_ends();
        let calls = running.upstream.as_deref().and_then(upstream_calls::so_far);
        facts.upstream_calls = calls.zip(calls_before).map(|(now, before)| now - before);
        // A server that died explains whatever else went wrong.
        running.check_alive("ended under load")?;
        facts.processes = Some(running.processes() as u32);
        loaded
    }

    /// Sends the load of the window; `window_begins` is called as it does.
    fn load(
        &self,
        load: &LoadPlan,
        generator: Option<&CpuSet>,
        window_begins: impl FnMut() + Send,
        facts: &mut Facts,
    ) -> Result<(), LabError> {
        // By requests it may end much sooner.
        let by_time = load.requests.is_none().then_some(load.duration).flatten();
        let total_seconds = by_time.map_or(0.0, |window| (load.warmup + window).as_secs_f64());
        let (sender, receiver) = mpsc::channel();
        let report = thread::scope(|scope| {
            scope.spawn(move || self.follow(&receiver, total_seconds, window_begins));
            let report = on_cpus(generator, || {
                let observer = Observer {
                    events: &sender,
                    snapshots: false,
                };
                tonnage_load::run(load, self.stop, Some(observer)).map_err(LabError::from)
            });
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

    fn follow(
        &self,
        events: &Receiver<LoadEvent>,
        total_seconds: f64,
        mut window_begins: impl FnMut(),
    ) {
        for progress in events {
            if progress == LoadEvent::WindowBegins {
                window_begins();
            }
            self.tell(LabEvent::Load {
                progress,
                total_seconds,
            });
        }
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

/// Does something on a thread of its own that stays on these CPUs, as do those that
/// it starts; on the calling thread where there are none.
fn on_cpus<T: Send>(
    cpus: Option<&CpuSet>,
    work: impl FnOnce() -> Result<T, LabError> + Send,
) -> Result<T, LabError> {
    let Some(cpus) = cpus else {
        return work();
    };
    thread::scope(|scope| {
        let kept = scope.spawn(|| {
            pin::keep_on(cpus)
                .map_err(|error| LabError::io("the generator's CPUs")(error.into()))?;
            work()
        });
        match kept.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
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
