//! The functions of the language, `len` and the like.

use starlark::values::Value;
use starlark::values::tuple::AllocTuple;

use super::json::items_of;
use super::numbers::{Number, truncate};
use super::operations::Place;
use super::view::{View, kind, text_len, view};
use super::work::{Outcome, Refused};
use crate::python;

/// Digits that a number in text may have, with everything else.
const MAX_NUMBER: usize = 64;

/// The fewest and most arguments of a function, if the language has it.
pub(super) fn argument_counts(name: &str) -> Option<(usize, usize)> {
    match name {
        "abs" | "all" | "any" | "bool" | "enumerate" | "float" | "int" | "len" | "list"
        | "sorted" | "str" | "sum" => Some((1, 1)),
        "max" | "min" => Some((1, 16)),
        "range" => Some((1, 2)),
        _ => None,
    }
}

/// An argument that must be text.
pub(super) fn text_argument<'v>(name: &str, value: Value<'v>) -> Outcome<&'v str> {
    let text = value.unpack_str();
    text.ok_or_else(|| Refused(format!("{name} takes text, not {}", kind(value))))
}

impl<'v> Place<'_, 'v> {
    /// A call of a function with as many arguments as it takes.
    pub(super) fn builtin(self, name: &str, arguments: &[Value<'v>]) -> Outcome<Value<'v>> {
        let Some(first) = arguments.first().copied() else {
            return Err(Refused(format!("{name} needs an argument")));
        };
        match name {
            "abs" => self.abs(first),
            "all" | "any" => {
                let mut items = self.items_of(name, first)?.iter();
                let found = if name == "any" {
                    items.any(|item| item.to_bool())
                } else {
                    items.all(|item| item.to_bool())
                };
                Ok(Value::new_bool(found))
            }
            "bool" => {
                self.work.pay(1)?;
                Ok(Value::new_bool(first.to_bool()))
            }
            "enumerate" => {
                let items = self.items_of(name, first)?.iter().enumerate();
                let pairs = items.map(|(place, item)| {
                    let place = self.heap.alloc(place as i64);
                    self.heap.alloc(AllocTuple([place, *item]))
                });
                Ok(self.list(pairs.collect()))
            }
            "float" => self.float(first),
            "int" => self.int(first),
            "len" => self.len(first),
            "list" => match view(first) {
                View::Dict(dict) => {
                    self.work.make(dict.len())?;
                    Ok(self.list(dict.keys().collect()))
                }
                _ => Ok(self.list(self.items_of(name, first)?.to_vec())),
            },
            "max" | "min" => self.extreme(name, arguments),
            "range" => self.range(arguments),
            "sorted" => self.sorted(first),
            "str" => self.str(first),
            "sum" => self
                .items_of(name, first)?
                .iter()
                .try_fold(self.heap.alloc(0), |total, item| self.add(total, *item)),
            _ => Err(Refused(format!("the function `{name}` is unknown"))),
        }
    }

    /// The items that a function goes through, paid for.
    pub(super) fn items_of(self, name: &str, value: Value<'v>) -> Outcome<&'v [Value<'v>]> {
        let Some(items) = items_of(value) else {
            return Err(Refused(format!("{name} takes a list, not {}", kind(value))));
        };
        self.work.make(items.len())?;
        Ok(items)
    }

    fn abs(self, value: Value<'v>) -> Outcome<Value<'v>> {
        self.work.pay(1)?;
        let result = match view(value) {
            View::Int(value) => {
                Number::Int(value.checked_abs().ok_or_else(Refused::beyond_64_bits)?)
            }
            View::Float(value) => Number::Float(value.abs()),
            _ => return Err(Refused(format!("abs does not take {}", kind(value)))),
        };
        Ok(self.number(result))
    }

    fn len(self, value: Value<'v>) -> Outcome<Value<'v>> {
        let (len, read) = match view(value) {
            View::Text(text) => (text_len(text), text_len(text)),
            View::List(items) | View::Tuple(items) => (items.len(), 0),
            View::Dict(dict) => (dict.len(), 0),
            _ => return Err(Refused(format!("len does not take {}", kind(value)))),
        };
        self.work.read(read)?;
        Ok(self.heap.alloc(len as i64))
    }

    fn str(self, value: Value<'v>) -> Outcome<Value<'v>> {
        let text = match view(value) {
            View::None => "None".to_owned(),
            View::Bool(true) => "True".to_owned(),
            View::Bool(false) => "False".to_owned(),
            View::Int(value) => value.to_string(),
            View::Float(value) => python::repr(&python::Value::Float(value)),
            View::Text(_) => {
                self.work.pay(1)?;
                return Ok(value);
            }
            _ => return Err(Refused(format!("str does not take {}", kind(value)))),
        };
        self.work.pay(1)?;
        Ok(self.heap.alloc(text))
    }

    fn int(self, value: Value<'v>) -> Outcome<Value<'v>> {
        self.work.pay(1)?;
        let whole = match view(value) {
            View::Int(_) => return Ok(value),
            View::Float(value) => truncate(value)?,
            _ => {
                let text = text_argument("int", value)?;
                let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
                if digits.len() > MAX_NUMBER || !is_digits(digits) {
                    return Err(Refused::new("int needs a whole number"));
                }
                text.parse().map_err(|_| Refused::beyond_64_bits())?
            }
        };
        Ok(self.heap.alloc(whole))
    }

    fn float(self, value: Value<'v>) -> Outcome<Value<'v>> {
        self.work.pay(1)?;
        if let Some(number) = Number::of(&view(value)) {
            return Ok(self.heap.alloc(number.float()));
        }
        let text = text_argument("float", value)?;
        if text.len() > MAX_NUMBER || !is_decimal(text) {
            return Err(Refused::new("float needs a number"));
        }
        // Written as both languages read it.
        let float = text.parse().unwrap_or(f64::NAN);
        Ok(self.number(Number::Float(float).checked()?))
    }

    /// Values that have one order: numbers, or texts.
    fn comparable(self, name: &str, values: &[Value<'v>]) -> Outcome<()> {
        let is_text = |value: &Value<'v>| value.unpack_str().is_some();
        for value in values {
            match view(*value) {
                View::Text(text) => self.work.read(text_len(text))?,
                View::Int(_) | View::Float(_) => self.work.pay(1)?,
                _ => {
                    self.work.pay(1)?;
                    let message = format!("{name} takes numbers or texts, not {}", kind(*value));
                    return Err(Refused(message));
                }
            }
            if is_text(value) != is_text(&values[0]) {
                let message = format!("{name} takes numbers or texts, not both");
                return Err(Refused(message));
            }
        }
        Ok(())
    }

    fn extreme(self, name: &str, arguments: &[Value<'v>]) -> Outcome<Value<'v>> {
        let values = match arguments {
            [one] => self.items_of(name, *one)?,
            several => several,
        };
        self.comparable(name, values)?;
        let wanted = if name == "max" {
            std::cmp::Ordering::Greater
        } else {
            std::cmp::Ordering::Less
        };
        // The first of equals, as Python has it.
        let better = |best: Value<'v>, next: Value<'v>| {
            if natural(next, best) == wanted {
                next
            } else {
                best
            }
        };
        let best = values.iter().copied().reduce(better);
        best.ok_or_else(|| Refused(format!("{name} of nothing")))
    }

    fn sorted(self, value: Value<'v>) -> Outcome<Value<'v>> {
        let mut values = self.items_of("sorted", value)?.to_vec();
        self.comparable("sorted", &values)?;
        self.work.pay(values.len())?;
        values.sort_by(|a, b| natural(*a, *b));
        Ok(self.list(values))
    }

    fn range(self, edges: &[Value<'v>]) -> Outcome<Value<'v>> {
        let mut whole = Vec::with_capacity(2);
        for edge in edges {
            let View::Int(edge) = view(*edge) else {
                let message = format!("range takes whole numbers, not {}", kind(*edge));
                return Err(Refused(message));
            };
            whole.push(edge);
        }
        let (start, stop) = match whole[..] {
            [start, stop] => (start, stop),
            _ => (0, whole[0]),
        };
        let count = i128::from(stop) - i128::from(start);
        self.work
            .make(usize::try_from(count.max(0)).unwrap_or(usize::MAX))?;
        let items = (start..stop).map(|item| self.heap.alloc(item));
        Ok(self.list(items.collect()))
    }
}

/// The order of two numbers or two texts.
fn natural(left: Value<'_>, right: Value<'_>) -> std::cmp::Ordering {
    let (a, b) = (view(left), view(right));
    match (Number::of(&a), Number::of(&b)) {
        (Some(a), Some(b)) => a.compare(b),
        _ => left.unpack_str().cmp(&right.unpack_str()),
    }
}

pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A sign, digits, perhaps a fraction, perhaps an exponent with a sign.
fn is_decimal(text: &str) -> bool {
    let unsigned = |text: &str| text.strip_prefix(['+', '-']).unwrap_or(text).to_owned();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, unsigned(exponent)),
        None => (text, "0".to_owned()),
    };
    let mantissa = unsigned(mantissa);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((&mantissa, "0"));
    is_digits(whole) && (fraction.is_empty() || is_digits(fraction)) && is_digits(&exponent)
}
