//! Layers of given values laid over one another: for each setting the last value and
//! where it comes from.

use super::error::SettingsError;
use super::normalise::{AUTO, fallback, normalise, texts_of};
use super::notice::nearest_setting;
use super::raw::RawValue;
use super::setting::{Kind, Setting};
use super::source::{Environment, Source};
use super::table;
use super::worker_class::Interface;
use std::path::Path;
use std::time::Duration;

/// Longer times are cut to this, so that a moment plus a timeout is always a moment:
/// a hundred years.
const LONGEST: Duration = Duration::from_hours(100 * 365 * 24);

/// Values from one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// The place.
    pub source: Source,
    /// Names and values. What is no setting is an error, except in a configuration file,
    /// which may have variables of its own.
    pub values: Vec<(String, RawValue)>,
}

impl Environment {
    /// The layers of the environment: what gunicorn makes defaults of.
    pub fn layers(&self) -> Vec<Layer> {
        let layer = |variable, name: &str, value| Layer {
            source: Source::Environment(variable),
            values: vec![(name.to_owned(), value)],
        };
        let mut layers = Vec::new();
        // An empty one stands in many environments for none.
        if let Some(number) = self
            .web_concurrency
            .as_ref()
            .filter(|text| !text.is_empty())
        {
            let value = RawValue::Text(number.clone());
            layers.push(layer("WEB_CONCURRENCY", "workers", value));
        }
        if let Some(port) = self.port.as_ref().filter(|text| !text.is_empty()) {
            let value = RawValue::texts([format!("0.0.0.0:{port}")]);
            layers.push(layer("PORT", "bind", value));
        }
        // Empty trusts nobody.
        if let Some(list) = &self.forwarded_allow_ips {
            let value = RawValue::Text(list.clone());
            layers.push(layer("FORWARDED_ALLOW_IPS", "forwarded_allow_ips", value));
        }
        if let Some(text) = &self.sendfile {
            let text = text.to_lowercase();
            let yes = ["y", "1", "yes", "true"].contains(&text.as_str());
            layers.push(layer("SENDFILE", "sendfile", RawValue::Switch(yes)));
        }
        layers
    }
}

/// One setting as it is in the end.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its row.
    pub setting: &'static Setting,
    /// Its value, in the one form of its kind.
    pub value: RawValue,
    /// Where that was given.
    pub source: Source,
}

/// Every setting as it is in the end, in the order of the table.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) entries: Vec<Entry>,
    /// Variables of configuration files that are no settings.
    pub(super) variables: Vec<(String, Source)>,
}

impl Resolved {
    /// Lays the layers over the defaults, later ones over earlier ones. Each value that
    /// was given is checked, also one that is covered by another.
    pub(super) fn new(layers: &[Layer], directory: &Path, errors: &mut Vec<SettingsError>) -> Self {
        let mut resolved = Self {
            entries: table::all()
                .map(|setting| Entry {
                    setting,
                    value: fallback(setting, directory),
                    source: Source::Default,
                })
                .collect(),
            variables: Vec::new(),
        };
        for layer in layers {
            for (name, raw) in &layer.values {
                resolved.lay(&layer.source, name, raw, directory, errors);
            }
        }
        resolved
    }

    fn lay(
        &mut self,
        source: &Source,
        name: &str,
        raw: &RawValue,
        directory: &Path,
        errors: &mut Vec<SettingsError>,
    ) {
        let entry = self
            .entries
            .iter_mut()
            .find(|entry| entry.setting.name == name);
        match (entry, source) {
            (Some(entry), _) => match normalise(entry.setting, raw, directory) {
                Ok(value) => {
                    entry.value = value;
                    entry.source = source.clone();
                }
                Err(expected) => errors.push(SettingsError::Invalid {
                    name: name.to_owned(),
                    origin: source.clone(),
                    value: raw.repr(),
                    expected,
                }),
            },
            (None, Source::ConfigFile(_)) => self.variables.push((name.to_owned(), source.clone())),
            (None, _) => errors.push(SettingsError::Unknown {
                name: name.to_owned(),
                origin: source.clone(),
                hint: nearest_setting(name).map_or_else(String::new, |nearest| {
                    format!("; did you mean `{nearest}`?")
                }),
            }),
        }
    }

    /// Puts numbers in the place of `auto`, and tells for which settings it did.
    pub(super) fn settle_automatic(&mut self, cpus: impl Fn() -> u32) -> Vec<&'static str> {
        let mut settled = Vec::new();
        for entry in &mut self.entries {
            if let Kind::Automatic { auto, most, .. } = entry.setting.kind
                && entry.value.text() == Some(AUTO)
            {
                let number = auto.unwrap_or_else(|| u64::from(cpus()).min(most));
                entry.value = RawValue::Whole(number as i64);
                settled.push(entry.setting.name);
            }
        }
        settled
    }

    /// Makes `interface` what the worker class asks for, where nothing else asked.
    pub(super) fn follow_worker_class(&mut self, interface: Interface) {
        let class = self.entry("worker_class").source.clone();
        let followers = self.entries.iter_mut().filter(|entry| {
            entry.setting.name == "interface" && entry.value.text() != Some(interface.name())
        });
        for entry in followers {
            entry.value = RawValue::Text(interface.name().to_owned());
            entry.source = class.clone();
        }
    }

    /// The setting of this name, which must be one of the table's.
    pub(super) fn entry(&self, name: &str) -> &Entry {
        self.entries
            .iter()
            .find(|entry| entry.setting.name == name)
            .unwrap_or_else(|| unreachable!("{name} is no setting of the table"))
    }

    /// Whether somebody gave it.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.entry(name).source != Source::Default
    }

    pub(super) fn switch(&self, name: &str) -> bool {
        self.entry(name).value == RawValue::Switch(true)
    }

    /// Whether a switch was turned off, where nothing is neither.
    pub(super) fn is_off(&self, name: &str) -> bool {
        self.entry(name).value == RawValue::Switch(false)
    }

    pub(super) fn whole(&self, name: &str) -> u64 {
        match self.entry(name).value {
            RawValue::Whole(number) => number.unsigned_abs(),
            _ => 0,
        }
    }

    /// A text that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.entry(name)
            .value
            .text()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    }

    /// A word of a choice, which always has one.
    pub(super) fn word(&self, name: &str) -> &str {
        self.entry(name).value.text().unwrap_or_default()
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        texts_of(&self.entry(name).value)
    }

    /// A dictionary of texts.
    pub(super) fn headers(&self, name: &str) -> Vec<(String, String)> {
        match &self.entry(name).value {
            RawValue::Map(fields) => fields
                .iter()
                .filter_map(|(field, value)| Some((field.clone(), value.text()?.to_owned())))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Seconds, whole or not.
    pub(super) fn duration(&self, name: &str) -> Duration {
        match self.entry(name).value {
            RawValue::Whole(seconds) => Duration::from_secs(seconds.unsigned_abs()).min(LONGEST),
            RawValue::Fraction(seconds) => {
                Duration::try_from_secs_f64(seconds).map_or(LONGEST, |time| time.min(LONGEST))
            }
            _ => Duration::ZERO,
        }
    }

    /// Seconds of which zero, and nothing, mean that there is no bound.
    pub(super) fn bound(&self, name: &str) -> Option<Duration> {
        Some(self.duration(name)).filter(|time| !time.is_zero())
    }
}
