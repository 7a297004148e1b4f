//! What becomes of each column reference once items are in their stored form.

use catalog::{
    sql,
    sql::{
        Literal,
        parser::{name_parts, nodes},
    },
};

use super::{
    super::scope::{
        LevelId, Meaning, Place, Reference, Shape, Statement, has_output, is_system_column, naming_reference,
    },
    Result, Stored, StoredItem, Unsafe,
    rows::view_name,
};

impl<'a, 't> Stored<'a, 't> {
    pub(super) fn references(&mut self) -> Result<()> {
        let scopes = self.scopes;
        for reference in &scopes.references {
            let Some(shape) = Shape::of(reference.column) else { continue };
            match shape {
                Shape::Star => self.star(reference)?,
                Shape::Name(name) => self.name(reference, name)?,
                Shape::QualifiedStar(qualifier) => {
                    if let Some(stored) = self.qualified_by(reference.level, qualifier) {
                        self.star_of(reference, &stored)?;
                    }
                }
                Shape::Qualified(qualifier, name) => {
                    if let Some(stored) = self.qualified_by(reference.level, qualifier) {
                        self.column_of(reference, &stored, name)?;
                    }
                }
                Shape::TableStar(schema, table) => {
                    if let Some(stored) = self.table(reference.level, schema, table) {
                        self.claim(reference.column);
                        self.star_of(reference, &stored)?;
                    }
                }
                Shape::Table(schema, table, name) => {
                    if let Some(stored) = self.table(reference.level, schema, table) {
                        self.claim(reference.column);
                        if name == TABLE_ID {
                            self.table_id(reference, &[stored], &qualified_table_id(&stored)?)?;
                            continue;
                        }
                        let (first, parts) = self.parts(reference.column)?;
                        if let Some([.., table, _]) = parts.get(..) {
                            self.splice(first..table.end, stored.qualifier()?);
                        }
                        self.column_of(reference, &stored, name)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn claim(&mut self, column: &nodes::ColumnRef) {
        self.claims.extend(self.analysis.token_at(column.location));
    }

    fn qualified_by(&self, level: LevelId, qualifier: &str) -> Option<StoredItem<'a, 't>> {
        self.stored(self.scopes.qualifier(level, qualifier)?)
    }

    /// The item that `schema.table` means in an expression: one without an alias.
    fn table(&self, level: LevelId, schema: &str, table: &str) -> Option<StoredItem<'a, 't>> {
        let stored = self.qualified_by(level, table)?;
        let meant = self.analysis.qualified(schema, table)?;
        let here = self.analysis.relation(stored.named)?;
        (stored.named.alias().is_none() && std::ptr::eq(meant, here)).then_some(stored)
    }

    /// `q.x`.
    fn column_of(
        &mut self,
        reference: &Reference<'t>,
        stored: &StoredItem<'a, 't>,
        name: &str,
    ) -> Result<()> {
        if name == TABLE_ID {
            return self.table_id(reference, &[*stored], &qualified_table_id(stored)?);
        }
        let (_, parts) = self.parts(reference.column)?;
        let Some(last) = parts.last().cloned() else { return Ok(()) };
        match stored.physical(name) {
            Some(physical) if stored.is_written() && physical.as_str() != name => {
                self.splice(last, physical.quoted().to_string());
            }
            None if stored.has_other(name) && stored.is_written() => {
                let message = format!("Column \"{name}\" is not one of this edition's.");
                return Err(Unsafe::new(message, Some(last.start)));
            }
            None => self.cover(stored, name),
            Some(_) => {}
        }
        Ok(())
    }

    /// `tableoid` of one of `items`: where the row is the stored table's own, the view is what the edition calls the table. Of a partition's rows
    /// it is the partition, which has no view.
    fn table_id(
        &mut self,
        reference: &Reference<'t>,
        items: &[StoredItem<'a, 't>],
        written: &str,
    ) -> Result<()> {
        let (first, parts) = self.parts(reference.column)?;
        let Some(last) = parts.last().filter(|_| !items.is_empty()) else { return Ok(()) };
        let mut cases = Vec::new();
        for stored in items {
            let id = |relation: &str| sql!("{}::pg_catalog.regclass::pg_catalog.oid", Literal(relation));
            let (table, view) = (id(&stored.table()), id(&view_name(stored.view, stored.named)?));
            let case = format!("WHEN {table} THEN {view}");
            if !cases.contains(&case) {
                cases.push(case);
            }
        }
        self.splice(first..last.end, format!("(CASE {written} {} ELSE {written} END)", cases.join(" ")));
        Ok(())
    }

    /// `x`: a column, or the row of what is called so.
    fn name(&mut self, reference: &Reference<'t>, name: &str) -> Result<()> {
        let level = reference.level;
        if reference.place == Place::Sorted && self.is_output(level, name) {
            return Ok(());
        }
        let (first, parts) = self.parts(reference.column)?;
        let Some(tokens) = parts.last().cloned() else { return Ok(()) };
        let meaning = self.scopes.column(level, name);
        if name == TABLE_ID && !matches!(meaning, Meaning::Item(id) if self.is_known_column(id, name)) {
            return self.table_id(reference, &self.passed(level, None), TABLE_ID);
        }
        if !is_system_column(name)
            && let Some(stored) = self.qualified_by(level, name)
        {
            match meaning {
                Meaning::Item(id) if self.is_known_column(id, name) => {}
                Meaning::Nothing => {
                    let row = self.whole_row(&stored)?;
                    self.splice(tokens, row);
                    return Ok(());
                }
                _ => return Err(ambiguous(name, first)),
            }
        }
        match meaning {
            Meaning::Item(id) => {
                let until = self.scopes.items.get(id).map(|item| item.level);
                let stored = self.stored(id).filter(StoredItem::is_written);
                if let Some(stored) = stored
                    && let Some(physical) = stored.physical(name)
                {
                    if reference.place == Place::Arbiter {
                        self.splice(tokens, physical.quoted().to_string());
                    } else if physical.as_str() != name {
                        self.splice(tokens, stored.column(name)?);
                    }
                    return Ok(());
                }
                let captured =
                    self.passed(level, until).iter().any(|stored| stored.id != id && stored.has_other(name));
                let merged = self.scopes.chain(level).any(|level| level.merged.contains(&name));
                if captured && !merged {
                    // a grouped name that no item is known to have may be that of an output column
                    if reference.place == Place::Grouped && !self.is_known_column(id, name) {
                        return self.keep_away(level, name, first);
                    }
                    let Some(qualifier) = self.scopes.items.get(id).and_then(|item| item.name) else {
                        return Err(ambiguous(name, first));
                    };
                    let qualifier = super::quoted(qualifier)?;
                    let column = super::quoted(name)?;
                    self.splice(tokens, format!("{qualifier}.{column}"));
                } else if captured {
                    return self.keep_away(level, name, first);
                }
                Ok(())
            }
            Meaning::Unknown | Meaning::Nothing => self.keep_away(level, name, first),
        }
    }

    /// Sees to it that a name whose item is not known stays what it is.
    fn keep_away(&mut self, level: LevelId, name: &str, token: usize) -> Result<()> {
        if is_system_column(name) {
            return Ok(());
        }
        for stored in self.passed(level, None) {
            let renamed = stored.physical(name).is_some_and(|physical| physical.as_str() != name);
            if stored.is_written() && (renamed || stored.has_other(name)) {
                return Err(ambiguous(name, token));
            }
            if stored.has_other(name) && stored.physical(name).is_none() {
                self.cover(&stored, name);
            }
        }
        Ok(())
    }

    fn is_known_column(&self, id: usize, name: &str) -> bool {
        self.scopes.items.get(id).is_some_and(|item| item.has_column(name))
    }

    fn is_output(&self, level: LevelId, name: &str) -> bool {
        match self.scopes.levels.get(level).map(|level| level.statement) {
            Some(Statement::Select(select)) => has_output(select, name),
            _ => false,
        }
    }

    /// Gives output columns that were named by a reference the name that they had.
    pub(super) fn outputs(&mut self) -> Result<()> {
        let scopes = self.scopes;
        for target in &scopes.unnamed_outputs {
            let Some(column) = naming_reference(target.val()) else { continue };
            let Some(name) = name_parts(column.fields()).last().copied() else {
                continue;
            };
            let (_, parts) = self.parts(column)?;
            let Some(last) = parts.last() else { continue };
            let changed = self.splices.iter().find(|splice| splice.tokens.end == last.end);
            let quoted = super::quoted(name)?;
            if changed
                .is_none_or(|splice| splice.text.ends_with(&format!(".{quoted}")) || splice.text == quoted)
            {
                continue;
            }
            let start = self.analysis.token_at(target.location);
            let end = start.and_then(|start| self.analysis.end_of_output(start));
            let end = end.ok_or_else(|| Unsafe::new("Name the output columns with AS.", start))?;
            self.append(end - 1, &format!(" AS {quoted}"));
        }
        Ok(())
    }
}

/// The system column that tells which table a row is stored in.
const TABLE_ID: &str = "tableoid";

fn qualified_table_id(stored: &StoredItem<'_, '_>) -> Result<String> {
    Ok(format!("{}.{TABLE_ID}", stored.qualifier()?))
}

fn ambiguous(name: &str, token: usize) -> Unsafe {
    Unsafe::new(format!("Qualify \"{name}\" with the name or alias of its table."), Some(token))
}
