//! Whole objects: what only the edition that goes had is dropped; at a retire, what the new root introduced moves to where it names it.

use std::collections::BTreeSet;

use super::{Contraction, End};
use crate::{
    ddl::create_view,
    error::{Error, Result},
    model::{Name, QualifiedName, TableId},
    plan::{Lock, Step, introduce::is_parsed_at_creation},
    sql,
    sql::{Sql, join},
};

impl Contraction<'_> {
    /// User views and functions of the edition that goes and of nobody else: they may read columns that go.
    pub(super) fn drop_introduced_views(&self) -> Option<Step> {
        let mut statements = Vec::new();
        for view in self.gone.physical.views.iter().rev().filter(|view| self.only_gone_has(view.id.get())) {
            statements.push(sql!("DROP VIEW IF EXISTS {}", view.name));
        }
        for function in self.gone.physical.functions.iter().filter(|function| self.only_gone_has(function.id))
        {
            // Others may be in use by defaults, and go with the edition's tables; a parsed body holds on to columns.
            if is_parsed_at_creation(function) {
                statements.push(sql!(
                    "DROP ROUTINE IF EXISTS {}({})",
                    function.name,
                    Sql::trusted(&function.arguments)
                ));
            }
        }
        (!statements.is_empty()).then(|| {
            Step::transaction("drop views and functions of the edition", Lock::None, Vec::new(), statements)
        })
    }

    /// Tables, sequences and types that only the edition that goes had are dropped; at a retire, what stands in the new root's schema or
    /// under an old name moves to where the new root names it. One transaction, so that names can be exchanged.
    pub(super) fn drop_and_move(&self) -> Result<Vec<Step>> {
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
        for sequence in self.gone.physical.sequences.iter().filter(|s| self.only_gone_has(s.id.get())) {
            statements.push(sql!("DROP SEQUENCE IF EXISTS {}", sequence.name));
        }
        for function in self.gone.physical.functions.iter().filter(|function| self.only_gone_has(function.id))
        {
            statements.push(sql!(
                "DROP ROUTINE IF EXISTS {}({})",
                function.name,
                Sql::trusted(&function.arguments)
            ));
        }
        for definition in
            self.gone.physical.types.iter().rev().filter(|definition| self.only_gone_has(definition.id))
        {
            statements.push(sql!("DROP TYPE IF EXISTS {}", definition.name));
        }
        if self.input.end == End::Root {
            relations.extend(self.moves.values().map(|(from, _)| from.clone()));
            statements.extend(self.move_statements()?);
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
        let mut statements = Vec::new();
        let mut second = Vec::new();
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
            // Rewritten names keep their meaning until the proxies know better.
            second.extend(self.stand_in(*id, from, to));
        }
        statements.extend(second);
        statements.extend(self.move_objects());
        Ok(statements)
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
        }
        let default = |column: &Name| {
            after.columns.iter().find(|c| &c.physical == column).and_then(|c| c.default.clone())
        };
        create_view(&after, &from.schema, self.input.chain.views_invoke(table, from), default)
    }

    /// Sequences, views, functions and types of the new root's schema.
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
        for view in root.physical.views.iter().filter(|view| moved(view.id.get())) {
            if let Some(logical) = root.logical.views.iter().find(|logical| logical.id == view.id) {
                statements.push(sql!("ALTER VIEW {} SET SCHEMA {}", view.name, logical.name.schema));
            }
        }
        for function in root.physical.functions.iter().filter(|function| moved(function.id)) {
            if let Some(logical) = root.logical.functions.iter().find(|logical| logical.id == function.id) {
                let arguments = Sql::trusted(&function.arguments);
                statements.push(sql!(
                    "ALTER ROUTINE {}({}) SET SCHEMA {}",
                    function.name,
                    arguments,
                    logical.name.schema
                ));
            }
        }
        for definition in root.physical.types.iter().filter(|definition| moved(definition.id)) {
            if let Some(logical) = root.logical.types.iter().find(|logical| logical.id == definition.id) {
                statements.push(sql!("ALTER TYPE {} SET SCHEMA {}", definition.name, logical.name.schema));
            }
        }
        statements
    }
}
