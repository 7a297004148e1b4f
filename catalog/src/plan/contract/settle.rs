//! At a retire, what was put off for the sake of the older edition is made up: owners, comments, options and the like take the new root's
//! values, and privileges that only the edition that goes had are revoked. Everything has the new root's names by then.

use super::{
    Contraction, End,
    identity::{identity_sequence, settle_options},
};
use crate::{
    ddl::{SharedObject, shared_objects},
    model::{Column, ColumnId, Grant, Identity, Name, QualifiedName, Sequence, Table, TableId},
    plan::{
        Lock, Member, Step, accessories,
        tighten::{Standings, same, same_index},
    },
    property::{
        Object, change_owner,
        privileges::{On, given_back, kept_on_columns, removed},
        settle,
    },
    sql,
    sql::Sql,
};

impl Contraction<'_> {
    /// One step a table, so that one at a time is locked, and one for all else.
    pub(super) fn settle(&self) -> Vec<Step> {
        if self.input.end == End::Leaf {
            return self.revoke_only();
        }
        let tables = self.new_root.logical.tables.iter().filter_map(|table| self.settle_table(table));
        let tables = tables.chain(self.name_not_nulls());
        tables.chain(self.settle_objects()).chain(self.settle_accessories()).collect()
    }

    fn settle_table(&self, table: &Table) -> Option<Step> {
        let before = self.gone.logical.table(table.id)?;
        let object = Object::Table(&table.name);
        let owner = change_owner(&object, &before.owner, &table.owner);
        let given_back = owner.as_ref().map(|_| self.given_back_on_table(before, table));
        let mut statements: Vec<Sql> = owner.into_iter().chain(given_back.into_iter().flatten()).collect();
        statements.extend(settle(&object, &before.properties, &table.properties));
        statements.extend(self.settle_columns(before, table));
        statements.extend(self.settle_indexes(table.id, table));
        let stored = self.new_root.mapping.table(table);
        statements.extend(self.revoke_on_table(table.id, &table.name, |place| {
            let own = table.columns.iter().find(|column| stored.column(column) == place);
            own.map_or(place, |column| &column.name).clone()
        }));
        (!statements.is_empty()).then(|| {
            let title = format!("settle what was put off on {}", table.name.pretty());
            Step::transaction(title, lock_of(&statements), vec![table.name.clone()], statements)
                .of_table(table.id)
        })
    }

    /// Columns that both editions store in one place; others had everything from the start, but for the names of their sequences.
    fn settle_columns(&self, before: &Table, table: &Table) -> Vec<Sql> {
        let (old, new) = (self.gone.mapping.table(before), self.new_root.mapping.table(table));
        let added = table.columns.iter().filter(|column| before.column(column.id).is_none());
        let named = added.filter_map(|column| self.name_counter(table, column));
        table
            .columns
            .iter()
            .filter_map(|column| Some((before.column(column.id)?, column)))
            .filter(|(was, is)| old.column(was) == new.column(is))
            .flat_map(|(was, is)| {
                let object = Object::Column { table: &table.name, column: &is.name };
                let settled = settle(&object, &was.properties, &is.properties);
                let counter = self.name_counter(table, is).filter(|_| was.identity == Identity::None);
                let settled = settled.into_iter().chain(counter);
                settled.chain(settle_options(&table.name, was, is))
            })
            .chain(named)
            .collect()
    }

    /// The sequence of an identity that the new root added may stand under another name.
    fn name_counter(&self, table: &Table, column: &Column) -> Option<Sql> {
        let physical = self.new_root.mapping.table(table);
        let standing = self.live(table.id)?.column_named(physical.column(column).as_str())?;
        let (from, to) = (identity_sequence(standing)?, identity_sequence(column)?);
        (from != to).then(|| {
            sql!("ALTER SEQUENCE {} RENAME TO {}", QualifiedName::new(table.name.schema.clone(), from), to)
        })
    }

    /// Constraints and indexes, those that the new root introduced included.
    fn settle_indexes(&self, id: TableId, table: &Table) -> Vec<Sql> {
        let (Some(live), Some(physical)) = (self.live(id), self.new_root.physical.table(id)) else {
            return Vec::new();
        };
        let before = self.gone.physical.table(id);
        let mut statements = Vec::new();
        let standings = Standings::of(live, physical);
        for (constraint, _) in standings.constraints {
            let known =
                before.iter().flat_map(|table| &table.constraints).filter(|known| same(known, constraint));
            let was = known
                .clone()
                .find(|known| known.name == constraint.name)
                .or_else(|| known.clone().next())
                .map(crate::model::Constraint::all_properties)
                .unwrap_or_default();
            let object = Object::Constraint { table: &table.name, constraint: &constraint.name };
            statements.extend(settle(&object, &was, &constraint.all_properties()));
        }
        for (index, _) in standings.indexes {
            let known =
                before.iter().flat_map(|table| &table.indexes).filter(|known| same_index(known, index));
            let was = known
                .clone()
                .find(|known| known.name == index.name)
                .or_else(|| known.clone().next())
                .map_or(&[][..], |known| known.properties.as_slice());
            let object = Object::Index { table: &table.name, index: &index.name };
            statements.extend(settle(&object, was, &index.properties));
        }
        // It takes the mark from whichever index has it.
        statements.sort_by_key(|statement| !statement.as_str().ends_with(" SET WITHOUT CLUSTER"));
        statements
    }

    /// What the former owner has in the editions that stay, the new root's columns having their names.
    fn given_back_on_table(&self, before: &Table, table: &Table) -> Vec<Sql> {
        let relation = sql!("{}", table.name);
        let root = self.new_root.mapping.table(table);
        let (mut kept, mut on_columns) = (Vec::new(), Vec::new());
        for member in &self.remaining {
            let Some(known) = member.logical.table(table.id) else { continue };
            kept.push(known.grants.as_slice());
            let place = member.mapping.table(known);
            for column in &known.columns {
                let stored = place.column(column);
                let own = table.columns.iter().find(|own| root.column(own) == stored);
                let name = own.map_or(stored, |own| &own.name);
                let on = On::column(&relation, name);
                on_columns.extend(given_back(&on, &before.owner, &[column.grants.as_slice()]));
            }
        }
        let mut statements = given_back(&On::object(sql!("TABLE {}", relation)), &before.owner, &kept);
        statements.extend(on_columns);
        statements
    }

    /// `named`: what the column that is stored there is called when this runs.
    fn revoke_on_table(
        &self,
        id: TableId,
        relation: &QualifiedName,
        named: impl Fn(&Name) -> Name,
    ) -> Vec<Sql> {
        let Some(gone) = self.gone.logical.table(id) else { return Vec::new() };
        let relation = sql!("{}", relation);
        let kept: Vec<&[Grant]> = self
            .remaining
            .iter()
            .filter_map(|member| member.logical.table(id))
            .map(|table| table.grants.as_slice())
            .collect();
        let mut statements = removed(&On::object(sql!("TABLE {}", relation)), &gone.grants, &kept);
        let mut on_columns = Vec::new();
        for member in &self.remaining {
            let Some(table) = member.logical.table(id) else { continue };
            let place = member.mapping.table(table);
            for column in &table.columns {
                let name = named(place.column(column));
                on_columns.extend(column.grants.iter().map(|grant| (name.clone(), grant)));
            }
        }
        let on_columns = on_columns.iter().map(|(name, grant)| (name, *grant));
        statements.extend(kept_on_columns(&relation, &gone.grants, &kept, on_columns));
        let mapping = self.gone.mapping.table(gone);
        for column in &gone.columns {
            let stored = mapping.column(column);
            let mut kept: Vec<&[Grant]> = Vec::new();
            for member in &self.remaining {
                let Some(table) = member.logical.table(id) else { continue };
                let place = member.mapping.table(table);
                for known in table.columns.iter().filter(|known| place.column(known) == stored) {
                    kept.push(known.grants.as_slice());
                }
            }
            if !kept.is_empty() {
                let on = On::column(&relation, &named(stored));
                statements.extend(removed(&on, &column.grants, &kept));
            }
        }
        statements
    }

    /// Sequences that both have and of which the owning column goes, or is another one: PostgreSQL would drop them with the column.
    fn released(&self) -> Vec<(&Sequence, &Sequence)> {
        let is_stored_alike = |(table, column): (TableId, ColumnId)| {
            let place = |member: &Member| {
                let table = member.logical.table(table)?;
                Some(member.mapping.table(table).column(table.column(column)?).clone())
            };
            place(self.gone) == place(self.new_root)
        };
        let root = self.new_root.logical.sequences.iter();
        root.filter_map(|new| Some((self.gone.logical.sequences.iter().find(|old| old.id == new.id)?, new)))
            .filter(|(old, new)| {
                old.owned_by != new.owned_by || old.owned_by.is_some_and(|owner| !is_stored_alike(owner))
            })
            .collect()
    }

    /// Before any column is dropped.
    pub(super) fn release_sequences(&self) -> Option<Step> {
        if self.input.end == End::Leaf {
            return None;
        }
        let physical = |id: TableId| self.gone.physical.sequences.iter().find(|sequence| sequence.id == id);
        let statements: Vec<Sql> = self
            .released()
            .into_iter()
            .filter(|(old, _)| old.owned_by.is_some())
            .filter_map(|(old, _)| Some(sql!("ALTER SEQUENCE {} OWNED BY NONE", physical(old.id)?.name)))
            .collect();
        (!statements.is_empty())
            .then(|| Step::transaction("keep sequences whose columns go", Lock::None, Vec::new(), statements))
    }

    fn own_sequences(&self) -> Vec<Sql> {
        let released = self.released().into_iter();
        released
            .filter_map(|(_, new)| {
                let (table, column) = new.owned_by?;
                let table = self.new_root.logical.table(table)?;
                Some(sql!(
                    "ALTER SEQUENCE {} OWNED BY {}.{}",
                    new.name,
                    table.name,
                    table.column(column)?.name
                ))
            })
            .collect()
    }

    /// In two rounds, so that names can be exchanged, also with what moves in between.
    pub(super) fn rename_sequences(&self) -> (Vec<Sql>, Vec<Sql>) {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for sequence in &self.new_root.logical.sequences {
            let Some(standing) = self.new_root.mapping.renamed.get(&sequence.id.get()) else { continue };
            let in_schema = |name: &Name| QualifiedName::new(sequence.name.schema.clone(), name.clone());
            let between = Name::new(format!("edition~{}", sequence.id)).unwrap_or_else(|_| standing.clone());
            first.push(sql!("ALTER SEQUENCE {} RENAME TO {}", in_schema(standing), between));
            second.push(sql!("ALTER SEQUENCE {} RENAME TO {}", in_schema(&between), sequence.name.name));
        }
        (first, second)
    }

    fn settle_accessories(&self) -> Option<Step> {
        let statements = match self.input.end {
            End::Root => accessories::settle(self.input.chain, self.gone, &self.remaining, self.new_root),
            End::Leaf => accessories::drop_additions(self.gone, &self.remaining),
        };
        (!statements.is_empty()).then(|| {
            Step::transaction(
                "settle extensions, statistics and the like",
                Lock::None,
                Vec::new(),
                statements,
            )
        })
    }

    fn settle_objects(&self) -> Option<Step> {
        let mut statements = self.own_sequences();
        let before = shared_objects(&self.gone.logical, &self.gone.mapping);
        for shared in shared_objects(&self.new_root.logical, &self.new_root.mapping) {
            let Some(was) = before.iter().find(|was| was.id == shared.id && was.place == shared.place) else {
                continue;
            };
            let owner = change_owner(&shared.subject, was.owner, shared.owner);
            let kept = self.grants_kept(&shared);
            let kept: Vec<&[Grant]> = kept.iter().map(Vec::as_slice).collect();
            let on = On::object(shared.object.clone());
            let given_back = owner.as_ref().map(|_| given_back(&on, was.owner, &kept));
            statements.extend(owner.into_iter().chain(given_back.into_iter().flatten()));
            statements.extend(settle(&shared.subject, &was.properties, &shared.properties));
            statements.extend(removed(&on, &was.grants, &kept));
        }
        (!statements.is_empty()).then(|| {
            Step::transaction("settle what was put off on other objects", Lock::None, Vec::new(), statements)
        })
    }

    /// What other editions have under the same id may stand elsewhere.
    fn grants_kept(&self, standing: &SharedObject<'_>) -> Vec<Vec<Grant>> {
        let shared =
            self.remaining.iter().flat_map(|member| shared_objects(&member.logical, &member.mapping));
        shared
            .filter(|shared| shared.id == standing.id && shared.place == standing.place)
            .map(|shared| shared.grants)
            .collect()
    }

    /// At a rollback nothing was put off; what the leaf alone granted is revoked.
    fn revoke_only(&self) -> Vec<Step> {
        let mut statements = Vec::new();
        for table in &self.gone.logical.tables {
            let (Some(physical), true) = (self.standing(table.id), self.is_kept(table.id)) else { continue };
            statements.extend(self.revoke_on_table(table.id, &physical, Name::clone));
        }
        for shared in shared_objects(&self.gone.physical, &self.gone.mapping) {
            let is_kept = self
                .remaining
                .iter()
                .flat_map(|member| shared_objects(&member.physical, &member.mapping))
                .any(|known| known.id == shared.id && known.place == shared.place);
            if is_kept {
                let kept = self.grants_kept(&shared);
                let kept: Vec<&[Grant]> = kept.iter().map(Vec::as_slice).collect();
                statements.extend(removed(&On::object(shared.object.clone()), &shared.grants, &kept));
            }
        }
        let step = || {
            Step::transaction(
                "revoke what only this edition granted",
                Lock::None,
                Vec::new(),
                statements.clone(),
            )
        };
        (!statements.is_empty()).then(step).into_iter().chain(self.settle_accessories()).collect()
    }
}

/// Comments, privileges, statistics targets and storage options stop nobody (docs, ALTER TABLE); all else is a matter of milliseconds.
fn lock_of(statements: &[Sql]) -> Lock {
    let gentle = |statement: &Sql| {
        let text = statement.as_str();
        text.starts_with("COMMENT ")
            || text.starts_with("REVOKE ")
            || text.contains(" SET STATISTICS ")
            || text.contains(" CLUSTER")
            || (text.starts_with("ALTER TABLE ")
                && (text.contains(" SET (") || text.contains(" RESET ("))
                && !text.contains(" ALTER COLUMN "))
    };
    if statements.iter().all(gentle) { Lock::ShareUpdateExclusive } else { Lock::AccessExclusive }
}
