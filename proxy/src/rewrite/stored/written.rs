//! A view that is written: its name becomes that of the physical table, with the view's own name as the alias, and the columns that
//! the statement lists get their physical names.

use catalog::{
    model::Name,
    snapshot::ViewRelation,
    sql::{
        parser::{Node, nodes},
        walk::walk,
    },
};

use super::{
    super::scope::{Item, ItemId, Statement},
    Result, Stored, StoredItem, Unsafe, width,
};

impl<'a, 't> Stored<'a, 't> {
    pub(super) fn written(
        &mut self,
        id: ItemId,
        item: &'a Item<'t>,
        view: &'t ViewRelation,
        named: &'t nodes::RangeVar,
    ) -> Result<()> {
        let first = self.analysis.token_at(named.location);
        let lost = || Unsafe::new("Write the name of the table plainly.", first);
        let name = self.analysis.relation_tokens(named).ok_or_else(lost)?;
        let stored = self.stored(id).ok_or_else(lost)?;
        self.claims.extend(first);
        let mut text = stored.table();
        let mut end = name.end;
        if named.alias().is_none() {
            text = format!("{text} AS {}", stored.qualifier()?);
        } else {
            end += usize::from(self.analysis.word_at(end, "as")) + 1;
        }
        self.splice(name.clone(), text);
        match self.scopes.levels.get(item.level).map(|level| level.statement) {
            Some(Statement::Insert(insert)) => self.inserted(insert, &stored, view, end)?,
            Some(Statement::Update(update)) => {
                self.defaults(view, &[], false, first)?;
                self.numbers(view, update.target_list().iter().map(Node::from))?;
                self.assigned(update.target_list().iter().map(Node::from), &stored)?;
            }
            Some(Statement::Merge(merge)) => {
                let mut bare = self.inserts_without_columns(name.end).into_iter();
                for when in merge.merge_when_clauses() {
                    self.merged(when, &stored, view, &mut bare)?;
                }
            }
            Some(Statement::Delete(_) | Statement::Select(_)) | None => {}
        }
        Ok(())
    }

    /// The columns of an INSERT. Without a list they are the edition's, in its order.
    fn inserted(
        &mut self,
        insert: &'t nodes::InsertStmt,
        stored: &StoredItem<'a, 't>,
        view: &'t ViewRelation,
        end: usize,
    ) -> Result<()> {
        let listed: Vec<&str> = insert.cols().iter().filter_map(column_name).collect();
        let default_values = matches!(insert.select_stmt(), Node::None);
        let first = self.analysis.token_at(stored.named.location);
        if listed.is_empty() && !default_values {
            // what cannot be counted is most often as wide as the table
            let width = width::of_rows(self.scopes, insert).unwrap_or(view.columns.len());
            self.listed_by_edition(view, width, first, end - 1)?;
        } else {
            self.defaults(view, &listed, true, first)?;
            self.assigned(insert.cols(), stored)?;
        }
        if let Some(conflict) = insert.on_conflict_clause() {
            self.numbers(view, conflict.target_list().iter().map(Node::from))?;
            self.assigned(conflict.target_list().iter().map(Node::from), stored)?;
            if let Some(infer) = conflict.infer() {
                self.arbiter(infer, stored);
            }
        }
        Ok(())
    }

    /// `bare`: the words INSERT that no list of columns follows, in the order of the text.
    fn merged(
        &mut self,
        when: &'t nodes::MergeWhenClause,
        stored: &StoredItem<'a, 't>,
        view: &'t ViewRelation,
        bare: &mut impl Iterator<Item = usize>,
    ) -> Result<()> {
        let first = self.analysis.token_at(stored.named.location);
        let listed: Vec<&str> = when.target_list().iter().filter_map(column_name).collect();
        let inserts = !when.values().is_empty();
        if inserts && listed.is_empty() {
            let insert =
                bare.next().ok_or_else(|| Unsafe::new("List the columns: INSERT (…) VALUES (…).", first))?;
            return self.listed_by_edition(view, when.values().len(), first, insert);
        }
        self.defaults(view, &listed, inserts, first)?;
        if !inserts {
            self.numbers(view, when.target_list())?;
        }
        self.assigned(when.target_list(), stored)
    }

    /// Puts the first `width` columns of the edition, by their physical names, behind a token where an INSERT lists none.
    fn listed_by_edition(
        &mut self,
        view: &'t ViewRelation,
        width: usize,
        first: Option<usize>,
        token: usize,
    ) -> Result<()> {
        let columns = || view.columns.iter().take(width);
        let logical: Vec<&str> = columns().map(|(logical, _)| logical.as_str()).collect();
        self.defaults(view, &logical, true, first)?;
        let list: Vec<String> = columns().map(|(_, physical)| physical.quoted().to_string()).collect();
        self.append(token, &format!(" ({})", list.join(", ")));
        Ok(())
    }

    /// Behind token `from`: each INSERT of a MERGE that VALUES or OVERRIDING follows. Nothing else is written like that.
    fn inserts_without_columns(&self, from: usize) -> Vec<usize> {
        let word = |at: usize, word: &str| self.analysis.word_at(at, word);
        (from..self.analysis.tokens.len())
            .filter(|at| {
                let is_action =
                    word(*at, "insert") && at.checked_sub(1).is_some_and(|then| word(then, "then"));
                is_action && (word(at + 1, "values") || word(at + 1, "overriding"))
            })
            .collect()
    }

    /// The names on the left of `=`, and those in the list of an INSERT.
    fn assigned(
        &mut self,
        targets: impl IntoIterator<Item = Node<'t>>,
        stored: &StoredItem<'a, 't>,
    ) -> Result<()> {
        for target in targets {
            let Node::ResTarget(target) = target else { continue };
            let Some(name) = target.name() else { continue };
            let at = self.analysis.token_at(target.location);
            let tokens =
                at.and_then(|at| self.analysis.name_tokens(at, 1)).and_then(|parts| parts.first().cloned());
            let Some(tokens) = tokens else {
                return Err(Unsafe::new("Write the names of the columns plainly.", at));
            };
            match stored.view_column(name) {
                Some(physical) if physical.as_str() != name => {
                    self.splice(tokens, physical.quoted().to_string());
                }
                None if stored.view.stored_columns.iter().any(|column| column.as_str() == name) => {
                    return Err(Unsafe::new(format!("Column \"{name}\" is not one of this edition's."), at));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The plain names in `ON CONFLICT (…)`; expressions in it are references like others.
    fn arbiter(&mut self, infer: &'t nodes::InferClause, stored: &StoredItem<'a, 't>) {
        let open = self.analysis.token_at(infer.location).filter(|at| self.analysis.symbol_at(*at, b'('));
        let Some(open) = open else { return };
        for (element, at) in infer.index_elems().iter().zip(self.analysis.entries(open)) {
            let Node::IndexElem(element) = element else { continue };
            if let Some(physical) = element.name().and_then(|name| stored.view_column(name)) {
                self.splice(at..at + 1, physical.quoted().to_string());
            }
        }
    }

    /// What an INSERT draws by another column, `SET column = DEFAULT` cannot draw.
    fn numbers(&self, view: &ViewRelation, assigned: impl IntoIterator<Item = Node<'t>>) -> Result<()> {
        for target in assigned {
            let Node::ResTarget(target) = target else { continue };
            let stored = view.columns.iter().find(|(logical, _)| Some(logical.as_str()) == target.name());
            let mut by_default = false;
            walk(target.val(), |node| by_default |= matches!(node, Node::SetToDefault(_)));
            if by_default && stored.is_some_and(|(_, physical)| view.numbered.contains(physical)) {
                let hint = "Give the column nextval(…) of its sequence: its default draws for new rows only, until older editions are retired.";
                return Err(Unsafe::new(hint, self.analysis.token_at(target.location)));
            }
        }
        Ok(())
    }

    /// A default of the edition's own is the view's; the physical table does not know it.
    fn defaults(
        &self,
        view: &ViewRelation,
        listed: &[&str],
        inserts: bool,
        token: Option<usize>,
    ) -> Result<()> {
        let says_default = (0..self.analysis.tokens.len()).any(|at| self.analysis.word_at(at, "default"));
        let needed = view
            .own_defaults
            .iter()
            .any(|column| says_default || inserts && !listed.contains(&column.as_str()));
        if needed {
            let hint = "Give each column a value of its own: this edition has defaults that its table does not have.";
            return Err(Unsafe::new(hint, token));
        }
        Ok(())
    }
}

impl StoredItem<'_, '_> {
    /// The physical name of a column where no alias counts.
    fn view_column(&self, name: &str) -> Option<&Name> {
        self.view.columns.iter().find(|(logical, _)| logical.as_str() == name).map(|(_, physical)| physical)
    }
}

fn column_name(node: Node<'_>) -> Option<&str> {
    match node {
        Node::ResTarget(target) => target.name(),
        _ => None,
    }
}
