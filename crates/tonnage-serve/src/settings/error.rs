//! What is wrong with settings. Every error names the setting, where it was given and
//! what would be right; all of them are found in one go.

use super::source::Source;
use std::fmt;
use thiserror::Error;

/// What is wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// The value is not one of the setting's.
    #[error("`{name}` from {origin} is {value}; it has to be {expected}")]
    Invalid {
        /// The setting, or the environment variable.
        name: String,
        /// Where it was given.
        origin: Source,
        /// What it is.
        value: String,
        /// What would be right.
        expected: String,
    },
    /// The server cannot do what the setting asks for, and must not do anything else.
    #[error("`{name}` from {origin} is {value}, which this server cannot do: {advice}")]
    Refused {
        /// The setting.
        name: String,
        /// Where it was given.
        origin: Source,
        /// What it is.
        value: String,
        /// What to do instead.
        advice: String,
    },
    /// A name that is no setting, from where only settings are given.
    #[error("`{name}` from {origin} is no setting{hint}")]
    Unknown {
        /// The name.
        name: String,
        /// Where it was given.
        origin: Source,
        /// The end of the sentence: the setting that was perhaps meant, or nothing.
        hint: String,
    },
    /// Two settings that exclude each other.
    #[error("{0}")]
    Conflict(String),
    /// There is nothing to serve.
    #[error(
        "No application module specified: `tonnage serve package.module:object`, or wsgi_app in the configuration file"
    )]
    NoApplication,
}

/// All that is wrong with the settings; at least one error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsErrors(pub Vec<SettingsError>);

impl fmt::Display for SettingsErrors {
    /// A line for each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsErrors {}
