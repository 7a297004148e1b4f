//! An author's expression over the columns of one side, in the words of the stored row; and how a change of a column is told.

use std::collections::BTreeMap;

use super::{Sides, judgement::bad};
use crate::{
    model::{Column, Generated, Name, Transform},
    plan::Finding,
    sql,
    sql::{Expression, Sql},
};

type Resolved = (Sql, Vec<(Name, bool)>);

/// The parent's columns, bare or qualified by the table's name in either edition.
pub(super) fn forward_expression(sides: &Sides<'_>, transform: &Transform) -> Result<Resolved, Box<Finding>> {
    resolve(sides, transform, |qualifier, column| {
        let own = qualifier.is_none_or(|q| *q == sides.parent.name.name || *q == sides.child.name.name);
        let column = sides.parent.column_named(column.as_str()).filter(|_| own)?;
        Some((column, sides.place.parent.column(column).clone(), true))
    })
}

/// The child's columns, or with `old.` the parent's present values (which are no sources: reading them does not make the transform run).
pub(super) fn reverse_expression(sides: &Sides<'_>, transform: &Transform) -> Result<Resolved, Box<Finding>> {
    resolve(sides, transform, |qualifier, column| {
        if qualifier.is_some_and(|q| q.as_str() == "old") {
            let column = sides.parent.column_named(column.as_str())?;
            return Some((column, sides.place.parent.column(column).clone(), false));
        }
        let own = qualifier.is_none_or(|q| *q == sides.parent.name.name || *q == sides.child.name.name);
        let column = sides.child.column_named(column.as_str()).filter(|_| own)?;
        Some((column, sides.place.child.column(column).clone(), true))
    })
}

fn resolve<'a>(
    sides: &Sides<'a>,
    transform: &Transform,
    place: impl Fn(Option<&Name>, &Name) -> Option<(&'a Column, Name, bool)>,
) -> Result<Resolved, Box<Finding>> {
    let expression = Expression::parse(&transform.expression)
        .map_err(|error| Box::new(bad(sides, transform, &error.to_string())))?;
    let mut sources: BTreeMap<Name, bool> = BTreeMap::new();
    for used in expression.columns() {
        if let Some((column, physical, is_source)) = place(used.qualifier.as_ref(), &used.name) {
            if column.generated != Generated::None {
                let what = format!("reads generated column \"{}\"", column.name.as_str());
                return Err(Box::new(bad(sides, transform, &what)));
            }
            if is_source {
                sources.insert(physical, distinct_tells(&column.type_name, column.collation.as_deref()));
            }
        }
    }
    let text = expression
        .substitute(|qualifier, column| {
            place(qualifier, column).map(|(_, physical, _)| sql!("NEW.{}", physical))
        })
        .map_err(|error| Box::new(bad(sides, transform, &error.to_string())))?;
    Ok((text, sources.into_iter().collect()))
}

/// Ways back that PostgreSQL goes only when told (docs, 10.3 and 35.16): from text to whatever it once was, and between boolean and integer. They
/// fail for a value that does not fit, as an assignment would.
pub(super) fn is_cast_by_word_only(from: &str, to: &str) -> bool {
    let is_text = |name: &str| matches!(name, "text" | "character varying") || name.starts_with("character");
    (is_text(from) && !is_text(to)) || matches!((from, to), ("boolean", "integer") | ("integer", "boolean"))
}

/// Types whose `=` tells every difference that an expression can see. All others are compared by image.
pub(super) fn distinct_tells(type_name: &str, collation: Option<&str>) -> bool {
    const PLAIN: [&str; 15] = [
        "smallint",
        "integer",
        "bigint",
        "boolean",
        "text",
        "character varying",
        "date",
        "uuid",
        "bytea",
        "oid",
        "time without",
        "timestamp without",
        "timestamp with",
        "\"char\"",
        "inet",
    ];
    // An array's or a domain's name never equals or continues one of these with "(" or a space, but "[]" must not slip through.
    collation.is_none()
        && !type_name.ends_with("[]")
        && PLAIN.iter().any(|plain| {
            type_name
                .strip_prefix(plain)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('(') || rest.starts_with(' '))
        })
}

#[cfg(test)]
mod tests {
    use super::distinct_tells;

    #[test]
    fn only_types_with_a_telling_equality_are_compared_by_it() {
        for (name, tells) in [
            ("integer", true),
            ("character varying(20)", true),
            ("timestamp with time zone", true),
            ("integer[]", false),
            ("json", false),
            ("numeric(10,2)", false),
            ("public.citext", false),
            ("character(3)", false),
            // '30 days' = '1 month'
            ("interval", false),
            ("interval(3)", false),
        ] {
            assert_eq!(distinct_tells(name, None), tells, "{name}");
        }
        assert!(!distinct_tells("text", Some("public.nocase")));
    }
}
