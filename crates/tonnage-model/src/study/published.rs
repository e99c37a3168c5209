//! Which published figures a study's own are set beside.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::Template;

/// Where the published figures for some of the trials are.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedRows {
    /// The seed whose figures are compared.
    pub seed: String,
    /// The published row of a trial; placeholders are factors and parameters.
    pub row: Spanned<Template>,
    /// One of [`Study::FIGURES`](crate::Study::FIGURES) → the published metric.
    pub metrics: BTreeMap<String, String>,
    /// The trials that it is about, by factor and value; all by default.
    #[serde(default, rename = "where")]
    pub only: BTreeMap<String, String>,
}

/// What a study prints.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Console {
    /// The line printed as each trial ends.
    pub step: Option<Spanned<Template>>,
    /// The columns of the CSV block printed at the end; none for no block.
    #[serde(default)]
    pub csv: Vec<ConsoleColumn>,
    /// Load summaries printed at the end, in the layouts of other generators:
    /// `plow`, `hey`, `wrk`, `ab`, `k6`.
    #[serde(default)]
    pub summaries: Vec<Spanned<String>>,
}

/// A column of the CSV block.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleColumn {
    /// Its heading.
    pub name: String,
    /// What stands in it, one of [`Study::FIGURES`](crate::Study::FIGURES).
    pub figure: Spanned<String>,
}

/// How a study's answer is shown beyond the tables that every report has.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Show {
    /// The figure that is compared between cells; `rps` by default.
    pub figure: Option<Spanned<String>>,
    /// A heat map and a surface of that figure over two factors.
    pub grid: Option<Grid>,
    /// A rule for the number of workers that is tested against the best number
    /// measured, such as `2n+1`.
    pub hypothesis: Option<Spanned<String>>,
}

/// Two factors that a heat map is drawn over.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// The factor across.
    pub x: Spanned<String>,
    /// The factor upwards.
    pub y: Spanned<String>,
    /// The trials that it is about, by factor and value; all by default.
    #[serde(default, rename = "where")]
    pub only: BTreeMap<String, String>,
}
