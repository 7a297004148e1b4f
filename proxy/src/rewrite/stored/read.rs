//! A view that is read: `users u` becomes `public.users u (columns…)`. The list follows the order of the physical table's
//! columns. It ends with the edition's last one: the fewer columns of other editions it names, the fewer publications and
//! rollbacks of those it has to survive. Columns of other editions before that get names that nobody uses.

use catalog::snapshot::ViewRelation;
use catalog::sql::parser::nodes;

use super::{
    super::scope::{Item, ItemId},
    Result, Stored, StoredItem, Unsafe, quoted,
};

impl<'a, 't> Stored<'a, 't> {
    /// Makes sure that the column of another edition cannot be reached by its name.
    pub(super) fn cover(&mut self, stored: &StoredItem<'_, '_>, name: &str) {
        let at = stored.view.stored_columns.iter().position(|column| column.as_str() == name);
        if let Some(at) = at {
            let covered = self.covered.entry(stored.id).or_default();
            *covered = (*covered).max(at + 1);
        }
    }

    /// Replaces the name in FROM.
    pub(super) fn read(
        &mut self,
        id: ItemId,
        item: &'a Item<'t>,
        view: &'t ViewRelation,
        named: &'t nodes::RangeVar,
    ) -> Result<()> {
        let first = self.analysis.token_at(named.location);
        let unclear = || Unsafe::new("Write the name of the table plainly.", first);
        let natural = self.scopes.levels.get(item.level).is_some_and(|level| level.natural);
        if natural || item.in_named_join {
            return Err(Unsafe::new(
                "Write the join with ON or USING and without an alias of its own.",
                first,
            ));
        }
        let name = self.analysis.relation_tokens(named).ok_or_else(unclear)?;
        let list = column_list(item, view, self.covered.get(&id).copied().unwrap_or_default())?;
        let stored = self.stored(id).ok_or_else(unclear)?;
        let table = stored.table();
        self.claims.extend(first);
        self.splice(name.clone(), table);
        // `users *` and `ONLY (users)`: an alias comes behind these
        let mut end = name.end;
        let symbol = |at: usize, symbol: u8| self.analysis.symbol_at(at, symbol);
        let in_brackets = name.start.checked_sub(1).is_some_and(|before| symbol(before, b'('))
            && name.start.checked_sub(2).is_some_and(|only| self.analysis.word_at(only, "only"));
        if in_brackets || symbol(end, b'*') {
            end += 1;
        }
        let Some(alias) = named.alias() else {
            self.append(end - 1, &format!(" AS {} ({list})", stored.qualifier()?));
            return Ok(());
        };
        let at = if self.analysis.word_at(end, "as") { end + 1 } else { end };
        let tokens =
            self.analysis.name_tokens(at, 1).and_then(|parts| parts.first().cloned()).ok_or_else(unclear)?;
        if alias.colnames().is_empty() {
            self.append(tokens.end - 1, &format!(" ({list})"));
            return Ok(());
        }
        let close =
            (tokens.end..self.analysis.tokens.len()).find(|at| symbol(*at, b')')).ok_or_else(unclear)?;
        self.splice(tokens.end..close + 1, format!("({list})"));
        Ok(())
    }
}

/// The names of the physical table's columns, at least the first `covered` of them.
fn column_list(item: &Item<'_>, view: &ViewRelation, covered: usize) -> Result<String> {
    let own = item.columns.as_deref().unwrap_or_default();
    let logical = |physical: &catalog::model::Name| {
        let at = view.columns.iter().position(|(_, column)| column == physical)?;
        own.get(at)
    };
    let last =
        view.stored_columns.iter().rposition(|physical| logical(physical).is_some()).map_or(0, |at| at + 1);
    let is_whole = view.columns.iter().all(|(_, physical)| view.stored_columns.contains(physical));
    if !is_whole {
        return Err(Unsafe::new("Try again: the table is about to change.", None));
    }
    let names: Vec<String> = view
        .stored_columns
        .iter()
        .take(last.max(covered))
        .enumerate()
        .map(|(at, physical)| match logical(physical) {
            Some(name) => quoted(name),
            None => name_of_others(at),
        })
        .collect::<Result<_>>()?;
    Ok(names.join(", "))
}

/// What the stored column at this place of the table is called, if it is none of the edition's.
pub(super) fn name_of_others(at: usize) -> Result<String> {
    quoted(&format!("~other edition's {}~", at + 1))
}
