//! What the rules look at: the counters of a cell's trials, added up.

use std::str::FromStr;

use tonnage_model::{Cell, HumanDuration, InFlight, Phase, RunRecord, Study, ThinkTime, Usage};

use super::cpus::available_cpus;
use crate::analysis::Facts;
use crate::cells::CellView;

/// The parameter that says how long the service behind takes.
const DELAY: &str = "delay";

/// Less of the CPU time than this without a process that was there at the end is what
/// ticks lose.
const FEW_GONE: f64 = 0.2;

/// A worker process in one trial.
#[derive(Debug, Clone, Copy)]
pub(super) struct Worker {
    /// CPUs that it used on average.
    pub(super) cpus: f64,
    /// Its threads.
    pub(super) threads: u32,
}

/// The counters of a cell's trials together; shares are 0 to 1, times in seconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) cell: Cell,
    pub(super) generator_bound: Option<String>,
    /// Windows of all trials with usage, in seconds.
    pub(super) window_s: f64,
    pub(super) mean_cpus: Option<f64>,
    /// CPUs that the server may use.
    pub(super) available_cpus: f64,
    pub(super) periods: u64,
    pub(super) throttled_periods: u64,
    pub(super) throttled_s: f64,
    pub(super) oom_kills: u64,
    pub(super) respawned: u64,
    pub(super) limit_hits: u64,
    pub(super) memory_pressure: Option<f64>,
    /// Share of the windows in which threads waited for a CPU, without the quota's part.
    pub(super) cpu_pressure: Option<f64>,
    pub(super) steal: Option<f64>,
    /// Share of the CPU time that belongs to no process that was there at the end.
    pub(super) gone_share: Option<f64>,
    /// The workers of each trial, busiest first.
    pub(super) workers: Vec<Vec<Worker>>,
    pub(super) rps: f64,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) connect_failures: u64,
    pub(super) opened: u64,
    pub(super) mean_response_s: Option<f64>,
    pub(super) mean_service_s: Option<f64>,
    pub(super) mean_connect_s: Option<f64>,
    pub(super) mean_in_flight: Option<f64>,
    pub(super) listen_overflows: u64,
    /// Whether a request says how long the service behind takes.
    pub(super) names_upstream: bool,
    /// Calls that were counted there; `None` where nobody counts.
    pub(super) upstream_calls: Option<u64>,
    pub(super) capacity: Option<InFlight>,
    /// Trials whose warm-up or window was not steady, and all that were measured.
    pub(super) unsteady: usize,
    pub(super) trials: usize,
}

impl Seen {
    /// Of a cell; `None` where no trial left a counter or a report.
    pub(super) fn of(
        view: &CellView<'_>,
        run: &RunRecord,
        study: &Study,
        facts: &Facts,
    ) -> Option<Self> {
        let mut seen = Self {
            cell: view.cell.clone(),
            generator_bound: view.generator_bound.clone(),
            available_cpus: available_cpus(view, run),
            names_upstream: names_upstream(view.cell, study),
            capacity: facts
                .capacities
                .get(&view.cell.stack)
                .map(|capacity| capacity.in_flight(view.cell.workers, view.cell.threads)),
            ..Self::default()
        };
        seen.add_usage(view);
        seen.add_loads(view);
        let nothing = seen.trials == 0 && seen.oom_kills == 0 && seen.mean_cpus.is_none();
        (!nothing).then_some(seen)
    }

    fn add_usage(&mut self, view: &CellView<'_>) {
        let usages: Vec<&Usage> = view.usages().collect();
        let sum = |part: fn(&Usage) -> u64| -> u64 { usages.iter().map(|usage| part(usage)).sum() };
        let window_us = sum(|usage| usage.window_us);
        let share = |us: u64| us as f64 / window_us as f64;
        self.window_s = window_us as f64 / 1e6;
        self.periods = sum(|usage| usage.periods.unwrap_or(0));
        self.throttled_periods = sum(|usage| usage.throttled_periods.unwrap_or(0));
        self.throttled_s = sum(|usage| usage.throttled_us.unwrap_or(0)) as f64 / 1e6;
        self.limit_hits = sum(|usage| usage.memory_limit_hits.unwrap_or(0));
        self.respawned = sum(|usage| usage.respawned);
        // Trials that could not be measured tell most about kills.
        let excluded = view.excluded.iter().map(|excluded| excluded.trial);
        let unshown =
            excluded.filter(|trial| !view.shown.iter().any(|s| s.position == trial.position));
        let others = unshown.filter_map(|trial| trial.usage.as_ref());
        self.oom_kills = usages
            .iter()
            .copied()
            .chain(others)
            .filter_map(|usage| usage.oom_kills)
            .sum();
        if window_us == 0 {
            return;
        }
        let cpu_us = sum(|usage| usage.cpu_us);
        self.mean_cpus = Some(share(cpu_us));
        self.memory_pressure = usages
            .iter()
            .any(|usage| usage.memory_pressure_us.is_some())
            .then(|| share(sum(|usage| usage.memory_pressure_us.unwrap_or(0))));
        self.cpu_pressure = usages
            .iter()
            .any(|usage| usage.cpu_pressure_us.is_some())
            .then(|| {
                let waited = sum(|usage| usage.cpu_pressure_us.unwrap_or(0));
                share(waited.saturating_sub(sum(|usage| usage.throttled_us.unwrap_or(0))))
            });
        self.steal = mean(usages.iter().filter_map(|usage| usage.steal_share));
        let of_living = sum(|usage| usage.processes.iter().map(|p| p.cpu_us).sum());
        self.gone_share = (cpu_us > 0 && of_living > 0)
            .then(|| (1.0 - of_living as f64 / cpu_us as f64).max(0.0));
        let few_gone = self.gone_share.is_some_and(|share| share < FEW_GONE);
        self.workers = usages
            .iter()
            .map(|usage| workers(usage, view.cell, few_gone))
            .collect();
    }

    fn add_loads(&mut self, view: &CellView<'_>) {
        self.rps = mean(view.by_block("rps").into_values()).unwrap_or(0.0);
        (self.succeeded, self.failed) = (view.succeeded(), view.failed());
        self.upstream_calls = counts_upstream(view).then(|| {
            let calls = view.shown.iter().filter_map(|trial| trial.upstream_calls);
            calls.sum()
        });
        self.connect_failures = view
            .failures()
            .iter()
            .filter(|failure| failure.phase == Phase::Connect)
            .map(|failure| failure.count)
            .sum();
        let loads: Vec<_> = view.loads().collect();
        let seconds = |us: Option<f64>| us.map(|us| us / 1e6);
        self.trials = loads.len();
        self.opened = loads
            .iter()
            .map(|load| load.counts.connections_opened)
            .sum();
        self.mean_response_s = mean(
            loads
                .iter()
                .filter_map(|l| seconds(l.response_time.mean_us)),
        );
        self.mean_service_s = mean(loads.iter().filter_map(|l| seconds(l.service_time.mean_us)));
        self.mean_connect_s = mean(loads.iter().filter_map(|l| seconds(l.connect_time.mean_us)));
        self.mean_in_flight = mean(loads.iter().filter_map(|l| l.generator.mean_in_flight));
        self.listen_overflows = loads
            .iter()
            .filter_map(|l| l.generator.listen_overflows)
            .sum();
        self.unsteady = view
            .shown
            .iter()
            .filter(|trial| {
                let drifts = trial.measured().is_some_and(|load| {
                    load.verdict
                        .reason(tonnage_model::Detector::NotSteady)
                        .is_some()
                });
                drifts || trial.warm_up.is_some_and(|warm_up| !warm_up.steady)
            })
            .count();
    }

    /// CPUs used as a share of those that may be used.
    pub(super) fn cpu_share(&self) -> Option<f64> {
        Some(self.mean_cpus? / self.available_cpus)
    }

    pub(super) fn throttled_share(&self) -> f64 {
        self.throttled_periods as f64 / self.periods.max(1) as f64
    }

    /// Mean think time in seconds; 0 without.
    pub(super) fn think_s(&self) -> f64 {
        think_s(&self.cell)
    }

    /// How long the service behind takes, in seconds: the study's parameter `delay`,
    /// in seconds or with a unit.
    pub(super) fn upstream_delay_s(&self) -> Option<f64> {
        let text = self.cell.parameters.get(DELAY)?;
        let with_unit = || {
            HumanDuration::from_str(text)
                .ok()
                .map(|delay| delay.0.as_secs_f64())
        };
        text.parse()
            .ok()
            .or_else(with_unit)
            .filter(|delay| *delay > 0.0)
    }
}

fn think_s(cell: &Cell) -> f64 {
    match ThinkTime::from_str(&cell.think).unwrap_or_default() {
        ThinkTime::None => 0.0,
        ThinkTime::Constant(mean)
        | ThinkTime::Exponential(mean)
        | ThinkTime::Normal(mean, _)
        | ThinkTime::LogNormal(mean, _) => mean.as_secs_f64(),
        ThinkTime::Uniform(low, high) => f64::midpoint(low.as_secs_f64(), high.as_secs_f64()),
    }
}

/// Whether users think between their requests.
pub(crate) fn has_think_time(cell: &Cell) -> bool {
    think_s(cell) > 0.0
}

fn counts_upstream(view: &CellView<'_>) -> bool {
    view.shown
        .iter()
        .any(|trial| trial.upstream_calls.is_some())
}

/// Whether what is sent to a cell's workload tells the service behind how long to take.
fn names_upstream(cell: &Cell, study: &Study) -> bool {
    study.request_for(&cell.workload).is_some_and(|request| {
        let names = request.path.get_ref().names();
        names.into_iter().any(|name| name == DELAY)
    })
}

/// Calls behind for each request from which on waiting for them is what a cell does.
pub(super) const MANY_CALLS: f64 = 0.5;

/// Whether a cell's requests wait for a service behind, as far as is known: calls that
/// are counted say more than what was sent.
pub(crate) fn has_upstream(view: &CellView<'_>, study: &Study) -> bool {
    if !counts_upstream(view) {
        return names_upstream(view.cell, study);
    }
    let calls: u64 = view.shown.iter().filter_map(|t| t.upstream_calls).sum();
    calls as f64 >= MANY_CALLS * view.succeeded().max(1) as f64
}

/// The worker processes of a server, busiest first: as many as the cell has, since a
/// master process uses next to nothing.
///
/// The kernel tells a process's CPU time in ticks of 10 ms, which is much in a window of
/// a few requests. A lone worker used what the whole group did, as long as `few_gone`
/// processes came and went.
fn workers(usage: &Usage, cell: &Cell, few_gone: bool) -> Vec<Worker> {
    let mut all: Vec<Worker> = usage
        .processes
        .iter()
        .map(|process| Worker {
            cpus: process.cpu_us as f64 / usage.window_us.max(1) as f64,
            threads: process.threads,
        })
        .collect();
    all.sort_by(|a, b| b.cpus.total_cmp(&a.cpus));
    let others: f64 = all.iter().skip(1).map(|worker| worker.cpus).sum();
    all.truncate(cell.workers.unwrap_or(1) as usize);
    if let ([only], true, Some(whole)) = (all.as_mut_slice(), few_gone, usage.mean_cpus()) {
        only.cpus = (whole - others).max(0.0);
    }
    all
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| tonnage_stats::mean(&values))
}
