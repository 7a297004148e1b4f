//! Plain tables: aligned columns under one line of headings, easy to read, to cut and to grep.

use comfy_table::{CellAlignment, presets};

/// Rows under headings.
#[derive(Debug)]
pub(crate) struct Table(comfy_table::Table);

impl Table {
    /// With these headings.
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_header(headings);
        Self(table)
    }

    /// Aligns a column of numbers.
    pub(crate) fn right(mut self, column: usize) -> Self {
        if let Some(column) = self.0.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        self
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.0.add_row(cells);
    }

    /// The text, without white space at the ends of lines.
    pub(crate) fn text(&self) -> String {
        let lines: Vec<_> =
            self.0.lines().map(|line| line.trim_end().trim_start_matches(' ').to_owned()).collect();
        lines.join("\n")
    }
}
