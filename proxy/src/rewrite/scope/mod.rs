//! What the names in a query mean: each level of a statement with what stands in its FROM, and each column reference with
//! the level that it is looked up from. Pure and without a catalogue: only editioning views have columns that are known;
//! for everything else the answer may be "unknown", and whoever asks must not guess.

mod build;
mod outputs;

use catalog::{
    snapshot::ViewRelation,
    sql::parser::{Node, name_parts, nodes},
};

pub(super) use self::{
    build::build,
    outputs::{has_output, naming_reference},
};

/// Which level of [`Scopes::levels`].
pub(super) type LevelId = usize;
/// Which item of [`Scopes::items`].
pub(super) type ItemId = usize;

/// The columns that each table has and no list shows.
const SYSTEM_COLUMNS: [&str; 6] = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];

/// The scopes of one statement.
#[derive(Default)]
pub(super) struct Scopes<'t> {
    pub(super) levels: Vec<Level<'t>>,
    pub(super) items: Vec<Item<'t>>,
    pub(super) references: Vec<Reference<'t>>,
    /// Entries of target lists and of RETURNING that have no name of their own.
    pub(super) unnamed_outputs: Vec<&'t nodes::ResTarget>,
}

/// One query, or one statement that changes data, without those inside it.
pub(super) struct Level<'t> {
    /// Where names that are not found here are looked up next.
    pub(super) outer: Option<LevelId>,
    /// What stands in FROM, in its order; the relation that is written comes first.
    pub(super) items: Vec<ItemId>,
    pub(super) statement: Statement<'t>,
    /// Whether columns are joined that nobody named.
    pub(super) natural: bool,
    /// Columns that a join merged into one.
    pub(super) merged: Vec<&'t str>,
}

/// What a level is the level of.
#[derive(Clone, Copy)]
pub(super) enum Statement<'t> {
    Select(&'t nodes::SelectStmt),
    Insert(&'t nodes::InsertStmt),
    Update(&'t nodes::UpdateStmt),
    Delete(&'t nodes::DeleteStmt),
    Merge(&'t nodes::MergeStmt),
}

/// Something that stands in FROM.
pub(super) struct Item<'t> {
    pub(super) level: LevelId,
    /// What its columns are qualified by.
    pub(super) name: Option<&'t str>,
    pub(super) source: Source<'t>,
    /// The names of its columns, if all are known.
    pub(super) columns: Option<Vec<String>>,
    /// Whether an unqualified name never means one of its columns (`excluded`, `old`, `new`).
    pub(super) only_qualified: bool,
    /// Whether it is part of a join that has an alias.
    pub(super) in_named_join: bool,
}

/// Where the rows of an item come from.
#[derive(Clone, Copy)]
pub(super) enum Source<'t> {
    /// An editioning view.
    View { view: &'t ViewRelation, named: &'t nodes::RangeVar, role: Role },
    /// Another name for the rows of the item that is written.
    Written(ItemId),
    /// Anything else.
    Other,
}

/// What a statement does with a view.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Read,
    /// With TABLESAMPLE.
    Sampled,
    /// The target of INSERT, UPDATE, DELETE or MERGE.
    Written,
}

/// One column reference.
pub(super) struct Reference<'t> {
    pub(super) column: &'t nodes::ColumnRef,
    pub(super) level: LevelId,
    pub(super) place: Place,
}

/// Where a reference stands, as far as that changes what it may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The whole of an entry of a target list or of RETURNING.
    Output,
    /// An entry of ROW(…) or VALUES: a star stands for the columns.
    Listed,
    /// The whole of an entry of ORDER BY or DISTINCT ON: the name of an output column goes before one of FROM.
    Sorted,
    /// The whole of an entry of GROUP BY: the name of an output column if FROM has none.
    Grouped,
    /// In the target of ON CONFLICT, where no qualifier may stand.
    Arbiter,
    /// Anywhere else in an expression.
    Value,
}

/// A reference by its parts.
pub(super) enum Shape<'t> {
    /// `*`
    Star,
    /// `x`
    Name(&'t str),
    /// `q.*`
    QualifiedStar(&'t str),
    /// `q.x`
    Qualified(&'t str, &'t str),
    /// `schema.table.*`, also with the database before it.
    TableStar(&'t str, &'t str),
    /// `schema.table.x`, also with the database before it.
    Table(&'t str, &'t str, &'t str),
}

impl<'t> Shape<'t> {
    pub(super) fn of(column: &'t nodes::ColumnRef) -> Option<Self> {
        let fields = column.fields();
        let star = fields.iter().next_back().is_some_and(|field| matches!(field, Node::A_Star(_)));
        Some(match (name_parts(fields).as_slice(), star) {
            ([], true) => Self::Star,
            ([name], false) => Self::Name(name),
            ([qualifier], true) => Self::QualifiedStar(qualifier),
            ([qualifier, name], false) => Self::Qualified(qualifier, name),
            ([schema, table] | [_, schema, table], true) => Self::TableStar(schema, table),
            ([schema, table, name] | [_, schema, table, name], false) => Self::Table(schema, table, name),
            _ => return None,
        })
    }
}

/// Which item a column is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// This one, if the statement is valid.
    Item(ItemId),
    /// Several may have it.
    Unknown,
    /// None has it.
    Nothing,
}

/// Whether `name` is that of a system column.
pub(super) fn is_system_column(name: &str) -> bool {
    SYSTEM_COLUMNS.contains(&name)
}

impl<'t> Scopes<'t> {
    /// The levels that a name at `level` is looked up in, innermost first.
    pub(super) fn chain(&self, level: LevelId) -> impl Iterator<Item = &Level<'t>> {
        std::iter::successors(self.levels.get(level), |level| self.levels.get(level.outer?))
    }

    /// The items of a level.
    pub(super) fn items_of<'s>(
        &'s self,
        level: &'s Level<'t>,
    ) -> impl Iterator<Item = (ItemId, &'s Item<'t>)> {
        level.items.iter().filter_map(|id| Some((*id, self.items.get(*id)?)))
    }

    /// The item that a qualifier means.
    pub(super) fn qualifier(&self, level: LevelId, name: &str) -> Option<ItemId> {
        self.chain(level).find_map(|level| {
            self.items_of(level).find(|(_, item)| item.name == Some(name)).map(|(id, _)| id)
        })
    }

    /// The item that an unqualified column is of.
    pub(super) fn column(&self, level: LevelId, name: &str) -> Meaning {
        let mut possible = Vec::new();
        for level in self.chain(level) {
            let visible = || self.items_of(level).filter(|(_, item)| !item.only_qualified);
            let known = visible().find(|(_, item)| item.has_column(name));
            match (known, possible.is_empty()) {
                (Some((id, _)), true) => return Meaning::Item(id),
                (Some(_), false) => return Meaning::Unknown,
                (None, _) => {
                    possible.extend(visible().filter(|(_, item)| item.columns.is_none()).map(|(id, _)| id));
                }
            }
        }
        match possible.as_slice() {
            [] => Meaning::Nothing,
            [only] => Meaning::Item(*only),
            _ => Meaning::Unknown,
        }
    }
}

impl Item<'_> {
    /// Whether it is known to have this column.
    pub(super) fn has_column(&self, name: &str) -> bool {
        self.columns.as_ref().is_some_and(|columns| columns.iter().any(|column| column == name))
    }
}
