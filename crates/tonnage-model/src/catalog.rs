//! Apps (`apps/*/app.toml`): which of a framework's modules implements which
//! workload. Stacks and workloads have files of their own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::source::check_templates;
use crate::{FileError, Template, parse_toml};

/// Environment variables of a process, as templates.
pub type Environment = BTreeMap<String, Template>;

/// A framework's apps: one module for each workload that it implements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// What a reader of a report sees.
    pub title: String,
    /// Workload → import path of the application object (`module:object`), or
    /// whatever else the stacks that serve it expect.
    pub targets: BTreeMap<String, String>,
    /// Environment variables that the apps need. Known: `secret`, a fresh random
    /// text for each process.
    #[serde(default)]
    pub environment: Environment,
}

impl App {
    /// The placeholders that `environment` may use.
    pub const PLACEHOLDERS: [&'static str; 1] = ["secret"];

    /// Reads and checks an app; `file` is its name in error messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, FileError> {
        let app: Self = parse_toml(file, text)?;
        check_templates(file, text, app.environment.values(), &Self::PLACEHOLDERS)?;
        Ok(app)
    }
}
