//! Whole objects: what only the edition that goes had is dropped; at a retire, what the new root introduced moves to where it names it.

use std::collections::{BTreeMap, BTreeSet};

use super::{After, Contraction, End};
use crate::{
    ddl::{create_view, drop_function, move_type},
    error::{Error, Result},
    model::{Function, Name, QualifiedName, Table, TableId},
    plan::{
        Lock, Step,
        code_objects::{Extent, Object, drop_code},
        policies, triggers,
    },
    sql,
    sql::{Sql, join},
};

impl Contraction<'_> {
    /// Views of the edition that goes and of nobody else, and functions whose parsed body or signature leads to what goes.
    pub(super) fn drop_gone_code(&self) -> Option<Step> {
        let views = self.gone.physical.views.iter().filter(|view| self.only_gone_uses(view.id.get()));
        let functions = self.gone_functions();
        let over_gone = self.going().functions_over(&self.gone.physical);
        let late = functions.filter(|function| over_gone.contains(&function.id));
        let statements = drop_code(late.map(Object::Function).chain(views.map(Object::View)));
        (!statements.is_empty()).then(|| {
            Step::transaction("drop views and functions of the edition", Lock::None, Vec::new(), statements)
        })
    }

    /// What goes with the edition.
    fn going(&self) -> Extent {
        let tables = self.gone.logical.tables.iter();
        let (kept, gone): (Vec<&Table>, Vec<&Table>) = tables.partition(|table| self.is_kept(table.id));
        let views = self.gone.physical.views.iter().map(|view| view.id.get());
        let views = views.filter(|id| self.only_gone_uses(*id));
        let columns = kept.into_iter().flat_map(|table| {
            let (place, doomed) = (self.gone.mapping.table(table), self.doomed_columns(table.id));
            let goes = table.columns.iter().filter(move |column| doomed.contains(place.column(column)));
            goes.map(|column| (table.id, column.id))
        });
        Extent {
            relations: gone.into_iter().map(|table| table.id.get()).chain(views).collect(),
            columns: columns.collect(),
        }
    }

    fn gone_functions(&self) -> impl Iterator<Item = &Function> {
        self.gone.physical.functions.iter().filter(|function| self.only_gone_uses(function.id))
    }

    /// Tables, sequences and types that only the edition that goes had are dropped; at a retire, what stands in the new root's schema or
    /// under an old name moves to where the new root names it. One transaction, so that names can be exchanged.
    pub(super) fn drop_and_move(
        &self,
        after: &After<'_>,
        triggers: &BTreeMap<TableId, triggers::Change>,
        policies: &[policies::Change],
    ) -> Result<Vec<Step>> {
        let mut relations = BTreeSet::new();
        let mut statements = Vec::new();
        let doomed: Vec<QualifiedName> = self
            .table_ids()
            .into_iter()
            .filter(|id| !self.is_kept(*id))
            .filter_map(|id| self.standing(id))
            .collect();
        // The edition's views of its own tables go before the tables.
        for id in self.table_ids().into_iter().filter(|id| !self.is_kept(*id)) {
            statements.extend(self.drop_gone_view(id));
        }
        if !doomed.is_empty() {
            statements.push(sql!("DROP TABLE IF EXISTS {}", join(&doomed, ", ")));
            relations.extend(doomed);
        }
        let sequences = self.gone.physical.sequences.iter().filter(|s| self.only_gone_has(s.id.get()));
        for sequence in sequences.filter(|sequence| !self.has_handed_on(sequence)) {
            statements.push(sql!("DROP SEQUENCE IF EXISTS {}", sequence.name));
        }
        // The others may be in use by defaults, and go with the edition's tables.
        let types = self.gone.physical.types.iter().filter(|definition| self.only_gone_uses(definition.id));
        statements
            .extend(drop_code(self.gone_functions().map(Object::Function).chain(types.map(Object::Type))));
        if self.input.end == End::Leaf {
            statements.extend(self.companions_of(self.gone).iter().map(drop_function));
        }
        if self.input.end == End::Root {
            relations.extend(self.moves.values().map(|(from, _)| from.clone()));
            statements.extend(self.move_statements()?);
            let (tables, bodies) = self.settled_functions();
            relations.extend(tables);
            statements.extend(bodies);
            for change in triggers.values() {
                let Some(standing) = self.standing(change.table) else { continue };
                let settled = self.moves.get(&change.table).map_or(&standing, |(_, to)| to);
                let rest = change.rest_on(settled);
                if !rest.is_empty() {
                    statements.extend(rest);
                    relations.insert(standing);
                }
            }
            for change in policies.iter().filter(|change| self.is_kept(change.table)) {
                let Some(standing) = self.standing(change.table) else { continue };
                let settled = self.moves.get(&change.table).map_or(&standing, |(_, to)| to);
                let rest = change.rest_on(settled);
                if !rest.is_empty() {
                    statements.extend(rest);
                    relations.insert(standing);
                }
            }
            statements.extend(self.tell_of_moves(after));
        }
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        let lock = if relations.is_empty() { Lock::None } else { Lock::AccessExclusive };
        let title = match self.input.end {
            End::Root => "drop what is no longer used, move what the new root named",
            End::Leaf => "drop what the edition introduced",
        };
        Ok(vec![Step::transaction(title, lock, relations.into_iter().collect(), statements)])
    }

    fn move_statements(&self) -> Result<Vec<Sql>> {
        // Functions first, while the types of their arguments are where the physical schema says.
        let mut statements = self.move_functions();
        let mut second = Vec::new();
        let (away, named) = self.rename_sequences();
        statements.extend(away);
        for (id, (from, to)) in &self.moves {
            let between =
                Name::new(format!("edition~{id}")).map_err(|error| Error::bug(error.to_string()))?;
            statements.push(sql!("ALTER TABLE {} RENAME TO {}", from, between));
            let mut at = QualifiedName::new(from.schema.clone(), between);
            if from.schema != to.schema {
                second.push(sql!("ALTER TABLE {} SET SCHEMA {}", at, to.schema));
                at.schema = to.schema.clone();
            }
            second.push(sql!("ALTER TABLE {} RENAME TO {}", at, to.name));
            second.extend(self.move_partitions(*id));
            // Rewritten names keep their meaning until the proxies know better.
            second.extend(self.stand_in(*id, from, to));
        }
        // A view may have the name that a table gives up.
        statements.extend(self.move_views());
        statements.extend(second);
        statements.extend(named);
        statements.extend(self.move_objects());
        statements.extend(self.word_anew());
        statements.extend(self.stand_in_for_code());
        Ok(statements)
    }

    /// Partitions that stand beside their table go where the new root names them, and those that it does not know along with the table.
    fn move_partitions(&self, id: TableId) -> Vec<Sql> {
        let (Some(live), Some((from, to)), Some(root)) =
            (self.live(id), self.moves.get(&id), self.new_root.physical.table(id))
        else {
            return Vec::new();
        };
        let beside =
            live.partitions().iter().map(|part| &part.table.name).filter(|name| name.schema == from.schema);
        let moves = beside.filter_map(|name| {
            let drawn = self.input.chain.drawn_partition(root, name);
            let named = drawn.and_then(|part| self.logical_schema(id, part.table.id)).unwrap_or(&to.schema);
            (name.schema != *named).then(|| sql!("ALTER TABLE {} SET SCHEMA {}", name, named))
        });
        moves.collect()
    }

    /// Where the table itself stood under its name in an edition's schema, a view takes its place until it is announced that none is needed.
    fn stand_in(&self, id: TableId, from: &QualifiedName, to: &QualifiedName) -> Vec<Sql> {
        let stood_as_itself = self.remaining.iter().any(|member| {
            member.logical.table(id).is_some_and(|table| {
                member.mapping.table(table).view_schema.is_none()
                    && table.name.name == from.name
                    && table.name.schema != from.schema
            })
        });
        let (true, Some(shape), Some(table)) =
            (stood_as_itself, self.shape(self.new_root, id), self.new_root.logical.table(id))
        else {
            return Vec::new();
        };
        let mut after = shape;
        after.physical = to.clone();
        for column in &mut after.columns {
            column.physical = column.name.clone();
            // Those of the table do for so short a time; what they call may have moved already.
            column.default = None;
        }
        create_view(
            &after,
            &from.schema,
            self.input.chain.views_invoke(table, from),
            self.input.chain.maker(),
            |_| None,
        )
    }

    /// Sequences and types of the new root's schema.
    fn move_objects(&self) -> Vec<Sql> {
        let mut statements = Vec::new();
        let root = self.new_root;
        let moved = |id: u32| root.mapping.moved.contains_key(&id);
        for sequence in root.physical.sequences.iter().filter(|sequence| moved(sequence.id.get())) {
            let Some(logical) = root.logical.sequences.iter().find(|logical| logical.id == sequence.id)
            else {
                continue;
            };
            let owner = logical.owned_by.as_ref().and_then(|(table, column)| {
                let table = root.logical.table(*table)?;
                Some((table, table.column(*column)?))
            });
            // One that a column of a moved table owns has moved with it.
            let went_along = owner.is_some_and(|(table, _)| {
                self.moves.get(&table.id).is_some_and(|(from, _)| from.schema == sequence.name.schema)
            });
            if !went_along {
                statements.push(sql!("ALTER SEQUENCE {} SET SCHEMA {}", sequence.name, logical.name.schema));
                if let Some((table, column)) = owner {
                    statements.push(sql!(
                        "ALTER SEQUENCE {} OWNED BY {}.{}",
                        logical.name,
                        table.name,
                        column.name
                    ));
                }
            }
        }
        for definition in root.physical.types.iter().filter(|definition| moved(definition.id)) {
            if let Some(logical) = root.logical.type_def(definition.id) {
                statements.push(move_type(definition, &logical.name.schema));
            }
        }
        statements
    }
}
