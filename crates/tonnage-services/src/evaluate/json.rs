//! Values as payloads, contexts and answers have them: JSON whose numbers fit and
//! whose texts are Unicode, with keys in the order in which they came.

use serde::ser::{Serialize, SerializeMap, Serializer};
use starlark::collections::SmallMap;
use starlark::values::dict::{Dict, DictRef};
use starlark::values::list::{AllocList, ListRef};
use starlark::values::tuple::TupleRef;
use starlark::values::{Heap, Value};

use super::view::{View, text_len, view};
use super::work::{MAX_DEPTH, Outcome, Refused, Work};
use crate::python;

/// A plain value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Json>),
    Dict(Vec<(String, Json)>),
}

impl Json {
    /// The value of a payload, as far as it is allowed; paid for by its size.
    pub(super) fn read(value: &python::Value<'_>, work: &Work, depth: usize) -> Outcome<Self> {
        if let python::Value::Text(text) = value {
            return text_of(text, work).map(Self::Text);
        }
        work.pay(1)?;
        match value {
            python::Value::List(_) | python::Value::Dict(_) if depth >= MAX_DEPTH => {
                Err(Refused::too_deep())
            }
            python::Value::None => Ok(Self::None),
            python::Value::Bool(value) => Ok(Self::Bool(*value)),
            python::Value::Int(digits) => {
                let value = digits.parse().map_err(|_| Refused::beyond_64_bits())?;
                Ok(Self::Int(value))
            }
            python::Value::Float(value) if value.is_finite() => Ok(Self::Float(*value)),
            python::Value::Float(_) => Err(Refused::not_finite()),
            python::Value::Text(text) => text_of(text, work).map(Self::Text),
            python::Value::List(items) => {
                let items = items.iter().map(|item| Self::read(item, work, depth + 1));
                Ok(Self::List(items.collect::<Outcome<_>>()?))
            }
            python::Value::Dict(entries) => {
                let mut read = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let key = key_of(key, work)?;
                    read.push((key, Self::read(value, work, depth + 1)?));
                }
                Ok(Self::Dict(read))
            }
        }
    }

    /// What a condition left behind, copied out of its heap: no cycles, no tuples.
    pub(super) fn export(value: Value<'_>, work: &Work, depth: usize) -> Outcome<Self> {
        let seen = view(value);
        if let View::Text(text) = seen {
            work.make(text_len(text))?;
            return Ok(Self::Text(text.to_owned()));
        }
        work.pay(1)?;
        match seen {
            View::None => Ok(Self::None),
            View::Bool(value) => Ok(Self::Bool(value)),
            View::Int(value) => Ok(Self::Int(value)),
            View::Float(value) => Ok(Self::Float(value)),
            View::Text(_) | View::Other => Err(Refused::new("a value that is no JSON")),
            _ if depth >= MAX_DEPTH => Err(Refused::too_deep()),
            View::List(list) => Self::export_all(list, work, depth),
            View::Tuple(tuple) => Self::export_all(tuple, work, depth),
            View::Dict(dict) => Self::export_entries(&dict, work, depth),
        }
    }

    fn export_all(items: &[Value<'_>], work: &Work, depth: usize) -> Outcome<Self> {
        let items = items
            .iter()
            .map(|item| Self::export(*item, work, depth + 1));
        Ok(Self::List(items.collect::<Outcome<_>>()?))
    }

    fn export_entries(dict: &DictRef<'_>, work: &Work, depth: usize) -> Outcome<Self> {
        let mut entries = Vec::with_capacity(dict.len());
        for (key, value) in dict.iter() {
            let key = key.unpack_str().unwrap_or_default();
            work.read(text_len(key))?;
            entries.push((key.to_owned(), Self::export(value, work, depth + 1)?));
        }
        Ok(Self::Dict(entries))
    }

    /// A copy of this value on a condition's heap, paid for as Python pays.
    pub(super) fn import<'v>(&self, heap: Heap<'v>, work: &Work) -> Outcome<Value<'v>> {
        if let Self::Text(text) = self {
            work.make(text_len(text))?;
            return Ok(heap.alloc(text.as_str()));
        }
        work.pay(1)?;
        Ok(match self {
            Self::None => Value::new_none(),
            Self::Bool(value) => Value::new_bool(*value),
            Self::Int(value) => heap.alloc(*value),
            Self::Float(value) => heap.alloc(*value),
            Self::Text(text) => heap.alloc(text.as_str()),
            Self::List(items) => {
                let items = items.iter().map(|item| item.import(heap, work));
                heap.alloc(AllocList(items.collect::<Outcome<Vec<_>>>()?))
            }
            Self::Dict(entries) => {
                let mut map = SmallMap::with_capacity(entries.len());
                for (key, value) in entries {
                    work.read(text_len(key))?;
                    let key = heap.alloc_str(key).get_hashed_value();
                    map.insert_hashed(key, value.import(heap, work)?);
                }
                heap.alloc(Dict::new(map))
            }
        })
    }

    /// The value of a key, where this is a dictionary that has it.
    pub(super) fn get(&self, wanted: &str) -> Option<&Self> {
        let Self::Dict(entries) = self else {
            return None;
        };
        let found = entries.iter().find(|(key, _)| key == wanted);
        found.map(|(_, value)| value)
    }
}

fn text_of(text: &python::Text<'_>, work: &Work) -> Outcome<String> {
    let (text, len) = plain_text(text)?;
    work.make(len)?;
    Ok(text)
}

fn key_of(key: &python::Text<'_>, work: &Work) -> Outcome<String> {
    let (text, len) = plain_text(key)?;
    work.read(len)?;
    Ok(text)
}

/// A text and its length in characters; surrogates that stand alone are none.
fn plain_text(text: &python::Text<'_>) -> Outcome<(String, usize)> {
    match text {
        python::Text::Plain(text) => Ok((text.clone().into_owned(), text_len(text))),
        python::Text::Points(_) => Err(Refused::not_unicode()),
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => items.serialize(serializer),
            Self::Dict(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

/// The items of a list or tuple on a condition's heap.
pub(super) fn items_of(value: Value<'_>) -> Option<&[Value<'_>]> {
    ListRef::from_value(value)
        .map(ListRef::content)
        .or_else(|| TupleRef::from_value(value).map(TupleRef::content))
}
