//! A study: a question as a TOML file, and how it unfolds into the cells to be
//! run. Checking it and overriding its factors have files of their own.

mod check;
mod set;
mod values;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::Spanned;

pub use set::SetError;

use crate::{FileError, HumanDuration, Ladder, Template, WorkerRule, parse_toml};

/// A question, and how to answer it by measuring.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// What a reader of the report sees first.
    pub title: String,
    /// The question, as one sentence.
    pub question: String,
    /// What is combined into cells.
    pub factors: Factors,
    /// The study's own parameters, used in the request; each may be a list.
    #[serde(default)]
    pub parameters: BTreeMap<String, OneOrMany<String>>,
    /// How the number of clients grows within a cell.
    pub ladder: Ladder,
    /// The request.
    pub request: Request,
    /// What happens between trials.
    #[serde(default)]
    pub pause: Pause,
    /// What `--quick` changes.
    #[serde(default)]
    pub quick: Quick,
    /// What is printed while the study runs and when it ends.
    pub console: Console,
    /// What was published before.
    pub published: Option<PublishedRows>,
}

/// One value, or a list of which each is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OneOrMany<T>(pub Vec<T>);

/// The factors that every study has. A list makes one cell of each value.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factors {
    /// Folders in `stacks/`.
    pub stack: OneOrMany<String>,
    /// Names in `apps/workloads.toml`.
    pub workload: OneOrMany<String>,
    /// Worker processes; by default what each stack says itself.
    pub workers: Option<OneOrMany<WorkerRule>>,
    /// Threads of each worker, likewise.
    pub threads: Option<OneOrMany<u32>>,
    /// Whether the client keeps connections open.
    pub keepalive: OneOrMany<bool>,
    /// Length of the measured window.
    pub duration: OneOrMany<HumanDuration>,
    /// Time before it that is not counted.
    pub warmup: HumanDuration,
}

/// The request that is sent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Path and query; placeholders are the study's parameters.
    pub path: Spanned<Template>,
}

/// What happens between trials, so that one does not disturb the next.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pause {
    /// Wait until at most this share of the local ports is in TIME_WAIT.
    pub time_wait_share: f64,
    /// But not longer than this.
    pub max_wait: HumanDuration,
}

impl Default for Pause {
    fn default() -> Self {
        // TIME_WAIT lasts 60 s on Linux (TCP_TIMEWAIT_LEN), so that waiting
        // longer than that cannot help.
        Self {
            time_wait_share: 0.5,
            max_wait: HumanDuration(std::time::Duration::from_secs(65)),
        }
    }
}

/// What `--quick` changes, unless `--set` does.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quick {
    /// Length of the measured window.
    pub duration: Option<HumanDuration>,
    /// Time before it that is not counted.
    pub warmup: Option<HumanDuration>,
    /// The longest wait between trials.
    pub max_wait: Option<HumanDuration>,
    /// No ladder step beyond this.
    pub max_clients: Option<u32>,
}

/// What a study prints.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Console {
    /// The line printed as each trial ends.
    pub step: Spanned<Template>,
    /// The columns of the CSV block printed at the end.
    pub csv: Vec<ConsoleColumn>,
}

/// A column of the CSV block.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleColumn {
    /// Its heading.
    pub name: String,
    /// What stands in it, one of [`Study::FIGURES`].
    pub figure: Spanned<String>,
}

/// Where the published figures for each trial are.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedRows {
    /// The seed whose figures are compared.
    pub seed: String,
    /// The published row of a trial.
    pub row: Spanned<Template>,
    /// One of [`Study::FIGURES`] → the published metric.
    pub metrics: BTreeMap<String, String>,
}

/// One combination of factors, before the number of clients is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellPlan {
    /// How the app is served.
    pub stack: String,
    /// What a request does.
    pub workload: String,
    /// Worker processes, where the study says so.
    pub workers: Option<WorkerRule>,
    /// Threads of each worker, where the study says so.
    pub threads: Option<u32>,
    /// Whether the client keeps connections open.
    pub keepalive: bool,
    /// Length of the measured window.
    pub duration: HumanDuration,
    /// Time before it that is not counted.
    pub warmup: HumanDuration,
    /// The study's own parameters.
    pub parameters: BTreeMap<String, String>,
}

/// A study that cannot be executed as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StudyError {
    /// The file has a mistake.
    #[error(transparent)]
    File(#[from] FileError),
    /// A `--set` does not suit it.
    #[error(transparent)]
    Set(#[from] SetError),
}

impl Study {
    /// The figures of a trial that lines, CSV columns and tables may name.
    pub const FIGURES: [&'static str; 9] = [
        "clients",
        "rps",
        "p50_ms",
        "p95_ms",
        "p99_ms",
        "mean_ms",
        "max_ms",
        "failed",
        "generator_cpu",
    ];

    const FACTORS: [&'static str; 8] = [
        "stack",
        "workload",
        "workers",
        "threads",
        "keepalive",
        "duration",
        "warmup",
        "clients",
    ];

    /// Reads and checks a study; `file` is its name in error messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, FileError> {
        let study: Self = parse_toml(file, text)?;
        study.check(file, text)?;
        Ok(study)
    }

    /// Reads a study as it is to be executed: in its quick form, if wanted, and
    /// with every `--set` applied in order.
    pub fn prepare(
        file: &str,
        text: &str,
        quick: bool,
        sets: &[String],
    ) -> Result<Self, StudyError> {
        let mut study = Self::parse(file, text)?;
        if quick {
            study.make_quick();
        }
        for set in sets {
            study.set(set)?;
        }
        Ok(study)
    }

    /// Switches to the quick form.
    pub fn make_quick(&mut self) {
        if let Some(duration) = self.quick.duration {
            self.factors.duration = OneOrMany(vec![duration]);
        }
        if let Some(warmup) = self.quick.warmup {
            self.factors.warmup = warmup;
        }
        if let Some(max_wait) = self.quick.max_wait {
            self.pause.max_wait = max_wait;
        }
        if let Some(max) = self.quick.max_clients {
            self.ladder.max = self.ladder.max.min(max);
        }
    }

    /// Every combination of the factors, in the order in which the file and the
    /// command line list their values.
    pub fn cells(&self) -> Vec<CellPlan> {
        let mut cells = Vec::new();
        let factors = &self.factors;
        for stack in &factors.stack.0 {
            for workload in &factors.workload.0 {
                cells.extend(self.cells_of(stack, workload));
            }
        }
        for (name, OneOrMany(values)) in &self.parameters {
            cells = cells
                .iter()
                .flat_map(|cell| {
                    values.iter().map(|value| {
                        let mut cell = cell.clone();
                        cell.parameters.insert(name.clone(), value.clone());
                        cell
                    })
                })
                .collect();
        }
        cells
    }

    /// The combinations of one stack and workload, but for the parameters.
    fn cells_of(&self, stack: &str, workload: &str) -> Vec<CellPlan> {
        let factors = &self.factors;
        let mut cells = Vec::new();
        for workers in each(factors.workers.as_ref()) {
            for threads in each(factors.threads.as_ref()) {
                for &keepalive in &factors.keepalive.0 {
                    for &duration in &factors.duration.0 {
                        cells.push(CellPlan {
                            stack: stack.to_owned(),
                            workload: workload.to_owned(),
                            workers,
                            threads,
                            keepalive,
                            duration,
                            warmup: factors.warmup,
                            parameters: BTreeMap::new(),
                        });
                    }
                }
            }
        }
        cells
    }
}

/// The values of a factor that may be left to the stack.
fn each<T: Copy>(factor: Option<&OneOrMany<T>>) -> Vec<Option<T>> {
    factor.map_or_else(
        || vec![None],
        |OneOrMany(values)| values.iter().copied().map(Some).collect(),
    )
}

#[cfg(test)]
mod tests;
