//! Whole and decimal numbers: of what type and between which bounds a calculation is. What may overflow or divide by zero may raise an error.

use super::Value;
use crate::model::{integer_range, whole_digits};

/// A type of numbers, narrower ones first: of two, an operator gives the wider one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Number {
    /// smallint
    Small,
    /// integer
    Integer,
    /// bigint
    Big,
    /// numeric, of whatever precision
    Numeric,
}

impl Number {
    /// The type of this name, if it is one of these.
    pub fn of(type_name: &str) -> Option<Self> {
        match type_name {
            "smallint" => Some(Self::Small),
            "integer" => Some(Self::Integer),
            "bigint" => Some(Self::Big),
            other => (other == "numeric" || other.starts_with("numeric(")).then_some(Self::Numeric),
        }
    }

    /// Its name, without a precision.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "smallint",
            Self::Integer => "integer",
            Self::Big => "bigint",
            Self::Numeric => "numeric",
        }
    }
}

/// Between which whole numbers a numeric of limited precision is.
pub(super) fn range_of(type_name: &str) -> Option<(i128, i128)> {
    let limit = 10_i128.checked_pow(u32::try_from(whole_digits(type_name)?).ok()?)?;
    Some((-limit, limit))
}

/// The whole numbers next to a decimal constant.
pub(super) fn range_of_decimal(digits: &str) -> Option<(i128, i128)> {
    if let Some(positive) = digits.strip_prefix('-') {
        return range_of_decimal(positive).map(|(least, most)| (-most, -least));
    }
    match digits.split_once('.') {
        None => digits.parse().ok().map(|number| (number, number)),
        Some((whole, part)) => {
            let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
            let is_whole = part.bytes().all(|digit| digit == b'0');
            Some((whole, if is_whole { whole } else { whole + 1 }))
        }
    }
}

/// What an arithmetic operator gives; `None`: it is none, or nothing is known of its sides.
pub(super) fn arithmetic(name: &str, left: &Value, right: &Value) -> Option<Value> {
    let number = left.number?.max(right.number?);
    let known = Value {
        may_raise: left.may_raise || right.may_raise,
        may_be_null: left.may_be_null || right.may_be_null,
        number: Some(number),
        ..Value::unknown()
    };
    let ranges = left.range.zip(right.range);
    let range = ranges.and_then(|(left, right)| match name {
        "+" => Some((left.0.checked_add(right.0)?, left.1.checked_add(right.1)?)),
        "-" => Some((left.0.checked_sub(right.1)?, left.1.checked_sub(right.0)?)),
        "*" => {
            let ends = [(left.0, right.0), (left.0, right.1), (left.1, right.0), (left.1, right.1)];
            let products: Option<Vec<i128>> = ends.iter().map(|(a, b)| a.checked_mul(*b)).collect();
            let products = products?;
            Some((*products.iter().min()?, *products.iter().max()?))
        }
        // By one at least: it comes no further from zero.
        "/" | "%" => {
            let most = left.0.checked_abs()?.max(left.1.checked_abs()?);
            Some((-most, most))
        }
        _ => None,
    });
    let divides = matches!(name, "/" | "%");
    if !divides && !matches!(name, "+" | "-" | "*") {
        return None;
    }
    let is_never_zero = right.range.is_some_and(|(least, most)| least > 0 || most < 0);
    // One that comes to nothing fails, and so does a whole number that gets too large; a numeric has room for what these can make.
    let overflows = match (integer_range(number.name()), range) {
        (Some((least, most)), Some((from, until))) => from < least || until > most,
        (Some(_), None) => true,
        (None, _) => false,
    };
    let overflows = overflows && !(divides && right.range.is_some_and(|(least, _)| least > 0));
    let may_raise = known.may_raise || divides && !is_never_zero || overflows;
    let range = range.filter(|_| !divides || is_never_zero);
    Some(Value { may_raise, range, ..known })
}
