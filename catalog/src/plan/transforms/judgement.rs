//! What is missing or wrong about transforms, and what helps.

use super::{Candidate, Sides, TransformInput, inferred, values::Converted};
use crate::{
    model::{
        Column, Constraint, ConstraintKind, Conversion, Direction, EditionName, Name, OnError, Origin,
        QualifiedName, Transform, hangs_on_time_zone,
    },
    plan::{Code, Finding, Severity},
    sql::Sql,
};

pub(super) fn judged(edition: &EditionName, candidate: &Candidate) -> Vec<Finding> {
    let mut findings = Vec::new();
    let transform = &candidate.transform;
    let subject = subject(transform);
    if transform.on_error == OnError::Null && candidate.not_null {
        findings.push(Finding {
            severity: Severity::Refused,
            code: Code::NullForNotNull,
            subject: subject.clone(),
            message: "the transform is to give NULL for values that do not fit, but the column is NOT NULL"
                .to_owned(),
            fix: Some(format!("give it with --on-error reject, or drop NOT NULL in draft {edition}")),
        });
    }
    if let Some((from, to)) = &candidate.cast
        && candidate.ends.conversion.unwrap_or_else(|| Conversion::of(from, to)).rounds
    {
        findings.push(Finding {
            severity: Severity::NeedsWord,
            code: Code::LossyCast,
            subject: subject.clone(),
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
    if let Some((from, to)) = &candidate.cast
        && hangs_on_time_zone(from, to)
    {
        let zone = format!("{0} = {0} AT TIME ZONE 'UTC'", transform.column.quoted());
        let state = transform_command(edition, &transform.table, candidate.direction, &zone);
        let message = format!(
            "the inferred {} cast from {from} to {to} goes by the TimeZone of the session that writes",
            candidate.direction.as_str()
        );
        let finding = Finding::new(Code::DependsOnTimeZone, subject, message);
        findings.push(
            finding.with_fix(format!("state it, as in {state}; or accept it: --allow depends-on-time-zone")),
        );
    }
    findings
}

pub(super) fn subject(transform: &Transform) -> String {
    format!(
        "table {}.{}, column {}, {}",
        transform.schema.as_str(),
        transform.table.as_str(),
        transform.column.as_str(),
        transform.direction.as_str()
    )
}

pub(super) fn objected(edition: &EditionName, candidate: &Candidate, objection: &str) -> Finding {
    let transform = &candidate.transform;
    let (code, message) = match (&transform.origin, &candidate.cast) {
        (Origin::Inferred, Some((from, to))) => (
            match candidate.direction {
                Direction::Forward => Code::NeedsForwardTransform,
                Direction::Reverse => Code::NeedsReverseTransform,
            },
            format!("PostgreSQL has no assignment cast from {from} to {to}: {objection}"),
        ),
        _ => (Code::BadTransform, format!("the expression does not work: {objection}")),
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
    command_for(edition, transform, "<expression>")
}

fn command_for(edition: &EditionName, transform: &Transform, expression: &str) -> String {
    let assignment = format!("{} = {expression}", transform.column.quoted());
    transform_command(edition, &transform.table, transform.direction, &assignment)
}

/// To be pasted into a shell: a table's name that SQL would fold is quoted for both.
pub(super) fn transform_command(
    edition: &EditionName,
    table: &Name,
    direction: Direction,
    assignment: &str,
) -> String {
    let as_it_stands = table.as_str().starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && table.as_str().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let table = if as_it_stands { table.as_str().to_owned() } else { format!("'{}'", table.quoted()) };
    let assignment = assignment.replace('\'', "'\\''");
    format!("edition transform {edition} {table} --{} '{assignment}'", direction.as_str())
}

pub(super) fn needs_forward(sides: &Sides<'_>, column: &Column) -> Finding {
    let transform = inferred(sides, Direction::Forward, column);
    let retyped = sides.child.columns.iter().find(|other| {
        sides.parent.column(other.id).is_some_and(|before| before.type_name != other.type_name)
    });
    // What ADD COLUMN gave to the rows stands in the catalogue only until the table is written anew.
    let forgotten = retyped.map(|retyped| {
        format!(
            "; a default that it was added with and has no more is forgotten, because the draft changes the type of {}, for which PostgreSQL writes the table anew",
            retyped.name.as_str()
        )
    });
    Finding {
        severity: Severity::Refused,
        code: Code::NeedsForwardTransform,
        subject: subject(&transform),
        message: format!(
            "the column is NOT NULL and has no default, so rows written by older editions need a value{}",
            forgotten.unwrap_or_default()
        ),
        fix: Some(command(sides.edition, &transform)),
    }
}

pub(super) fn needs_reverse(sides: &Sides<'_>, column: &Column) -> Finding {
    let transform = inferred(sides, Direction::Reverse, column);
    Finding {
        severity: Severity::Refused,
        code: Code::NeedsReverseTransform,
        subject: subject(&transform),
        message: "the older edition's column is NOT NULL and has no default, so rows written by this edition need a value".to_owned(),
        fix: Some(command(sides.edition, &transform)),
    }
}

/// Where the draft writes NULL into a column that it has a copy of, and that an older edition has a default for.
pub(super) fn reads_older(sides: &Sides<'_>, column: &Column) -> Finding {
    let message = "inferred: the draft drops NOT NULL; where it writes NULL, older editions keep the row's value, or read their default in a new row";
    Finding::new(Code::LossyButKept, subject(&inferred(sides, Direction::Reverse, column)), message)
}

/// A column that may be NULL in the draft, but not for an older edition, which has nothing to read instead; a retire makes up for it.
pub(in crate::plan) fn nulls_wait(edition: &EditionName, table: &QualifiedName, column: &Name) -> Finding {
    let subject = format!("table {}, column {}, reverse", table.pretty(), column.as_str());
    let message = "the draft drops NOT NULL, but an older edition must never see NULL there: until that one is retired, the new edition cannot store NULL either";
    let transform = format!("{} = coalesce({}, <value>)", column.quoted(), column.quoted());
    Finding::new(Code::NullsWaitForRetire, subject, message).with_fix(format!(
        "{}, or accept it: --allow nulls-wait-for-retire",
        transform_command(edition, &table.name, Direction::Reverse, &transform)
    ))
}

/// Rows of older editions may hold labels that the draft's enum does not have.
pub(super) fn lacks_forward(
    sides: &Sides<'_>,
    column: &Column,
    lacking: &[String],
    proposal: Option<&Sql>,
) -> Finding {
    let transform = inferred(sides, Direction::Forward, column);
    let fix = proposal.map(|proposal| command_for(sides.edition, &transform, proposal.as_str()));
    Finding {
        severity: Severity::Refused,
        code: Code::NeedsForwardTransform,
        subject: subject(&transform),
        message: format!(
            "the draft's type does not have {}, which rows of older editions may hold",
            listed(lacking)
        ),
        fix: Some(fix.unwrap_or_else(|| command(sides.edition, &transform))),
    }
}

/// A new row may hold a label that the older edition's enum does not have, and the older column takes no NULL.
pub(super) fn lacks_reverse(
    sides: &Sides<'_>,
    column: &Column,
    lacking: &[String],
    proposal: Option<&Sql>,
) -> Finding {
    let transform = inferred(sides, Direction::Reverse, column);
    let fix = proposal.map(|proposal| command_for(sides.edition, &transform, proposal.as_str()));
    Finding {
        severity: Severity::Refused,
        code: Code::NeedsReverseTransform,
        subject: subject(&transform),
        message: format!(
            "older editions do not have {}, and their column is NOT NULL and has no default, so a new row needs a value there",
            listed(lacking)
        ),
        fix: Some(fix.unwrap_or_else(|| command(sides.edition, &transform))),
    }
}

/// What older editions see of labels that they do not have.
pub(super) fn keeps_older(sides: &Sides<'_>, column: &Column, converted: &Converted) -> Vec<Finding> {
    let transform = inferred(sides, Direction::Reverse, column);
    let new_row = match &column.default {
        Some(default) if converted.as_a_whole => format!("the default, {default},"),
        _ => "NULL".to_owned(),
    };
    let mut findings = vec![Finding {
        severity: Code::LossyButKept.severity(),
        code: Code::LossyButKept,
        subject: subject(&transform),
        message: format!(
            "older editions do not have {}: where a row gets it, they keep the value that they have, and see {new_row} in a new row",
            listed(&converted.lacking)
        ),
        fix: None,
    }];
    let is_unique = |constraint: &&Constraint| {
        matches!(
            constraint.kind,
            ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Exclusion
        ) && constraint.columns.contains(&column.id)
    };
    let key = sides.parent.constraints.iter().find(is_unique).map(|constraint| &constraint.name);
    let index = sides.parent.indexes.iter().find(|index| index.unique && index.columns.contains(&column.id));
    let key = key.or_else(|| index.map(|index| &index.name));
    // NULL meets no other.
    if let (Some(key), Some(default)) = (key, &column.default) {
        findings.push(Finding {
            severity: Code::OlderKeyMeetsDefault.severity(),
            code: Code::OlderKeyMeetsDefault,
            subject: subject(&transform),
            message: format!(
                "a new row with {} has {default} in older editions, and {} refuses it if that is there already",
                listed(&converted.lacking),
                key.as_str()
            ),
            fix: Some(command(sides.edition, &transform)),
        });
    }
    findings
}

/// What the draft's domain takes and the older one does not.
pub(super) fn loosened_domain(sides: &Sides<'_>, column: &Column) -> Finding {
    Finding {
        severity: Code::KeptUntilRetire.severity(),
        code: Code::KeptUntilRetire,
        subject: subject(&inferred(sides, Direction::Reverse, column)),
        message: format!(
            "the older editions' {} has rules that the draft drops; they stay in force for this column until those editions are retired",
            column.type_name
        ),
        fix: None,
    }
}

fn listed(labels: &[String]) -> String {
    let quoted: Vec<String> = labels.iter().map(|label| format!("'{label}'")).collect();
    quoted.join(", ")
}

pub(super) fn unsupported(sides: &Sides<'_>, column: &Column, what: &str) -> Finding {
    Finding {
        severity: Severity::Refused,
        code: Code::Unsupported,
        subject: format!("table {}, column {}", sides.child.name.pretty(), column.name.as_str()),
        message: format!("{what} cannot be published yet"),
        fix: None,
    }
}

pub(super) fn bad(sides: &Sides<'_>, transform: &Transform, why: &str) -> Finding {
    Finding {
        severity: Severity::Refused,
        code: Code::BadTransform,
        subject: subject(transform),
        message: format!("the expression cannot be used: {why}"),
        fix: Some(command(sides.edition, transform)),
    }
}

/// Transforms that name no column that could take them.
pub(super) fn unmatched(input: &TransformInput<'_>) -> Vec<Finding> {
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
            code: Code::UnknownTransformTarget,
            subject: subject(transform),
            message: match transform.direction {
                Direction::Forward => "the draft has no such table or column, or the table is new".to_owned(),
                Direction::Reverse => "the parent has no such table or column".to_owned(),
            },
            fix: Some(format!(
                "edition diff shows the names on both sides; edition transform NAME {} --replace, with what is right, forgets the table's others",
                transform.table.as_str()
            )),
        })
        .collect()
}
