//! Identity columns when an edition goes: the counter of the older edition hands its number on.

use super::{Contraction, End};
use crate::{
    model::{Column, Identity, Name, QualifiedName, Schema, Sequence, TableId},
    property::{Object, settle},
    sql,
    sql::{Literal, Sql, join},
};

/// The counter of a column in the edition that goes.
enum Counter {
    /// Its identity sequence.
    Identity(QualifiedName),
    /// The sequence that it owns and that its default draws from, and whether nobody else has it.
    Serial(QualifiedName, bool),
}

impl Contraction<'_> {
    /// Where the new root has an identity and the edition that goes counts elsewhere (a column of which the root has a duplicate) or otherwise (a
    /// `serial`), the root's column becomes one and counts on: statements for before and for after the old column is dropped, because both sequences may
    /// want one name.
    pub(super) fn carry_identity(&self, id: TableId, physical: &QualifiedName) -> Vec<(Sql, Sql)> {
        let (Some(before), Some(after), End::Root) =
            (self.gone.logical.table(id), self.new_root.logical.table(id), self.input.end)
        else {
            return Vec::new();
        };
        let (old, new) = (self.gone.mapping.table(before), self.new_root.mapping.table(after));
        let carried = after.columns.iter().filter_map(|column| {
            let parents = before.column(column.id)?;
            let is_shared = old.column(parents) == new.column(column);
            let (keyword, options) = match &column.identity {
                Identity::None => return None,
                Identity::Always(options) => ("ALWAYS", options),
                Identity::ByDefault(options) => ("BY DEFAULT", options),
            };
            let counter = self.counter(id, parents, physical)?;
            if is_shared && matches!(counter, Counter::Identity(_)) {
                return None;
            }
            let between = QualifiedName::new(
                physical.schema.clone(),
                Name::new(format!("edition~{id}_{}", column.id)).ok()?,
            );
            let name = new.column(column);
            let free = if is_shared {
                sql!("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT; ", physical, name)
            } else {
                sql!("")
            };
            let (from, rest) = match &counter {
                Counter::Serial(from, true) => (from, sql!("DROP SEQUENCE IF EXISTS {}", from)),
                Counter::Identity(from) | Counter::Serial(from, false) => (from, sql!("")),
            };
            let make = sql!(
                "{}ALTER TABLE {} ALTER COLUMN {} ADD GENERATED {} AS IDENTITY (SEQUENCE NAME {} {}); SELECT pg_catalog.setval({}::pg_catalog.regclass, pg_catalog.nextval({}::pg_catalog.regclass), false)",
                free,
                physical,
                name,
                Sql::trusted(keyword),
                between,
                Sql::trusted(options),
                Literal(&sql!("{}", between).to_string()),
                Literal(&sql!("{}", from).to_string())
            );
            // What is stored in one place for both editions is settled with its column.
            let grants = column.properties.iter().filter(|property| property.starts_with("identity_grants="));
            let grants: Vec<String> = grants.filter(|_| !is_shared).cloned().collect();
            let take_back = self.input.chain.maker().takes_back(&sql!("SEQUENCE {}", between));
            let grants = settle(&Object::Column { table: physical, column: name }, &[], &grants);
            let first = join(std::iter::once(make).chain(take_back).chain(grants), "; ");
            // Until the column that uses it is dropped, a sequence cannot go.
            let rename = sql!("ALTER SEQUENCE {} RENAME TO {}", between, identity_sequence(column)?);
            Some((first, if rest.as_str().is_empty() { rename } else { sql!("{}; {}", rest, rename) }))
        });
        carried.collect()
    }

    /// Whether the sequence counted for a column that has become an identity; its name may be the identity's by now.
    pub(super) fn has_handed_on(&self, sequence: &Sequence) -> bool {
        let owner = |schema: &Schema| {
            let (table, column) = sequence.owned_by?;
            schema.table(table)?.column(column).cloned()
        };
        let counted = owner(&self.gone.logical).is_some_and(|column| column.draws_numbers());
        let counts = owner(&self.new_root.logical).is_some_and(|column| column.identity != Identity::None);
        self.input.end == End::Root && counted && counts
    }

    fn counter(&self, table: TableId, column: &Column, physical: &QualifiedName) -> Option<Counter> {
        if column.identity != Identity::None {
            return Some(Counter::Identity(QualifiedName::new(
                physical.schema.clone(),
                identity_sequence(column)?,
            )));
        }
        // One that it merely owns has not counted.
        column.draws_numbers().then_some(())?;
        let mut sequences = self.gone.physical.sequences.iter();
        let owned = sequences.find(|sequence| sequence.owned_by == Some((table, column.id)))?;
        Some(Counter::Serial(owned.name.clone(), self.only_gone_has(owned.id.get())))
    }

    /// Identity that no edition has any more.
    pub(super) fn drop_identity(&self, id: TableId, physical: &QualifiedName) -> Vec<Sql> {
        let Some(live) = self.live(id) else { return Vec::new() };
        let counting = live.columns.iter().filter(|column| column.identity != Identity::None);
        let given_up = counting.filter(|column| {
            let mut users = self.users(id, &column.name).peekable();
            users.peek().is_some() && users.all(|column| column.identity == Identity::None)
        });
        given_up
            .map(|column| sql!("ALTER TABLE {} ALTER COLUMN {} DROP IDENTITY", physical, column.name))
            .collect()
    }

    /// The column of each remaining edition that is stored in this one.
    fn users<'b>(&'b self, id: TableId, physical: &'b Name) -> impl Iterator<Item = &'b Column> {
        self.remaining.iter().filter_map(move |member| {
            let table = member.logical.table(id)?;
            let mapping = member.mapping.table(table);
            table.columns.iter().find(|column| mapping.column(column) == physical)
        })
    }

    /// GENERATED ALWAYS that only the edition that goes did not ask for.
    pub(super) fn restrict_identity(&self, id: TableId, physical: &QualifiedName) -> Vec<Sql> {
        let Some(live) = self.live(id) else { return Vec::new() };
        let always = |name: &Name| {
            let mut columns = self.users(id, name).peekable();
            columns.peek().is_some() && columns.all(|column| matches!(column.identity, Identity::Always(_)))
        };
        live.columns
            .iter()
            .filter(|column| matches!(column.identity, Identity::ByDefault(_)) && always(&column.name))
            .map(|column| sql!("ALTER TABLE {} ALTER COLUMN {} SET GENERATED ALWAYS", physical, column.name))
            .collect()
    }
}

/// The options of a shared identity's sequence become the new root's, once it has its name.
pub(super) fn settle_options(table: &QualifiedName, was: &Column, is: &Column) -> Option<Sql> {
    let options = |identity: &Identity| match identity {
        Identity::None => None,
        Identity::Always(options) | Identity::ByDefault(options) => Some(options.clone()),
    };
    let (before, after) = (options(&was.identity)?, options(&is.identity)?);
    let name = QualifiedName::new(table.schema.clone(), identity_sequence(is)?);
    (before != after).then(|| sql!("ALTER SEQUENCE {} {}", name, Sql::trusted(&after)))
}

/// The name of the sequence behind an identity column.
pub(super) fn identity_sequence(column: &Column) -> Option<Name> {
    let name = column.properties.iter().find_map(|property| property.strip_prefix("identity_sequence="))?;
    Name::new(name).ok()
}
