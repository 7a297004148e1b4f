//! The chain once the edition is gone: rows of the catalogue, and views and schemas that nobody needs any more.

use std::collections::{BTreeMap, BTreeSet};

use super::{Contraction, End};
use crate::{
    error::{Error, Result},
    layout::{Mapping, Shape, TableMapping, is_plain},
    model::{Edition, EditionId, EditionName, EditionState, Name, QualifiedName, Schema, Table, TableId},
    plan::{
        Lock, Step, StepKind,
        names::names_of,
        rows::{
            delete_hops, delete_names, delete_places, delete_table, put_hop, put_names, put_places, put_table,
        },
    },
    sql,
    sql::Sql,
};

/// A remaining edition's sight of a table once the step is done.
pub(super) struct After<'a> {
    /// Its logical table, its shape, and the schema of its view.
    shapes: Vec<(&'a Table, Shape, Option<Name>)>,
    /// Tables that nobody needs views of any more: (view, table).
    obsolete_views: Vec<QualifiedName>,
    pub(super) mappings: BTreeMap<EditionId, Mapping>,
}

impl<'a> Contraction<'a> {
    /// The remaining editions' mappings and shapes when all that is done.
    pub(super) fn after(&self) -> Result<After<'a>> {
        let mut after = After { shapes: Vec::new(), obsolete_views: Vec::new(), mappings: BTreeMap::new() };
        for member in &self.remaining {
            let mut mapping = member.mapping.clone();
            for table in &member.logical.tables {
                let place = member.mapping.table(table);
                let columns =
                    place.columns.iter().map(|(id, name)| (*id, self.name_after(table.id, name))).collect();
                let moved = self.moves.get(&table.id).or_else(|| self.returns.get(&table.id));
                let physical = moved.map_or(place.physical, |(_, to)| to.clone());
                mapping
                    .tables
                    .insert(table.id, TableMapping { physical, columns, view_schema: place.view_schema });
            }
            if self.input.end == End::Root {
                mapping.moved.retain(|id, place| self.new_root.mapping.moved.get(id) != Some(place));
            }
            after.mappings.insert(member.edition.id, mapping);
        }
        for id in self.table_ids().into_iter().filter(|id| self.is_kept(*id)) {
            self.after_table(id, &mut after)?;
        }
        Ok(after)
    }

    fn after_table(&self, id: TableId, after: &mut After<'a>) -> Result<()> {
        let mut shapes = Vec::new();
        for member in &self.remaining {
            let (Some(mut shape), Some(table)) = (self.shape(member, id), member.logical.table(id)) else {
                continue;
            };
            let mapping = after
                .mappings
                .get(&member.edition.id)
                .ok_or_else(|| Error::bug("no mapping of a live edition"))?;
            let place = mapping.table(table);
            shape.physical = place.physical.clone();
            for column in &mut shape.columns {
                column.physical = self.name_after(id, &column.physical);
            }
            shapes.push((*member, table, shape, place));
        }
        let all: Vec<&Shape> = shapes.iter().map(|(_, _, shape, _)| shape).collect();
        let plain = is_plain(&all);
        for (_, table, shape, place) in &shapes {
            let stood_in = self.moves.get(&id).map(|(from, _)| from).filter(|from| {
                place.view_schema.is_none()
                    && table.name.name == from.name
                    && table.name.schema != from.schema
            });
            let view = place.view_schema.clone().or_else(|| stood_in.map(|from| from.schema.clone()));
            if let (true, Some(schema)) = (plain, &view) {
                let obsolete = QualifiedName::new(schema.clone(), table.name.name.clone());
                if !after.obsolete_views.contains(&obsolete) {
                    after.obsolete_views.push(obsolete);
                }
            }
            let keep = if plain { None } else { place.view_schema.clone() };
            after.shapes.push((table, shape.clone(), keep));
        }
        Ok(())
    }

    pub(super) fn announce(&self, after: &After<'_>) -> Result<Step> {
        let mut statements =
            vec![sql!("DELETE FROM edition.tables WHERE edition_id = {}", self.gone.edition.id)];
        for (table, shape, view) in &after.shapes {
            let means_itself = view.is_none() && shape.physical == shape.name;
            if means_itself {
                statements.push(delete_table(shape.edition, table.id));
            } else {
                statements.extend(put_table(shape, table, view.as_ref()));
            }
        }
        statements.push(delete_names(self.gone.edition.id));
        statements.push(delete_places(self.gone.edition.id));
        statements.push(delete_hops(self.gone_hop()));
        for hop in self.remaining_hops() {
            statements.extend(put_hop(&self.settled(hop))?);
        }
        let mut older: Vec<(&EditionName, &Schema)> = Vec::new();
        for member in &self.remaining {
            let mapping = after
                .mappings
                .get(&member.edition.id)
                .ok_or_else(|| Error::bug("no mapping of a live edition"))?;
            let name = &member.edition.name;
            statements
                .extend(put_names(member.edition.id, &names_of(name, &member.logical, mapping, &older)));
            statements.extend(put_places(member.edition.id, &mapping.moved));
            older.push((name, &member.logical));
        }
        let (state, title) = match self.input.end {
            End::Root => (EditionState::Retired, format!("edition {} is retired", self.gone.edition.name)),
            End::Leaf => {
                (EditionState::Draft, format!("edition {} is a draft again", self.gone.edition.name))
            }
        };
        let kind = StepKind::Announce {
            statements,
            states: vec![(self.gone.edition.id, state)],
            states_before: Vec::new(),
        };
        Ok(Step::new(title, kind, Lock::None, Vec::new()))
    }

    /// Views and schemas that nobody needs, now that no proxy rewrites to them.
    pub(super) fn clean_up(&self, after: &After<'_>) -> Result<Vec<Step>> {
        let mut statements: Vec<Sql> =
            after.obsolete_views.iter().map(|view| sql!("DROP VIEW IF EXISTS {}", view)).collect();
        statements.extend(self.drop_stand_ins());
        // The views that stood in for them are gone: back under their names, in the same transaction.
        let returns =
            self.returns.values().map(|(from, to)| sql!("ALTER TABLE {} RENAME TO {}", from, to.name));
        statements.extend(returns);
        let at_rest = self.remaining.len() == 1;
        let needed: BTreeSet<Name> = after
            .shapes
            .iter()
            .flat_map(|(_, shape, view)| view.iter().cloned().chain([shape.physical.schema.clone()]))
            .chain(after.mappings.values().flat_map(|mapping| mapping.moved.values().cloned()))
            .collect();
        let mut candidates: Vec<(&Edition, bool)> = vec![(&self.gone.edition, true)];
        candidates.extend(self.remaining.iter().map(|member| (&member.edition, at_rest)));
        for (edition, always) in candidates {
            for schema in &self.input.chain.editioned {
                let own = edition.name.schema_for(schema).map_err(|error| Error::bug(error.to_string()))?;
                let is_root = edition.id == self.new_root.edition.id;
                if (always || is_root)
                    && !needed.contains(&own)
                    && self.input.chain.facts.schemas.contains(&own)
                {
                    statements.push(sql!("DROP SCHEMA IF EXISTS {}", own));
                }
            }
        }
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        let relations: Vec<QualifiedName> = self.returns.values().map(|(from, _)| from.clone()).collect();
        let lock = if relations.is_empty() { Lock::None } else { Lock::AccessExclusive };
        Ok(vec![Step::transaction("drop views and schemas that are not needed", lock, relations, statements)])
    }
}
