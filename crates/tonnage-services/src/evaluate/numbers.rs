//! Arithmetic on whole numbers of 64 bits and finite fractions, and how the two
//! compare. The values are Python's, whose own numbers have no such bounds.

use std::cmp::Ordering;

use super::view::View;
use super::work::{Outcome, Refused};

/// A number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    /// A number that an operator takes; booleans are none.
    pub(super) fn of(view: &View<'_>) -> Option<Self> {
        match view {
            View::Int(value) => Some(Self::Int(*value)),
            View::Float(value) => Some(Self::Float(*value)),
            _ => None,
        }
    }

    /// A number that equality takes: `True == 1`, as in Python.
    pub(super) fn or_boolean(view: &View<'_>) -> Option<Self> {
        match view {
            View::Bool(value) => Some(Self::Int(i64::from(*value))),
            other => Self::of(other),
        }
    }

    pub(super) fn float(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    pub(super) fn checked(self) -> Outcome<Self> {
        match self {
            Self::Float(value) if !value.is_finite() => Err(Refused::not_finite()),
            fits => Ok(fits),
        }
    }

    /// Exactly, also where a whole number has more digits than a float.
    pub(super) fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(&b),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            (Self::Int(a), Self::Float(b)) => compare_mixed(a, b),
            (Self::Float(a), Self::Int(b)) => compare_mixed(b, a).reverse(),
        }
    }
}

/// 2^63, the first float beyond every whole number of 64 bits.
const BEYOND: f64 = 9_223_372_036_854_775_808.0;

fn compare_mixed(whole: i64, float: f64) -> Ordering {
    if float >= BEYOND {
        return Ordering::Less;
    }
    if float < -BEYOND {
        return Ordering::Greater;
    }
    // Truncation is exact here; what it cuts off decides between equals.
    let truncated = float.trunc();
    let order = whole.cmp(&(truncated as i64));
    order.then_with(|| {
        0.0.partial_cmp(&(float - truncated))
            .unwrap_or(Ordering::Equal)
    })
}

/// A whole number from the part of a float before the point.
pub(super) fn truncate(float: f64) -> Outcome<i64> {
    if (-BEYOND..BEYOND).contains(&float) {
        Ok(float.trunc() as i64)
    } else {
        Err(Refused::beyond_64_bits())
    }
}

/// `+`, `-` and `*` of two numbers.
pub(super) fn arithmetic(
    left: Number,
    right: Number,
    whole: fn(i64, i64) -> Option<i64>,
    float: fn(f64, f64) -> f64,
) -> Outcome<Number> {
    if let (Number::Int(left), Number::Int(right)) = (left, right) {
        let result = whole(left, right).ok_or_else(Refused::beyond_64_bits)?;
        return Ok(Number::Int(result));
    }
    Number::Float(float(left.float(), right.float())).checked()
}

/// `//` and `%` of whole numbers: rounded down, the rest has the divisor's sign.
pub(super) fn floor_division(left: i64, right: i64) -> Outcome<(i64, i64)> {
    if right == 0 {
        return Err(Refused::new("division by zero"));
    }
    // The one quotient that does not fit still has a rest.
    if right == -1 {
        let quotient = left.checked_neg();
        return Ok((quotient.ok_or_else(Refused::beyond_64_bits)?, 0));
    }
    let (quotient, rest) = (left / right, left % right);
    if rest != 0 && (rest < 0) != (right < 0) {
        Ok((quotient - 1, rest + right))
    } else {
        Ok((quotient, rest))
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering::{Equal, Greater, Less};

    use super::Number::{Float, Int};
    use super::floor_division;

    #[test]
    fn whole_numbers_and_floats_compare_exactly() {
        for (left, right, order) in [
            (Int(1), Float(1.0), Equal),
            (Int(1), Float(1.5), Less),
            (Int(-1), Float(-1.5), Greater),
            (Int(0), Float(-0.0), Equal),
            (Int(i64::MAX), Float(9_223_372_036_854_775_808.0), Less),
            (Int(i64::MIN), Float(-9_223_372_036_854_775_808.0), Equal),
            (
                Int(9_007_199_254_740_993),
                Float(9_007_199_254_740_992.0),
                Greater,
            ),
            (Int(0), Float(-1e300), Greater),
        ] {
            assert_eq!(left.compare(right), order, "{left:?} {right:?}");
            assert_eq!(right.compare(left), order.reverse(), "{right:?} {left:?}");
        }
    }

    #[test]
    fn division_rounds_down() {
        for (left, right, both) in [
            (7, 2, (3, 1)),
            (-7, 2, (-4, 1)),
            (7, -2, (-4, -1)),
            (-7, -2, (3, -1)),
            (6, -2, (-3, 0)),
            (5, -1, (-5, 0)),
        ] {
            assert_eq!(floor_division(left, right), Ok(both));
        }
        assert!(floor_division(i64::MIN, -1).is_err());
        assert!(floor_division(1, 0).is_err());
    }
}
