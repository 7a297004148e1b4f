//! `GROUP BY` the edition's primary key where the stored table has that of another edition (a key that was retyped): PostgreSQL knows of the latter only that
//! the other columns follow from it. So its columns join the list, which makes no more groups of it: each row has one of either.

use catalog::{
    model::Name,
    snapshot::{ViewConstraintKind, ViewRelation},
    sql::parser::Node,
};

use super::{
    super::scope::{Item, ItemId, Level, LevelId, Meaning, Place, Role, Shape, Source, Statement},
    Result, Stored, quoted,
    read::name_of_others,
};

impl<'a, 't> Stored<'a, 't> {
    pub(super) fn groupings(&mut self) -> Result<()> {
        for (id, level) in self.scopes.levels.iter().enumerate() {
            let Statement::Select(select) = level.statement else { continue };
            // In one of several grouping sets the other columns do not follow.
            if select.group_clause().iter().any(|entry| matches!(entry, Node::GroupingSet(_))) {
                continue;
            }
            self.grouping(id, level)?;
        }
        Ok(())
    }

    fn grouping(&mut self, id: LevelId, level: &'a Level<'t>) -> Result<()> {
        for (item_id, item) in self.scopes.items_of(level) {
            let Source::View { view, role: Role::Read | Role::Sampled, .. } = item.source else { continue };
            let lacking = lacking(view);
            if lacking.is_empty() || !self.is_stored(item_id) {
                continue;
            }
            let Some(last) = self.grouped_by_key(id, item_id, item, view) else { continue };
            let mut columns = String::new();
            for at in lacking {
                let column = name_in_list(item, view, at)?;
                let qualifier = quoted(item.name.unwrap_or_default())?;
                columns.push_str(&format!(", {qualifier}.{column}"));
                let covered = self.covered.entry(item_id).or_default();
                *covered = (*covered).max(at + 1);
            }
            self.append(last, &columns);
        }
        Ok(())
    }

    /// The last token by which a level groups by the edition's whole key.
    fn grouped_by_key(
        &self,
        level: LevelId,
        item_id: ItemId,
        item: &Item<'t>,
        view: &ViewRelation,
    ) -> Option<usize> {
        let mut ends = Vec::new();
        for column in key_of(view)? {
            let at = view.columns.iter().position(|(logical, _)| logical == column)?;
            let wanted = item.columns.as_ref()?.get(at)?;
            let mut grouped = self
                .scopes
                .references
                .iter()
                .filter(|reference| reference.level == level && reference.place == Place::Grouped);
            let reference = grouped.find(|reference| {
                let meant = match Shape::of(reference.column) {
                    Some(Shape::Name(name)) if name == wanted => self.scopes.column(level, name),
                    Some(Shape::Qualified(qualifier, name) | Shape::Table(_, qualifier, name))
                        if name == wanted =>
                    {
                        self.scopes.qualifier(level, qualifier).map_or(Meaning::Nothing, Meaning::Item)
                    }
                    _ => Meaning::Nothing,
                };
                meant == Meaning::Item(item_id)
            })?;
            let (_, parts) = self.parts(reference.column).ok()?;
            ends.push(parts.last()?.end.checked_sub(1)?);
        }
        ends.into_iter().max()
    }
}

fn key_of(view: &ViewRelation) -> Option<&[Name]> {
    let key = view.constraints.iter().find(|constraint| constraint.kind == ViewConstraintKind::PrimaryKey)?;
    Some(&key.columns)
}

/// Where in the stored table the columns of its key stand that the edition's does not have.
fn lacking(view: &ViewRelation) -> Vec<usize> {
    let own: Vec<&Name> = key_of(view)
        .unwrap_or_default()
        .iter()
        .filter_map(|column| view.columns.iter().find(|(logical, _)| logical == column))
        .map(|(_, physical)| physical)
        .collect();
    let lacking = view.stored_key.iter().filter(|column| !own.contains(column));
    lacking.filter_map(|column| view.stored_columns.iter().position(|stored| stored == column)).collect()
}

/// What the column at this place of the stored table is called in the statement.
fn name_in_list(item: &Item<'_>, view: &ViewRelation, at: usize) -> Result<String> {
    let own = view
        .stored_columns
        .get(at)
        .and_then(|stored| view.columns.iter().position(|(_, physical)| physical == stored))
        .and_then(|at| item.columns.as_ref()?.get(at));
    own.map_or_else(|| name_of_others(at), |name| quoted(name))
}
