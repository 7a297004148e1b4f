//! From the author's transforms (and those that can be inferred) to what the triggers and the backfill compute.

use std::collections::BTreeMap;

use crate::{
    ddl::{Assignment, AssignmentKind, HopTriggers},
    layout::{ColumnFate, InheritedTable},
    model::{
        Column, Direction, EditionId, EditionName, Generated, Identity, Name, OnError, Origin, QualifiedName,
        Schema, Table, TableId, Transform, Volatility,
    },
    physical::{Probe, Probed},
    sql,
    sql::{Expression, Sql},
};

use super::{Finding, Severity};

/// One column that a hop's triggers will set, its expression not yet seen by PostgreSQL.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The table.
    pub table: TableId,
    /// Forward or reverse.
    pub direction: Direction,
    /// For messages and for the plan.
    pub transform: Transform,
    /// The physical column.
    pub target: Name,
    /// Over `NEW."physical"`.
    pub expression: Sql,
    /// Physical columns read.
    pub sources: Vec<(Name, bool)>,
    /// Whether NULL does not fit.
    pub not_null: bool,
    /// Whether it is the column's own volatile default (deparsed already, nothing to probe).
    pub is_default: bool,
    /// Types on both sides, if it is an inferred cast.
    pub cast: Option<(String, String)>,
}

/// What [`candidates`] works from.
pub struct TransformInput<'a> {
    /// The draft.
    pub edition: &'a EditionName,
    /// Its parent.
    pub parent: &'a Schema,
    /// Its own schema.
    pub child: &'a Schema,
    /// Tables that both have.
    pub inherited: &'a [InheritedTable],
    /// Given by the author.
    pub given: &'a [Transform],
}

struct Sides<'a> {
    edition: &'a EditionName,
    parent: &'a Table,
    child: &'a Table,
    place: &'a InheritedTable,
}

/// All transforms that the hop needs, and what is missing or wrong about them.
pub fn candidates(input: &TransformInput<'_>) -> (Vec<Candidate>, Vec<Finding>) {
    let mut found = Vec::new();
    let mut findings = unmatched(input);
    for place in input.inherited {
        let (Some(parent), Some(child)) = (input.parent.table(place.id), input.child.table(place.id)) else {
            continue;
        };
        let sides = Sides { edition: input.edition, parent, child, place };
        for column in &child.columns {
            forward(&sides, column, input.given, &mut found, &mut findings);
        }
        for id in &place.parent_only {
            if let Some(column) = parent.column(*id) {
                reverse(&sides, column, input.given, &mut found, &mut findings);
            }
        }
    }
    (found, findings)
}

fn given<'a>(
    transforms: &'a [Transform],
    table: &QualifiedName,
    direction: Direction,
    column: &Name,
) -> Option<&'a Transform> {
    transforms.iter().find(|transform| {
        transform.direction == direction
            && transform.schema == table.schema
            && transform.table == table.name
            && &transform.column == column
    })
}

fn forward(
    sides: &Sides<'_>,
    column: &Column,
    transforms: &[Transform],
    found: &mut Vec<Candidate>,
    findings: &mut Vec<Finding>,
) {
    let fate = sides.place.fates.get(&column.id).copied().unwrap_or(ColumnFate::Shared);
    if fate == ColumnFate::Shared {
        return;
    }
    let target = sides.place.child.column(column).clone();
    let author = given(transforms, &sides.child.name, Direction::Forward, &column.name);
    let mut candidate = Candidate {
        table: sides.place.id,
        direction: Direction::Forward,
        transform: author.cloned().unwrap_or_else(|| inferred(sides, Direction::Forward, column)),
        target,
        expression: Sql::trusted("NULL"),
        sources: Vec::new(),
        not_null: column.not_null,
        is_default: false,
        cast: None,
    };
    if column.generated != Generated::None {
        findings.push(unsupported(sides, column, "a generated column on an existing table"));
        return;
    }
    match (author, fate) {
        (Some(transform), _) => match forward_expression(sides, transform) {
            Ok((expression, sources)) => {
                candidate.expression = expression;
                candidate.sources = sources;
                found.push(candidate);
            }
            Err(finding) => findings.push(*finding),
        },
        (None, ColumnFate::Duplicated) => {
            let Some(before) = sides.parent.column(column.id) else { return };
            let source = sides.place.parent.column(before);
            candidate.transform.expression = before.name.quoted().to_string();
            candidate.expression = sql!("NEW.{}", source);
            candidate.sources =
                vec![(source.clone(), distinct_tells(&before.type_name, before.collation.as_deref()))];
            candidate.cast = Some((before.type_name.clone(), column.type_name.clone()));
            found.push(candidate);
        }
        (None, _) if column.identity != Identity::None => {
            findings.push(unsupported(sides, column, "an identity column added to an existing table"));
        }
        (None, _) => match &column.default {
            Some(_) if column.default_volatility == Volatility::Volatile => {
                candidate.is_default = true;
                candidate.transform.expression = column.default.clone().unwrap_or_default();
                found.push(candidate);
            }
            None if column.not_null => findings.push(needs_forward(sides, column)),
            _ => {}
        },
    }
}

fn reverse(
    sides: &Sides<'_>,
    column: &Column,
    transforms: &[Transform],
    found: &mut Vec<Candidate>,
    findings: &mut Vec<Finding>,
) {
    let target = sides.place.parent.column(column).clone();
    let author = given(transforms, &sides.child.name, Direction::Reverse, &column.name);
    let duplicate = sides.child.column(column.id);
    let mut candidate = Candidate {
        table: sides.place.id,
        direction: Direction::Reverse,
        transform: author.cloned().unwrap_or_else(|| inferred(sides, Direction::Reverse, column)),
        target,
        expression: Sql::trusted("NULL"),
        sources: Vec::new(),
        not_null: column.not_null,
        is_default: false,
        cast: None,
    };
    match (author, duplicate) {
        (Some(transform), _) => match reverse_expression(sides, transform) {
            Ok((expression, sources)) => {
                candidate.expression = expression;
                candidate.sources = sources;
                found.push(candidate);
            }
            Err(finding) => findings.push(*finding),
        },
        (None, Some(after)) => {
            let source = sides.place.child.column(after);
            candidate.transform.expression = after.name.quoted().to_string();
            candidate.expression = sql!("NEW.{}", source);
            candidate.sources =
                vec![(source.clone(), distinct_tells(&after.type_name, after.collation.as_deref()))];
            candidate.cast = Some((after.type_name.clone(), column.type_name.clone()));
            found.push(candidate);
        }
        (None, None) => {
            let filled = column.default.is_some()
                || column.identity != Identity::None
                || column.generated != Generated::None;
            if column.not_null && !filled {
                findings.push(needs_reverse(sides, column));
            }
        }
    }
}

fn inferred(sides: &Sides<'_>, direction: Direction, column: &Column) -> Transform {
    Transform {
        schema: sides.child.name.schema.clone(),
        table: sides.child.name.name.clone(),
        direction,
        column: column.name.clone(),
        expression: String::new(),
        on_error: OnError::Reject,
        origin: Origin::Inferred,
    }
}

type Resolved = (Sql, Vec<(Name, bool)>);

/// The parent's columns, bare or qualified by the table's name in either edition.
fn forward_expression(sides: &Sides<'_>, transform: &Transform) -> Result<Resolved, Box<Finding>> {
    resolve(sides, transform, |qualifier, column| {
        let own = qualifier.is_none_or(|q| *q == sides.parent.name.name || *q == sides.child.name.name);
        let column = sides.parent.column_named(column.as_str()).filter(|_| own)?;
        Some((column, sides.place.parent.column(column).clone(), true))
    })
}

/// The child's columns, or with `old.` the parent's present values (which are no sources: reading them does not make the transform run).
fn reverse_expression(sides: &Sides<'_>, transform: &Transform) -> Result<Resolved, Box<Finding>> {
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
        .map_err(|error| bad(sides, transform, &error.to_string()))?;
    let mut sources: BTreeMap<Name, bool> = BTreeMap::new();
    for used in expression.columns() {
        if let Some((column, physical, is_source)) = place(used.qualifier.as_ref(), &used.name) {
            if column.generated != Generated::None {
                let what = format!("reads generated column \"{}\"", column.name.as_str());
                return Err(bad(sides, transform, &what));
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
        .map_err(|error| bad(sides, transform, &error.to_string()))?;
    Ok((text, sources.into_iter().collect()))
}

/// Types whose `=` tells every difference that an expression can see. All others are compared by image.
fn distinct_tells(type_name: &str, collation: Option<&str>) -> bool {
    const PLAIN: [&str; 16] = [
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
        "interval",
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

/// What PostgreSQL has to look at: everything but defaults, which it deparsed already. In the order of the candidates.
pub fn probes(candidates: &[Candidate]) -> Vec<Probe> {
    candidates
        .iter()
        .filter(|candidate| !candidate.is_default)
        .map(|candidate| Probe {
            table: candidate.table,
            target: candidate.target.clone(),
            expression: candidate.expression.clone(),
        })
        .collect()
}

/// The triggers and set-based assignments of a hop.
#[derive(Clone, Debug, Default)]
pub struct Hop {
    /// Per table.
    pub triggers: BTreeMap<TableId, HopTriggers>,
    /// Per table: physical column and expression over the row alias.
    pub backfill: BTreeMap<TableId, Vec<(Name, Sql)>>,
    /// As used.
    pub transforms: Vec<Transform>,
}

/// Joins candidates with PostgreSQL's answers. `default_of`: a physical column's default in physical words.
pub fn assemble(
    sides: (&[InheritedTable], EditionId, &EditionName),
    candidates: &[Candidate],
    probed: &[Probed],
    default_of: impl Fn(TableId, &Name) -> Option<String>,
) -> (Hop, Vec<Finding>) {
    let (inherited, child, edition) = sides;
    let mut hop = Hop::default();
    let mut findings = Vec::new();
    let mut answers = probed.iter();
    for candidate in candidates {
        let (in_trigger, in_update) = if candidate.is_default {
            let default = Sql::trusted(default_of(candidate.table, &candidate.target).unwrap_or_default());
            (default.clone(), default)
        } else {
            match answers.next() {
                Some(Probed::Fine { in_trigger, in_update }) => (in_trigger.clone(), in_update.clone()),
                Some(Probed::Objection(objection)) => {
                    findings.push(objected(edition, candidate, objection));
                    continue;
                }
                None => continue,
            }
        };
        findings.extend(judged(edition, candidate));
        let Some(place) = inherited.iter().find(|place| place.id == candidate.table) else { continue };
        let triggers = hop.triggers.entry(candidate.table).or_insert_with(|| HopTriggers {
            table: place.child.physical.clone(),
            table_id: place.id,
            child,
            forward: Vec::new(),
            reverse: Vec::new(),
        });
        let kind = match (candidate.is_default, candidate.sources.is_empty()) {
            (true, _) => AssignmentKind::Default,
            (false, true) => AssignmentKind::Constant,
            (false, false) => AssignmentKind::Transform,
        };
        let assignment = Assignment {
            target: candidate.target.clone(),
            sources: candidate.sources.clone(),
            expression: in_trigger,
            kind,
            on_error: candidate.transform.on_error,
            not_null: candidate.not_null,
            label: candidate.transform.column.clone(),
        };
        match candidate.direction {
            Direction::Forward => {
                hop.backfill.entry(candidate.table).or_default().push((candidate.target.clone(), in_update));
                triggers.forward.push(assignment);
            }
            Direction::Reverse => triggers.reverse.push(assignment),
        }
        hop.transforms.push(candidate.transform.clone());
    }
    (hop, findings)
}

fn judged(edition: &EditionName, candidate: &Candidate) -> Vec<Finding> {
    let mut findings = Vec::new();
    let transform = &candidate.transform;
    let subject = subject(transform);
    if transform.on_error == OnError::Null && candidate.not_null {
        findings.push(Finding {
            severity: Severity::Refused,
            code: "null-for-not-null".to_owned(),
            subject: subject.clone(),
            message: "the transform is to give NULL for values that do not fit, but the column is NOT NULL"
                .to_owned(),
            fix: Some(format!("give it with --on-error reject, or drop NOT NULL in draft {edition}")),
        });
    }
    if let Some((from, to)) = &candidate.cast
        && silently_rounds(from, to)
    {
        findings.push(Finding {
            severity: Severity::NeedsWord,
            code: "lossy-cast".to_owned(),
            subject,
            message: format!(
                "the inferred {} cast from {from} to {to} drops part of a value without an error",
                candidate.direction.as_str()
            ),
            fix: Some(format!(
                "state it: edition transform {edition} {} --{} '{} = …', or accept it: --allow lossy-cast",
                transform.table.as_str(),
                candidate.direction.as_str(),
                transform.column.quoted()
            )),
        });
    }
    findings
}

/// Assignment casts that round or cut instead of failing (docs, 8.1 and 8.5).
fn silently_rounds(from: &str, to: &str) -> bool {
    let fractional = |name: &str| name.starts_with("numeric") || matches!(name, "real" | "double precision");
    let whole = |name: &str| matches!(name, "smallint" | "integer" | "bigint");
    let scaled = |name: &str| name.starts_with("numeric(");
    let moment = |name: &str| name.starts_with("timestamp");
    (fractional(from) && whole(to))
        || (fractional(from) && from != to && (scaled(to) || to == "real"))
        || (from == "numeric" && to == "double precision")
        || (from.starts_with("numeric(") && to == "double precision")
        || (moment(from) && (to == "date" || to.starts_with("time ")))
        || (moment(from) && moment(to) && to.contains('(') && from != to)
}

fn subject(transform: &Transform) -> String {
    format!(
        "table {}.{}, column {}, {}",
        transform.schema.as_str(),
        transform.table.as_str(),
        transform.column.as_str(),
        transform.direction.as_str()
    )
}

fn objected(edition: &EditionName, candidate: &Candidate, objection: &str) -> Finding {
    let transform = &candidate.transform;
    let direction = candidate.direction.as_str();
    let (code, message) = match (&transform.origin, &candidate.cast) {
        (Origin::Inferred, Some((from, to))) => (
            format!("needs-{direction}-transform"),
            format!("PostgreSQL has no assignment cast from {from} to {to}: {objection}"),
        ),
        _ => ("bad-transform".to_owned(), format!("the expression does not work: {objection}")),
    };
    Finding {
        severity: Severity::Refused,
        code,
        subject: subject(transform),
        message,
        fix: Some(command(edition, transform)),
    }
}

fn command(edition: &EditionName, transform: &Transform) -> String {
    format!(
        "edition transform {edition} {} --{} '{} = <expression>'",
        transform.table.as_str(),
        transform.direction.as_str(),
        transform.column.quoted()
    )
}

fn needs_forward(sides: &Sides<'_>, column: &Column) -> Finding {
    let transform = inferred(sides, Direction::Forward, column);
    Finding {
        severity: Severity::Refused,
        code: "needs-forward-transform".to_owned(),
        subject: subject(&transform),
        message: "the column is NOT NULL and has no default, so rows written by older editions need a value"
            .to_owned(),
        fix: Some(command(sides.edition, &transform)),
    }
}

fn needs_reverse(sides: &Sides<'_>, column: &Column) -> Finding {
    let transform = inferred(sides, Direction::Reverse, column);
    Finding {
        severity: Severity::Refused,
        code: "needs-reverse-transform".to_owned(),
        subject: subject(&transform),
        message: "the older edition's column is NOT NULL and has no default, so rows written by this edition need a value".to_owned(),
        fix: Some(command(sides.edition, &transform)),
    }
}

fn unsupported(sides: &Sides<'_>, column: &Column, what: &str) -> Finding {
    Finding {
        severity: Severity::Refused,
        code: "unsupported".to_owned(),
        subject: format!("table {}, column {}", sides.child.name.pretty(), column.name.as_str()),
        message: format!("{what} cannot be published yet"),
        fix: None,
    }
}

fn bad(sides: &Sides<'_>, transform: &Transform, why: &str) -> Box<Finding> {
    Box::new(Finding {
        severity: Severity::Refused,
        code: "bad-transform".to_owned(),
        subject: subject(transform),
        message: format!("the expression cannot be used: {why}"),
        fix: Some(command(sides.edition, transform)),
    })
}

/// Transforms that name no column that could take them.
fn unmatched(input: &TransformInput<'_>) -> Vec<Finding> {
    input
        .given
        .iter()
        .filter(|transform| {
            let name = QualifiedName::new(transform.schema.clone(), transform.table.clone());
            let place = input
                .child
                .table_named(&name)
                .and_then(|table| input.inherited.iter().find(|p| p.id == table.id));
            let Some(place) = place else { return true };
            let side = match transform.direction {
                Direction::Forward => input.child.table(place.id),
                Direction::Reverse => input.parent.table(place.id),
            };
            side.and_then(|table| table.column_named(transform.column.as_str())).is_none()
        })
        .map(|transform| Finding {
            severity: Severity::Refused,
            code: "unknown-transform-target".to_owned(),
            subject: subject(transform),
            message: match transform.direction {
                Direction::Forward => "the draft has no such table or column, or the table is new".to_owned(),
                Direction::Reverse => "the parent has no such table or column".to_owned(),
            },
            fix: Some("edition diff shows the names on both sides".to_owned()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ] {
            assert_eq!(distinct_tells(name, None), tells, "{name}");
        }
        assert!(!distinct_tells("text", Some("public.nocase")));
    }

    #[test]
    fn casts_that_round_are_known() {
        assert!(silently_rounds("numeric(14,2)", "integer"));
        assert!(silently_rounds("timestamp without time zone", "date"));
        assert!(!silently_rounds("integer", "bigint"));
        assert!(!silently_rounds("bigint", "integer"));
        assert!(!silently_rounds("integer", "numeric(14,2)"));
    }
}
