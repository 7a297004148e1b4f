//! What is to be said of an inherited table that changes, before anything is done.

use std::collections::BTreeSet;

use super::{
    Code, ExpandInput, Finding, Severity,
    expand::{TableView, new_columns},
    names::is_renamed,
    needs_table,
    tighten::BYTES_BUILT_AT_ONCE,
    trigger_places, whole_rows,
};
use crate::{
    diff::{Change, Diff},
    layout::ColumnFate,
    model::{
        Column, ColumnId, Constraint, EditionName, Generated, Name, Partition, Partitioning, QualifiedName,
        RowSecurity, Table,
    },
    sql::lexer::{Lexer, TokenKind},
};

/// Everything that its author or the operator should know.
pub(super) fn of_table(input: &ExpandInput<'_>, table: &TableView<'_>) -> Vec<Finding> {
    [
        fired_triggers(input, table),
        hidden_rows(input, table),
        unidentified_rows(input, table),
        denies_readers(input, table),
        without_columns(table),
        speaks_of_rows(input, table),
    ]
    .into_iter()
    .flatten()
    .chain(whole_rows::findings(input, table))
    .chain(needs_table::findings(input, table))
    .chain(trigger_places::findings(input, table))
    .chain(numbers_denied(input, table))
    .chain(rewrites(input, table))
    .chain(held_keys(input, table))
    .chain(placed_rows(table))
    .chain(partitions_pointed_at(input, table))
    .chain(named_partitions(input, table))
    .collect()
}

/// A draft that is its parent: published, it would be a second name for the same.
pub fn changes_nothing(draft: &EditionName, parent: &EditionName) -> Finding {
    let message = format!("the draft changes nothing: {draft} is what {parent} is");
    Finding::new(Code::ChangesNothing, format!("edition {draft}"), message)
        .with_fix(format!("change it (edition url {draft} says where), or give it up: edition drop {draft}"))
}

/// A name that changes hands looks the same to the author, but is another table.
pub fn made_anew(diff: &Diff) -> Vec<Finding> {
    let dropped = diff.changes.iter().filter_map(|change| match change {
        Change::TableDropped { name, .. } => Some(name),
        _ => None,
    });
    let created = |wanted: &QualifiedName| {
        let mut changes = diff.changes.iter();
        changes.any(|change| matches!(change, Change::TableCreated { name, .. } if name == wanted))
    };
    dropped
        .filter(|name| created(name))
        .map(|name| {
            let message =
                "the draft drops it and makes another one of its name, which begins without its rows";
            Finding::new(Code::TableMadeAnew, format!("table {}", name.pretty()), message)
        })
        .collect()
}

/// A backfill is an UPDATE; where we may not silence the application's own triggers, they would see it.
fn fired_triggers(input: &ExpandInput<'_>, table: &TableView<'_>) -> Option<Finding> {
    let fires = !input.chain.facts.may_silence_triggers
        && input.hop.writes_rows(table.place.id)
        && !table.parent.update_triggers.is_empty();
    fires.then(|| {
        let names: Vec<&str> = table.parent.update_triggers.iter().map(Name::as_str).collect();
        Finding {
            severity: Severity::NeedsWord,
            code: Code::BackfillFiresTriggers,
            subject: format!("table {}", table.child.name.pretty()),
            message: format!("the backfill will fire {} for every row, or every batch of them", names.join(", ")),
            fix: Some(
                "GRANT SET ON PARAMETER session_replication_role to the role that publishes, or accept it: --allow backfill-fires-triggers"
                    .to_owned(),
            ),
        }
    })
}

/// A backfill is an UPDATE by the owner, whom FORCE ROW LEVEL SECURITY has under the policies.
fn hidden_rows(input: &ExpandInput<'_>, table: &TableView<'_>) -> Option<Finding> {
    let live = input.chain.live.table_named(&table.place.child.physical).map(RowSecurity::of)?;
    let hides = live.enabled
        && live.forced
        && !input.chain.facts.bypasses_policies
        && input.hop.writes_rows(table.place.id);
    hides.then(|| {
        let message =
            "rows must be given values, and FORCE ROW LEVEL SECURITY hides rows from the role that publishes";
        Finding::new(Code::PoliciesHideRows, format!("table {}", table.child.name.pretty()), message)
            .with_fix("run edition as a role with BYPASSRLS, or publish NO FORCE ROW LEVEL SECURITY first")
    })
}

/// A backfill is an UPDATE, which PostgreSQL refuses to everybody where a subscriber could not tell which row is meant (docs, Publication).
fn unidentified_rows(input: &ExpandInput<'_>, table: &TableView<'_>) -> Option<Finding> {
    let cannot = input.chain.facts.unidentified.contains(&table.place.child.physical)
        && input.hop.writes_rows(table.place.id);
    cannot.then(|| {
        let message = "rows must be given values, and nobody can update them: a publication publishes updates of the table, which has no replica identity";
        Finding::new(Code::Unsupported, format!("table {}", table.child.name.pretty()), message)
            .with_fix("give it one in the live database, outside of a draft: ALTER TABLE … REPLICA IDENTITY FULL, or a primary key")
    })
}

/// A foreign key that nobody moves to the draft's column would keep the older one for ever.
fn held_keys(input: &ExpandInput<'_>, table: &TableView<'_>) -> Vec<Finding> {
    let is_stored_anew = |column: &ColumnId| table.place.fates.get(column) == Some(&ColumnFate::Duplicated);
    let pointers = input.child.pointers.iter().filter(|pointer| pointer.target == table.place.id);
    pointers
        .filter_map(|pointer| {
            let id = *pointer.columns.iter().find(|column| is_stored_anew(column))?;
            let column = table.child.column(id)?;
            let subject = format!("table {}, column {}", table.child.name.pretty(), column.name.as_str());
            let message = format!(
                "the draft has the column stored anew, but foreign key {} of {}, which editions do not manage, points at it as it is",
                pointer.constraint.as_str(),
                pointer.from
            );
            let fix = "leave the column as it is, or drop that foreign key in the live database and adopt again";
            Some(Finding::new(Code::Unsupported, subject, message).with_fix(fix))
        })
        .collect()
}

/// Views show the table as a whole.
fn named_partitions(input: &ExpandInput<'_>, table: &TableView<'_>) -> Option<Finding> {
    let live = input.chain.live.table_named(&table.place.child.physical)?;
    (table.viewed && !live.partitions().is_empty()).then(|| {
        let message = if is_renamed(table.child, &input.layout.mapping) {
            "until the older editions are retired, this edition cannot name its partitions, and older ones see columns of this one there"
        } else {
            "until the older editions are retired, a statement that names one of its partitions sees the columns of all editions"
        };
        Finding::new(Code::PartitionsByName, format!("table {}", table.child.name.pretty()), message)
    })
}

/// A partition stays, with its rows, until retire, and PostgreSQL lets none go that has a row which another one points at.
fn partitions_pointed_at(input: &ExpandInput<'_>, table: &TableView<'_>) -> Vec<Finding> {
    let points_at = |constraint: &Constraint| {
        constraint.references.as_ref().is_some_and(|(target, _)| *target == table.place.id)
    };
    let mut tables = input.child.tables.iter();
    let Some(from) = tables.find(|known| known.constraints.iter().any(points_at)) else { return Vec::new() };
    let kept = |partition: &Partition| {
        table.child.partitions().iter().any(|known| known.table.id == partition.table.id)
    };
    let gone = table.parent.partitions().iter().filter(|partition| !kept(partition));
    gone.map(|partition| {
        let message = format!(
            "the draft drops it, but {} has a foreign key to the whole table: a retire could not drop it while one of its rows is pointed at",
            from.name.pretty()
        );
        Finding::new(Code::Unsupported, format!("partition {}", partition.table.name.pretty()), message)
            .with_fix("keep it in the draft, and detach it in the live database, as maintenance, when nothing points at it")
    })
    .collect()
}

/// A trigger cannot put a row into another partition, nor can a backfill.
fn placed_rows(table: &TableView<'_>) -> Vec<Finding> {
    let placing = table.child.partitioning.iter().flat_map(Partitioning::placing_columns);
    let placing = placing.filter_map(|name| table.child.column_named(name.as_str()));
    let stored_anew = placing
        .filter(|column| table.place.fates.get(&column.id).is_some_and(|fate| *fate != ColumnFate::Shared));
    stored_anew
        .map(|column| {
            let subject = format!("table {}, column {}", table.child.name.pretty(), column.name.as_str());
            let message = "the draft has the column stored anew, but it tells the partition of a row, and a trigger cannot move a row to another one";
            Finding::new(Code::Unsupported, subject, message)
                .with_fix("leave the column as it is and give what is wanted of it a column of its own")
        })
        .collect()
}

/// No kind of view says both: one with the caller's rights wants SELECT on all its columns, one with the owner's passes by the policies.
fn denies_readers(input: &ExpandInput<'_>, table: &TableView<'_>) -> Option<Finding> {
    let has_column_grants = |table: &Table| table.columns.iter().any(|column| !column.grants.is_empty());
    let has_row_security = input.chain.facts.row_security.contains(&table.place.child.physical)
        || RowSecurity::of(table.child).enabled;
    let denies = table.viewed
        && has_row_security
        && (has_column_grants(table.parent) || has_column_grants(table.child));
    denies.then(|| Finding {
        severity: Severity::Refused,
        code: Code::ColumnGrantsWithPolicies,
        subject: format!("table {}", table.child.name.pretty()),
        message: "the table has row-level policies and privileges on single columns; no view can keep both in force"
            .to_owned(),
        fix: Some("leave this table as it is in the draft, or grant on the whole table first".to_owned()),
    })
}

/// A function's signature means the stored table's rows; sessions have the view's.
fn speaks_of_rows(input: &ExpandInput<'_>, table: &TableView<'_>) -> Option<Finding> {
    let schemas = input.chain.members.iter().map(|member| &member.logical).chain([input.child]);
    let functions: BTreeSet<String> = schemas
        .flat_map(|schema| &schema.functions)
        .filter(|function| function.row_types.contains(&table.place.id))
        .map(|function| format!("{}({})", function.name.pretty(), function.arguments))
        .collect();
    (table.viewed && !functions.is_empty()).then(|| {
        let functions: Vec<String> = functions.into_iter().collect();
        let message = format!("{} will not take or give rows as the editions see them", functions.join(", "));
        Finding::new(
            Code::RowTypeInSignature,
            format!("table {}", table.child.name.pretty()),
            message,
        )
        .with_fix("let it take the key and return named columns first, or accept it: --allow row-type-in-signature")
    })
}

/// PostgreSQL takes no writes through a view without columns.
fn without_columns(table: &TableView<'_>) -> Option<Finding> {
    let empty = table.viewed
        && (table.child.columns.is_empty()
            || table.members.iter().any(|(_, table, _)| table.columns.is_empty()));
    empty.then(|| Finding {
        severity: Severity::Refused,
        code: Code::Unsupported,
        subject: format!("table {}", table.child.name.pretty()),
        message: "a table that has no column in some edition cannot be changed yet".to_owned(),
        fix: Some("take it back in the draft".to_owned()),
    })
}

/// The default of a new column is evaluated with the rights of whoever inserts, in an older edition too.
fn numbers_denied(input: &ExpandInput<'_>, table: &TableView<'_>) -> Vec<Finding> {
    let is_added = |column: &ColumnId| table.place.fates.get(column) == Some(&ColumnFate::Added);
    let drawn_from = input.child.sequences.iter().filter(|sequence| {
        let owner = sequence.owned_by.filter(|(owner, _)| *owner == table.place.id);
        let mut added = table.child.columns.iter().filter(|column| is_added(&column.id));
        owner.is_some_and(|(_, column)| is_added(&column))
            || added.any(|column| draws(column, &sequence.name))
    });
    let writers: BTreeSet<&Option<Name>> = table
        .parent
        .grants
        .iter()
        .chain(table.parent.columns.iter().flat_map(|column| &column.grants))
        .filter(|grant| grant.privilege == "INSERT")
        .map(|grant| &grant.grantee)
        .collect();
    let mut findings = Vec::new();
    for sequence in drawn_from {
        let may_count = |role: &Option<Name>| {
            role.as_ref() == Some(&sequence.owner)
                || sequence.grants.iter().any(|grant| {
                    (&grant.grantee == role || grant.grantee.is_none())
                        && matches!(grant.privilege.as_str(), "USAGE" | "UPDATE")
                })
        };
        for role in writers.iter().filter(|role| !may_count(role)) {
            let role = role.as_ref().map_or_else(|| "PUBLIC".to_owned(), |role| role.quoted().to_string());
            let message = format!(
                "{role} may insert into {}, but not take numbers from the sequence of its new column: its inserts would fail in every edition",
                table.child.name.pretty()
            );
            let fix = format!("in the draft: GRANT USAGE ON SEQUENCE {} TO {role}", sequence.name.pretty());
            let subject = format!("sequence {}", sequence.name.pretty());
            findings.push(Finding::new(Code::OlderEditionLacksPrivilege, subject, message).with_fix(fix));
        }
    }
    findings
}

/// Whether the column's default names the sequence, as in `nextval('public.numbers'::regclass)`: it is deparsed with every name qualified.
pub(super) fn draws(column: &Column, sequence: &QualifiedName) -> bool {
    let Some(default) = &column.default else { return false };
    let strings = Lexer::new(default.as_bytes()).filter(|token| token.kind == TokenKind::String);
    let mut texts = strings.filter_map(|token| default.get(token.start + 1..token.end - 1));
    texts.any(|text| {
        let text = text.replace("''", "'");
        let names: Vec<String> = Lexer::new(text.as_bytes()).filter_map(|token| token.name(&text)).collect();
        names == [sequence.schema.as_str(), sequence.name.as_str()]
    })
}

/// A stored generated column is computed for all rows while PostgreSQL holds an exclusive lock.
fn rewrites(input: &ExpandInput<'_>, table: &TableView<'_>) -> Vec<Finding> {
    let (rows, bytes) = input.chain.size(&table.place.child.physical);
    if bytes <= BYTES_BUILT_AT_ONCE {
        return Vec::new();
    }
    new_columns(table.place, table.child)
        .filter(|(column, _, _)| matches!(column.generated, Generated::Stored(_)))
        .map(|(column, _, _)| {
            let subject = format!("table {}, column {}", table.child.name.pretty(), column.name.as_str());
            let message = format!(
                "a stored generated column is computed under an exclusive lock: nobody can use the table while about {rows} rows are rewritten"
            );
            Finding::new(Code::BlocksWriters, subject, message)
                .with_fix("choose a quiet time, and accept it: --allow blocks-writers")
        })
        .collect()
}
