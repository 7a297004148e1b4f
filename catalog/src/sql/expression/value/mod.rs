//! What an expression's text says about its value, whatever the row: whether computing it can raise an error, whether it can be NULL, how long or how large it
//! can get. For expressions that PostgreSQL deparsed: what has no schema is its own, and casts are written out.

mod calls;
mod number;

use std::collections::BTreeSet;

use super::{
    super::parser::{ConstValue, Node, Tree, name_parts, nodes},
    SELECT, only_value,
};
use crate::model::{Conversion, Name, integer_range, text_limit, whole_digits};
use calls::{function, least_or_greatest, operator};
use number::Number;

/// What an expression reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnFacts {
    /// As `format_type` writes it.
    pub type_name: String,
    /// Whether it is never NULL.
    pub not_null: bool,
    /// An enum's values.
    pub labels: Option<Vec<String>>,
}

/// What is known of an expression's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// Computing it may raise an error for some row.
    pub may_raise: bool,
    /// It may be NULL.
    pub may_be_null: bool,
    /// The most characters that it has, as text.
    pub longest: Option<usize>,
    /// Between which whole numbers it is; NaN is between all.
    pub range: Option<(i128, i128)>,
    /// The only texts that it can be.
    pub texts: Option<BTreeSet<String>>,
    /// The column that it is, perhaps as text.
    pub column: Option<Name>,
    /// Whether it is certainly of a text type.
    pub is_text: bool,
    /// Its type, if it is certainly one of these.
    pub number: Option<Number>,
}

/// Deeper trees are not looked into.
const DEPTH_MAX: usize = 200;

impl Value {
    /// Of an expression over `new.column`. `column`: what stands in the row.
    pub fn of(expression: &str, column: &dyn Fn(&str) -> Option<ColumnFacts>) -> Self {
        let source = format!("{SELECT}{expression}\n)");
        let Ok(tree) = Tree::parse(&source) else { return Self::unknown() };
        let value = tree.read(|tree| {
            let Some(Node::SelectStmt(select)) = tree.statements().next() else { return None };
            Some(Reader { column }.value(only_value(select)?, 0))
        });
        value.ok().flatten().unwrap_or_else(Self::unknown)
    }

    /// Anything.
    pub fn unknown() -> Self {
        Self {
            may_raise: true,
            may_be_null: true,
            longest: None,
            range: None,
            texts: None,
            column: None,
            is_text: false,
            number: None,
        }
    }

    /// Whether it fits into a column of this type, as the value of an expression of the type `of`.
    pub fn fits(&self, of: &str, to: &str, labels: Option<&[String]>) -> bool {
        let known = |texts: &BTreeSet<String>| {
            labels.is_some_and(|labels| texts.iter().all(|text| labels.contains(text)))
        };
        let is_short = || match (text_limit(of), text_limit(to)) {
            (Some(_), Some(Some(limit))) => {
                self.longest.is_some_and(|longest| usize::try_from(limit).is_ok_and(|limit| longest <= limit))
            }
            _ => false,
        };
        let is_within = || match (integer_range(of), integer_range(to), self.range) {
            (Some(_), Some((least, most)), Some((from, until))) => least <= from && until <= most,
            (_, None, Some((from, until))) => {
                let is_known = integer_range(of).is_some() || of.starts_with("numeric");
                let limit =
                    whole_digits(to).and_then(|digits| 10_i128.checked_pow(u32::try_from(digits).ok()?));
                is_known && limit.is_some_and(|limit| -limit < from && until < limit)
            }
            _ => false,
        };
        !Conversion::of(of, to).may_fail
            || self.texts.as_ref().is_some_and(known)
            || is_short()
            || is_within()
    }

    /// Neither raising nor NULL; nothing else is known.
    fn total() -> Self {
        Self { may_raise: false, may_be_null: false, ..Self::unknown() }
    }

    /// Not the value of a column any more.
    fn computed(mut self) -> Self {
        self.column = None;
        self
    }

    /// Either the one or the other.
    fn or(self, other: Self) -> Self {
        let both = |(a, b): (i128, i128), (c, d): (i128, i128)| (a.min(c), b.max(d));
        Self {
            may_raise: self.may_raise || other.may_raise,
            may_be_null: self.may_be_null || other.may_be_null,
            longest: self.longest.zip(other.longest).map(|(a, b)| a.max(b)),
            range: self.range.zip(other.range).map(|(a, b)| both(a, b)),
            texts: self.texts.zip(other.texts).map(|(a, b)| a.union(&b).cloned().collect()),
            column: None,
            is_text: self.is_text && other.is_text,
            number: self.number.zip(other.number).map(|(a, b)| a.max(b)),
        }
    }

    /// Nothing is known but these two.
    fn total_like(may_raise: bool, may_be_null: bool) -> Self {
        Self { may_raise, may_be_null, ..Self::unknown() }
    }

    /// NULL is as short and as small as can be.
    fn and_no_text(self) -> Self {
        Self { longest: Some(0), range: None, texts: Some(BTreeSet::new()), ..self }
    }
}

struct Reader<'a> {
    column: &'a dyn Fn(&str) -> Option<ColumnFacts>,
}

impl Reader<'_> {
    fn value(&self, node: Node<'_>, depth: usize) -> Value {
        if depth > DEPTH_MAX {
            return Value::unknown();
        }
        let below = |node: Node<'_>| self.value(node, depth + 1);
        let strict = |arguments: Vec<Value>| Value {
            may_raise: arguments.iter().any(|value| value.may_raise),
            may_be_null: arguments.iter().any(|value| value.may_be_null),
            ..Value::total()
        };
        match node {
            Node::ColumnRef(reference) => self.column_value(reference),
            Node::A_Const(constant) => constant_value(constant.val()),
            Node::TypeCast(cast) => self.cast(cast, below(cast.arg())),
            Node::CoalesceExpr(expr) => {
                let values: Vec<Value> = expr.args().iter().map(below).collect();
                let may_be_null = values.iter().all(|value| value.may_be_null);
                let merged = values.into_iter().reduce(Value::or).unwrap_or_else(Value::unknown);
                Value { may_be_null, ..merged }
            }
            Node::MinMaxExpr(expr) => {
                let values: Vec<Value> = expr.args().iter().map(below).collect();
                least_or_greatest(expr, &values)
            }
            Node::CaseExpr(case) => self.case(case, depth),
            Node::NullTest(test) => Value { may_be_null: false, ..strict(vec![below(test.arg())]) },
            Node::BooleanTest(test) => Value { may_be_null: false, ..strict(vec![below(test.arg())]) },
            Node::BoolExpr(expr) => strict(expr.args().iter().map(below).collect()),
            Node::SQLValueFunction(_) => Value::total(),
            Node::A_ArrayExpr(array) => {
                let values = strict(array.elements().iter().map(below).collect());
                Value { may_be_null: false, ..values }
            }
            // A field, or an element, which may not be there.
            Node::A_Indirection(part) => {
                let bounds = part.indirection().iter().filter_map(|index| match index {
                    Node::A_Indices(index) => Some([index.lidx(), index.uidx()]),
                    _ => None,
                });
                let bounds = bounds.flatten().filter(|bound| !matches!(bound, Node::None)).map(below);
                let values = strict(std::iter::once(below(part.arg())).chain(bounds).collect());
                Value { may_be_null: true, ..values }
            }
            Node::CollateClause(collate) => below(collate.arg()),
            Node::FuncCall(call) => {
                let values: Vec<Value> = call.args().iter().map(below).collect();
                function(call, &values)
            }
            Node::A_Expr(expr) => {
                let sides = [expr.lexpr(), expr.rexpr()];
                let sides = sides.into_iter().filter(|side| !matches!(side, Node::None));
                operator(expr, &sides.map(below).collect::<Vec<Value>>())
            }
            _ => Value::unknown(),
        }
    }

    fn column_value(&self, reference: &nodes::ColumnRef) -> Value {
        let fields: Vec<Node<'_>> = reference.fields().iter().collect();
        let parts = name_parts(fields.iter().copied());
        let Some(name) = parts.last().filter(|_| parts.len() == fields.len()) else {
            return Value::unknown();
        };
        let Some(facts) = (self.column)(name) else { return Value::unknown() };
        let longest = text_limit(&facts.type_name).flatten().and_then(|limit| usize::try_from(limit).ok());
        Value {
            may_raise: false,
            may_be_null: !facts.not_null,
            longest,
            range: integer_range(&facts.type_name).or_else(|| number::range_of(&facts.type_name)),
            texts: facts.labels.map(|labels| labels.into_iter().collect()),
            column: Name::new(*name).ok(),
            is_text: text_limit(&facts.type_name).is_some(),
            number: Number::of(&facts.type_name),
        }
    }

    /// An explicit cast. Of a column, its type tells; one to a text type cuts what is too long.
    fn cast(&self, cast: &nodes::TypeCast, value: Value) -> Value {
        // PostgreSQL reads a constant when it reads the expression.
        if matches!(cast.arg(), Node::A_Const(_)) {
            let name = cast.type_name().and_then(type_name).unwrap_or_default();
            return Value { is_text: text_limit(&name).is_some(), number: Number::of(&name), ..value };
        }
        let Some(name) = cast.type_name().and_then(type_name) else {
            return Value { may_raise: true, ..value.computed() };
        };
        let from = value.column.as_ref().and_then(|column| (self.column)(column.as_str()));
        if let Some(limit) = text_limit(&name) {
            let limit = limit.and_then(|limit| usize::try_from(limit).ok());
            let is_cut = limit.is_some();
            let longest = match (limit, value.longest) {
                (Some(limit), Some(longest)) => Some(limit.min(longest)),
                (limit, longest) => limit.or(longest),
            };
            let texts = value.texts.filter(|_| !is_cut);
            let column = value.column.filter(|_| !is_cut);
            let known = Value::total_like(value.may_raise, value.may_be_null);
            return Value { longest, texts, column, is_text: true, ..known };
        }
        let of = value.number.map(|number| number.name().to_owned()).or(from.map(|from| from.type_name));
        let fits = of.is_some_and(|of| value.fits(&of, &name, None));
        Value {
            may_raise: value.may_raise || !fits,
            may_be_null: value.may_be_null,
            range: value.range.filter(|_| fits).or_else(|| integer_range(&name)),
            number: Number::of(&name),
            ..Value::unknown()
        }
    }

    fn case(&self, case: &nodes::CaseExpr, depth: usize) -> Value {
        let of = |node: Node<'_>| self.value(node, depth + 1);
        let tested = case.arg();
        let tested = (!matches!(tested, Node::None)).then(|| of(tested));
        let mut may_raise = tested.as_ref().is_some_and(|value| value.may_raise);
        let mut taken = BTreeSet::new();
        let mut result: Option<Value> = None;
        for when in case.args() {
            let Node::CaseWhen(when) = when else { return Value::unknown() };
            let condition = of(when.expr());
            may_raise |= condition.may_raise;
            taken.extend(condition.texts.filter(|texts| texts.len() == 1).unwrap_or_default());
            let value = of(when.result());
            result = Some(result.map_or_else(|| value.clone(), |known| known.or(value.clone())));
        }
        let otherwise = match case.defresult() {
            Node::None => Value { may_be_null: true, ..Value::total() }.and_no_text(),
            node => {
                let mut value = of(node);
                // What a WHEN has taken does not come to ELSE.
                if value.column.is_some() && value.column == tested.and_then(|tested| tested.column) {
                    value.texts = value.texts.map(|texts| texts.difference(&taken).cloned().collect());
                }
                value
            }
        };
        let result = result.map_or_else(|| otherwise.clone(), |known| known.or(otherwise.clone()));
        Value { may_raise: result.may_raise || may_raise, ..result.computed() }
    }
}

fn constant_value(constant: Option<ConstValue<'_>>) -> Value {
    let known = Value::total();
    match constant {
        None => Value { may_be_null: true, ..known }.and_no_text(),
        Some(ConstValue::String(text)) => Value {
            longest: Some(text.chars().count()),
            range: number::range_of_decimal(text),
            texts: Some(BTreeSet::from([text.to_owned()])),
            is_text: true,
            ..known
        },
        Some(ConstValue::Integer(number)) => {
            Value { range: Some((number.into(), number.into())), number: Some(Number::Integer), ..known }
        }
        Some(ConstValue::Float(digits)) => {
            let number =
                if digits.bytes().all(|digit| digit.is_ascii_digit()) { None } else { Some(Number::Numeric) };
            Value { range: number::range_of_decimal(digits), number, ..known }
        }
        Some(_) => known,
    }
}

fn is_constant(node: Node<'_>) -> bool {
    match node {
        Node::A_Const(_) => true,
        Node::TypeCast(cast) => matches!(cast.arg(), Node::A_Const(_)),
        _ => false,
    }
}

/// PostgreSQL's own type of this name, without a length that is not a plain number.
fn type_name(name: &nodes::TypeName) -> Option<String> {
    let parts: Vec<String> =
        name.names().iter().filter_map(|part| Node::from(part).as_str().map(str::to_owned)).collect();
    let bare = match parts.as_slice() {
        [bare] => bare.as_str(),
        [schema, bare] if schema == "pg_catalog" => bare.as_str(),
        _ => return None,
    };
    let word = match bare {
        "int2" => "smallint",
        "int4" => "integer",
        "int8" => "bigint",
        "varchar" => "character varying",
        "bpchar" => "character",
        "float4" => "real",
        "float8" => "double precision",
        "bool" => "boolean",
        "timestamp" => "timestamp without time zone",
        "timestamptz" => "timestamp with time zone",
        "time" => "time without time zone",
        "timetz" => "time with time zone",
        other => other,
    };
    let modifiers: Vec<Node<'_>> = name.typmods().iter().collect();
    let numbers: Option<Vec<String>> = modifiers
        .iter()
        .map(|modifier| match modifier {
            Node::A_Const(constant) => match constant.val() {
                Some(ConstValue::Integer(number)) => Some(number.to_string()),
                _ => None,
            },
            _ => None,
        })
        .collect();
    let array = if name.array_bounds().is_empty() { "" } else { "[]" };
    match numbers?.as_slice() {
        [] => Some(format!("{word}{array}")),
        numbers => {
            let (stem, tail) =
                word.split_once(' ').filter(|_| word.starts_with("time")).unwrap_or((word, ""));
            let tail = if tail.is_empty() { String::new() } else { format!(" {tail}") };
            Some(format!("{stem}({}){tail}{array}", numbers.join(",")))
        }
    }
}

#[cfg(test)]
mod tests;
