//! What PostgreSQL's own functions and operators make of values. What is not listed here may raise an error.

use super::{
    super::super::parser::{
        name_parts, nodes,
        raw::{A_Expr_Kind, MinMaxOp},
    },
    Value, is_constant,
    number::{Number, arithmetic},
};

/// PostgreSQL's own functions that raise no error whatever texts, dates or arrays they are given, and are NULL only if an argument is.
const TOTAL: &[&str] = &[
    "array_append",
    "array_prepend",
    "array_remove",
    "array_replace",
    "cardinality",
    "starts_with",
    "to_jsonb",
];
/// Those that raise none as long as all arguments but the first are constants: what is wrong about these, every row would show.
const TOTAL_WITH_CONSTANTS: &[&str] = &["date_trunc", "regexp_replace"];
/// Those that take nothing, and are never NULL.
const TOTAL_ALONE: &[&str] = &["clock_timestamp", "gen_random_uuid", "now", "random", "statement_timestamp"];
/// Operators that raise none, and are NULL only if a side is.
const TOTAL_OPERATORS: &[&str] = &["=", "<>", "!=", "<", ">", "<=", ">="];
/// Operators whose right side is a pattern.
const PATTERN_OPERATORS: &[&str] = &["~~", "!~~", "~~*", "!~~*", "~", "!~", "~*", "!~*"];

pub(super) fn least_or_greatest(expr: &nodes::MinMaxExpr, values: &[Value]) -> Value {
    // Both pass NULL over.
    let may_be_null = values.iter().all(|value| value.may_be_null);
    let range = bounds(values, expr.op == MinMaxOp::IS_GREATEST);
    let merged = values.iter().cloned().reduce(Value::or).unwrap_or_else(Value::unknown);
    Value { may_be_null, range, ..merged }
}

/// What is never NULL among them bounds the value from one side, whichever of the others are NULL.
fn bounds(values: &[Value], is_greatest: bool) -> Option<(i128, i128)> {
    let ranges: Option<Vec<(i128, i128)>> = values.iter().map(|value| value.range).collect();
    let ranges = ranges?;
    let (least, most) =
        (ranges.iter().map(|range| range.0).min()?, ranges.iter().map(|range| range.1).max()?);
    let given = || values.iter().zip(&ranges).filter(|(value, _)| !value.may_be_null).map(|(_, range)| range);
    Some(if is_greatest {
        (given().map(|range| range.0).max().unwrap_or(least), most)
    } else {
        (least, given().map(|range| range.1).min().unwrap_or(most))
    })
}

pub(super) fn function(call: &nodes::FuncCall, values: &[Value]) -> Value {
    let parts = name_parts(call.funcname());
    let name = match parts.as_slice() {
        [name] | ["pg_catalog", name] => *name,
        _ => return Value::unknown(),
    };
    let raises = values.iter().any(|value| value.may_raise);
    let nullable = values.iter().any(|value| value.may_be_null);
    let constants = call.args().iter().skip(1).all(is_constant);
    let first = values.first();
    let known = Value::total_like(raises, nullable);
    match name {
        _ if TOTAL_ALONE.contains(&name) && values.is_empty() => Value::total(),
        "concat" => Value { may_be_null: false, is_text: true, ..known },
        "concat_ws" => {
            Value { may_be_null: first.is_none_or(|value| value.may_be_null), is_text: true, ..known }
        }
        // Keys are never NULL if they are constants.
        "json_build_object" | "jsonb_build_object" if call.args().iter().step_by(2).all(is_constant) => {
            Value { may_be_null: false, ..known }
        }
        "left" | "right" => {
            let most = values.get(1).and_then(|value| value.range).filter(|(least, _)| *least >= 0);
            let most = most.and_then(|(_, most)| usize::try_from(most).ok());
            Value { longest: shorter(most, first), is_text: true, ..known }
        }
        "substr" | "substring" if constants => {
            let most = values.get(2).and_then(|value| value.range);
            let most = most.and_then(|(_, most)| usize::try_from(most).ok());
            // By a pattern: NULL where it is not found.
            let by_pattern = values.get(1).is_none_or(|value| value.range.is_none());
            Value {
                longest: shorter(most, first),
                may_be_null: nullable || by_pattern,
                is_text: true,
                ..known
            }
        }
        "lpad" | "rpad" if constants => {
            let most = values.get(1).and_then(|value| value.range);
            Value {
                longest: most.and_then(|(_, most)| usize::try_from(most.max(0)).ok()),
                is_text: true,
                ..known
            }
        }
        "btrim" | "ltrim" | "rtrim" | "reverse" => {
            Value { longest: shorter(None, first), is_text: true, ..known }
        }
        "split_part" if constants => Value { longest: shorter(None, first), is_text: true, ..known },
        "md5" => Value { longest: Some(32), is_text: true, ..known },
        "length" | "char_length" | "character_length" | "octet_length" | "strpos" | "position" => {
            Value { range: Some((0, i32::MAX.into())), number: Some(Number::Integer), ..known }
        }
        "lower" | "upper" | "initcap" | "replace" | "translate" => Value { is_text: true, ..known },
        "round" | "floor" | "ceil" | "ceiling" | "trunc" | "abs"
            if first.is_some_and(|value| value.number == Some(Number::Numeric)) && constants =>
        {
            let range = first.and_then(|value| value.range);
            let most = range.map(|(least, most)| least.abs().max(most.abs()).saturating_add(1));
            Value { range: most.map(|most| (-most, most)), number: Some(Number::Numeric), ..known }
        }
        _ if TOTAL.contains(&name) => known,
        _ if TOTAL_WITH_CONSTANTS.contains(&name) && constants => known,
        // Of what is infinite they may give NULL.
        "to_char" if constants => Value { may_be_null: true, is_text: true, ..known },
        "date_part" | "extract" if call.args().iter().next().is_some_and(is_constant) => {
            Value { may_be_null: true, ..known }
        }
        _ => Value { may_raise: true, may_be_null: true, ..Value::unknown() },
    }
}

fn shorter(most: Option<usize>, of: Option<&Value>) -> Option<usize> {
    match (most, of.and_then(|value| value.longest)) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

pub(super) fn operator(expr: &nodes::A_Expr, sides: &[Value]) -> Value {
    let raises = sides.iter().any(|value| value.may_raise);
    let nullable = sides.iter().any(|value| value.may_be_null);
    let known = Value::total_like(raises, nullable);
    let name = match name_parts(expr.name()).as_slice() {
        [name] => (*name).to_owned(),
        _ => return Value::unknown(),
    };
    match expr.kind {
        A_Expr_Kind::AEXPR_DISTINCT | A_Expr_Kind::AEXPR_NOT_DISTINCT => {
            Value { may_be_null: false, ..known }
        }
        A_Expr_Kind::AEXPR_NULLIF => {
            let first = sides.first().cloned().unwrap_or_else(Value::unknown).computed();
            Value { may_be_null: true, may_raise: raises, ..first }
        }
        A_Expr_Kind::AEXPR_OP_ANY | A_Expr_Kind::AEXPR_OP_ALL | A_Expr_Kind::AEXPR_IN => known,
        A_Expr_Kind::AEXPR_OP if name == "-" && sides.len() == 1 => match sides.first() {
            Some(Value { range: Some((least, most)), number, .. }) if least == most => {
                Value { range: Some((-most, -least)), number: *number, ..known }
            }
            _ => Value { may_raise: true, ..known },
        },
        // Of two jsonb values it may raise.
        A_Expr_Kind::AEXPR_OP if name == "||" && sides.iter().any(|value| value.is_text) => {
            let longest = sides.iter().map(|value| value.longest).sum::<Option<usize>>();
            Value { longest, is_text: true, ..known }
        }
        A_Expr_Kind::AEXPR_OP if TOTAL_OPERATORS.contains(&name.as_str()) => known,
        A_Expr_Kind::AEXPR_OP | A_Expr_Kind::AEXPR_LIKE | A_Expr_Kind::AEXPR_ILIKE
            if PATTERN_OPERATORS.contains(&name.as_str()) && is_constant(expr.rexpr()) =>
        {
            known
        }
        A_Expr_Kind::AEXPR_OP if matches!(name.as_str(), "->" | "->>" | "#>" | "#>>") => {
            Value { may_be_null: true, ..known }
        }
        A_Expr_Kind::AEXPR_OP => {
            let found = match sides {
                [left, right] => arithmetic(&name, left, right),
                _ => None,
            };
            found.unwrap_or(Value { may_raise: true, ..known })
        }
        _ => Value { may_raise: true, ..known },
    }
}
