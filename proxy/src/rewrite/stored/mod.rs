//! What PostgreSQL allows on a table but not on a view, in queries: `GROUP BY` a key, system columns, `TABLESAMPLE`,
//! `WHERE CURRENT OF`, `MERGE` before PostgreSQL 17. The view's name is replaced by its *stored form*: the physical table under
//! the edition's names.
//!
//! Where the table is read that is `physical AS alias (columns…)`, so that most of the statement stays as it is ([`read`]). Only what
//! would show the columns of other editions is spelled out: stars and whole rows ([`rows`]). A table that is written takes no list of
//! columns there; so each reference to one of its columns gets the physical name ([`written`]).
//!
//! Nothing is guessed: where it cannot be told whether a name is one of the table's, the statement is refused with what to do, or
//! (for `GROUP BY`, which may be fine on the view) left as it is.

mod conflict;
mod grouping;
mod needs;
mod read;
mod references;
mod rows;
mod width;
mod written;

use std::{collections::BTreeMap, ops::Range};

use catalog::{
    model::Name,
    snapshot::ViewRelation,
    sql,
    sql::parser::{Node, nodes},
};

use self::needs::Need;
pub(super) use self::needs::WORDS;
use super::{
    analysis::Analysis,
    cache::Splice,
    scope::{self, Item, ItemId, LevelId, Role, Scopes, Source},
};

/// Why a statement cannot be changed safely.
pub(super) struct Unsafe {
    /// What a user can do about it.
    hint: String,
    /// Where it is.
    token: Option<usize>,
}

type Result<T> = std::result::Result<T, Unsafe>;

/// A statement on its way to the stored form.
struct Stored<'a, 't> {
    analysis: &'a Analysis<'t>,
    scopes: &'a Scopes<'t>,
    needs: Vec<Need>,
    /// For items that are read: how many of the table's columns must have a name in the list.
    covered: BTreeMap<ItemId, usize>,
    splices: Vec<Splice>,
    /// To be put behind these tokens.
    appended: BTreeMap<usize, String>,
    /// First tokens of names that are done with.
    claims: Vec<usize>,
}

/// Puts stored forms in the place of views where `statement` needs them.
pub(super) fn rewrite<'t>(analysis: &mut Analysis<'t>, statement: Node<'t>) {
    if !needs::may_have_any(analysis, statement) {
        return;
    }
    let Some(scopes) = scope::build(analysis, statement) else { return };
    let needs = needs::find(analysis, &scopes, statement);
    let strongest = needs.iter().max().copied().unwrap_or(Need::None);
    if strongest == Need::None && !scopes.levels.iter().any(conflict::names_constraint) {
        return;
    }
    let mut stored = Stored {
        analysis,
        scopes: &scopes,
        needs,
        covered: BTreeMap::new(),
        splices: Vec::new(),
        appended: BTreeMap::new(),
        claims: Vec::new(),
    };
    match stored.run() {
        Ok(()) => {
            let (splices, claims) = stored.finish();
            analysis.adopt(splices, claims);
        }
        Err(Unsafe { hint, token }) if strongest == Need::Certain => {
            let message = "this statement is not supported on a table that differs between editions";
            analysis.refuse("0A000", message.to_owned(), Some(hint), token);
        }
        Err(_) => {}
    }
}

impl<'a, 't> Stored<'a, 't> {
    fn run(&mut self) -> Result<()> {
        self.references()?;
        self.outputs()?;
        self.conflicts();
        self.groupings()?;
        for (id, item) in self.scopes.items.iter().enumerate() {
            if !self.is_stored(id) {
                continue;
            }
            if let Source::View { view, named, role } = item.source {
                match role {
                    Role::Written => self.written(id, item, view, named)?,
                    Role::Read | Role::Sampled => self.read(id, item, view, named)?,
                }
            }
        }
        Ok(())
    }

    /// All splices, with what is appended to tokens in them.
    fn finish(mut self) -> (Vec<Splice>, Vec<usize>) {
        for (token, text) in std::mem::take(&mut self.appended) {
            let changed = self.splices.iter_mut().find(|splice| splice.tokens.end == token + 1);
            if let Some(splice) = changed {
                splice.text.push_str(&text);
            } else if let Some(written) = self.analysis.written(token) {
                self.splices.push(Splice { tokens: token..token + 1, text: format!("{written}{text}") });
            }
        }
        (self.splices, self.claims)
    }

    fn is_stored(&self, id: ItemId) -> bool {
        self.needs.get(id).is_some_and(|need| *need != Need::None)
    }

    /// The item that is replaced, if `id` is one or is another name for one.
    fn stored(&self, id: ItemId) -> Option<StoredItem<'a, 't>> {
        let scopes = self.scopes;
        let item = scopes.items.get(id)?;
        let (base_id, base) = match item.source {
            Source::Written(base) => (base, scopes.items.get(base)?),
            _ => (id, item),
        };
        match base.source {
            Source::View { view, named, role } if self.is_stored(base_id) => {
                Some(StoredItem { id, item, view, named, role })
            }
            _ => None,
        }
    }

    /// The stored items that a name at `level` passes until it is found in `until`, or at all.
    fn passed(&self, level: LevelId, until: Option<LevelId>) -> Vec<StoredItem<'a, 't>> {
        let scopes = self.scopes;
        let mut passed = Vec::new();
        let mut at = Some(level);
        while let Some(id) = at {
            let Some(level) = scopes.levels.get(id) else { break };
            let visible = level.items.iter().filter_map(|id| self.stored(*id));
            passed.extend(visible.filter(|stored| !stored.item.only_qualified));
            at = level.outer.filter(|_| until != Some(id));
        }
        passed
    }

    fn splice(&mut self, tokens: Range<usize>, text: String) {
        self.splices.push(Splice { tokens, text });
    }

    /// Puts `text` behind a token, whatever becomes of the token itself.
    fn append(&mut self, token: usize, text: &str) {
        self.appended.entry(token).or_default().push_str(text);
    }

    /// The tokens of each part of a reference.
    fn parts(&self, column: &nodes::ColumnRef) -> Result<(usize, Vec<Range<usize>>)> {
        let first = self.analysis.token_at(column.location);
        let parts = first.and_then(|first| self.analysis.name_tokens(first, column.fields().len()));
        first.zip(parts).ok_or_else(|| Unsafe::new("Write the names of the columns plainly.", first))
    }
}

/// An item that is replaced by its stored form.
#[derive(Clone, Copy)]
struct StoredItem<'a, 't> {
    id: ItemId,
    item: &'a Item<'t>,
    view: &'t ViewRelation,
    named: &'t nodes::RangeVar,
    role: Role,
}

impl StoredItem<'_, '_> {
    fn is_written(&self) -> bool {
        self.role == Role::Written
    }

    /// What its columns are qualified by, quoted.
    fn qualifier(&self) -> Result<String> {
        quoted(self.item.name.unwrap_or_default())
    }

    /// The physical name of one of its columns.
    fn physical(&self, column: &str) -> Option<&Name> {
        let at = self.item.columns.as_ref()?.iter().position(|name| name == column)?;
        self.view.columns.get(at).map(|(_, physical)| physical)
    }

    /// Whether the physical table has, or may have, a column of this name that is not the edition's column of this name.
    fn has_other(&self, name: &str) -> bool {
        let is_stored = self.view.stored_columns.iter().any(|column| column.as_str() == name);
        is_stored && self.physical(name).is_none_or(|physical| physical.as_str() != name)
    }

    /// How a column is written in an expression: qualified, so that no other item's column is meant.
    fn column(&self, logical: &str) -> Result<String> {
        let physical = if self.is_written() { self.physical(logical).map(Name::as_str) } else { None };
        Ok(format!("{}.{}", self.qualifier()?, quoted(physical.unwrap_or(logical))?))
    }

    /// `schema.name` of the physical table.
    fn table(&self) -> String {
        sql!("{}.{}", self.view.physical_schema, self.view.physical_name).to_string()
    }
}

impl Unsafe {
    fn new(hint: impl Into<String>, token: Option<usize>) -> Self {
        Self { hint: hint.into(), token }
    }
}

/// A name in SQL text.
fn quoted(name: &str) -> Result<String> {
    Name::new(name)
        .map(|name| name.quoted().to_string())
        .map_err(|_| Unsafe::new("Give what stands in FROM an alias.", None))
}
