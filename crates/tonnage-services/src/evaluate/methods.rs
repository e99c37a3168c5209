//! The methods of texts, lists and dictionaries.

use starlark::eval::Evaluator;
use starlark::values::Value;
use starlark::values::tuple::AllocTuple;

use super::functions::{is_digits, text_argument};
use super::operations::{Place, change, position};
use super::view::{View, kind, text_len, view};
use super::work::{Outcome, Refused};

/// By type: name, fewest and most arguments.
const OF_TEXT: [(&str, usize, usize); 13] = [
    ("lower", 0, 0),
    ("upper", 0, 0),
    ("strip", 0, 0),
    ("lstrip", 0, 0),
    ("rstrip", 0, 0),
    ("isdigit", 0, 0),
    ("startswith", 1, 1),
    ("endswith", 1, 1),
    ("find", 1, 1),
    ("count", 1, 1),
    ("replace", 2, 2),
    ("split", 0, 1),
    ("join", 1, 1),
];
const OF_LISTS: [(&str, usize, usize); 5] = [
    ("append", 1, 1),
    ("extend", 1, 1),
    ("pop", 0, 1),
    ("index", 1, 1),
    ("count", 1, 1),
];
const OF_DICTIONARIES: [(&str, usize, usize); 7] = [
    ("get", 1, 2),
    ("pop", 1, 2),
    ("setdefault", 2, 2),
    ("keys", 0, 0),
    ("values", 0, 0),
    ("items", 0, 0),
    ("update", 1, 1),
];

/// The fewest and most arguments of a method over all types that have it.
pub(super) fn method_counts(name: &str) -> Option<(usize, usize)> {
    let all = OF_TEXT.iter().chain(&OF_LISTS).chain(&OF_DICTIONARIES);
    let same = all.filter(|method| method.0 == name);
    let counts = same.map(|method| (method.1, method.2));
    counts.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// A call of a method of a value.
pub(super) fn call<'v>(
    place: Place<'_, 'v>,
    name: &str,
    value: Value<'v>,
    arguments: &[Value<'v>],
    eval: &mut Evaluator<'v, '_, '_>,
) -> Outcome<Value<'v>> {
    let seen = view(value);
    let known: &[(&str, usize, usize)] = match seen {
        View::Text(_) => &OF_TEXT,
        View::List(_) => &OF_LISTS,
        View::Dict(_) => &OF_DICTIONARIES,
        _ => &[],
    };
    let Some((_, least, most)) = known.iter().find(|method| method.0 == name) else {
        return Err(Refused(format!("{} has no method {name}", kind(value))));
    };
    if !(*least..=*most).contains(&arguments.len()) {
        let message = format!("{name} of {} takes other arguments", kind(value));
        return Err(Refused(message));
    }
    match seen {
        View::Text(text) => place.of_text(name, text, arguments),
        View::List(items) => match name {
            "append" => {
                place.work.make(1)?;
                own_method(eval, value, name, arguments)
            }
            "extend" => {
                let more = place.items_of(name, arguments[0])?.to_vec();
                own_method(eval, value, name, &[place.list(more)])
            }
            "pop" => {
                place.work.read(items.len())?;
                let at_end = place.heap.alloc(-1);
                let index = arguments.first().copied().unwrap_or(at_end);
                let index = position(items.len(), index)?;
                own_method(eval, value, name, &[place.heap.alloc(index as i64)])
            }
            _ => place.of_list(name, items, arguments[0]),
        },
        View::Dict(dict) => {
            // Released first: most methods change it.
            drop(dict);
            place.of_dictionary(name, value, arguments)
        }
        _ => Err(Refused(format!("{} has no method {name}", kind(value)))),
    }
}

/// Lists can be changed by Starlark's own methods only.
fn own_method<'v>(
    eval: &mut Evaluator<'v, '_, '_>,
    value: Value<'v>,
    name: &str,
    arguments: &[Value<'v>],
) -> Outcome<Value<'v>> {
    let method = value.get_attr(name, eval.heap());
    let called = method.and_then(|method| {
        let method = method.unwrap_or_else(Value::new_none);
        eval.eval_function(method, arguments, &[])
    });
    called.map_err(|_| Refused::new("a list that cannot be changed"))
}

/// What Python's `str.split` and `str.strip` take for white space.
fn is_space(char: char) -> bool {
    char.is_whitespace() || ('\x1c'..='\x1f').contains(&char)
}

impl<'v> Place<'_, 'v> {
    fn of_text(self, name: &str, text: &'v str, arguments: &[Value<'v>]) -> Outcome<Value<'v>> {
        let made: String = match name {
            "lower" | "upper" | "strip" | "lstrip" | "rstrip" => {
                self.work.make(text_len(text))?;
                match name {
                    "lower" => text.to_lowercase(),
                    "upper" => text.to_uppercase(),
                    "strip" => text.trim_matches(is_space).to_owned(),
                    "lstrip" => text.trim_start_matches(is_space).to_owned(),
                    _ => text.trim_end_matches(is_space).to_owned(),
                }
            }
            "isdigit" => {
                self.work.read(text_len(text))?;
                return Ok(Value::new_bool(is_digits(text)));
            }
            "startswith" | "endswith" => {
                let part = text_argument(name, arguments[0])?;
                self.work.read(text_len(part))?;
                let found = if name == "startswith" {
                    text.starts_with(part)
                } else {
                    text.ends_with(part)
                };
                return Ok(Value::new_bool(found));
            }
            "find" => {
                let found = text.find(self.search(text, arguments[0])?);
                let place = found.map_or(-1, |place| text_len(&text[..place]) as i64);
                return Ok(self.heap.alloc(place));
            }
            "count" => {
                let count = text.matches(self.search(text, arguments[0])?).count();
                return Ok(self.heap.alloc(count as i64));
            }
            "replace" => self.replace(text, arguments)?,
            "split" => return self.split(text, arguments.first().copied()),
            _ => self.join(text, arguments[0])?,
        };
        Ok(self.heap.alloc(made))
    }

    fn replace(self, text: &str, arguments: &[Value<'v>]) -> Outcome<String> {
        let old = self.search(text, arguments[0])?;
        let new = text_argument("replace", arguments[1])?;
        if old.is_empty() {
            return Err(Refused::new("replace needs a text to replace"));
        }
        let count = text.matches(old).count();
        let kept = text_len(text) - count * text_len(old);
        self.work.make(kept + count.saturating_mul(text_len(new)))?;
        Ok(text.replace(old, new))
    }

    fn split(self, text: &'v str, separator: Option<Value<'v>>) -> Outcome<Value<'v>> {
        let separator = match separator {
            None => None,
            Some(separator) => {
                let separator = self.search(text, separator)?;
                if separator.is_empty() {
                    return Err(Refused::new("split needs a separator"));
                }
                Some(separator)
            }
        };
        self.work.make(text_len(text))?;
        let alloc = |part: &str| self.heap.alloc(part);
        let parts: Vec<Value<'v>> = if let Some(separator) = separator {
            text.split(separator).map(alloc).collect()
        } else {
            let parts = text.split(is_space).filter(|part| !part.is_empty());
            parts.map(alloc).collect()
        };
        self.work.pay(parts.len())?;
        Ok(self.list(parts))
    }

    fn join(self, text: &str, parts: Value<'v>) -> Outcome<String> {
        let (mut size, glue) = (0, text_len(text));
        let mut texts = Vec::new();
        for part in self.items_of("join", parts)? {
            let part = text_argument("join", *part)?;
            size += text_len(part) + glue;
            self.work.fits(size)?;
            texts.push(part);
        }
        self.work.make(size)?;
        Ok(texts.join(text))
    }

    fn of_list(self, name: &str, items: &[Value<'v>], item: Value<'v>) -> Outcome<Value<'v>> {
        let mut count = 0;
        for (place, other) in items.iter().enumerate() {
            if self.eq(item, *other, 0)? {
                if name == "index" {
                    return Ok(self.heap.alloc(place as i64));
                }
                count += 1;
            }
        }
        if name == "index" {
            return Err(Refused::new("no such item"));
        }
        Ok(self.heap.alloc(count))
    }

    fn of_dictionary(
        self,
        name: &str,
        value: Value<'v>,
        arguments: &[Value<'v>],
    ) -> Outcome<Value<'v>> {
        let mut dict = change(value)?.aref;
        let len = dict.len();
        match name {
            "get" => {
                let found = dict.get_str(self.key(arguments[0])?);
                let default = arguments.get(1).copied();
                Ok(found.or(default).unwrap_or_else(Value::new_none))
            }
            "pop" => {
                self.work.read(len)?;
                let removed = dict.remove_hashed(self.hashed(arguments[0])?);
                let found = removed.or(arguments.get(1).copied());
                found.ok_or_else(|| Refused::new("no such key"))
            }
            "setdefault" => {
                let key = self.hashed(arguments[0])?;
                if let Some(found) = dict.get_hashed(key) {
                    return Ok(found);
                }
                dict.insert_hashed(key, arguments[1]);
                Ok(arguments[1])
            }
            "keys" | "values" => {
                self.work.make(len)?;
                let items = if name == "keys" {
                    dict.keys().collect()
                } else {
                    dict.values().collect()
                };
                Ok(self.list(items))
            }
            "items" => {
                self.work.make(2 * len)?;
                self.work.pay(len)?;
                let pairs = dict.iter();
                let pairs = pairs.map(|(key, value)| self.heap.alloc(AllocTuple([key, value])));
                Ok(self.list(pairs.collect()))
            }
            _ => {
                // Released first: a dictionary may be updated from itself.
                drop(dict);
                self.update(value, arguments[0])
            }
        }
    }

    fn update(self, dict: Value<'v>, more: Value<'v>) -> Outcome<Value<'v>> {
        let View::Dict(entries) = view(more) else {
            let message = format!("update takes a dictionary, not {}", kind(more));
            return Err(Refused(message));
        };
        self.work.make(2 * entries.len())?;
        let entries: Vec<_> = {
            let copied = entries.iter_hashed().collect();
            drop(entries);
            copied
        };
        let mut dict = change(dict)?.aref;
        for (key, value) in entries {
            dict.insert_hashed(key, value);
        }
        Ok(Value::new_none())
    }
}

/// `left += right`, which changes a list in its place.
pub(super) fn extend_or_add<'v>(
    place: Place<'_, 'v>,
    left: Value<'v>,
    right: Value<'v>,
    eval: &mut Evaluator<'v, '_, '_>,
) -> Outcome<Value<'v>> {
    let (View::List(a), View::List(b)) = (view(left), view(right)) else {
        return place.add(left, right);
    };
    place.work.make(a.len() + b.len())?;
    let more = place.list(b.to_vec());
    own_method(eval, left, "extend", &[more])?;
    Ok(left)
}
