//! What an author would answer when the plan asks for a transform: the command which the finding gives, and the expression that goes into it.

use catalog::{
    model::OnError,
    operation::{self, TransformOptions},
};
use edition_tests::{ColumnShape, ConstraintShape, Dice, Pair, Shape, TableShape, edition, value};

use crate::play::Refused;

/// The two editions and their shapes.
pub(crate) struct Advice<'a> {
    pub(crate) pair: &'a Pair,
    pub(crate) parent: &'a str,
    pub(crate) child: &'a str,
    pub(crate) older: Shape,
    pub(crate) newer: Shape,
}

impl Advice<'_> {
    /// Gives a transform for every finding that names the command for one; says which were given.
    pub(crate) async fn give(&self, findings: &[Refused]) -> Vec<String> {
        let mut given = Vec::new();
        for refused in findings {
            given.extend(self.answer(refused).await);
        }
        given
    }

    async fn answer(&self, refused: &Refused) -> Option<String> {
        let command = refused.fix.as_deref()?.strip_prefix(&format!("edition transform {} ", self.child))?;
        let (table, direction, quoted) = ["forward", "reverse"].iter().find_map(|direction| {
            let (table, quoted) = command.split_once(&format!(" --{direction} '"))?;
            Some((table.trim_matches('\''), *direction, quoted))
        })?;
        // As a shell would read it.
        let proposed = quoted.strip_suffix('\'')?.replace("'\\''", "'");
        let (column, expression) = proposed.split_once(" = ")?;
        let expression = match expression {
            "<expression>" => self.expression(&plain(table), &plain(column), direction == "forward").await?,
            proposed => proposed.to_owned(),
        };
        let assignment = format!("{column} = {expression}");
        let options = TransformOptions {
            edition: edition(self.child),
            table: table.to_owned(),
            forward: if direction == "forward" { vec![assignment.clone()] } else { Vec::new() },
            reverse: if direction == "reverse" { vec![assignment.clone()] } else { Vec::new() },
            on_error: OnError::Reject,
            replace: false,
        };
        operation::transform(&self.pair.verbs.target, &options).await.ok()?;
        Some(format!("{table} {direction} {assignment}"))
    }

    /// A value that a foreign key allows; for a unique column one made of the key; else any of the type.
    async fn expression(&self, table: &str, column: &str, forward: bool) -> Option<String> {
        let (target, source) = if forward { (&self.newer, &self.older) } else { (&self.older, &self.newer) };
        let found = |shape: &&TableShape| shape.name == table;
        let newer = self.newer.tables.iter().find(found)?;
        // A table is named as the draft names it; one that the draft renamed is known by its columns.
        let shape = target.tables.iter().find(found).or_else(|| {
            target.tables.iter().find(|shape| {
                shape.column(column).is_some() && newer.key().iter().all(|key| shape.column(key).is_some())
            })
        })?;
        let column = shape.column(column)?;
        if let Some(value) = self.referred(shape, column).await {
            return Some(format!("{value}::{}", column.type_name));
        }
        let is_unique = shape
            .constraints
            .iter()
            .any(|rule| matches!(rule.kind, 'p' | 'u') && rule.columns.contains(&column.name));
        if is_unique || shape.unique_columns.contains(&column.name) {
            let reader = source.tables.iter().find(found)?;
            if let Some(expression) = made_of_key(reader, column) {
                return Some(expression);
            }
        }
        Some(format!("{}::{}", value(shape, column, &mut Dice::new(11))?, column.type_name))
    }

    /// A row that is there, in the older edition, for a column with a foreign key.
    async fn referred(&self, table: &TableShape, column: &ColumnShape) -> Option<String> {
        let is_key = |rule: &&ConstraintShape| rule.target.is_some() && rule.columns.contains(&column.name);
        let key = table.constraints.iter().find(is_key)?;
        let (schema, name) = key.target.as_ref()?;
        let position = key.columns.iter().position(|name| *name == column.name)?;
        let referred = key.target_columns.get(position)?;
        let place = self.pair.in_edition(self.parent).await;
        let target = place.relation(schema, name);
        let any = format!("SELECT quote_literal(\"{referred}\"::text) FROM {target} LIMIT 1");
        place.session.try_ask(&any).await.ok()?.rows.first().cloned()
    }
}

/// Another value for each row, from the primary key as the other edition has it.
fn made_of_key(table: &TableShape, column: &ColumnShape) -> Option<String> {
    let keys: Vec<String> = table.key().iter().map(|key| format!("\"{key}\"::text")).collect();
    let [first, ..] = keys.as_slice() else { return None };
    let key = if keys.len() == 1 { first.clone() } else { format!("concat_ws('-', {})", keys.join(", ")) };
    Some(match column.base.as_str() {
        "text" | "varchar" | "bpchar" | "citext" => match column.length {
            Some(length) => format!("left(md5({key}), {length})::{}", column.type_name),
            None => format!("({key})::{}", column.type_name),
        },
        "uuid" => format!("md5({key})::uuid"),
        "int4" | "int8" => format!("hashtext({key})::{}", column.type_name),
        _ => return None,
    })
}

fn plain(name: &str) -> String {
    name.trim_matches('"').to_owned()
}
