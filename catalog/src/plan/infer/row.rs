//! One symbolic row, and what statements make of it.

use std::collections::{BTreeMap, BTreeSet};

use super::InferInput;
use crate::{
    blueprint::NotedStatement,
    model::{Column, ColumnId, ConstraintKind, Generated, Name, Table, Volatility},
    plan::transforms::{as_text, may_be_of_domain},
    sql,
    sql::{
        ColumnChange, DataChange, DataStatement, Expression, Sql,
        lexer::{Lexer, Token},
    },
};

/// One row of an inherited table: what each column reads, in words of the parent.
pub(super) struct SymbolicRow<'a> {
    input: &'a InferInput<'a>,
    pub(super) parent: &'a Table,
    pub(super) child: &'a Table,
    /// Columns that statements have set.
    pub(super) cells: BTreeMap<ColumnId, Sql>,
    /// Those of them that the draft added, and nothing has set since.
    added: BTreeSet<ColumnId>,
    /// The types that statements have given columns so far.
    types: BTreeMap<ColumnId, String>,
}

impl<'a> SymbolicRow<'a> {
    pub(super) fn new(input: &'a InferInput<'a>, parent: &'a Table, child: &'a Table) -> Self {
        Self { input, parent, child, cells: BTreeMap::new(), added: BTreeSet::new(), types: BTreeMap::new() }
    }

    pub(super) fn added_with(&self, id: ColumnId) -> Option<&'a Sql> {
        self.input.added_with.get(&(self.child.id, id)).filter(|_| self.parent.column(id).is_none())
    }

    pub(super) fn changed(&self) -> impl Iterator<Item = (&ColumnId, &Sql)> {
        self.cells.iter()
    }

    /// Runs a statement; false, with nothing changed, if it cannot be understood.
    pub(super) fn run(&mut self, noted: &NotedStatement, statement: &DataStatement) -> bool {
        let Some(cells) = self.after(noted, statement) else { return false };
        match &statement.change {
            DataChange::Columns { usings, changes } => {
                let reading = Reading { row: self, noted, statement };
                let types = reading.types_given(usings, changes);
                let is_added = |column: ColumnId| {
                    changes.iter().any(|change| {
                        matches!(change, ColumnChange::Added { name, .. } if reading.column(name) == Some(column))
                    })
                };
                let set = cells.iter().map(|(column, _)| *column);
                let added: Vec<ColumnId> =
                    set.filter(|set| !self.cells.contains_key(set) && is_added(*set)).collect();
                self.added.extend(added);
                self.types.extend(types);
            }
            _ => self.added.retain(|column| !cells.iter().any(|(set, _)| set == column)),
        }
        self.cells.extend(cells);
        true
    }

    /// Whether a column of the draft's own is the same in all rows that were there when it was added.
    pub(super) fn is_constant(&self, id: ColumnId) -> bool {
        let read = || Expression::parse(self.cells.get(&id)?.as_str()).ok();
        self.added.contains(&id) && read().is_some_and(|value| value.columns().is_empty())
    }

    fn after(&self, noted: &NotedStatement, statement: &DataStatement) -> Option<Vec<(ColumnId, Sql)>> {
        let reading = Reading { row: self, noted, statement };
        match &statement.change {
            DataChange::Update { assignments, condition, .. } => {
                let condition = match condition {
                    Some(condition) => Some(reading.expression(condition)?),
                    None => None,
                };
                let assign = |(name, value): &(Name, Expression)| {
                    let column = reading.column(name)?;
                    let value = reading.expression(value)?;
                    let value = match &condition {
                        Some(condition) => {
                            sql!("CASE WHEN {} THEN {} ELSE {} END", condition, value, self.own(column)?)
                        }
                        None => value,
                    };
                    (!self.holds_together(column)).then_some((column, value))
                };
                assignments.iter().map(assign).collect()
            }
            DataChange::Columns { usings, changes } => {
                let mut cells = Vec::new();
                for (name, value) in usings {
                    let column = reading.column(name)?;
                    match self.enum_text(column) {
                        None => cells.push((column, reading.expression(value)?)),
                        Some(_) if is_cast_of(value, name) => {}
                        // The type may have got another name since.
                        Some(_) => {
                            let uncast = value.without_cast();
                            cells.push((column, reading.expression(uncast.as_ref().unwrap_or(value))?));
                        }
                    }
                }
                cells.extend(changes.iter().filter_map(|change| reading.of_new_column(change)));
                Some(cells)
            }
            DataChange::Other { .. } => None,
        }
    }

    /// What a column reads now, for another one: as it was stored. A value that is another one each time is not what was stored.
    fn cell(&self, id: ColumnId) -> Option<Sql> {
        let value = self.own(id)?;
        let is_set = self.cells.contains_key(&id);
        let is_retyped = self.types.contains_key(&id) && self.parent.column(id).is_some();
        if self.enum_text(id).is_some() || !is_set && !is_retyped {
            return Some(value);
        }
        if is_another_each_time(&value) {
            return None;
        }
        match self.type_then(id) {
            Some(type_name) if !self.has_type(id, &type_name) => {
                Some(sql!("CAST({} AS {})", value, Sql::trusted(type_name)))
            }
            None if !is_set => None,
            _ => Some(value),
        }
    }

    /// Whether what has been assigned to a column is seen to be of this type already.
    fn has_type(&self, id: ColumnId, type_name: &str) -> bool {
        let Some(cell) = self.cells.get(&id) else { return false };
        let bare = cell.as_str().strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let is_same = |column: &Column| {
            column.type_id.is_none()
                && column.type_name == type_name
                && bare == Some(sql!("{}", column.name).as_str())
        };
        is_cast_to(cell.as_str(), type_name) || self.parent.columns.iter().any(is_same)
    }

    /// The type that a column has by now; `None` for one of the draft's own, which has another name elsewhere.
    fn type_then(&self, id: ColumnId) -> Option<String> {
        let known = [self.parent.column(id), self.child.column(id)];
        if known.iter().flatten().any(|column| column.type_id.is_some()) {
            return None;
        }
        let stored = known.into_iter().flatten().next().map(|column| column.type_name.clone());
        self.types.get(&id).cloned().or(stored)
    }

    /// What a column reads now, for the column itself, which will be stored once.
    fn own(&self, id: ColumnId) -> Option<Sql> {
        if let Some(cell) = self.cells.get(&id) {
            return Some(sql!("({})", cell));
        }
        if let Some(text) = self.enum_text(id) {
            return Some(sql!("({})", text));
        }
        if let Some(column) = self.parent.column(id) {
            return (column.generated == Generated::None).then(|| sql!("{}", column.name));
        }
        if let Some(value) = self.added_with(id) {
            return Some(sql!("({})", value));
        }
        let column = self.child.column(id)?;
        match &column.default {
            Some(default) if column.default_volatility != Volatility::Volatile => {
                Some(sql!("({})", Sql::trusted(default)))
            }
            Some(_) => None,
            None => Some(sql!("CAST(NULL AS {})", Sql::trusted(&column.type_name))),
        }
    }

    /// Statements compare a column whose enum the draft changes with labels of either: it is read as the text that it is in the draft.
    fn enum_text(&self, id: ColumnId) -> Option<Sql> {
        let (before, after) = (self.parent.column(id)?, self.child.column(id)?);
        let (parent, child) = (self.input.parent, self.input.child);
        as_text(&sql!("{}", before.name), (parent, &before.of()), (child, &after.of()))
    }

    /// Whether other rows know this one by an inherited column, so that it cannot have another value in each edition.
    fn holds_together(&self, id: ColumnId) -> bool {
        let keys = [ConstraintKind::PrimaryKey, ConstraintKind::ForeignKey];
        let mut constraints =
            self.parent.constraints.iter().filter(|constraint| keys.contains(&constraint.kind));
        self.parent.column(id).is_some() && constraints.any(|constraint| constraint.columns.contains(&id))
    }
}

/// Whether a value is nothing but a CAST to this type.
fn is_cast_to(value: &str, type_name: &str) -> bool {
    let is_cast = || Expression::parse(value).is_ok_and(|value| value.without_cast().is_some());
    value.ends_with(&format!(" AS {type_name})")) && is_cast()
}

/// Whether a value calls a function that gives another one each time, by the names of PostgreSQL's and its extensions' (docs, 9.9, 9.14, 9.17).
fn is_another_each_time(value: &Sql) -> bool {
    const NAMES: [&str; 6] = ["random", "uuid", "nextval", "clock_timestamp", "timeofday", "gen_salt"];
    let text = value.as_str();
    let tokens: Vec<Token> = Lexer::new(text.as_bytes()).collect();
    tokens.windows(2).any(|pair| match pair {
        [name, bracket] => {
            let name = name.name(text).unwrap_or_default();
            bracket.is_symbol(text.as_bytes(), b'(') && NAMES.iter().any(|known| name.contains(known))
        }
        _ => false,
    })
}

/// `column::text::type`
fn is_cast_of(value: &Expression, column: &Name) -> bool {
    let mut inner = value.clone();
    while let Some(uncast) = inner.without_cast() {
        inner = uncast;
    }
    matches!(inner.columns(), [only] if &only.name == column && only.range == (0..inner.text().len()))
}

/// The names of one statement.
struct Reading<'a> {
    row: &'a SymbolicRow<'a>,
    noted: &'a NotedStatement,
    statement: &'a DataStatement,
}

impl Reading<'_> {
    /// The column that a name meant when the statement ran. What was noted at the end of a longer text has forgotten columns that the text dropped:
    /// those the parent knows. One of the child's that the note does not know came later.
    fn column(&self, name: &Name) -> Option<ColumnId> {
        let of = |table: &Table| table.column_named(name.as_str()).map(|column: &Column| column.id);
        let noted = self.noted.names.get(name.as_str()).copied();
        let in_child = || self.noted.names.is_empty().then(|| of(self.row.child)).flatten();
        noted.or_else(in_child).or_else(|| of(self.row.parent))
    }

    /// The types that columns have from now on. What USING gives is taken for the type that the column has in the end.
    fn types_given(
        &self,
        usings: &[(Name, Expression)],
        changes: &[ColumnChange],
    ) -> Vec<(ColumnId, String)> {
        let in_the_end = |column: ColumnId| Some((column, self.row.child.column(column)?.type_name.clone()));
        let of_usings = usings.iter().filter_map(|(name, _)| in_the_end(self.column(name)?));
        let of_changes = changes.iter().filter_map(|change| {
            let (ColumnChange::Added { name, type_name, .. } | ColumnChange::Retyped { name, type_name }) =
                change;
            let column = self.column(name)?;
            // serial is no type.
            let is_type = !type_name.to_ascii_lowercase().contains("serial");
            if is_type { Some((column, type_name.clone())) } else { in_the_end(column) }
        });
        of_usings.chain(of_changes).collect()
    }

    /// What a column of the draft's own reads when it has been added or given another type.
    fn of_new_column(&self, change: &ColumnChange) -> Option<(ColumnId, Sql)> {
        let (ColumnChange::Added { name, .. } | ColumnChange::Retyped { name, .. }) = change;
        let column = self.column(name).filter(|column| self.row.parent.column(*column).is_none())?;
        let known = self.row.cells.get(&column);
        let value = match change {
            // IF NOT EXISTS
            ColumnChange::Added { .. } if known.is_some() => return None,
            ColumnChange::Added { .. } if self.row.added_with(column).is_some() => return None,
            ColumnChange::Added { type_name, default, .. } => {
                let own = self.row.child.column(column).filter(|column| column.type_id.is_some());
                let value = match default {
                    Some(default) => self.expression(default)?,
                    // Its type may have a default.
                    None if own.is_some_and(|own| may_be_of_domain(self.row.input.child, own)) => {
                        return None;
                    }
                    None => Sql::trusted("NULL"),
                };
                match own {
                    // A type of the draft's own has another name elsewhere.
                    Some(_) => value,
                    None => sql!("CAST({} AS {})", value, Sql::trusted(type_name)),
                }
            }
            ColumnChange::Retyped { type_name, .. } => {
                sql!("CAST({} AS {})", known?, Sql::trusted(type_name))
            }
        };
        // What cannot be read again is not known: its default counts.
        Expression::parse(value.as_str()).is_ok().then_some((column, value))
    }

    /// An expression in words of the parent, in parentheses of its own.
    fn expression(&self, expression: &Expression) -> Option<Sql> {
        let alias = match &self.statement.change {
            DataChange::Update { alias: Some(alias), .. } => alias,
            _ => &self.statement.table.1,
        };
        let value = expression.substitute(|qualifier, name| {
            qualifier
                .is_none_or(|qualifier| qualifier == alias)
                .then(|| self.row.cell(self.column(name)?))
                .flatten()
        });
        value.ok().map(|value| sql!("({})", value))
    }
}
