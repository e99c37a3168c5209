//! A study: a question as a TOML file. How it unfolds into the cells to be run,
//! checking it and overriding its factors have files of their own.

mod check;
mod experiment;
mod factors;
mod published;
mod request;
mod set;
mod values;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use experiment::{Experiment, MemorySearch, Quick, RateSearch, Searches};
pub use factors::{CellPlan, Configuration, Factors, Rate, Unless};
pub use published::{Console, ConsoleColumn, Grid, PublishedRows, Show};
pub use request::{GrpcRequest, Pause, Request};
pub use set::SetError;

use crate::{FileError, Ladder, parse_toml};

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
    /// Named combinations of stack and size, in place of the factors `stack`,
    /// `workers` and `threads`.
    #[serde(default, rename = "configuration")]
    pub configurations: Vec<Configuration>,
    /// The study's own parameters, used in the request; each may be a list.
    #[serde(default)]
    pub parameters: BTreeMap<String, OneOrMany<String>>,
    /// How the number of clients grows within a cell, where they are no factor.
    pub ladder: Option<Ladder>,
    /// The request.
    pub request: Option<Request>,
    /// The request of each workload, where they differ.
    #[serde(default)]
    pub requests: BTreeMap<String, Request>,
    /// Blocks, and the cells that watch the machine.
    #[serde(default)]
    pub experiment: Experiment,
    /// What is searched once the blocks are measured.
    #[serde(default)]
    pub search: Searches,
    /// What happens between trials.
    #[serde(default)]
    pub pause: Pause,
    /// What `--quick` changes.
    #[serde(default)]
    pub quick: Quick,
    /// What is printed while the study runs and when it ends.
    #[serde(default)]
    pub console: Console,
    /// What the report shows beyond its tables.
    #[serde(default)]
    pub show: Show,
    /// What was published before.
    #[serde(default)]
    pub published: Vec<PublishedRows>,
}

/// One value, or a list of which each is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OneOrMany<T>(pub Vec<T>);

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
    pub const FIGURES: [&'static str; 31] = [
        "clients",
        "rps",
        "wall_ms",
        "min_ms",
        "mean_ms",
        "stdev_ms",
        "p10_ms",
        "p25_ms",
        "p50_ms",
        "p60_ms",
        "p70_ms",
        "p75_ms",
        "p80_ms",
        "p90_ms",
        "p95_ms",
        "p99_ms",
        "p99_9_ms",
        "p99_99_ms",
        "max_ms",
        "count",
        "failed",
        "error_percent",
        "upstream_calls",
        "cpu_share",
        "cpu_us_per_request",
        "throttled_percent",
        "memory_peak_mib",
        "pss_peak_mib",
        "oom_kills",
        "boot_ms",
        "generator_cpu",
    ];

    /// What `--set` takes beside factors and parameters: how the run is laid out.
    pub const SETTINGS: [&'static str; 3] = ["blocks", "reference", "duplicate"];

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
            study.make_quick()?;
        }
        for set in sets {
            study.set(set)?;
        }
        Ok(study)
    }

    /// Switches to the quick form.
    pub fn make_quick(&mut self) -> Result<(), SetError> {
        let quick = self.quick.clone();
        if let Some(duration) = quick.duration {
            self.factors.duration = OneOrMany(vec![duration]);
        }
        if let Some(warmup) = quick.warmup {
            self.factors.warmup = warmup;
        }
        if let Some(max_wait) = quick.max_wait {
            self.pause.max_wait = max_wait;
        }
        if let Some((max, ladder)) = quick.max_clients.zip(self.ladder.as_mut()) {
            ladder.max = ladder.max.min(max);
        }
        if let Some(within) = quick.steady_within {
            self.experiment.steady_within = within;
        }
        if let Some(blocks) = quick.blocks {
            self.experiment.blocks = blocks;
        }
        if !quick.search {
            self.search = Searches::default();
        }
        quick.set.iter().try_for_each(|set| self.set(set.get_ref()))
    }

    /// What is sent to a workload.
    pub fn request_for(&self, workload: &str) -> Option<&Request> {
        self.requests.get(workload).or(self.request.as_ref())
    }
}

#[cfg(test)]
mod tests;
