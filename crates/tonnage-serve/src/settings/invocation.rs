//! How a server was called: its command line and its environment. Both stay as they are
//! while it runs, so that a reload reads the configuration file anew and lays it between
//! the same two.

use super::arguments::{Arguments, ArgumentsError, parse, parse_cmd_args};
use super::error::SettingsErrors;
use super::raw::RawValue;
use super::resolved::Layer;
use super::source::{Environment, Source};
use super::values::Settings;
use std::path::Path;

/// How a server was called.
#[derive(Debug, Clone)]
pub struct Invocation {
    environment: Environment,
    cmd_args: Arguments,
    command_line: Arguments,
}

impl Invocation {
    /// Reads the words behind `serve`, and what the environment has.
    pub fn new(
        words: impl IntoIterator<Item = String>,
        environment: Environment,
    ) -> Result<Self, ArgumentsError> {
        let command_line = parse(words).map_err(ArgumentsError::CommandLine)?;
        let cmd_args = match &environment.gunicorn_cmd_args {
            Some(line) => parse_cmd_args(line)?,
            None => Arguments::default(),
        };
        Ok(Self {
            environment,
            cmd_args,
            command_line,
        })
    }

    /// The configuration file that was asked for: `PATH`, `file:PATH` or `python:MODULE`.
    /// Where nobody asked, `gunicorn.conf.py` in the current directory is read if it is
    /// there.
    pub fn config_location(&self) -> Option<&str> {
        [&self.command_line, &self.cmd_args]
            .into_iter()
            .flat_map(|arguments| &arguments.given)
            .find(|(name, _)| *name == "config")
            .and_then(|(_, value)| value.text())
            .filter(|location| !location.is_empty())
    }

    /// The settings, with what the configuration file says between the environment and
    /// the flags: its location and its variables.
    pub fn settings(
        &self,
        config_file: Option<(&str, Vec<(String, RawValue)>)>,
        directory: &Path,
    ) -> Result<Settings, SettingsErrors> {
        let mut layers = self.environment.layers();
        if let Some((location, values)) = config_file {
            layers.push(Layer {
                source: Source::ConfigFile(location.to_owned()),
                values,
            });
        }
        layers.push(layer(Source::CmdArgs, &self.cmd_args));
        let mut flags = layer(Source::CommandLine, &self.command_line);
        if let Some(app) = &self.command_line.app {
            flags
                .values
                .push(("wsgi_app".to_owned(), RawValue::Text(app.clone())));
        }
        layers.push(flags);
        Settings::resolve(&layers, directory)
    }
}

fn layer(source: Source, arguments: &Arguments) -> Layer {
    Layer {
        source,
        values: arguments
            .given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
    }
}
