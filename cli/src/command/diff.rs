//! `edition diff`.

use catalog::{
    Result,
    diff::{Change, Diff as Outcome},
    model::{EditionName, Grant, Name, QualifiedName},
    operation,
};
use clap::Args;
use owo_colors::OwoColorize;

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
        let diff = operation::compare(&context.target()?, &self.from, &self.to).await?;
        context.output.show(&diff, |diff| {
            if diff.changes.is_empty() {
                return format!("{} and {} have the same schema", self.from, self.to);
            }
            text(diff)
        })
    }
}

/// Changes under the object that they belong to, in the order in which objects come first.
pub(super) fn text(diff: &Outcome) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for change in &diff.changes {
        let (object, line) = describe(change);
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
        Change::ViewCreated { name, .. } => (format!("view {}", name.pretty()), added("created")),
        Change::SequenceCreated { name, .. } => (format!("sequence {}", name.pretty()), added("created")),
        Change::FunctionCreated { name, arguments, .. } => {
            (format!("function {}({arguments})", name.pretty()), added("created"))
        }
        Change::TypeCreated { name, .. } => (format!("type {}", name.pretty()), added("created")),
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
