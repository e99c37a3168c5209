//! The factors of a study, and how they unfold into cells: every combination of
//! their values, or of those of each named configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{OneOrMany, Study};
use crate::{CpuQuota, CpuSet, HumanBytes, HumanDuration, Limits, ThinkTime, WorkerRule};

/// The factors that every study has. A list makes one cell of each value.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factors {
    /// Folders in `stacks/`; left out where each `[[configuration]]` names its own.
    pub stack: Option<OneOrMany<String>>,
    /// Names in `apps/workloads.toml`.
    pub workload: OneOrMany<String>,
    /// Worker processes; by default what each stack says itself.
    pub workers: Option<OneOrMany<WorkerRule>>,
    /// Threads of each worker, likewise.
    pub threads: Option<OneOrMany<u32>>,
    /// Requests that the server works on at once, in place of `workers` and
    /// `threads`: stacks are compared at equal capacity.
    pub in_flight: Option<OneOrMany<u32>>,
    /// Users of the closed loop; a study without them has a `[ladder]`.
    pub clients: Option<OneOrMany<u32>>,
    /// What a user does between an answer and the next request.
    pub think: Option<OneOrMany<ThinkTime>>,
    /// Arrivals per second of an open loop, whose connections `clients` bounds.
    pub rate: Option<OneOrMany<Rate>>,
    /// CPU time that the server may use, or `none`.
    pub cpus: Option<OneOrMany<Unless<CpuQuota>>>,
    /// Period of that quota.
    pub cpu_period: Option<OneOrMany<HumanDuration>>,
    /// CPUs that the server may run on, or `none`.
    pub cpuset: Option<OneOrMany<Unless<CpuSet>>>,
    /// Memory that the server may use, or `none`.
    pub memory: Option<OneOrMany<Unless<HumanBytes>>>,
    /// Whether the client keeps connections open.
    pub keepalive: OneOrMany<bool>,
    /// Requests after which the window ends, should `duration` not end it before.
    pub requests: Option<OneOrMany<u32>>,
    /// Length of the measured window.
    pub duration: OneOrMany<HumanDuration>,
    /// Time before it that is not counted.
    pub warmup: HumanDuration,
}

/// A named combination of stack and size, where not every combination is wanted.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// What tables call it.
    pub name: String,
    /// A folder in `stacks/`.
    pub stack: String,
    /// Worker processes.
    pub workers: Option<OneOrMany<WorkerRule>>,
    /// Threads of each worker.
    pub threads: Option<OneOrMany<u32>>,
    /// The workloads that it is for; all of the study's by default.
    pub workload: Option<OneOrMany<String>>,
    /// Users of the closed loop, in place of the study's.
    pub clients: Option<OneOrMany<u32>>,
    /// Whether the client keeps connections open, in place of the study's: a server
    /// that closes them anyway need not be tried twice.
    pub keepalive: Option<OneOrMany<bool>>,
    /// Requests after which the window ends, in place of the study's.
    pub requests: Option<OneOrMany<u32>>,
    /// Variables that vary the app, such as `EVALUATE_MODE`.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

/// A value, or the word `none`: no limit at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Unless<T>(pub Option<T>);

/// The word for no limit.
const NONE: &str = "none";

impl<T: FromStr> FromStr for Unless<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == NONE {
            return Ok(Self(None));
        }
        text.parse().map(|value| Self(Some(value)))
    }
}

impl<T: fmt::Display> fmt::Display for Unless<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str(NONE),
        }
    }
}

/// Arrivals per second; more than 0.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(pub f64);

/// More arrivals per second than one machine can send.
const MAX_RATE_RPS: f64 = 1e7;

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rate = text.trim().parse::<f64>().ok();
        rate.filter(|rate| *rate > 0.0 && *rate <= MAX_RATE_RPS)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no rate (expected requests per second)"))
    }
}

/// One combination of factors, before the number of clients is chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct CellPlan {
    /// The configuration's name; empty in a study without any.
    pub configuration: String,
    /// How the app is served.
    pub stack: String,
    /// What a request does.
    pub workload: String,
    /// Worker processes, where the study says so.
    pub workers: Option<WorkerRule>,
    /// Threads of each worker, where the study says so.
    pub threads: Option<u32>,
    /// Requests in flight that workers and threads are to be chosen for.
    pub in_flight: Option<u32>,
    /// Users to try, in place of the study's ladder.
    pub clients: Option<Vec<u32>>,
    /// What a user does between an answer and the next request.
    pub think: ThinkTime,
    /// Arrivals per second of an open loop; `None` in a closed one.
    pub rate: Option<Rate>,
    /// What the server may use.
    pub limits: Limits,
    /// Whether the client keeps connections open.
    pub keepalive: bool,
    /// Requests after which the window ends.
    pub requests: Option<u32>,
    /// Length of the measured window.
    pub duration: HumanDuration,
    /// Time before it that is not counted.
    pub warmup: HumanDuration,
    /// The study's own parameters.
    pub parameters: BTreeMap<String, String>,
    /// Variables that vary the app.
    pub environment: BTreeMap<String, String>,
}

impl Study {
    /// Every combination of the factors, in the order in which the file and the
    /// command line list their values.
    pub fn cells(&self) -> Vec<CellPlan> {
        let mut cells = self.served();
        let factors = &self.factors;
        cells = multiply(cells, &each(factors.in_flight.as_ref()), |cell, value| {
            cell.in_flight = value.copied();
        });
        cells = multiply(cells, &each(factors.think.as_ref()), |cell, value| {
            cell.think = value.copied().unwrap_or_default();
        });
        cells = multiply(cells, &each(factors.rate.as_ref()), |cell, value| {
            cell.rate = value.copied();
        });
        cells = self.limited(cells);
        cells = cells
            .into_iter()
            .flat_map(|cell| {
                let own = self.named(&cell.configuration);
                let own = own.and_then(|own| own.keepalive.as_ref());
                let values = all(own.unwrap_or(&factors.keepalive));
                multiply(vec![cell], &values, |cell, value| {
                    cell.keepalive = value.copied().unwrap_or(true);
                })
            })
            .collect();
        cells = cells
            .into_iter()
            .flat_map(|cell| {
                let own = self.named(&cell.configuration);
                let own = own.and_then(|own| own.requests.as_ref());
                let values = each(own.or(factors.requests.as_ref()));
                multiply(vec![cell], &values, |cell, value| {
                    cell.requests = value.copied();
                })
            })
            .collect();
        cells = multiply(cells, &all(&factors.duration), |cell, value| {
            cell.duration = value.copied().unwrap_or(cell.duration);
        });
        for (name, values) in &self.parameters {
            cells = multiply(cells, &all(values), |cell, value| {
                cell.parameters
                    .extend(value.map(|value| (name.clone(), value.clone())));
            });
        }
        cells
    }

    /// What is served how: stacks, workloads, workers and threads.
    fn served(&self) -> Vec<CellPlan> {
        let factors = &self.factors;
        let (workers, threads) = (
            each(factors.workers.as_ref()),
            each(factors.threads.as_ref()),
        );
        if self.configurations.is_empty() {
            let stacks = factors.stack.iter().flat_map(|OneOrMany(stacks)| stacks);
            return stacks
                .flat_map(|stack| {
                    let workloads = factors.workload.0.iter();
                    workloads.map(|workload| self.cell(stack, workload))
                })
                .flat_map(|cell| sized(cell, &workers, &threads))
                .collect();
        }
        let configurations = self.configurations.iter();
        configurations
            .flat_map(|configuration| {
                let own = |own: &OneOrMany<String>, name: &String| own.0.contains(name);
                let wanted = move |name: &&String| {
                    let only = configuration.workload.as_ref();
                    only.is_none_or(|only| own(only, name))
                };
                factors
                    .workload
                    .0
                    .iter()
                    .filter(wanted)
                    .map(|workload| CellPlan {
                        configuration: configuration.name.clone(),
                        clients: configuration
                            .clients
                            .as_ref()
                            .or(factors.clients.as_ref())
                            .map(|OneOrMany(clients)| clients.clone()),
                        environment: configuration.environment.clone(),
                        ..self.cell(&configuration.stack, workload)
                    })
                    .flat_map(|cell| {
                        let own = each(configuration.workers.as_ref());
                        sized(cell, &own, &each(configuration.threads.as_ref()))
                    })
            })
            .collect()
    }

    /// A configuration by its name; none has the empty one.
    fn named(&self, name: &str) -> Option<&Configuration> {
        let mut all = self.configurations.iter();
        all.find(|configuration| configuration.name == name)
    }

    fn limited(&self, cells: Vec<CellPlan>) -> Vec<CellPlan> {
        let factors = &self.factors;
        let cells = multiply(cells, &each(factors.memory.as_ref()), |cell, value| {
            let bytes = value.and_then(|Unless(bytes)| *bytes);
            cell.limits.memory_bytes = bytes.map(|HumanBytes(bytes)| bytes);
        });
        let cells = multiply(cells, &each(factors.cpus.as_ref()), |cell, value| {
            cell.limits.cpus = value.and_then(|Unless(cpus)| *cpus);
        });
        let cells = multiply(cells, &each(factors.cpu_period.as_ref()), |cell, value| {
            cell.limits.cpu_period_us = value.map(|period| period.0.as_micros() as u64);
        });
        multiply(cells, &each(factors.cpuset.as_ref()), |cell, value| {
            cell.limits.cpuset = value.and_then(|Unless(cpuset)| cpuset.clone());
        })
    }

    /// A cell with nothing chosen but what is served how.
    fn cell(&self, stack: &str, workload: &str) -> CellPlan {
        CellPlan {
            clients: self
                .factors
                .clients
                .as_ref()
                .map(|clients| clients.0.clone()),
            warmup: self.factors.warmup,
            ..CellPlan::plain(stack, workload)
        }
    }
}

impl CellPlan {
    /// A stack as it is by itself, without limits, over kept connections, with
    /// neither warm-up nor window yet.
    pub fn plain(stack: &str, workload: &str) -> Self {
        let none = HumanDuration(std::time::Duration::ZERO);
        Self {
            configuration: String::new(),
            stack: stack.to_owned(),
            workload: workload.to_owned(),
            workers: None,
            threads: None,
            in_flight: None,
            clients: None,
            think: ThinkTime::None,
            rate: None,
            limits: Limits::default(),
            keepalive: true,
            requests: None,
            duration: none,
            warmup: none,
            parameters: BTreeMap::new(),
            environment: BTreeMap::new(),
        }
    }
}

fn sized(
    cell: CellPlan,
    workers: &[Option<&WorkerRule>],
    threads: &[Option<&u32>],
) -> Vec<CellPlan> {
    let cells = multiply(vec![cell], workers, |cell, value| {
        cell.workers = value.copied();
    });
    multiply(cells, threads, |cell, value| cell.threads = value.copied())
}

/// Each cell once for each value.
fn multiply<T>(
    cells: Vec<CellPlan>,
    values: &[Option<&T>],
    apply: impl Fn(&mut CellPlan, Option<&T>),
) -> Vec<CellPlan> {
    let mut all = Vec::with_capacity(cells.len() * values.len());
    for cell in cells {
        for value in values {
            let mut cell = cell.clone();
            apply(&mut cell, *value);
            all.push(cell);
        }
    }
    all
}

/// The values of a factor that may be left out.
fn each<T>(factor: Option<&OneOrMany<T>>) -> Vec<Option<&T>> {
    factor.map_or_else(|| vec![None], all)
}

fn all<T>(OneOrMany(values): &OneOrMany<T>) -> Vec<Option<&T>> {
    values.iter().map(Some).collect()
}
