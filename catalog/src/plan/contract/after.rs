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
            delete_hops, delete_names, delete_places, delete_schema, delete_table, put_hop, put_names,
            put_places, put_table, put_table_between, tell_proxies,
        },
    },
    sql,
    sql::{Literal, Sql},
};

/// Somebody may have put something of their own into it meanwhile; then it stays.
fn drop_if_unused(schema: &Name) -> Sql {
    let drop = sql!("DROP SCHEMA IF EXISTS {}", schema);
    let body = sql!(
        "BEGIN EXECUTE {}; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END",
        Literal(drop.as_str())
    );
    sql!("DO {}", Literal(body.as_str()))
}

/// A remaining edition's sight of a table once the step is done.
pub(super) struct After<'a> {
    sights: Vec<SightAfter<'a>>,
    /// Tables that nobody needs views of any more: (view, table).
    obsolete_views: Vec<QualifiedName>,
    pub(super) mappings: BTreeMap<EditionId, Mapping>,
}

/// One edition's logical table, and its shape.
struct SightAfter<'a> {
    table: &'a Table,
    shape: Shape,
    /// The schema of its view; `None`: it needs none.
    view: Option<Name>,
    /// Whether a view stands until it is announced that none is needed.
    is_viewed_until_then: bool,
}

impl After<'_> {
    /// The last word: nothing is left of the views.
    pub(super) fn announce_end(&self) -> Option<Step> {
        let freed = self.sights.iter().filter(|sight| sight.is_viewed_until_then);
        let statements: Vec<Sql> = freed.flat_map(SightAfter::rows).collect();
        (!statements.is_empty()).then(|| {
            let kind = StepKind::Announce { statements, states: Vec::new(), states_before: Vec::new() };
            Step::new("announce that the views are gone", kind, Lock::None, Vec::new())
        })
    }
}

impl SightAfter<'_> {
    /// Whether the table stands as the edition names it.
    fn stands_as_named(&self) -> bool {
        self.shape.physical == self.shape.name
    }

    /// Rows that say what is so in the end.
    fn rows(&self) -> Vec<Sql> {
        if self.view.is_none() && self.stands_as_named() {
            vec![delete_table(self.shape.edition, self.table.id)]
        } else {
            put_table(&self.shape, self.table, self.view.as_ref())
        }
    }

    /// Rows that are right while the obsolete view stands and when it is gone; `None`: none are.
    fn rows_between(&self) -> Option<Vec<Sql>> {
        match (self.is_viewed_until_then, self.stands_as_named()) {
            (false, _) => Some(self.rows()),
            (true, true) => Some(put_table_between(&self.shape, self.table)),
            (true, false) => None,
        }
    }
}

impl<'a> Contraction<'a> {
    /// The remaining editions' mappings and shapes when all that is done.
    pub(super) fn after(&self) -> Result<After<'a>> {
        let mut after = After { sights: Vec::new(), obsolete_views: Vec::new(), mappings: BTreeMap::new() };
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
            after.sights.push(SightAfter {
                table,
                shape: shape.clone(),
                is_viewed_until_then: plain && view.is_some(),
                view: if plain { None } else { place.view_schema.clone() },
            });
        }
        Ok(())
    }

    /// Rows to go with the transaction that renames columns of a table: what is told of the stored table names them. A column that goes is
    /// noticed by whoever reads the catalogue anew.
    pub(super) fn tell_of_columns(&self, id: TableId) -> Vec<Sql> {
        let viewed = self.remaining.iter().filter_map(|member| {
            let table = member.logical.table(id)?;
            Some((member, table, member.mapping.table(table).view_schema?))
        });
        let mut statements = Vec::new();
        let mut is_seen = false;
        for (member, table, schema) in viewed {
            is_seen = true;
            if let (true, Some(mut shape)) = (self.renames.contains_key(&id), self.shape(member, id)) {
                for column in &mut shape.columns {
                    column.physical = self.name_after(id, &column.physical);
                }
                statements.extend(put_table(&shape, table, Some(&schema)));
            }
        }
        let changes = self.renames.contains_key(&id) || !self.doomed_columns(id).is_empty();
        statements.extend((is_seen && changes).then(tell_proxies));
        statements
    }

    /// Rows to go with the transaction that moves tables, or gives them another name.
    pub(super) fn tell_of_moves(&self, after: &After<'_>) -> Vec<Sql> {
        let moved = after.sights.iter().filter(|sight| self.moves.contains_key(&sight.table.id));
        let rows: Vec<Sql> = moved
            .flat_map(|sight| match &sight.view {
                Some(schema) => put_table(&sight.shape, sight.table, Some(schema)),
                None => sight.rows_between().unwrap_or_default(),
            })
            .collect();
        if rows.is_empty() { rows } else { rows.into_iter().chain([tell_proxies()]).collect() }
    }

    pub(super) fn announce(&self, after: &After<'_>) -> Result<Step> {
        let mut statements =
            vec![sql!("DELETE FROM edition.tables WHERE edition_id = {}", self.gone.edition.id)];
        // What gets its name back where its view stands keeps its rows until then.
        statements.extend(after.sights.iter().filter_map(SightAfter::rows_between).flatten());
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
        let unsaid = after.sights.iter().filter(|sight| sight.rows_between().is_none());
        let unsaid: Vec<Sql> = unsaid.flat_map(SightAfter::rows).collect();
        if !unsaid.is_empty() {
            statements.extend(unsaid);
            statements.push(tell_proxies());
        }
        let at_rest = self.remaining.len() == 1;
        let needed: BTreeSet<Name> = after
            .sights
            .iter()
            .flat_map(|sight| sight.view.iter().cloned().chain([sight.shape.physical.schema.clone()]))
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
        if self.input.end == End::Leaf {
            let introduced = self.input.chain.facts.introduced_schemas.iter();
            let gone = introduced.filter(|(_, edition)| **edition == self.gone.edition.id);
            statements.extend(gone.flat_map(|(schema, _)| [drop_if_unused(schema), delete_schema(schema)]));
        }
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        let relations: Vec<QualifiedName> = self.returns.values().map(|(from, _)| from.clone()).collect();
        let lock = if relations.is_empty() { Lock::None } else { Lock::AccessExclusive };
        Ok(vec![Step::transaction("drop views and schemas that are not needed", lock, relations, statements)])
    }
}
