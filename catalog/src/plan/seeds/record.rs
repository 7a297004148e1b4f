//! What is done to a row, and the line in `edition.seeds` that tells how to take it back, in one statement.

use crate::{
    model::{Column, Name, Table},
    seed::{Cells, equal_cells, insert_values, literal, text_array},
    sql,
    sql::{Literal, Sql, join},
};

/// Changes of an inherited table, each together with its line in `edition.seeds`.
pub(super) struct Record<'a> {
    pub(super) edition: i32,
    pub(super) table: &'a Table,
    pub(super) columns: &'a [&'a Column],
}

impl Record<'_> {
    fn names(&self) -> Vec<&Name> {
        self.columns.iter().map(|column| &column.name).collect()
    }

    fn target(&self) -> Sql {
        sql!("{}", self.table.name.name)
    }

    /// The row as text.
    fn cells(&self) -> Sql {
        sql!(
            "ARRAY[{}]::text[]",
            join(self.names().iter().map(|name| sql!("edition_row.{}::text", name)), ", ")
        )
    }

    fn noted(&self, before: &str, after: &str, from: &str) -> Sql {
        sql!(
            "INSERT INTO edition.seeds (edition_id, table_id, schema_name, table_name, columns, before, after) SELECT {}, {}, {}, {}, {}, {}, {} FROM {}",
            self.edition,
            self.table.id.get(),
            Literal(self.table.name.schema.as_str()),
            Literal(self.table.name.name.as_str()),
            text_array(self.names().iter().map(|name| Some(name.as_str()))),
            Sql::trusted(before),
            Sql::trusted(after),
            Sql::trusted(from)
        )
    }

    pub(super) fn inserted(&self, rows: &[Vec<Sql>]) -> Sql {
        sql!(
            "WITH made AS ({} ON CONFLICT DO NOTHING RETURNING {} AS cells) {}",
            insert_values(&self.target(), self.columns, rows),
            self.cells(),
            self.noted("NULL", "made.cells", "made")
        )
    }

    pub(super) fn updated(&self, before: &Cells, after: &Cells, key: &[usize]) -> Sql {
        let names = self.names();
        let changed = (0..names.len()).filter(|position| before.get(*position) != after.get(*position));
        let assignments = changed.filter_map(|position| {
            Some(sql!("{} = {}", names.get(position)?, literal(after.get(position)?.as_deref())))
        });
        let is_it = equal_cells(&names, before, key, false);
        sql!(
            "WITH was AS (SELECT {} AS cells FROM {} AS edition_row WHERE {}), made AS (UPDATE {} AS edition_row SET {} WHERE {} RETURNING {} AS cells) {}",
            self.cells(),
            self.target(),
            is_it,
            self.target(),
            join(assignments, ", "),
            is_it,
            self.cells(),
            self.noted("was.cells", "made.cells", "was, made")
        )
    }

    pub(super) fn deleted(&self, row: &Cells, key: &[usize]) -> Sql {
        sql!(
            "WITH gone AS (DELETE FROM {} AS edition_row WHERE {} RETURNING {} AS cells) {}",
            self.target(),
            equal_cells(&self.names(), row, key, false),
            self.cells(),
            self.noted("gone.cells", "NULL", "gone")
        )
    }
}
