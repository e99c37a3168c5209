//! What operators, indexes and loops of a condition are written to. The twin of
//! `Guard` in `apps/common/condition_guard.py`: the same results, prices and
//! messages.

use std::cmp::Ordering;

use starlark::collections::{Hashed, SmallMap};
use starlark::values::dict::{Dict, DictMut, DictRef};
use starlark::values::list::AllocList;
use starlark::values::{Heap, Value};

use super::json::items_of;
use super::numbers::{Number, arithmetic, floor_division};
use super::view::{View, kind, shorter, text_len, view};
use super::work::{MAX_DEPTH, Outcome, Refused, Work};

/// Where an operation makes its values, and what pays for them.
#[derive(Clone, Copy)]
pub(super) struct Place<'a, 'v> {
    pub(super) heap: Heap<'v>,
    pub(super) work: &'a Work,
}

fn no_operator(operator: &str, left: Value<'_>, right: Value<'_>) -> Refused {
    Refused(format!(
        "{operator} does not take {} and {}",
        kind(left),
        kind(right)
    ))
}

fn division_by_zero() -> Refused {
    Refused::new("division by zero")
}

fn not_whole(value: Value<'_>) -> Refused {
    Refused(format!("an index is a whole number, not {}", kind(value)))
}

impl<'v> Place<'_, 'v> {
    pub(super) fn number(self, number: Number) -> Value<'v> {
        match number {
            Number::Int(value) => self.heap.alloc(value),
            Number::Float(value) => self.heap.alloc(value),
        }
    }

    pub(super) fn list(self, items: Vec<Value<'v>>) -> Value<'v> {
        self.heap.alloc(AllocList(items))
    }

    // Operators.

    /// `left + right`
    pub(super) fn add(self, left: Value<'v>, right: Value<'v>) -> Outcome<Value<'v>> {
        match (view(left), view(right)) {
            (View::Text(a), View::Text(b)) => {
                self.work.make(text_len(a) + text_len(b))?;
                Ok(self.heap.alloc_str_concat(a, b).to_value())
            }
            (View::List(a), View::List(b)) => {
                self.work.make(a.len() + b.len())?;
                Ok(self.list([a, b].concat()))
            }
            (a, b) => match (Number::of(&a), Number::of(&b)) {
                (Some(a), Some(b)) => {
                    self.work.pay(1)?;
                    let sum = arithmetic(a, b, i64::checked_add, |a, b| a + b)?;
                    Ok(self.number(sum))
                }
                _ => Err(no_operator("+", left, right)),
            },
        }
    }

    /// Two numbers for an operator, paid for.
    fn numbers(
        self,
        operator: &str,
        left: Value<'v>,
        right: Value<'v>,
    ) -> Outcome<(Number, Number)> {
        self.work.pay(1)?;
        let (a, b) = (view(left), view(right));
        let both = Number::of(&a).zip(Number::of(&b));
        both.ok_or_else(|| no_operator(operator, left, right))
    }

    /// `left - right`
    pub(super) fn sub(self, left: Value<'v>, right: Value<'v>) -> Outcome<Value<'v>> {
        let (a, b) = self.numbers("-", left, right)?;
        let result = arithmetic(a, b, i64::checked_sub, |a, b| a - b)?;
        Ok(self.number(result))
    }

    /// `left * right`; text or a list times a number repeats it.
    pub(super) fn mul(self, left: Value<'v>, right: Value<'v>) -> Outcome<Value<'v>> {
        let (a, b) = (view(left), view(right));
        match (&a, &b) {
            (View::Text(text), View::Int(times)) | (View::Int(times), View::Text(text)) => {
                let times = usize::try_from(*times).unwrap_or(0);
                let len = if times == 0 { 0 } else { text_len(text) };
                self.work.make(len.saturating_mul(times))?;
                return Ok(self.heap.alloc(text.repeat(times)));
            }
            (View::List(list), View::Int(times)) | (View::Int(times), View::List(list)) => {
                let times = usize::try_from(*times).unwrap_or(0);
                self.work.make(list.len().saturating_mul(times))?;
                return Ok(self.list(list.repeat(times)));
            }
            _ => {}
        }
        let (a, b) = self.numbers("*", left, right)?;
        let result = arithmetic(a, b, i64::checked_mul, |a, b| a * b)?;
        Ok(self.number(result))
    }

    /// `left / right`, always with fractions.
    pub(super) fn div(self, left: Value<'v>, right: Value<'v>) -> Outcome<Value<'v>> {
        let (a, b) = self.numbers("/", left, right)?;
        if b.compare(Number::Int(0)) == Ordering::Equal {
            return Err(division_by_zero());
        }
        let result = Number::Float(a.float() / b.float()).checked()?;
        Ok(self.number(result))
    }

    /// `left // right` or `left % right` of whole numbers.
    pub(super) fn whole(
        self,
        operator: &str,
        left: Value<'v>,
        right: Value<'v>,
    ) -> Outcome<Value<'v>> {
        let (Number::Int(a), Number::Int(b)) = self.numbers(operator, left, right)? else {
            return Err(Refused(format!("{operator} takes whole numbers")));
        };
        if operator == "%" && b == -1 {
            return Ok(self.heap.alloc(0));
        }
        let (quotient, rest) = floor_division(a, b)?;
        Ok(self
            .heap
            .alloc(if operator == "%" { rest } else { quotient }))
    }

    /// `-value`
    pub(super) fn neg(self, value: Value<'v>) -> Outcome<Value<'v>> {
        self.work.pay(1)?;
        let result = match view(value) {
            View::Int(value) => {
                Number::Int(value.checked_neg().ok_or_else(Refused::beyond_64_bits)?)
            }
            View::Float(value) => Number::Float(-value),
            _ => return Err(Refused(format!("- does not take {}", kind(value)))),
        };
        Ok(self.number(result))
    }

    // Comparisons.

    /// `left == right`, as deep as it goes.
    pub(super) fn eq(self, left: Value<'v>, right: Value<'v>, depth: usize) -> Outcome<bool> {
        let (a, b) = (view(left), view(right));
        if let (View::Text(a), View::Text(b)) = (&a, &b) {
            self.work.read(shorter(a, b))?;
            return Ok(a == b);
        }
        self.work.pay(1)?;
        if let Some((a, b)) = Number::or_boolean(&a).zip(Number::or_boolean(&b)) {
            return Ok(a.compare(b) == Ordering::Equal);
        }
        let deeper = || {
            if depth >= MAX_DEPTH {
                return Err(Refused::too_deep());
            }
            Ok(depth + 1)
        };
        match (&a, &b) {
            (View::None, View::None) => Ok(true),
            (View::List(a), View::List(b)) | (View::Tuple(a), View::Tuple(b)) => {
                self.all_eq(a, b, deeper()?)
            }
            (View::Dict(a), View::Dict(b)) => self.dicts_eq(a, b, deeper()?),
            _ => Ok(false),
        }
    }

    fn all_eq(self, left: &[Value<'v>], right: &[Value<'v>], depth: usize) -> Outcome<bool> {
        if left.len() != right.len() {
            return Ok(false);
        }
        for (a, b) in left.iter().zip(right) {
            if !self.eq(*a, *b, depth)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn dicts_eq(self, left: &DictRef<'v>, right: &DictRef<'v>, depth: usize) -> Outcome<bool> {
        if left.len() != right.len() {
            return Ok(false);
        }
        for (key, a) in left.iter() {
            let key = key.unpack_str().unwrap_or_default();
            match right.get_str(key) {
                Some(b) if self.eq(a, b, depth)? => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// How two values that have an order compare.
    pub(super) fn order(
        self,
        operator: &str,
        left: Value<'v>,
        right: Value<'v>,
    ) -> Outcome<Ordering> {
        if let (View::Text(a), View::Text(b)) = (view(left), view(right)) {
            self.work.read(shorter(a, b))?;
            return Ok(a.cmp(b));
        }
        let (a, b) = self.numbers(operator, left, right)?;
        Ok(a.compare(b))
    }

    /// A part to search a text for, paid for.
    pub(super) fn search(self, text: &str, part: Value<'v>) -> Outcome<&'v str> {
        let Some(part) = part.unpack_str() else {
            let message = format!("text is searched for text, not {}", kind(part));
            return Err(Refused(message));
        };
        self.work.search(text_len(text), text_len(part))?;
        Ok(part)
    }

    /// `item in container`
    pub(super) fn contains(self, item: Value<'v>, container: Value<'v>) -> Outcome<bool> {
        match view(container) {
            View::Text(text) => Ok(text.contains(self.search(text, item)?)),
            View::Dict(dict) => Ok(dict.get_str(self.key(item)?).is_some()),
            View::List(items) | View::Tuple(items) => {
                self.work.pay(1)?;
                for other in items {
                    if self.eq(item, *other, 0)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => Err(Refused(format!("in does not take {}", kind(container)))),
        }
    }

    // Items.

    /// A key of a dictionary, paid for.
    pub(super) fn key(self, key: Value<'v>) -> Outcome<&'v str> {
        let Some(key) = key.unpack_str() else {
            let message = format!("a dictionary's keys are text, not {}", kind(key));
            return Err(Refused(message));
        };
        self.work.read(text_len(key))?;
        Ok(key)
    }

    /// The same as a dictionary stores it.
    pub(super) fn hashed(self, key: Value<'v>) -> Outcome<Hashed<Value<'v>>> {
        self.key(key)?;
        // Text always has a hash.
        key.get_hashed()
            .map_err(|_| Refused::new("a key without a hash"))
    }

    /// `container[index]`
    pub(super) fn item(self, container: Value<'v>, index: Value<'v>) -> Outcome<Value<'v>> {
        match view(container) {
            View::Dict(dict) => {
                let found = dict.get_str(self.key(index)?);
                found.ok_or_else(|| Refused::new("no such key"))
            }
            View::Text(text) => {
                let len = text_len(text);
                self.work.read(len)?;
                let place = position(len, index)?;
                let char = text.chars().nth(place);
                Ok(char.map_or_else(Value::new_none, |char| self.heap.alloc(char)))
            }
            View::List(items) | View::Tuple(items) => {
                self.work.pay(1)?;
                Ok(items[position(items.len(), index)?])
            }
            _ => Err(Refused(format!("{} has no items", kind(container)))),
        }
    }

    /// `container[start:stop]`
    pub(super) fn slice(
        self,
        container: Value<'v>,
        start: Value<'v>,
        stop: Value<'v>,
    ) -> Outcome<Value<'v>> {
        let edge = |edge: Value<'v>| match view(edge) {
            View::None => Ok(None),
            View::Int(edge) => Ok(Some(edge)),
            _ => Err(not_whole(edge)),
        };
        let (start, stop) = (edge(start)?, edge(stop)?);
        match view(container) {
            View::Text(text) => {
                let len = text_len(text);
                self.work.make(len)?;
                let (start, stop) = edges(start, stop, len);
                let part: String = text.chars().skip(start).take(stop - start).collect();
                Ok(self.heap.alloc(part))
            }
            View::List(items) => {
                self.work.make(items.len())?;
                let (start, stop) = edges(start, stop, items.len());
                Ok(self.list(items[start..stop].to_vec()))
            }
            _ => Err(Refused(format!("{} cannot be sliced", kind(container)))),
        }
    }

    /// `container[index] = value`
    pub(super) fn set(
        self,
        container: Value<'v>,
        index: Value<'v>,
        value: Value<'v>,
    ) -> Outcome<()> {
        match view(container) {
            View::Dict(dict) => {
                drop(dict);
                let key = self.hashed(index)?;
                change(container)?.aref.insert_hashed(key, value);
                Ok(())
            }
            View::List(items) => {
                self.work.pay(1)?;
                let place = position(items.len(), index)?;
                let place = self.heap.alloc(place as i64);
                let set = container.set_at(place, value);
                set.map_err(|_| Refused::new("a list that cannot be changed"))
            }
            _ => {
                let message = format!("the items of {} cannot be set", kind(container));
                Err(Refused(message))
            }
        }
    }

    /// `{key: value, …}` from keys and values in turn; the last of equal keys wins.
    pub(super) fn dict(self, flat: &[Value<'v>]) -> Outcome<Value<'v>> {
        let mut made = SmallMap::with_capacity(flat.len() / 2);
        for pair in flat.chunks_exact(2) {
            made.insert_hashed(self.hashed(pair[0])?, pair[1]);
        }
        Ok(self.heap.alloc(Dict::new(made)))
    }

    // Loops.

    /// What a loop goes through: what the value holds as the loop begins. With a
    /// width, each item must have so many parts.
    pub(super) fn turns(self, value: Value<'v>, width: i32) -> Outcome<Value<'v>> {
        let items: Vec<Value<'v>> = match view(value) {
            View::List(items) | View::Tuple(items) => {
                self.work.turns(items.len())?;
                items.to_vec()
            }
            View::Dict(dict) => {
                self.work.turns(dict.len())?;
                dict.keys().collect()
            }
            _ => {
                let message = format!("{} cannot be gone through", kind(value));
                return Err(Refused(message));
            }
        };
        if width > 0 {
            for item in &items {
                parts(*item, width)?;
            }
        }
        Ok(self.list(items))
    }
}

/// Where a slice begins and ends among so many items.
fn edges(start: Option<i64>, stop: Option<i64>, len: usize) -> (usize, usize) {
    let edge = |edge: i64| {
        let place = if edge < 0 {
            edge.saturating_add_unsigned(len as u64)
        } else {
            edge
        };
        usize::try_from(place).unwrap_or(0).min(len)
    };
    let start = start.map_or(0, edge);
    let stop = stop.map_or(len, edge);
    (start, stop.max(start))
}

/// An index that is there, from zero on.
pub(super) fn position(len: usize, index: Value<'_>) -> Outcome<usize> {
    let View::Int(index) = view(index) else {
        return Err(not_whole(index));
    };
    let place = if index < 0 {
        index.saturating_add_unsigned(len as u64)
    } else {
        index
    };
    let place = usize::try_from(place).ok().filter(|place| *place < len);
    place.ok_or_else(|| Refused::new("no item at this index"))
}

/// A dictionary, to be changed.
pub(super) fn change(dict: Value<'_>) -> Outcome<DictMut<'_>> {
    let changed = DictMut::from_value(dict);
    changed.map_err(|_| Refused::new("a dictionary that cannot be changed"))
}

/// A list or tuple of so many parts.
pub(super) fn parts(value: Value<'_>, width: i32) -> Outcome<Value<'_>> {
    match items_of(value) {
        Some(items) if Ok(items.len()) == usize::try_from(width) => Ok(value),
        _ => Err(Refused(format!("not {width} parts"))),
    }
}
