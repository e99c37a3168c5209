//! `--set factor=value,…`: overriding a study's factors from the command line.

use super::values::{boolean, parsed, threads};
use super::{OneOrMany, Study};
use crate::ladder::MAX_CLIENTS;
use crate::{HumanDuration, did_you_mean};

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
    /// Applies one `--set factor=value,value…`.
    pub fn set(&mut self, assignment: &str) -> Result<(), SetError> {
        let (name, values) = assignment
            .split_once('=')
            .filter(|(name, values)| !name.is_empty() && !values.is_empty())
            .ok_or_else(|| SetError::Form(assignment.to_owned()))?;
        let values: Vec<&str> = values.split(',').map(str::trim).collect();
        if let Some(twice) = values
            .iter()
            .enumerate()
            .find(|(i, v)| values[..*i].contains(v))
        {
            return Err(SetError::Value {
                name: name.to_owned(),
                message: format!("`{}` is there twice", twice.1),
            });
        }
        let wrong = |message: String| SetError::Value {
            name: name.to_owned(),
            message,
        };
        let factors = &mut self.factors;
        match name {
            "stack" => factors.stack = each(&values, |v| Ok(v.to_owned())).map_err(wrong)?,
            "workload" => factors.workload = each(&values, |v| Ok(v.to_owned())).map_err(wrong)?,
            "workers" => factors.workers = Some(each(&values, parsed).map_err(wrong)?),
            "threads" => factors.threads = Some(each(&values, threads).map_err(wrong)?),
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
