//! Where a child's tables and columns will be: shared with the parent, beside the parent's, or new.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    error::{Error, Result},
    model::{
        Column, ColumnId, Direction, EditionName, Generated, Name, Partitioning, QualifiedName, Schema,
        Table, TableId, Transform, TypeKind,
    },
    sql::Expression,
};

use super::{Mapping, TableMapping, TakenNames};

/// What becomes of one column of the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnFate {
    /// The parent's physical column serves both.
    Shared,
    /// New in the child.
    Added,
    /// In both, but another type, or a transform was given for it: the child has a physical column of its own.
    Duplicated,
}

/// One inherited table as the child will have it.
#[derive(Clone, Debug)]
pub struct InheritedTable {
    /// Identity.
    pub id: TableId,
    /// Where the parent's columns are.
    pub parent: TableMapping,
    /// Where the child's will be.
    pub child: TableMapping,
    /// Every column of the child.
    pub fates: BTreeMap<ColumnId, ColumnFate>,
    /// The physical columns that tell the partition of a row.
    pub placing: Vec<Name>,
    /// Columns that only the parent has, or that the child has a duplicate of: what reverse transforms may set.
    pub parent_only: Vec<ColumnId>,
}

/// The child's layout.
#[derive(Clone, Debug, Default)]
pub struct ChildLayout {
    /// Tables that parent and child have.
    pub inherited: Vec<InheritedTable>,
    /// Tables that the child introduces: where they will be.
    pub created: BTreeMap<TableId, QualifiedName>,
    /// Tables of the parent that the child does not have.
    pub dropped: Vec<TableId>,
    /// The child's whole mapping.
    pub mapping: Mapping,
}

/// Everything that decides a child's layout.
pub struct LayoutInput<'a> {
    /// The child's name: suffix of physical names that are taken.
    pub edition: &'a EditionName,
    /// The parent's logical schema.
    pub parent: &'a Schema,
    /// Where the parent's tables are.
    pub parent_mapping: &'a Mapping,
    /// The child's logical schema.
    pub child: &'a Schema,
    /// Transforms given by the author.
    pub transforms: &'a [Transform],
    /// Objects that both have, but of which the child needs one of its own.
    pub own: &'a BTreeSet<u32>,
    /// Names that columns of the physical tables have, or will have when an edition is the oldest.
    pub physical_columns: &'a BTreeMap<QualifiedName, Vec<Name>>,
}

/// Decides where everything of the child goes.
pub fn lay_out_child(input: &LayoutInput<'_>) -> Result<ChildLayout> {
    let mut layout = ChildLayout::default();
    for child in &input.child.tables {
        if let Some(parent) = input.parent.table(child.id) {
            let table = lay_out_inherited(input, parent, child);
            layout.mapping.tables.insert(child.id, table.child.clone());
            layout.inherited.push(table);
        } else {
            let schema = edition_schema(input.edition, &child.name.schema)?;
            let physical = QualifiedName::new(schema, child.name.name.clone());
            let mapping = TableMapping { physical: physical.clone(), ..TableMapping::identity(child) };
            layout.mapping.tables.insert(child.id, mapping);
            layout.created.insert(child.id, physical);
        }
    }
    layout.dropped = input
        .parent
        .tables
        .iter()
        .map(|table| table.id)
        .filter(|id| input.child.table(*id).is_none())
        .collect();
    layout.mapping.moved = moved_objects(input)?;
    Ok(layout)
}

fn edition_schema(edition: &EditionName, schema: &Name) -> Result<Name> {
    edition.schema_for(schema).map_err(|error| Error::refused(error.to_string()))
}

/// Sequences, views, functions and types: those that the child introduces or has of its own go to its schema, those that it shares with the parent
/// stay where they are.
fn moved_objects(input: &LayoutInput<'_>) -> Result<BTreeMap<u32, Name>> {
    let known: BTreeSet<u32> = object_ids(input.parent).map(|(id, _)| id).collect();
    let mut moved = BTreeMap::new();
    for (id, name) in object_ids(input.child) {
        if stays(input, id, name) {
            continue;
        }
        if input.own.contains(&id) || !known.contains(&id) {
            moved.insert(id, edition_schema(input.edition, &name.schema)?);
        } else if let Some(schema) = input.parent_mapping.moved.get(&id) {
            moved.insert(id, schema.clone());
        }
    }
    Ok(moved)
}

/// Whether it is a new range type, which cannot move later, so it is made where it is going to stay. A parent's of that name would be in the way.
fn stays(input: &LayoutInput<'_>, id: u32, name: &QualifiedName) -> bool {
    let is_range = input.child.type_def(id).is_some_and(|definition| definition.kind == TypeKind::Range);
    is_range && !input.parent.types.iter().any(|known| known.id == id || &known.name == name)
}

/// Id and name of every object that is not a table.
pub fn object_ids(schema: &Schema) -> impl Iterator<Item = (u32, &QualifiedName)> {
    let sequences = schema.sequences.iter().map(|sequence| (sequence.id.get(), &sequence.name));
    let views = schema.views.iter().map(|view| (view.id.get(), &view.name));
    let functions = schema.functions.iter().map(|function| (function.id, &function.name));
    let types = schema.types.iter().map(|definition| (definition.id, &definition.name));
    sequences.chain(views).chain(functions).chain(types)
}

fn lay_out_inherited(input: &LayoutInput<'_>, parent: &Table, child: &Table) -> InheritedTable {
    let parent_mapping = input.parent_mapping.table(parent);
    let given = |direction: Direction, column: &Name| {
        input.transforms.iter().any(|transform| {
            transform.direction == direction
                && transform.schema == child.name.schema
                && transform.table == child.name.name
                && &transform.column == column
        })
    };
    let mut fates: BTreeMap<ColumnId, ColumnFate> = child
        .columns
        .iter()
        .map(|column| {
            let fate = match parent.column(column.id) {
                None => ColumnFate::Added,
                Some(before)
                    if stored_differently(before, column)
                        || column.type_id.is_some_and(|id| input.own.contains(&id))
                        || given(Direction::Forward, &column.name)
                        || given(Direction::Reverse, &before.name) =>
                {
                    ColumnFate::Duplicated
                }
                Some(_) => ColumnFate::Shared,
            };
            (column.id, fate)
        })
        .collect();

    // What is computed from a duplicate is another value.
    for column in child.columns.iter().filter(|column| parent.column(column.id).is_some()) {
        if reads_any(column, |name| {
            child.column_named(name).is_some_and(|read| fates.get(&read.id) != Some(&ColumnFate::Shared))
        }) {
            fates.insert(column.id, ColumnFate::Duplicated);
        }
    }

    // A name is free if no physical column has it, and no column of parent or child that is kept elsewhere: the latter takes it when
    // the older edition is gone.
    let standing = input.physical_columns.get(&parent_mapping.physical).cloned().unwrap_or_default();
    let mut taken = TakenNames::new(
        standing
            .into_iter()
            .chain(parent_mapping.columns.values().cloned())
            .chain(parent.columns.iter().map(|column| column.name.clone()))
            .chain(
                child
                    .columns
                    .iter()
                    .filter(|column| fates.get(&column.id) == Some(&ColumnFate::Shared))
                    .map(|column| column.name.clone()),
            ),
    );
    let mut columns = BTreeMap::new();
    for column in &child.columns {
        let shared = parent.column(column.id).filter(|_| fates.get(&column.id) == Some(&ColumnFate::Shared));
        let physical = match shared {
            Some(before) => parent_mapping.column(before).clone(),
            None => taken.take(&column.name, input.edition),
        };
        columns.insert(column.id, physical);
    }
    let parent_only = parent
        .columns
        .iter()
        .map(|column| column.id)
        .filter(|id| fates.get(id) != Some(&ColumnFate::Shared))
        .collect();
    let placing = child.partitioning.iter().flat_map(Partitioning::placing_columns);
    let placing =
        placing.filter_map(|name| columns.get(&child.column_named(name.as_str())?.id).cloned()).collect();
    InheritedTable {
        id: child.id,
        placing,
        child: TableMapping { physical: parent_mapping.physical.clone(), view_schema: None, columns },
        parent: parent_mapping,
        fates,
        parent_only,
    }
}

/// Whether it is generated from a column for which `wanted` holds.
fn reads_any(column: &Column, wanted: impl Fn(&str) -> bool) -> bool {
    let (Generated::Stored(text) | Generated::Virtual(text)) = &column.generated else { return false };
    Expression::parse(text).is_ok_and(|read| read.columns().iter().any(|used| wanted(used.name.as_str())))
}

fn stored_differently(before: &Column, after: &Column) -> bool {
    before.type_name != after.type_name
        || before.type_id != after.type_id
        || before.collation != after.collation
        || after.is_no_longer_generated(before)
}
