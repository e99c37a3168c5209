//! `--set factor=value,…`: overriding a study's factors from the command line.

use super::values::{boolean, clients, count, parsed, threads};
use super::{Configuration, Factors, OneOrMany, Study};
use crate::{Cell, HumanDuration, did_you_mean};

/// What is said of a factor that configurations have to themselves.
const NAMED: &str = "this study names its stacks and their sizes in [[configuration]]; choose some with --set configuration=NAME,NAME";

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
        self.set_factor(name, &values).unwrap_or_else(|| {
            let known: Vec<&str> = Cell::FACTORS
                .into_iter()
                // It is what `workers` says.
                .filter(|name| *name != "worker_rule")
                .chain(Self::SETTINGS)
                .chain(self.parameters.keys().map(String::as_str))
                .collect();
            let hint = did_you_mean(name, &known);
            let unknown = SetError::Unknown {
                name: name.to_owned(),
                hint,
            };
            let parameter = self.parameters.get_mut(name).ok_or(unknown)?;
            *parameter = each(&values, parameter_value).map_err(wrong)?;
            Ok(())
        })
    }

    /// `None` where no factor has the name.
    fn set_factor(&mut self, name: &str, values: &[&str]) -> Option<Result<(), SetError>> {
        let wrong = |message: String| SetError::Value {
            name: name.to_owned(),
            message,
        };
        let named = !self.configurations.is_empty();
        let result = match name {
            "stack" if named => Err(NAMED.to_owned()),
            "workers" if named => each(values, parsed)
                .and_then(|sizes| self.set_swept(&sizes, |own| &mut own.workers)),
            "threads" if named => each(values, threads)
                .and_then(|sizes| self.set_swept(&sizes, |own| &mut own.threads)),
            "configuration" => self.choose_configurations(values),
            "blocks" => single(values, count).map(|blocks| self.experiment.blocks = blocks),
            "reference" => single(values, boolean).map(|wanted| self.experiment.reference = wanted),
            "duplicate" => single(values, boolean).map(|wanted| self.experiment.duplicate = wanted),
            "clients" => each(values, clients).map(|clients| self.set_clients(clients)),
            "keepalive" => each(values, boolean).map(|keepalive| self.set_keepalive(keepalive)),
            "requests" => each(values, count).map(|requests| self.set_requests(requests)),
            _ => self.factors.set(name, values)?,
        };
        Some(result.map_err(wrong))
    }

    /// Sets a size in the configurations that sweep it: those with a list of it. A
    /// single size is part of what a configuration is.
    fn set_swept<T: Clone>(
        &mut self,
        sizes: &OneOrMany<T>,
        own: fn(&mut Configuration) -> &mut Option<OneOrMany<T>>,
    ) -> Result<(), String> {
        let mut swept = 0;
        for configuration in &mut self.configurations {
            let place = own(configuration);
            if place.as_ref().is_some_and(|OneOrMany(list)| list.len() > 1) {
                *place = Some(sizes.clone());
                swept += 1;
            }
        }
        if swept == 0 {
            return Err(NAMED.to_owned());
        }
        Ok(())
    }

    fn set_clients(&mut self, clients: OneOrMany<u32>) {
        for configuration in &mut self.configurations {
            configuration.clients = None;
        }
        self.factors.clients = Some(clients);
        // The steps asked for replace those that a ladder would find.
        self.ladder = None;
    }

    fn set_keepalive(&mut self, keepalive: OneOrMany<bool>) {
        for configuration in &mut self.configurations {
            configuration.keepalive = None;
        }
        self.factors.keepalive = keepalive;
    }

    fn set_requests(&mut self, requests: OneOrMany<u32>) {
        for configuration in &mut self.configurations {
            configuration.requests = None;
        }
        self.factors.requests = Some(requests);
    }

    fn choose_configurations(&mut self, names: &[&str]) -> Result<(), String> {
        let known: Vec<String> = self.configurations.iter().map(|c| c.name.clone()).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        if known.is_empty() {
            return Err("this study has no configurations".to_owned());
        }
        if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
            let hint = did_you_mean(unknown, &known);
            return Err(format!("there is no configuration `{unknown}`: {hint}"));
        }
        self.configurations
            .retain(|configuration| names.contains(&configuration.name.as_str()));
        Ok(())
    }
}

impl Factors {
    /// `None` where no factor has the name.
    fn set(&mut self, name: &str, values: &[&str]) -> Option<Result<(), String>> {
        fn put<T>(
            place: &mut Option<OneOrMany<T>>,
            values: Result<OneOrMany<T>, String>,
        ) -> Result<(), String> {
            *place = Some(values?);
            Ok(())
        }
        let text = |value: &str| Ok(value.to_owned());
        Some(match name {
            "stack" => put(&mut self.stack, each(values, text)),
            "workload" => each(values, text).map(|values| self.workload = values),
            "workers" => put(&mut self.workers, each(values, parsed)),
            "threads" => put(&mut self.threads, each(values, threads)),
            "in_flight" => put(&mut self.in_flight, each(values, count)),
            "think" => put(&mut self.think, each(values, parsed)),
            "rate" => put(&mut self.rate, each(values, parsed)),
            "cpus" => put(&mut self.cpus, each(values, parsed)),
            "cpu_period" => put(&mut self.cpu_period, each(values, positive_duration)),
            "cpuset" => put(&mut self.cpuset, each(values, parsed)),
            "memory" => put(&mut self.memory, each(values, parsed)),
            "duration" => each(values, positive_duration).map(|values| self.duration = values),
            "warmup" => single(values, parsed).map(|value| self.warmup = value),
            _ => return None,
        })
    }
}

fn single<T>(values: &[&str], read: impl Fn(&str) -> Result<T, String>) -> Result<T, String> {
    match values {
        [value] => read(value),
        _ => Err("takes one value".to_owned()),
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
