//! Stars and whole rows of tables in their stored form, spelled out so that they hold the edition's columns only.

use catalog::{
    model::Name,
    snapshot::ViewRelation,
    sql,
    sql::parser::{Node, nodes, raw::JoinType},
};

use super::{
    super::scope::{Item, ItemId, Level, Place, Reference, Source, Statement},
    Result, Stored, StoredItem, Unsafe, quoted,
};

/// A part of what `*` stands for.
enum Part {
    /// `name`, to be written so.
    Column(String, String),
    /// A column that a join has merged, and its value in words that mean nothing else.
    Merged(String, String),
    /// All columns of an item whose columns are not known.
    All(String),
}

impl<'a, 't> Stored<'a, 't> {
    /// `*` as an output.
    pub(super) fn star(&mut self, reference: &Reference<'t>) -> Result<()> {
        let scopes = self.scopes;
        let Some(level) = scopes.levels.get(reference.level) else { return Ok(()) };
        let visible: Vec<(ItemId, &Item<'t>)> =
            scopes.items_of(level).filter(|(_, item)| !item.only_qualified).collect();
        if !visible.iter().any(|(id, _)| self.stored(*id).is_some()) {
            return Ok(());
        }
        let first = self.analysis.token_at(reference.column.location);
        let cannot = || Unsafe::new("Write the columns out in the place of *.", first);
        let parts = match level.statement {
            Statement::Select(select) if !level.merged.is_empty() => {
                let mut parts = Vec::new();
                for node in select.from_clause() {
                    parts.extend(self.joined(level, node)?.ok_or_else(cannot)?);
                }
                parts
            }
            _ if level.natural || !level.merged.is_empty() => return Err(cannot()),
            _ => {
                let mut parts = Vec::new();
                for (id, item) in visible {
                    parts.extend(self.columns_of(id, item)?.ok_or_else(cannot)?);
                }
                parts
            }
        };
        let text = parts
            .iter()
            .map(|part| match part {
                Part::Column(_, text) => Ok(text.clone()),
                // bare, it has the type of both sides
                Part::Merged(name, _) if !is_ambiguous(&parts, name) => quoted(name),
                Part::Merged(name, value) => Ok(format!("{value} AS {}", quoted(name)?)),
                Part::All(qualifier) => Ok(format!("{qualifier}.*")),
            })
            .collect::<Result<Vec<_>>>()?;
        let first = first.ok_or_else(|| Unsafe::new("Write the columns out in the place of *.", None))?;
        self.splice(first..first + 1, text.join(", "));
        Ok(())
    }

    /// What an item contributes to `*`. `None`: that cannot be said.
    fn columns_of(&self, id: ItemId, item: &Item<'t>) -> Result<Option<Vec<Part>>> {
        if let Some(stored) = self.stored(id) {
            return Ok(Some(listed(&stored)?));
        }
        let Some(qualifier) = item.name.filter(|_| !item.in_named_join) else { return Ok(None) };
        let qualifier = quoted(qualifier)?;
        Ok(Some(match &item.columns {
            Some(columns) => columns
                .iter()
                .map(|name| Ok(Part::Column(name.clone(), format!("{qualifier}.{}", quoted(name)?))))
                .collect::<Result<_>>()?,
            None => vec![Part::All(qualifier)],
        }))
    }

    /// What a part of FROM contributes where joins merge columns: the merged ones once, and first.
    fn joined(&self, level: &Level<'t>, node: Node<'t>) -> Result<Option<Vec<Part>>> {
        let Node::JoinExpr(join) = node else {
            let at = level.items.iter().find(|id| {
                let item = self.scopes.items.get(**id);
                matches!((node, item.map(|item| item.source)), (Node::RangeVar(here), Some(Source::View { named, .. })) if std::ptr::eq(here, named))
            });
            return match at.and_then(|id| Some((*id, self.scopes.items.get(*id)?))) {
                Some((id, item)) => self.columns_of(id, item),
                None => Ok(None),
            };
        };
        if join.alias().is_some() || join.is_natural {
            return Ok(None);
        }
        let (Some(left), Some(right)) = (self.joined(level, join.larg())?, self.joined(level, join.rarg())?)
        else {
            return Ok(None);
        };
        let names: Vec<&str> = join.using_clause().iter().filter_map(nodes::String::sval).collect();
        let mut parts = Vec::new();
        for name in &names {
            let value = match (value_of(&left, name), value_of(&right, name), join.jointype) {
                (Some(left), Some(right), JoinType::JOIN_FULL) => format!("COALESCE({left}, {right})"),
                (Some(_), Some(right), JoinType::JOIN_RIGHT) => right.to_owned(),
                (Some(left), Some(_), _) => left.to_owned(),
                // the server says that there is none
                _ => quoted(name)?,
            };
            parts.push(Part::Merged((*name).to_owned(), value));
        }
        for part in left.into_iter().chain(right) {
            match &part {
                Part::All(_) if !names.is_empty() => return Ok(None),
                Part::Column(name, _) | Part::Merged(name, _) if names.contains(&name.as_str()) => {}
                _ => parts.push(part),
            }
        }
        Ok(Some(parts))
    }

    /// `q.*`.
    pub(super) fn star_of(&mut self, reference: &Reference<'t>, stored: &StoredItem<'a, 't>) -> Result<()> {
        let (first, parts) = self.parts(reference.column)?;
        let Some(last) = parts.last() else { return Ok(()) };
        let text = match reference.place {
            Place::Output | Place::Listed => {
                let columns = stored.item.columns.as_deref().unwrap_or_default();
                let in_list = reference.place == Place::Listed;
                columns
                    .iter()
                    .zip(listed(stored)?)
                    .map(|(name, part)| match part {
                        Part::Column(_, text) if !in_list => Ok(text),
                        _ => stored.column(name),
                    })
                    .collect::<Result<Vec<_>>>()?
                    .join(", ")
            }
            _ => self.whole_row(stored)?,
        };
        self.splice(first..last.end, text);
        Ok(())
    }

    /// The row as the edition has it. Where a join may have found none it is NULL, not a row of NULLs.
    pub(super) fn whole_row(&self, stored: &StoredItem<'a, 't>) -> Result<String> {
        let columns = stored.item.columns.as_deref().unwrap_or_default();
        let columns = columns.iter().map(|name| stored.column(name)).collect::<Result<Vec<_>>>()?;
        let row = format!("ROW({})::{}", columns.join(", "), view_name(stored.view, stored.named)?);
        if !self.is_nullable(stored.item) {
            return Ok(format!("({row})"));
        }
        Ok(format!("CASE WHEN {}.tableoid IS NOT NULL THEN {row} END", stored.qualifier()?))
    }

    /// Whether an outer join may have made up the row.
    fn is_nullable(&self, item: &Item<'t>) -> bool {
        let Some(level) = self.scopes.levels.get(item.level) else { return true };
        let from: Vec<Node<'t>> = match level.statement {
            Statement::Select(select) => select.from_clause().iter().collect(),
            // the row that was proposed is always there, and has no system columns
            Statement::Insert(_) if item.name == Some("excluded") => return false,
            Statement::Update(_) | Statement::Delete(_) | Statement::Insert(_) => return item.only_qualified,
            Statement::Merge(_) => return true,
        };
        let mut stack = from;
        while let Some(node) = stack.pop() {
            if let Node::JoinExpr(join) = node {
                if join.jointype != JoinType::JOIN_INNER {
                    return true;
                }
                stack.extend([join.larg(), join.rarg()]);
            }
        }
        false
    }
}

/// The value of the column of this name.
fn value_of<'p>(parts: &'p [Part], wanted: &str) -> Option<&'p str> {
    parts.iter().find_map(|part| match part {
        Part::Column(name, value) | Part::Merged(name, value) => (name == wanted).then_some(value.as_str()),
        Part::All(_) => None,
    })
}

/// Whether the name alone would mean several columns.
fn is_ambiguous(parts: &[Part], wanted: &str) -> bool {
    let named = parts
        .iter()
        .filter(|part| matches!(part, Part::Column(name, _) | Part::Merged(name, _) if name == wanted));
    named.count() > 1
}

/// The edition's columns of an item, each under its name.
fn listed(stored: &StoredItem<'_, '_>) -> Result<Vec<Part>> {
    let columns = stored.item.columns.as_deref().unwrap_or_default();
    columns
        .iter()
        .map(|name| {
            let mut text = stored.column(name)?;
            if stored.is_written() && stored.physical(name).is_some_and(|physical| physical.as_str() != name)
            {
                text = format!("{text} AS {}", quoted(name)?);
            }
            Ok(Part::Column(name.clone(), text))
        })
        .collect()
}

/// The name of the view, which is that of its row type, too.
pub(super) fn view_name(view: &ViewRelation, named: &nodes::RangeVar) -> Result<String> {
    let name = Name::new(named.relname().unwrap_or_default());
    let name = name.map_err(|_| Unsafe::new("Write the name of the table plainly.", None))?;
    Ok(sql!("{}.{}", view.schema, name).to_string())
}
