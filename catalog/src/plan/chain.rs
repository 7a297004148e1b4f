//! The live editions as plain data: what an operation starts from.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ddl::Maker,
    error::{Error, Result},
    layout::{Mapping, Shape, TableMapping},
    model::{
        ColumnId, Edition, EditionId, EditionName, Grant, Identity, Name, NewSchema, QualifiedName, Schema,
        Table, TableId, WholeRow,
    },
};

use super::run::Sight;

/// One live edition.
#[derive(Clone, Debug)]
pub struct Member {
    /// The edition.
    pub edition: Edition,
    /// Its schema as it names it.
    pub logical: Schema,
    /// The same under physical names.
    pub physical: Schema,
    /// Where its tables are.
    pub mapping: Mapping,
}

impl Member {
    /// What its triggers and policies follow from.
    pub(super) fn sight(&self) -> Sight<'_> {
        Sight {
            edition: &self.edition,
            logical: &self.logical,
            physical: &self.physical,
            mapping: &self.mapping,
        }
    }
}

/// All live editions of a database, root first, and the tables that they share.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The editioned schemas.
    pub editioned: Vec<Name>,
    /// Root … leaf.
    pub members: Vec<Member>,
    /// The live database's schema: editioned schemas and editions' schemas, as they stand.
    pub live: Schema,
    /// Facts of the live database.
    pub facts: Facts,
}

/// What else a plan needs to know of the live database.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The role that runs us.
    pub maker: Maker,
    /// Every schema that exists.
    pub schemas: BTreeSet<Name>,
    /// Privileges on the editioned schemas.
    pub schema_grants: BTreeMap<Name, Vec<Grant>>,
    /// Editioned schemas that an edition's draft made, and whose.
    pub introduced_schemas: BTreeMap<Name, EditionId>,
    /// Estimated rows and bytes of the physical tables.
    pub sizes: BTreeMap<QualifiedName, (u64, u64)>,
    /// By table: the names of parts of foreign keys, which PostgreSQL chose itself and lets nobody change; and of what key.
    pub key_parts: BTreeMap<QualifiedName, BTreeMap<Name, Name>>,
    /// Tables with row-level security.
    pub row_security: BTreeSet<QualifiedName>,
    /// Tables that nobody can update: their updates are published, and they have no replica identity.
    pub unidentified: BTreeSet<QualifiedName>,
    /// Policies, constraints and indexes of all live editions that speak of whole rows.
    pub whole_rows: Vec<WholeRow>,
    /// Whether `MERGE` can write through a view: from PostgreSQL 17 on.
    pub merges_into_views: bool,
    /// Whether the runner sees all rows whatever policies say.
    pub bypasses_policies: bool,
    /// Extensions that the live server could install, as identifiers.
    pub available_extensions: BTreeSet<String>,
    /// Whether the runner may set session_replication_role, so that a backfill fires no trigger.
    pub may_silence_triggers: bool,
}

impl Facts {
    /// Nothing known but who asks.
    pub fn new(runner: Name) -> Self {
        Self {
            maker: Maker::new(runner),
            schemas: BTreeSet::new(),
            schema_grants: BTreeMap::new(),
            introduced_schemas: BTreeMap::new(),
            sizes: BTreeMap::new(),
            key_parts: BTreeMap::new(),
            row_security: BTreeSet::new(),
            unidentified: BTreeSet::new(),
            whole_rows: Vec::new(),
            merges_into_views: false,
            bypasses_policies: false,
            available_extensions: BTreeSet::new(),
            may_silence_triggers: false,
        }
    }

    fn relocate(&mut self, from: &QualifiedName, to: &QualifiedName) {
        if let Some(size) = self.sizes.remove(from) {
            self.sizes.insert(to.clone(), size);
        }
        if let Some(parts) = self.key_parts.remove(from) {
            self.key_parts.insert(to.clone(), parts);
        }
        for tables in [&mut self.row_security, &mut self.unidentified] {
            if tables.remove(from) {
                tables.insert(to.clone());
            }
        }
        for whole in self.whole_rows.iter_mut().filter(|whole| &whole.table == from) {
            whole.table = to.clone();
        }
    }
}

impl Chain {
    /// The role that runs code against the live database: what it makes is its own from the start.
    pub fn runner(&self) -> &Name {
        &self.facts.maker.role
    }

    /// The same, and what its default privileges do.
    pub fn maker(&self) -> &Maker {
        &self.facts.maker
    }

    /// The youngest live edition.
    pub fn leaf(&self) -> Option<&Member> {
        self.members.last()
    }

    /// The oldest live edition.
    pub fn root(&self) -> Option<&Member> {
        self.members.first()
    }

    /// The physical columns of a table, in their order.
    pub fn physical_order(&self, physical: &QualifiedName) -> Vec<Name> {
        self.live
            .table_named(physical)
            .map(|table| table.columns.iter().map(|c| c.name.clone()).collect())
            .unwrap_or_default()
    }

    /// The default of a physical column as it stands.
    pub fn physical_default(&self, physical: &QualifiedName, column: &Name) -> Option<String> {
        self.live.table_named(physical)?.column_named(column.as_str())?.default.clone()
    }

    /// The physical column that draws the numbers of a column of the leaf: its own, or that of an older edition if it is a duplicate, which has no
    /// default.
    pub fn counter(&self, table: TableId, column: ColumnId) -> Option<Name> {
        self.members.iter().rev().find_map(|member| {
            let table = member.logical.table(table)?;
            let place = member.mapping.table(table);
            let physical = place.column(table.column(column)?).clone();
            let standing = self.live.table_named(&place.physical)?.column_named(physical.as_str())?;
            (standing.identity != Identity::None || standing.default.is_some()).then_some(physical)
        })
    }

    /// The tables that store a physical table's rows: itself, or its partitions as they stand.
    pub fn stores(&self, physical: &QualifiedName) -> Vec<QualifiedName> {
        let live = self.live.table_named(physical);
        live.map_or_else(
            || vec![physical.clone()],
            |live| live.stores().into_iter().map(|store| store.name.clone()).collect(),
        )
    }

    /// Estimated rows and bytes of a physical table.
    pub fn size(&self, physical: &QualifiedName) -> (u64, u64) {
        self.facts.sizes.get(physical).copied().unwrap_or_default()
    }

    /// How `member` sees the table, if it has it.
    pub fn shape(&self, member: &Member, id: TableId) -> Option<Shape> {
        let logical = member.logical.table(id)?;
        let physical = member.physical.table(id)?;
        let mapping = member.mapping.table(logical);
        let order = self.physical_order(&mapping.physical);
        Some(Shape::new(member.edition.id, logical, physical, &mapping, &order))
    }

    /// Every live edition that has the table.
    pub fn members_with(&self, id: TableId) -> impl Iterator<Item = (&Member, &Table)> {
        self.members.iter().filter_map(move |member| Some((member, member.logical.table(id)?)))
    }

    /// Whether editioning views of this table run with the caller's rights; see [`create_view`](crate::ddl::create_view).
    pub fn views_invoke(&self, table: &Table, physical: &QualifiedName) -> bool {
        let column_grants = table.columns.iter().any(|column| !column.grants.is_empty());
        !column_grants || self.facts.row_security.contains(physical)
    }

    /// Lets a physical table stand under another name, in every member and in the live schema.
    pub fn relocate(&mut self, from: &QualifiedName, to: &QualifiedName) {
        for member in &mut self.members {
            for table in &member.logical.tables {
                let mapping = member.mapping.table(table);
                if &mapping.physical == from {
                    member.mapping.tables.insert(table.id, TableMapping { physical: to.clone(), ..mapping });
                }
            }
        }
        for table in self.live.tables.iter_mut().filter(|table| &table.name == from) {
            table.name = to.clone();
        }
        self.facts.relocate(from, to);
    }

    /// The same, with schemas that a draft makes.
    #[must_use]
    pub fn with_schemas(mut self, new: &[NewSchema]) -> Self {
        for schema in new {
            self.editioned.push(schema.name.clone());
            self.facts.schema_grants.insert(schema.name.clone(), schema.grants.clone());
        }
        self
    }

    /// For each editioned schema those that go before it in a member's sessions: its own, then its ancestors' but the root's.
    pub fn path_of(&self, member: &Member) -> Result<Vec<(Name, Vec<Name>)>> {
        let ancestors = self.members.iter().skip(1).filter(|other| other.edition.id < member.edition.id);
        let line: Vec<&EditionName> = std::iter::once(&member.edition.name)
            .chain(ancestors.rev().map(|other| &other.edition.name))
            .collect();
        path_along(&self.editioned, &line)
    }

    /// The member with this id.
    pub fn member(&self, id: EditionId) -> Option<&Member> {
        self.members.iter().find(|member| member.edition.id == id)
    }
}

/// For each editioned schema the schemas that the editions of `line` have for it.
pub fn path_along(editioned: &[Name], line: &[&EditionName]) -> Result<Vec<(Name, Vec<Name>)>> {
    let of = |schema: &Name| -> Result<(Name, Vec<Name>)> {
        let before: Result<Vec<Name>, _> = line.iter().map(|name| name.schema_for(schema)).collect();
        Ok((schema.clone(), before.map_err(|error| Error::refused(error.to_string()))?))
    };
    editioned.iter().map(of).collect()
}
