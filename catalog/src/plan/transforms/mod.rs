//! From the author's transforms (and those that can be inferred) to what the triggers and the backfill compute.

mod expression;
mod hop;
mod judgement;
mod risk;
mod values;

pub use hop::{Fill, FilledBy, Hop, assemble};
pub(in crate::plan) use judgement::nulls_wait;
pub(in crate::plan) use values::as_text;

use super::{Finding, cautions::draws};
use crate::{
    ddl::Numbered,
    layout::{ColumnFate, InheritedTable, Mapping, interim_counter},
    model::{
        Column, ColumnId, Direction, EditionName, Generated, Identity, Name, OnError, Origin, QualifiedName,
        Schema, Table, TableId, Transform, TypeKind, Volatility,
    },
    physical::Probe,
    sql,
    sql::{Literal, Sql},
};
use expression::{distinct_tells, forward_expression, is_cast_by_word_only, reverse_expression};
use judgement::{
    keeps_older, lacks_forward, lacks_reverse, loosened_domain, needs_forward, needs_reverse, reads_older,
    unmatched, unsupported,
};
pub(in crate::plan) use risk::names;
pub use risk::{Ends, Fit};
use values::{Types, convert};

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
    /// Whether ADD COLUMN can give one value to all rows without writing them.
    pub may_be_added_with: bool,
    /// The child's duplicate that has its number from the parent's column, if this one goes back from it.
    pub numbered: Option<Numbered>,
    /// Types on both sides, if it is an inferred cast.
    pub cast: Option<(String, String)>,
    /// What tells whether it can fail.
    pub ends: Ends,
}

/// What [`candidates`] works from.
pub struct TransformInput<'a> {
    /// The draft.
    pub edition: &'a EditionName,
    /// Its parent.
    pub parent: &'a Schema,
    /// Where the parent's types are.
    pub parent_mapping: &'a Mapping,
    /// Its own schema.
    pub child: &'a Schema,
    /// Where its types will be.
    pub child_mapping: &'a Mapping,
    /// Tables that both have.
    pub inherited: &'a [InheritedTable],
    /// Given by the author.
    pub given: &'a [Transform],
    /// The physical column that draws the numbers of a column of the parent's.
    pub counter: &'a dyn Fn(TableId, ColumnId) -> Option<Name>,
}

struct Sides<'a> {
    edition: &'a EditionName,
    parent: &'a Table,
    child: &'a Table,
    place: &'a InheritedTable,
    older: Types<'a>,
    newer: Types<'a>,
    counter: &'a dyn Fn(TableId, ColumnId) -> Option<Name>,
}

/// All transforms that the hop needs, and what is missing or wrong about them.
pub fn candidates(input: &TransformInput<'_>) -> (Vec<Candidate>, Vec<Finding>) {
    let mut found = Vec::new();
    let mut findings = unmatched(input);
    for place in input.inherited {
        let (Some(parent), Some(child)) = (input.parent.table(place.id), input.child.table(place.id)) else {
            continue;
        };
        let sides = Sides {
            edition: input.edition,
            parent,
            child,
            place,
            older: Types { schema: input.parent, mapping: input.parent_mapping },
            newer: Types { schema: input.child, mapping: input.child_mapping },
            counter: input.counter,
        };
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

/// A candidate that says nothing yet.
fn blank(
    sides: &Sides<'_>,
    direction: Direction,
    column: &Column,
    author: Option<&Transform>,
    target: &Name,
) -> Candidate {
    Candidate {
        table: sides.place.id,
        direction,
        transform: author.cloned().unwrap_or_else(|| inferred(sides, direction, column)),
        target: target.clone(),
        expression: Sql::trusted("NULL"),
        sources: Vec::new(),
        not_null: column.not_null,
        is_default: false,
        may_be_added_with: false,
        numbered: None,
        cast: None,
        ends: Ends::of(sides, direction, column),
    }
}

/// Whether PostgreSQL may have something to say about the column's values by its type, whatever its default: a domain, or a type that is not known because it
/// stands in no editioned schema.
pub(in crate::plan) fn may_be_of_domain(schema: &Schema, column: &Column) -> bool {
    let known = |id| schema.type_def(id).is_none_or(|definition| definition.kind == TypeKind::Domain);
    column.type_id.is_some_and(known)
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
    let given = given(transforms, &sides.child.name, Direction::Forward, &column.name);
    let generated = formerly_generated(sides, column).filter(|_| given.is_none());
    let author = given.or(generated.as_ref());
    let mut candidate = blank(sides, Direction::Forward, column, author, sides.place.child.column(column));
    if column.generated != Generated::None {
        // PostgreSQL computes it, whoever writes.
        if author.is_some() {
            findings.push(unsupported(sides, column, "a transform for a generated column"));
        }
        return;
    }
    match (author, fate) {
        (Some(_), ColumnFate::Added) if column.identity != Identity::None => {
            findings.push(unsupported(sides, column, "a transform for an identity column that is added"));
        }
        (Some(transform), _) => match forward_expression(sides, transform) {
            Ok((expression, sources)) => {
                let ends = sides.parent.column(column.id).map(|before| (before.of(), column.of()));
                let from_text = ends.and_then(|(before, after)| {
                    values::from_text(&expression, (sides.older, &before), (sides.newer, &after))
                });
                candidate.ends.is_from_text = from_text.is_some();
                if let (Some(before), true) = (sides.parent.column(column.id), generated.is_some()) {
                    // What fails or breaks a rule here does so in the older edition's own column.
                    let (older, newer) = ((sides.older, before), (sides.newer, column));
                    candidate.ends = candidate.ends.inferred(Direction::Forward, older, newer);
                }
                candidate.expression = from_text.unwrap_or(expression);
                candidate.sources = sources;
                candidate.may_be_added_with = column.identity == Identity::None
                    && transform.on_error == OnError::Reject
                    && !may_be_of_domain(sides.newer.schema, column);
                found.push(candidate);
            }
            Err(finding) => findings.push(*finding),
        },
        (None, ColumnFate::Duplicated) => found.extend(inferred_forward(sides, column, candidate, findings)),
        (None, _) if column.identity != Identity::None => {
            match next_number(sides.edition, sides.child, column) {
                Some(number) if sides.child.partitioning.is_none() => {
                    candidate.is_default = true;
                    candidate.transform.expression = number.to_string();
                    found.push(candidate);
                }
                _ => findings.push(unsupported(
                    sides,
                    column,
                    "an identity column added to a partitioned table",
                )),
            }
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

/// The number that a row gets in a column which is to be an identity and is none yet.
pub fn next_number(edition: &EditionName, table: &Table, column: &Column) -> Option<Sql> {
    let counter = interim_counter(edition, table, column.id).filter(|_| column.identity != Identity::None)?;
    let counter = sql!("{}", counter);
    Some(sql!("nextval({}::pg_catalog.regclass)", Literal(counter.as_str())))
}

/// What the parent generates, as the transform of a column that the child's writers give.
fn formerly_generated(sides: &Sides<'_>, column: &Column) -> Option<Transform> {
    let before = sides.parent.column(column.id).filter(|before| column.is_no_longer_generated(before))?;
    let (Generated::Stored(expression) | Generated::Virtual(expression)) = &before.generated else {
        return None;
    };
    Some(Transform { expression: expression.clone(), ..inferred(sides, Direction::Forward, column) })
}

/// The parent's value, as a value of the child's type.
fn inferred_forward(
    sides: &Sides<'_>,
    column: &Column,
    mut candidate: Candidate,
    findings: &mut Vec<Finding>,
) -> Option<Candidate> {
    let before = sides.parent.column(column.id)?;
    let source = sides.place.parent.column(before);
    candidate.transform.expression = before.name.quoted().to_string();
    candidate.expression = sql!("NEW.{}", source);
    let (older, newer) = ((sides.older, &before.of()), (sides.newer, &column.of()));
    if let Some(converted) = convert(&candidate.expression, None, older, newer) {
        if !converted.lacking.is_empty() {
            let proposal = values::proposal(&sql!("{}", before.name), &converted.lacking, older, newer);
            findings.push(lacks_forward(sides, column, &converted.lacking, proposal.as_ref()));
            return None;
        }
        candidate.expression = converted.value;
    }
    candidate.ends =
        candidate.ends.inferred(Direction::Forward, (sides.older, before), (sides.newer, column));
    Some(of_column(candidate, (before, source), column))
}

/// A candidate that reads one column of the other side.
fn of_column(candidate: Candidate, (from, source): (&Column, &Name), to: &Column) -> Candidate {
    Candidate {
        sources: vec![(source.clone(), distinct_tells(&from.type_name, from.collation.as_deref()))],
        cast: Some((from.type_name.clone(), to.type_name.clone())),
        ..candidate
    }
}

fn reverse(
    sides: &Sides<'_>,
    column: &Column,
    transforms: &[Transform],
    found: &mut Vec<Candidate>,
    findings: &mut Vec<Finding>,
) {
    let author = given(transforms, &sides.child.name, Direction::Reverse, &column.name);
    if column.generated != Generated::None {
        if author.is_some() {
            findings.push(unsupported(sides, column, "a transform for a generated column"));
        }
        return;
    }
    let duplicate = sides.child.column(column.id);
    let mut candidate = blank(sides, Direction::Reverse, column, author, sides.place.parent.column(column));
    match (author, duplicate) {
        (Some(transform), _) => match reverse_expression(sides, transform) {
            Ok((expression, sources)) => {
                let from_text = duplicate.and_then(|after| {
                    values::from_text(&expression, (sides.newer, &after.of()), (sides.older, &column.of()))
                });
                candidate.ends.is_from_text = from_text.is_some();
                candidate.expression = from_text.unwrap_or(expression);
                candidate.sources = sources;
                found.push(candidate);
            }
            Err(finding) => findings.push(*finding),
        },
        (None, Some(after)) => found.extend(inferred_reverse(sides, (column, after), candidate, findings)),
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

/// The value of the child's duplicate, as a value of the parent's type.
fn inferred_reverse(
    sides: &Sides<'_>,
    (column, after): (&Column, &Column),
    mut candidate: Candidate,
    findings: &mut Vec<Finding>,
) -> Option<Candidate> {
    let source = sides.place.child.column(after);
    candidate.transform.expression = after.name.quoted().to_string();
    candidate.expression = sql!("NEW.{}", source);
    if is_cast_by_word_only(&after.type_name, &column.type_name) {
        let type_name = Sql::trusted(&column.type_name);
        candidate.transform.expression = sql!("CAST({} AS {})", after.name, type_name).to_string();
        candidate.expression = sql!("CAST(NEW.{} AS {})", source, type_name);
    }
    let (newer, older) = ((sides.newer, &after.of()), (sides.older, &column.of()));
    if values::is_tighter(newer, older) {
        findings.push(loosened_domain(sides, after));
    }
    let kept = sql!("NEW.{}", candidate.target);
    if let Some(converted) = convert(&sql!("NEW.{}", source), Some(&kept), newer, older) {
        if !converted.lacking.is_empty() {
            let proposal = values::proposal(&sql!("{}", after.name), &converted.lacking, newer, older);
            if converted.as_a_whole && column.not_null && column.default.is_none() {
                findings.push(lacks_reverse(sides, column, &converted.lacking, proposal.as_ref()));
                return None;
            }
            findings.extend(keeps_older(sides, column, &converted));
        }
        candidate.expression = converted.value;
    }
    if column.not_null && !after.not_null && column.identity == Identity::None {
        if column.default.is_some() {
            candidate.expression = sql!("COALESCE({}, {})", candidate.expression, kept);
            findings.push(reads_older(sides, column));
        } else {
            findings.push(nulls_wait(sides.edition, &sides.child.name, &after.name));
        }
    }
    candidate.ends = candidate.ends.inferred(Direction::Reverse, (sides.newer, after), (sides.older, column));
    candidate.numbered = numbered(sides, column, after);
    Some(of_column(candidate, (after, source), column))
}

/// A duplicate has its number from the column that it is one of where both count: as identities, or by one sequence (`serial`).
fn numbered(sides: &Sides<'_>, column: &Column, after: &Column) -> Option<Numbered> {
    let counts = column.identity != Identity::None
        || column.default.is_some() && column.default_volatility == Volatility::Volatile;
    let sequence = |types: Types<'_>, column| drawn_from(types.schema, column);
    let draws = sequence(sides.older, column);
    let alike = draws.is_some() && draws == sequence(sides.newer, after);
    if !(alike || counts && after.identity != Identity::None) {
        return None;
    }
    let counter = (sides.counter)(sides.place.id, column.id)?;
    Some(Numbered { column: column.id, target: sides.place.child.column(after).clone(), counter })
}

/// The sequence that the column's default is the next number of.
fn drawn_from(schema: &Schema, column: &Column) -> Option<TableId> {
    let mut sequences = schema.sequences.iter().filter(|_| column.draws_numbers());
    sequences.find(|sequence| draws(column, &sequence.name)).map(|sequence| sequence.id)
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
