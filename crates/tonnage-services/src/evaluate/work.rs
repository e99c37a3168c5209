//! The budget of work that bounds time, memory and depth of a condition. The same
//! prices as in `apps/common/condition_guard.py`, so that both give up at the
//! same point; `docs/workloads.md` lists them.

// SAFETY: what the derive of `ProvidesStaticType` writes is `unsafe`, as it promises
// that the static type differs in nothing but lifetimes; `Work` has none.
#![expect(unsafe_code, reason = "written by the derive of `ProvidesStaticType`")]

use std::cell::Cell;

use starlark::any::ProvidesStaticType;

/// Units of work for one condition.
pub(super) const WORK: i64 = 200_000;

/// Units of work for taking over a payload.
pub(super) const PAYLOAD_WORK: i64 = 1_000_000;

/// Items read, and items made, that cost a unit.
const READ_PER_UNIT: usize = 64;
const MADE_PER_UNIT: usize = 16;

/// Products of lengths, in a search, that cost a unit.
const SEARCHED_PER_UNIT: usize = 4096;

/// Characters of a text, or items of a list, that an operation may make.
const MAX_SIZE: usize = 1 << 20;

/// Calls of a condition's own functions within each other.
pub(super) const MAX_CALLS: u32 = 64;

/// Lists and dictionaries within each other.
pub(super) const MAX_DEPTH: usize = 64;

/// A condition, or a payload, did or says what it may not. The message is for its
/// author, and the same as Python's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refused(pub(super) String);

impl Refused {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    pub(super) fn too_deep() -> Self {
        Self(format!(
            "lists or dictionaries nested deeper than {MAX_DEPTH}"
        ))
    }

    pub(super) fn not_unicode() -> Self {
        Self::new("text that is not Unicode")
    }

    pub(super) fn beyond_64_bits() -> Self {
        Self::new("a number beyond 64 bits")
    }

    pub(super) fn not_finite() -> Self {
        Self::new("a number that is not finite")
    }
}

pub(super) type Outcome<T> = Result<T, Refused>;

/// What one run of one condition has left.
#[derive(Debug, ProvidesStaticType)]
pub(super) struct Work {
    limit: i64,
    left: Cell<i64>,
    /// What one turn of a loop costs: statements between operations are not
    /// counted one by one, and a longer text can hold more of them.
    weight: i64,
    calls: Cell<u32>,
}

impl Work {
    pub(super) fn new(limit: i64, weight: i64) -> Self {
        Self {
            limit,
            left: Cell::new(limit),
            weight,
            calls: Cell::new(0),
        }
    }

    /// Units that are left.
    pub(super) fn left(&self) -> i64 {
        self.left.get()
    }

    /// Pays units of work.
    pub(super) fn pay(&self, units: usize) -> Outcome<()> {
        let units = i64::try_from(units).unwrap_or(i64::MAX);
        let left = self.left.get().saturating_sub(units);
        self.left.set(left);
        if left < 0 {
            return Err(Refused(format!(
                "the condition takes more than its {} units of work",
                self.limit
            )));
        }
        Ok(())
    }

    /// Pays for an operation that reads so many items.
    pub(super) fn read(&self, items: usize) -> Outcome<()> {
        self.pay(1 + items / READ_PER_UNIT)
    }

    /// Pays for an operation that makes so many items.
    pub(super) fn make(&self, items: usize) -> Outcome<()> {
        self.fits(items)?;
        self.pay(1 + items / MADE_PER_UNIT)
    }

    /// Refuses a value that is too large.
    #[expect(clippy::unused_self, reason = "a bound like the others")]
    pub(super) fn fits(&self, items: usize) -> Outcome<()> {
        if items > MAX_SIZE {
            return Err(Refused(format!("a value of more than {MAX_SIZE} items")));
        }
        Ok(())
    }

    /// Pays for the search of a text of so many characters for another.
    pub(super) fn search(&self, text: usize, part: usize) -> Outcome<()> {
        let pairs = text.saturating_mul(part);
        self.pay(1 + (text + part) / READ_PER_UNIT + pairs / SEARCHED_PER_UNIT)
    }

    /// Pays for going through so many items.
    pub(super) fn turns(&self, items: usize) -> Outcome<()> {
        let weight = usize::try_from(self.weight).unwrap_or(1);
        self.pay(1 + items.saturating_mul(weight))
    }

    /// Pays for a call of one of the condition's own functions, and enters it.
    pub(super) fn enter(&self) -> Outcome<()> {
        self.pay(usize::try_from(self.weight).unwrap_or(1))?;
        if self.calls.get() >= MAX_CALLS {
            return Err(Self::too_many_calls());
        }
        self.calls.set(self.calls.get() + 1);
        Ok(())
    }

    /// Leaves a call again.
    pub(super) fn leave(&self) {
        self.calls.set(self.calls.get().saturating_sub(1));
    }

    pub(super) fn too_many_calls() -> Refused {
        Refused(format!("calls nested deeper than {MAX_CALLS}"))
    }
}
