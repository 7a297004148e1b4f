//! Names at the end of a text of several statements. What ran in one go is noted when all of it has run, and by then tables and columns may have
//! other names than a statement in the middle of it knew.

use super::parser::{Node, name_parts, nodes, raw::AlterTableType, raw::ObjectType};
use crate::model::Name;

/// A relation as a statement names it.
pub type RelationName = (Option<Name>, Name);

/// A statement's table at the end of the text that the statement stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaterNames {
    /// Its name by then; `None`: it is gone.
    pub table: Option<RelationName>,
    /// Names of columns that did not mean the same before: the name of the end, and what the column was called then, if it was there.
    pub columns: Vec<(Name, Option<Name>)>,
}

/// What a statement does to names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NameChange {
    TableMoved { from: RelationName, to: RelationName },
    TableGone(RelationName),
    ColumnRenamed { table: RelationName, from: Name, to: Name },
    ColumnGone { table: RelationName, name: Name },
    ColumnAdded { table: RelationName, name: Name },
}

impl LaterNames {
    /// What becomes of a table by what follows.
    pub(super) fn follow(table: &RelationName, changes: &[NameChange]) -> Self {
        let mut later = Self { table: Some(table.clone()), columns: Vec::new() };
        for change in changes {
            later.heed(change);
        }
        later
    }

    fn heed(&mut self, change: &NameChange) {
        let Some(table) = self.table.clone() else { return };
        match change {
            NameChange::TableMoved { from, to } if is_one(&table, from) => self.table = Some(to.clone()),
            NameChange::TableGone(gone) if is_one(&table, gone) => self.table = None,
            NameChange::ColumnRenamed { table: of, from, to } if is_one(&table, of) => {
                match self.columns.iter_mut().find(|(now, _)| now == from) {
                    Some((now, _)) => *now = to.clone(),
                    None => self.columns.push((to.clone(), Some(from.clone()))),
                }
            }
            NameChange::ColumnGone { table: of, name } if is_one(&table, of) => {
                self.columns.retain(|(now, _)| now != name);
            }
            NameChange::ColumnAdded { table: of, name } if is_one(&table, of) => {
                self.columns.push((name.clone(), None));
            }
            _ => {}
        }
    }
}

/// Whether two statements of one text mean one relation, as far as names tell.
fn is_one(a: &RelationName, b: &RelationName) -> bool {
    a.1 == b.1 && (a.0 == b.0 || a.0.is_none() || b.0.is_none())
}

/// The name of a relation in a statement.
pub(super) fn name_of(relation: &nodes::RangeVar) -> Option<RelationName> {
    let schema = relation.schemaname().map(Name::new).transpose().ok()?;
    Some((schema, Name::new(relation.relname()?).ok()?))
}

/// What a statement does to names of tables and columns.
pub(super) fn name_changes(statement: Node<'_>) -> Vec<NameChange> {
    match statement {
        Node::RenameStmt(rename) => renamed(rename).into_iter().collect(),
        Node::AlterObjectSchemaStmt(alter) => moved(alter).into_iter().collect(),
        Node::DropStmt(drop) if drop.remove_type == ObjectType::OBJECT_TABLE => {
            drop.objects().iter().filter_map(dropped).map(NameChange::TableGone).collect()
        }
        Node::AlterTableStmt(alter) => {
            let Some(table) = alter.relation().and_then(name_of) else { return Vec::new() };
            alter.cmds().iter().filter_map(|command| altered(&table, command)).collect()
        }
        _ => Vec::new(),
    }
}

fn renamed(rename: &nodes::RenameStmt) -> Option<NameChange> {
    let relation = name_of(rename.relation()?)?;
    let to = Name::new(rename.newname()?).ok()?;
    match rename.rename_type {
        ObjectType::OBJECT_TABLE => {
            Some(NameChange::TableMoved { to: (relation.0.clone(), to), from: relation })
        }
        ObjectType::OBJECT_COLUMN => {
            let from = Name::new(rename.subname()?).ok()?;
            Some(NameChange::ColumnRenamed { table: relation, from, to })
        }
        _ => None,
    }
}

fn moved(alter: &nodes::AlterObjectSchemaStmt) -> Option<NameChange> {
    let from = name_of(alter.relation()?)?;
    let schema = Name::new(alter.newschema()?).ok()?;
    Some(NameChange::TableMoved { to: (Some(schema), from.1.clone()), from })
}

fn dropped(object: Node<'_>) -> Option<RelationName> {
    let Node::NodeList(parts) = object else { return None };
    match name_parts(parts).as_slice() {
        [.., schema, name] => Some((Some(Name::new(*schema).ok()?), Name::new(*name).ok()?)),
        [name] => Some((None, Name::new(*name).ok()?)),
        [] => None,
    }
}

fn altered(table: &RelationName, command: Node<'_>) -> Option<NameChange> {
    let Node::AlterTableCmd(command) = command else { return None };
    let table = table.clone();
    match (command.subtype, command.def()) {
        (AlterTableType::AT_AddColumn, Node::ColumnDef(column)) => {
            Some(NameChange::ColumnAdded { table, name: Name::new(column.colname()?).ok()? })
        }
        (AlterTableType::AT_DropColumn, _) => {
            Some(NameChange::ColumnGone { table, name: Name::new(command.name()?).ok()? })
        }
        _ => None,
    }
}
