//! `edition diff`.

use catalog::{
    Result,
    diff::{Change, Diff as Outcome, Effect, Reviewed},
    model::{EditionName, Grant, Name, QualifiedName},
    operation,
};
use clap::Args;
use owo_colors::OwoColorize;
use serde::Serialize;

use super::Context;

/// Show what changes from one edition's schema to another's
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edition diff v1 v2")]
pub(crate) struct Diff {
    /// The older edition
    from: EditionName,

    /// The newer edition
    to: EditionName,
}

impl Diff {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let changes = operation::review(&context.target()?, &self.from, &self.to).await?;
        context.output.show(&Document { from: &self.from, to: &self.to, changes }, |document| {
            if document.changes.is_empty() {
                return format!("{} and {} have the same schema", self.from, self.to);
            }
            reviewed(&document.changes)
        })
    }
}

/// The outcome as JSON.
#[derive(Serialize)]
struct Document<'a> {
    from: &'a EditionName,
    to: &'a EditionName,
    changes: Vec<Reviewed>,
}

/// Changes by object, below each what it means for those who know the older schema, and the sum of it.
fn reviewed(changes: &[Reviewed]) -> String {
    let lines = changes.iter().map(|Reviewed { change, effect }| {
        let (object, line) = describe(change);
        (object, line + &effect_text(effect))
    });
    let breaking =
        |breaks: fn(&Effect) -> bool| changes.iter().filter(|change| breaks(&change.effect)).count();
    let (readers, writers) =
        (breaking(|effect| effect.breaks_readers), breaking(|effect| effect.breaks_writers));
    format!(
        "{}\n\n{} changes; to an application that knows only the older schema, {readers} would break reading and {writers} writing",
        grouped(lines),
        changes.len()
    )
}

fn effect_text(effect: &Effect) -> String {
    let whom = match (effect.breaks_readers, effect.breaks_writers) {
        (true, true) => "breaks older readers and writers".red().to_string(),
        (true, false) => "breaks older readers".red().to_string(),
        (false, true) => "breaks older writers".red().to_string(),
        (false, false) if effect.why.is_empty() => return String::new(),
        (false, false) => "not breaking".green().to_string(),
    };
    format!("\n      {whom}: {}", effect.why.dimmed())
}

/// Changes under the object that they belong to, in the order in which objects come first.
pub(super) fn text(diff: &Outcome) -> String {
    grouped(diff.changes.iter().map(describe))
}

fn grouped(described: impl Iterator<Item = (String, String)>) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (object, line) in described {
        match groups.iter_mut().find(|(name, _)| *name == object) {
            Some((_, lines)) => lines.push(line),
            None => groups.push((object, vec![line])),
        }
    }
    let group =
        |(object, lines): &(String, Vec<String>)| format!("{}\n  {}", object.bold(), lines.join("\n  "));
    groups.iter().map(group).collect::<Vec<_>>().join("\n")
}

/// The object, and the change in one line.
fn describe(change: &Change) -> (String, String) {
    let table = |name: &QualifiedName, line: String| (format!("table {}", name.pretty()), line);
    match change {
        Change::TableCreated { name, .. } => table(name, added("created")),
        Change::TableDropped { name, .. } => table(name, removed("dropped")),
        Change::TableRenamed { from, to, .. } => {
            table(to, changed(&format!("renamed from {}", from.pretty())))
        }
        Change::ColumnAdded { name, column_name, .. } => {
            table(name, added(&format!("column {}", column_name.as_str())))
        }
        Change::ColumnDropped { name, column_name, .. } => {
            table(name, removed(&format!("column {}", column_name.as_str())))
        }
        Change::ColumnRenamed { name, from, to, .. } => {
            table(name, changed(&format!("column {} renamed to {}", from.as_str(), to.as_str())))
        }
        Change::ColumnTypeChanged { name, column_name, from, to, .. } => {
            table(name, changed(&format!("column {}: type {from} → {to}", column_name.as_str())))
        }
        Change::ColumnDefaultChanged { name, column_name, from, to, .. } => {
            let shown = |default: &Option<String>| default.clone().unwrap_or_else(|| "none".to_owned());
            let line = format!("column {}: default {} → {}", column_name.as_str(), shown(from), shown(to));
            table(name, changed(&line))
        }
        Change::ColumnNotNullSet { name, column_name, .. } => {
            table(name, changed(&format!("column {}: NOT NULL set", column_name.as_str())))
        }
        Change::ColumnNotNullDropped { name, column_name, .. } => {
            table(name, changed(&format!("column {}: NOT NULL dropped", column_name.as_str())))
        }
        Change::ConstraintAdded { name, constraint, definition, .. } => {
            table(name, added(&format!("constraint {} {definition}", constraint.as_str())))
        }
        Change::ConstraintDropped { name, constraint, definition, .. } => {
            table(name, removed(&format!("constraint {} {definition}", constraint.as_str())))
        }
        Change::ConstraintRenamed { name, from, to, .. } => {
            table(name, changed(&format!("constraint {} renamed to {}", from.as_str(), to.as_str())))
        }
        Change::IndexAdded { name, definition, .. } => table(name, added(definition)),
        Change::IndexDropped { name, definition, .. } => table(name, removed(definition)),
        Change::IndexRenamed { name, from, to, .. } => {
            table(name, changed(&format!("index {} renamed to {}", from.as_str(), to.as_str())))
        }
        Change::PartitionAdded { name, partition, bound, .. } => {
            table(name, added(&format!("partition {} {bound}", partition.pretty())))
        }
        Change::PartitionDropped { name, partition, .. } => {
            table(name, removed(&format!("partition {}", partition.pretty())))
        }
        Change::PartitionRenamed { name, from, to, .. } => {
            table(name, changed(&format!("partition {} renamed to {}", from.pretty(), to.name.as_str())))
        }
        Change::ViewCreated { name, .. } => (format!("view {}", name.pretty()), added("created")),
        Change::SequenceCreated { name, .. } => (format!("sequence {}", name.pretty()), added("created")),
        Change::SequenceDropped { name, .. } => (format!("sequence {}", name.pretty()), removed("dropped")),
        Change::SequenceRenamed { from, to, .. } => {
            (format!("sequence {}", to.pretty()), changed(&format!("renamed from {}", from.pretty())))
        }
        Change::TypeDropped { name, .. } => (format!("type {}", name.pretty()), removed("dropped")),
        Change::FunctionCreated { kind, name, arguments, .. } => {
            (format!("{} {}({arguments})", kind.word(), name.pretty()), added("created"))
        }
        Change::TypeCreated { name, .. } => (format!("type {}", name.pretty()), added("created")),
        Change::AccessoryAdded { kind, identity } | Change::ObjectCreated { kind, identity } => {
            (format!("{kind} {identity}"), added("created"))
        }
        Change::AccessoryDropped { kind, identity } | Change::ObjectDropped { kind, identity } => {
            (format!("{kind} {identity}"), removed("dropped"))
        }
        Change::AccessoryChanged { kind, identity, from, to } => {
            (format!("{kind} {identity}"), changed(&format!("{from} → {to}")))
        }
        Change::PropertyChanged { kind, identity, property, from, to } => {
            let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "default".to_owned());
            (format!("{kind} {identity}"), changed(&format!("{property}: {} → {}", shown(from), shown(to))))
        }
        Change::OwnerChanged { kind, identity, from, to } => {
            (format!("{kind} {identity}"), changed(&format!("owner {} → {}", from.as_str(), to.as_str())))
        }
        Change::PrivilegesChanged { kind, identity, granted, revoked } => {
            (format!("{kind} {identity}"), changed(&privileges(granted, revoked)))
        }
        Change::ObjectChanged { kind, identity, what } => (format!("{kind} {identity}"), changed(what)),
        Change::Unsupported { kind, identity, what } => {
            (format!("{kind} {identity}"), format!("{} {what} (not supported yet)", "!".red().bold()))
        }
    }
}

fn privileges(granted: &[Grant], revoked: &[Grant]) -> String {
    let shown = |verb: &str, grant: &Grant| {
        let role = grant.grantee.as_ref().map_or("PUBLIC", Name::as_str);
        let option = if grant.grantable { " with grant option" } else { "" };
        format!("{verb} {} ({role}{option})", grant.privilege)
    };
    let granted = granted.iter().map(|grant| shown("granted", grant));
    let revoked = revoked.iter().map(|grant| shown("revoked", grant));
    granted.chain(revoked).collect::<Vec<_>>().join(", ")
}

fn added(text: &str) -> String {
    format!("{} {text}", "+".green())
}

fn removed(text: &str) -> String {
    format!("{} {text}", "-".red())
}

fn changed(text: &str) -> String {
    format!("{} {text}", "~".yellow())
}

#[cfg(test)]
mod tests {
    use catalog::model::{ColumnId, TableId};

    use super::*;

    #[test]
    fn a_review_says_whom_a_change_breaks() {
        let name = |text: &str| Name::new(text).unwrap();
        let users = QualifiedName::new(name("public"), name("users"));
        let (table, column) = (TableId::new(1), ColumnId::new(2));
        let diff = Outcome {
            changes: vec![
                Change::TableCreated { table, name: QualifiedName::new(name("public"), name("notes")) },
                Change::ColumnNotNullSet { table, name: users.clone(), column, column_name: name("age") },
                Change::ColumnDropped { table, name: users, column, column_name: name("name") },
            ],
        };
        let text = reviewed(&catalog::diff::review(diff, &catalog::model::Schema::default()));
        insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string(), @r#"
        table public.notes
          + created
        table public.users
          ~ column age: NOT NULL set
              breaks older writers: writing NULL fails
          - column name
              breaks older readers and writers: statements that name the column fail

        3 changes; to an application that knows only the older schema, 1 would break reading and 2 writing
        "#);
    }

    #[test]
    fn changes_stand_below_their_table() {
        let name = |text: &str| Name::new(text).unwrap();
        let users = QualifiedName::new(name("public"), name("users"));
        let (table, column) = (TableId::new(1), ColumnId::new(2));
        let changes = vec![
            Change::TableCreated {
                table: TableId::new(9),
                name: QualifiedName::new(name("public"), name("notes")),
            },
            Change::ColumnAdded { table, name: users.clone(), column, column_name: name("first name") },
            Change::ColumnTypeChanged {
                table,
                name: users.clone(),
                column,
                column_name: name("age"),
                from: "integer".to_owned(),
                to: "bigint".to_owned(),
            },
            Change::ColumnDefaultChanged {
                table,
                name: users,
                column,
                column_name: name("age"),
                from: Some("0".to_owned()),
                to: None,
            },
            Change::Unsupported {
                kind: "policy".to_owned(),
                identity: "mine on public.users".to_owned(),
                what: "created".to_owned(),
            },
        ];
        let text = text(&Outcome { changes });
        insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string(), @r#"
        table public.notes
          + created
        table public.users
          + column first name
          ~ column age: type integer → bigint
          ~ column age: default 0 → none
        policy mine on public.users
          ! created (not supported yet)
        "#);
    }
}
