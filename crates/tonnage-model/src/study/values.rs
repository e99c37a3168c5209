//! A factor's value or list of values, read alike from TOML and from `--set`.

use std::fmt::Display;
use std::str::FromStr;

use serde::Deserialize;

use super::OneOrMany;
use crate::ladder::MAX_CLIENTS;
use crate::stack::{MAX_THREADS, is_thread_count};
use crate::{CpuQuota, CpuSet, HumanBytes, HumanDuration, Rate, ThinkTime, Unless, WorkerRule};

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

impl<'de> Deserialize<'de> for OneOrMany<u32> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        one_or_many(
            deserializer,
            "a whole number from 1 or a list of them",
            count,
        )
    }
}

macro_rules! one_or_many_of {
    ($($type:ty => $expected:literal),* $(,)?) => { $(
        impl<'de> Deserialize<'de> for OneOrMany<$type> {
            fn deserialize<D: serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                one_or_many(deserializer, $expected, parsed)
            }
        }
    )* };
}

one_or_many_of! {
    ThinkTime => "a think time like \"exp:1s\" or a list of them",
    Rate => "requests per second or a list of rates",
    Unless<CpuQuota> => "a number of CPUs, \"none\", or a list of them",
    Unless<CpuSet> => "CPUs by number like \"0-1\", \"none\", or a list of them",
    Unless<HumanBytes> => "an amount of memory like \"75MB\", \"none\", or a list of them",
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

pub(super) fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

pub(super) fn threads(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|threads| is_thread_count(*threads))
        .ok_or_else(|| format!("`{text}` is no number of threads (expected 1 to {MAX_THREADS})"))
}

/// A number of clients, threads or requests, as far as any of them goes.
pub(super) fn count(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|n| *n >= 1)
        .ok_or_else(|| format!("`{text}` is no whole number from 1"))
}

pub(super) fn clients(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|n| (1..=MAX_CLIENTS).contains(n))
        .ok_or_else(|| format!("`{text}` is no number of clients (expected 1 to {MAX_CLIENTS})"))
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
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
