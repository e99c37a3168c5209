//! A study: a question as a TOML file. Reading it, checking it, overriding its
//! factors from the command line, and unfolding it into the cells to be run.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::ladder::MAX_CLIENTS;
use crate::{FileError, HumanDuration, Ladder, Template, WorkerRule, did_you_mean, parse_toml};

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

impl<'de> Deserialize<'de> for OneOrMany<String> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one_or_many(deserializer, "a value or a list of values", |text| {
            Ok(text.to_owned())
        })
    }
}

impl<'de> Deserialize<'de> for OneOrMany<WorkerRule> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one_or_many(
            deserializer,
            "a number of workers, a rule like \"2n+1\", or a list of them",
            parsed,
        )
    }
}

impl<'de> Deserialize<'de> for OneOrMany<bool> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one_or_many(deserializer, "true, false or a list of them", boolean)
    }
}

impl<'de> Deserialize<'de> for OneOrMany<HumanDuration> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one_or_many(
            deserializer,
            "a duration like \"30s\" or a list of them",
            parsed,
        )
    }
}

fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn boolean(text: &str) -> Result<bool, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is neither true nor false"))
}

/// Reads a scalar or a list of scalars, each through its text form, so that
/// TOML and `--set` accept exactly the same values.
fn one_or_many<'de, D: serde::Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    read: fn(&str) -> Result<T, String>,
) -> Result<OneOrMany<T>, D::Error> {
    use serde::de::Error;
    let scalar = |value: &toml::Value| match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    };
    let value = toml::Value::deserialize(deserializer)?;
    let items = value
        .as_array()
        .map_or(std::slice::from_ref(&value), Vec::as_slice);
    if items.is_empty() {
        return Err(D::Error::custom(format!(
            "the list is empty, expected {expected}"
        )));
    }
    items
        .iter()
        .map(|item| {
            let text = scalar(item).ok_or_else(|| {
                D::Error::custom(format!("found {}, expected {expected}", item.type_str()))
            })?;
            read(&text).map_err(D::Error::custom)
        })
        .collect::<Result<_, _>>()
        .map(OneOrMany)
}

/// The factors that every study has. A list makes one cell of each value.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factors {
    /// Folders in `stacks/`.
    pub stack: OneOrMany<String>,
    /// Names in `apps/workloads.toml`.
    pub workload: OneOrMany<String>,
    /// Worker processes.
    pub workers: OneOrMany<WorkerRule>,
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
    /// Worker processes.
    pub workers: WorkerRule,
    /// Whether the client keeps connections open.
    pub keepalive: bool,
    /// Length of the measured window.
    pub duration: HumanDuration,
    /// Time before it that is not counted.
    pub warmup: HumanDuration,
    /// The study's own parameters.
    pub parameters: BTreeMap<String, String>,
}

/// A `--set` that cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// Not of the form `factor=value[,value…]`.
    #[error("`--set {0}` is not of the form factor=value or factor=value,value,…")]
    Form(String),
    /// No such factor.
    #[error("there is no factor `{name}` in this study: {hint}")]
    Unknown {
        /// The factor as given.
        name: String,
        /// A suggestion and the known names.
        hint: String,
    },
    /// The factor exists, the value does not suit it.
    #[error("`--set {name}`: {message}")]
    Value {
        /// The factor.
        name: String,
        /// What was expected.
        message: String,
    },
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

    const FACTORS: [&'static str; 7] = [
        "stack",
        "workload",
        "workers",
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

    fn check(&self, file: &str, text: &str) -> Result<(), FileError> {
        let at = |offset: usize, message: String| FileError::at(file, text, offset, message);
        let table = |name: &str| text.find(&format!("[{name}]")).unwrap_or(0);

        let parameters: Vec<&str> = self.parameters.keys().map(String::as_str).collect();
        let trial: Vec<&str> = Self::FIGURES
            .iter()
            .copied()
            .chain(parameters.iter().copied())
            .collect();
        let mut templates = vec![
            (&self.request.path, &parameters),
            (&self.console.step, &trial),
        ];
        if let Some(published) = &self.published {
            templates.push((&published.row, &trial));
        }
        for (template, known) in templates {
            template
                .get_ref()
                .check(known)
                .map_err(|error| at(template.span().start, error.to_string()))?;
        }
        for column in &self.console.csv {
            let figure = column.figure.get_ref();
            if !Self::FIGURES.contains(&figure.as_str()) {
                let hint = did_you_mean(figure, &Self::FIGURES);
                return Err(at(
                    column.figure.span().start,
                    format!("there is no figure `{figure}`: {hint}"),
                ));
            }
        }
        if let Some(figure) = self
            .published
            .iter()
            .flat_map(|p| p.metrics.keys())
            .find(|f| !Self::FIGURES.contains(&f.as_str()))
        {
            let hint = did_you_mean(figure, &Self::FIGURES);
            return Err(at(
                table("published"),
                format!("there is no figure `{figure}`: {hint}"),
            ));
        }
        if let Some(name) = parameters.iter().find(|name| trial_name_is_taken(name)) {
            return Err(at(
                table("parameters"),
                format!("the parameter `{name}` has the name of a factor or figure"),
            ));
        }
        self.ladder
            .check()
            .map_err(|message| at(table("ladder"), message))?;
        if !(0.0..=1.0).contains(&self.pause.time_wait_share) {
            return Err(at(
                table("pause"),
                "`time_wait_share` is a share, from 0 to 1".to_owned(),
            ));
        }
        if !self.request.path.get_ref().to_string().starts_with('/') {
            return Err(at(
                self.request.path.span().start,
                "a request path begins with /".to_owned(),
            ));
        }
        Ok(())
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

    /// Applies one `--set factor=value,value…`.
    pub fn set(&mut self, assignment: &str) -> Result<(), SetError> {
        let (name, values) = assignment
            .split_once('=')
            .filter(|(name, values)| !name.is_empty() && !values.is_empty())
            .ok_or_else(|| SetError::Form(assignment.to_owned()))?;
        let values: Vec<&str> = values.split(',').map(str::trim).collect();
        let wrong = |message: String| SetError::Value {
            name: name.to_owned(),
            message,
        };
        let factors = &mut self.factors;
        match name {
            "stack" => factors.stack = each(&values, |v| Ok(v.to_owned())).map_err(wrong)?,
            "workload" => factors.workload = each(&values, |v| Ok(v.to_owned())).map_err(wrong)?,
            "workers" => factors.workers = each(&values, parsed).map_err(wrong)?,
            "keepalive" => factors.keepalive = each(&values, boolean).map_err(wrong)?,
            "duration" => factors.duration = each(&values, positive_duration).map_err(wrong)?,
            "warmup" => match values.as_slice() {
                [value] => factors.warmup = parsed(value).map_err(wrong)?,
                _ => return Err(wrong("takes one value".to_owned())),
            },
            "clients" => {
                let OneOrMany(clients) = each(&values, clients).map_err(wrong)?;
                self.ladder.fixed = Some(clients);
            }
            _ => {
                let known: Vec<&str> = Self::FACTORS
                    .into_iter()
                    .chain(self.parameters.keys().map(String::as_str))
                    .collect();
                let hint = did_you_mean(name, &known);
                let parameter = self
                    .parameters
                    .get_mut(name)
                    .ok_or_else(|| SetError::Unknown {
                        name: name.to_owned(),
                        hint,
                    })?;
                *parameter = each(&values, parameter_value).map_err(wrong)?;
            }
        }
        Ok(())
    }

    /// Every combination of the factors, in the order in which the file and the
    /// command line list their values.
    pub fn cells(&self) -> Vec<CellPlan> {
        let mut cells = Vec::new();
        let factors = &self.factors;
        for stack in &factors.stack.0 {
            for workload in &factors.workload.0 {
                for &workers in &factors.workers.0 {
                    for &keepalive in &factors.keepalive.0 {
                        for &duration in &factors.duration.0 {
                            cells.push(CellPlan {
                                stack: stack.clone(),
                                workload: workload.clone(),
                                workers,
                                keepalive,
                                duration,
                                warmup: factors.warmup,
                                parameters: BTreeMap::new(),
                            });
                        }
                    }
                }
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
}

fn trial_name_is_taken(name: &str) -> bool {
    Study::FACTORS.contains(&name) || Study::FIGURES.contains(&name)
}

fn each<T>(
    values: &[&str],
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<OneOrMany<T>, String> {
    values
        .iter()
        .map(|value| read(value))
        .collect::<Result<_, _>>()
        .map(OneOrMany)
}

fn positive_duration(text: &str) -> Result<HumanDuration, String> {
    let duration: HumanDuration = parsed(text)?;
    if duration.0.is_zero() {
        return Err("a window must be longer than 0s".to_owned());
    }
    Ok(duration)
}

fn clients(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|n| (1..=MAX_CLIENTS).contains(n))
        .ok_or_else(|| format!("`{text}` is no number of clients (expected 1 to {MAX_CLIENTS})"))
}

/// Parameters end up in a request line, where a blank or a control character
/// would break the request instead of changing it.
fn parameter_value(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(format!(
            "`{text}` is empty or has blanks, which a request line cannot carry"
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
