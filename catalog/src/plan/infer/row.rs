//! One symbolic row, and what statements make of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{InferInput, volatile::is_another_each_time};
use crate::{
    blueprint::NotedStatement,
    model::{
        Column, ColumnId, ConstraintKind, Generated, Name, Schema, Table, TypeBody, TypeKind, Volatility,
    },
    plan::transforms::{as_text, may_be_of_domain},
    sql,
    sql::{
        ColumnChange, DataChange, DataStatement, Expression, Sql,
        lexer::{Lexer, Token, TokenKind},
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
    /// The types that statements have given columns so far; `None`: one that cannot be told.
    types: BTreeMap<ColumnId, Option<String>>,
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
                            let value = self.assigned(column, value);
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
                cells.extend(changes.iter().filter_map(|change| reading.of_changed_column(change)));
                Some(cells)
            }
            DataChange::Other { .. } => None,
        }
    }

    /// What a column reads now, for another one: as it was stored. A value that is another one each time is not what was stored.
    fn cell(&self, id: ColumnId) -> Option<Sql> {
        let value = self.own(id)?;
        if self.cells.contains_key(&id) && is_another_each_time(self.input, &value) {
            return None;
        }
        if self.enum_text(id).is_some() { Some(value) } else { self.stored(id, value) }
    }

    /// What storing a value in a column has made of it; `None` if nobody can say it here.
    fn stored(&self, id: ColumnId, value: Sql) -> Option<Sql> {
        let is_parents = !self.cells.contains_key(&id) && self.parent.column(id).is_some();
        if is_parents && !self.types.contains_key(&id) {
            return Some(value);
        }
        match self.type_then(id) {
            Some(type_name) if self.has_type(&value, &type_name) => Some(value),
            Some(type_name) => Some(sql!("CAST({} AS {})", value, Sql::trusted(type_name))),
            None => (!is_parents && self.is_of_own_type(id, &value)).then_some(value),
        }
    }

    /// A value beside what the column has, which must not take a type from it that holds less (PostgreSQL docs, 10.5: a CASE has the preferred type of its
    /// branches, double precision of numbers, timestamp with time zone of moments).
    fn assigned(&self, id: ColumnId, value: Sql) -> Sql {
        let holds_more = |type_name: &String| {
            ["bigint", "numeric", "date", "timestamp"].iter().any(|name| type_name.starts_with(name))
                && !type_name.ends_with("[]")
        };
        match self.type_then(id).filter(holds_more) {
            Some(type_name) if !is_literal(&value) && !self.has_type(&value, &type_name) => {
                sql!("CAST({} AS {})", value, Sql::trusted(type_name))
            }
            _ => value,
        }
    }

    /// Whether a value is seen to be of this type already.
    fn has_type(&self, value: &Sql, type_name: &str) -> bool {
        let is_same = |column: &Column| column.type_id.is_none() && column.type_name == type_name;
        is_cast_to(value, type_name) || self.bare_column(value).is_some_and(is_same)
    }

    /// Whether a value needs no cast to a type of the draft's own, which has another name elsewhere: a label is a label.
    fn is_of_own_type(&self, id: ColumnId, value: &Sql) -> bool {
        let Some(column) = self.child.column(id).or_else(|| self.parent.column(id)) else { return false };
        let mut known = [self.input.child, self.input.parent].into_iter();
        let kind = column.type_id.and_then(|id| known.find_map(|schema| Some(schema.type_def(id)?.kind)));
        kind == Some(TypeKind::Enum) && !column.type_name.ends_with("[]")
            || !self.cells.contains_key(&id)
            || without_brackets(value).eq_ignore_ascii_case("NULL")
            || self.bare_column(value).is_some_and(|bare| bare.of() == column.of())
    }

    /// The parent's column that a value is as it stands.
    fn bare_column(&self, value: &Sql) -> Option<&Column> {
        let value = without_brackets(value);
        self.parent.columns.iter().find(|column| sql!("{}", column.name).as_str() == value)
    }

    /// The type that a column has by now; `None` if it cannot be told, or is one of the draft's own, which has another name elsewhere.
    fn type_then(&self, id: ColumnId) -> Option<String> {
        let mut known = [self.parent.column(id), self.child.column(id)].into_iter().flatten();
        match self.types.get(&id) {
            Some(given) => given
                .clone()
                .filter(|given| known.all(|column| column.type_id.is_none()) && !self.names_own_type(given)),
            None => {
                known.next().filter(|column| column.type_id.is_none()).map(|column| column.type_name.clone())
            }
        }
    }

    fn names_own_type(&self, type_name: &str) -> bool {
        let names: BTreeSet<String> =
            Lexer::new(type_name.as_bytes()).filter_map(|token| token.name(type_name)).collect();
        let mut own = [self.input.child, self.input.parent].into_iter().flat_map(|schema| &schema.types);
        own.any(|own| names.contains(own.name.name.as_str()))
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

/// Whether a value is one constant.
fn is_literal(value: &Sql) -> bool {
    let mut tokens = Lexer::new(value.as_str().as_bytes());
    let first = tokens.next();
    let is_constant = first.is_some_and(|token| match token.kind {
        TokenKind::String | TokenKind::Number => true,
        TokenKind::Word => {
            ["null", "true", "false"].iter().any(|word| token.is_word(value.as_str().as_bytes(), word))
        }
        _ => false,
    });
    is_constant && tokens.next().is_none()
}

/// Whether a value is nothing but a cast to this type.
fn is_cast_to(value: &Sql, type_name: &str) -> bool {
    let is_cast = || Expression::parse(value.as_str()).is_ok_and(|value| value.without_cast().is_some());
    let (value, type_name) = (value.as_str().trim_end_matches(')'), type_name.trim_end_matches(')'));
    value.strip_suffix(type_name).is_some_and(|rest| rest.ends_with("::") || rest.ends_with(" AS "))
        && is_cast()
}

/// Of a single word or name.
fn without_brackets(value: &Sql) -> &str {
    value.as_str().trim_start_matches('(').trim_end_matches(')')
}

/// `column::text::type`
pub(super) fn is_cast_of(value: &Expression, column: &Name) -> bool {
    let mut inner = value.clone();
    while let Some(uncast) = inner.without_cast() {
        inner = uncast;
    }
    matches!(inner.columns(), [only] if &only.name == column && only.range == (0..inner.text().len()))
}

/// `type` of `ALTER column TYPE type USING …`.
fn type_before_using(text: &str, column: &Name) -> Option<String> {
    let bytes = text.as_bytes();
    let tokens: Vec<Token> = Lexer::new(bytes).collect();
    let is = |at: usize, word| tokens.get(at).is_some_and(|token| token.is_word(bytes, word));
    let first = (0..tokens.len()).find_map(|at| {
        let is_column = tokens.get(at)?.name(text)? == column.as_str();
        let before_type = if is(at + 1, "SET") && is(at + 2, "DATA") { at + 3 } else { at + 1 };
        (is_column && is(before_type, "TYPE")).then_some(before_type + 1)
    })?;
    let last = (first..tokens.len()).find(|at| is(*at, "USING") || is(*at, "COLLATE"))?.checked_sub(1)?;
    let (first, last) = (tokens.get(first)?, tokens.get(last)?);
    text.get(first.start..last.end).map(str::to_owned)
}

/// The names of one statement.
struct Reading<'a> {
    row: &'a SymbolicRow<'a>,
    noted: &'a NotedStatement,
    statement: &'a DataStatement,
}

impl<'a> Reading<'a> {
    /// The column that a name meant when the statement ran. What was noted at the end of a longer text has forgotten columns that the text dropped:
    /// those the parent knows. One of the child's that the note does not know came later.
    fn column(&self, name: &Name) -> Option<ColumnId> {
        let of = |table: &Table| table.column_named(name.as_str()).map(|column: &Column| column.id);
        let noted = self.noted.names.get(name.as_str()).copied();
        let in_child = || self.noted.names.is_empty().then(|| of(self.row.child)).flatten();
        noted.or_else(in_child).or_else(|| of(self.row.parent))
    }

    /// The types that columns have from now on.
    fn types_given(
        &self,
        usings: &[(Name, Expression)],
        changes: &[ColumnChange],
    ) -> Vec<(ColumnId, Option<String>)> {
        let text = &self.statement.text;
        let of_usings =
            usings.iter().filter_map(|(name, _)| Some((self.column(name)?, type_before_using(text, name))));
        let of_changes = changes.iter().filter_map(|change| {
            let (ColumnChange::Added { name, type_name, .. } | ColumnChange::Retyped { name, type_name }) =
                change;
            let column = self.column(name)?;
            // IF NOT EXISTS
            let was_there = self.row.parent.column(column).is_some() || self.row.types.contains_key(&column);
            let changes = !was_there || matches!(change, ColumnChange::Retyped { .. });
            changes.then(|| (column, Some(type_name.clone())))
        });
        of_usings.chain(of_changes).collect()
    }

    /// What a column reads when the draft has added it, or given another type to what it has set.
    fn of_changed_column(&self, change: &ColumnChange) -> Option<(ColumnId, Sql)> {
        let (ColumnChange::Added { name, .. } | ColumnChange::Retyped { name, .. }) = change;
        let column = self.column(name)?;
        let is_inherited = self.row.parent.column(column).is_some();
        let known = self.row.cells.get(&column);
        let value = match change {
            // IF NOT EXISTS
            ColumnChange::Added { .. } if is_inherited || known.is_some() => return None,
            ColumnChange::Added { .. } if self.row.added_with(column).is_some() => return None,
            ColumnChange::Added { type_name, default, .. } => {
                let own = self.row.child.column(column).filter(|column| column.type_id.is_some());
                let value = match default {
                    Some(default) => self.expression(default)?,
                    None => match own.filter(|own| may_be_of_domain(self.row.input.child, own)) {
                        Some(own) => self.default_of_type(own)?,
                        None => Sql::trusted("NULL"),
                    },
                };
                match own {
                    // A type of the draft's own has another name elsewhere.
                    Some(_) => value,
                    None => sql!("CAST({} AS {})", value, Sql::trusted(type_name)),
                }
            }
            ColumnChange::Retyped { .. } if self.row.enum_text(column).is_some() => return None,
            ColumnChange::Retyped { type_name, .. } => {
                let stored = self.row.stored(column, known?.clone()).or_else(|| known.cloned())?;
                if is_inherited { stored } else { sql!("CAST({} AS {})", stored, Sql::trusted(type_name)) }
            }
        };
        // What cannot be read again is not known: its default counts.
        Expression::parse(value.as_str()).is_ok().then_some((column, value))
    }

    /// What rows have got in a column that was added without a default, where it has one now; without one, adding it anew tells. `None`: that cannot be said.
    fn default_of_type(&self, column: &Column) -> Option<Sql> {
        if column.default.is_none() || column.type_name.ends_with("[]") {
            return column.default.as_ref().map(|_| Sql::trusted("NULL"));
        }
        let (parent, child) = (self.row.input.parent, self.row.input.child);
        let default = |schema: &'a Schema| match &schema.type_def(column.type_id?)?.body {
            TypeBody::Base { default, .. } => Some(default.as_ref()),
            _ => None,
        };
        let known = default(child)?;
        let is_as_ever = default(parent).is_none_or(|before| before == known);
        let value = known.map_or_else(|| Sql::trusted("NULL"), |default| sql!("({})", Sql::trusted(default)));
        (is_as_ever && !is_another_each_time(self.row.input, &value)).then_some(value)
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
