//! How a study measures: blocks, the cells that watch the machine, what is
//! searched, and what the quick form leaves out.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::{Assertion, HumanBytes, HumanDuration, Rate};

/// How the trials of a run are laid out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Experiment {
    /// How often each cell is measured: once in each block, in random order.
    pub blocks: u32,
    /// Whether each block begins and ends with a trial of a native service, which
    /// tells how fast the machine is.
    pub reference: bool,
    /// Whether one cell is there twice in each block, so that the difference
    /// between equal cells is known.
    pub duplicate: bool,
    /// The longest time that a server may take to become steady; `warmup` is the
    /// shortest.
    pub steady_within: HumanDuration,
    /// Whether generator and server get CPUs of their own where there are enough.
    pub pin: bool,
}

impl Default for Experiment {
    fn default() -> Self {
        Self {
            blocks: 3,
            reference: true,
            duplicate: true,
            steady_within: HumanDuration(std::time::Duration::from_secs(10)),
            pin: true,
        }
    }
}

/// What is searched in some cells, once their blocks are measured.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Searches {
    /// The least memory that holds.
    pub memory: Option<Spanned<MemorySearch>>,
    /// The largest rate under an objective.
    pub rate: Option<Spanned<RateSearch>>,
}

impl Searches {
    /// What is searched of memory.
    pub fn memory(&self) -> Option<&MemorySearch> {
        self.memory.as_ref().map(Spanned::get_ref)
    }

    /// What is searched of rates.
    pub fn rate(&self) -> Option<&RateSearch> {
        self.rate.as_ref().map(Spanned::get_ref)
    }
}

/// The least memory with which no process is killed for want of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemorySearch {
    /// Less is not tried.
    pub from: HumanBytes,
    /// More is not tried.
    pub to: HumanBytes,
    /// The search ends when it is known this closely, as a share.
    #[serde(default = "default_within")]
    pub within: f64,
    /// The cells that are searched, by factor and value; all by default.
    #[serde(default, rename = "where")]
    pub only: BTreeMap<String, String>,
}

/// The largest rate of an open loop at which an objective still holds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateSearch {
    /// What must hold, such as `p99<50ms`; failures above 1 % never do.
    #[serde(deserialize_with = "assertion")]
    pub objective: Assertion,
    /// Less is not tried, in requests per second; by default a hundredth of the
    /// cell's best throughput.
    pub from: Option<Rate>,
    /// More is not tried; by default 1.1 times the cell's best throughput.
    pub to: Option<Rate>,
    /// The search ends when it is known this closely, as a share.
    #[serde(default = "default_within")]
    pub within: f64,
    /// The cells that are searched, by factor and value; all by default.
    #[serde(default, rename = "where")]
    pub only: BTreeMap<String, String>,
}

fn default_within() -> f64 {
    0.05
}

fn assertion<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Assertion, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

/// What `--quick` changes, unless `--set` does.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quick {
    /// Length of the measured window.
    pub duration: Option<HumanDuration>,
    /// Time before it that is not counted.
    pub warmup: Option<HumanDuration>,
    /// The longest time that a server may take to become steady.
    pub steady_within: Option<HumanDuration>,
    /// The longest wait between trials.
    pub max_wait: Option<HumanDuration>,
    /// No ladder step beyond this.
    pub max_clients: Option<u32>,
    /// Blocks.
    pub blocks: Option<u32>,
    /// Factors with fewer values, each as `--set` takes it.
    #[serde(default)]
    pub set: Vec<Spanned<String>>,
    /// Whether anything is searched.
    #[serde(default)]
    pub search: bool,
}
