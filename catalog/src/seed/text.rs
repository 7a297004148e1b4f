//! SQL text about rows whose cells are text. Constants carry no type, so each becomes what the column is.

use crate::{
    model::{Column, ConstraintKind, Generated, Identity, Name, QualifiedName, Table},
    order::needed_first,
    sql,
    sql::{Literal, Sql, join},
};

use super::Cells;

/// The settings under which values are written and read as text; for the transaction.
pub fn set_output() -> Sql {
    Sql::trusted(
        "SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL TimeZone = 'UTC'; SET LOCAL IntervalStyle = 'postgres'; \
         SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL lc_monetary = 'C'",
    )
}

/// The `search_path` of an edition's sessions, the schemas of `first` before all others, so that an unqualified name means that
/// schema's table as the edition sees it. `schemas`: for each editioned schema those that go before it.
pub fn path_to(first: &Name, schemas: &[(Name, Vec<Name>)]) -> Sql {
    sql!("SET LOCAL search_path = {}", join(names_to(first, schemas), ", "))
}

/// The schemas of that path, in order.
pub fn names_to(first: &Name, schemas: &[(Name, Vec<Name>)]) -> Vec<Name> {
    let of = |own: bool| schemas.iter().filter(move |(schema, _)| (schema == first) == own);
    let names = of(true).chain(of(false)).flat_map(|(schema, before)| before.iter().chain([schema]));
    names.cloned().collect()
}

/// The columns whose values are carried: all but generated ones.
pub fn cells_of(table: &Table) -> impl Iterator<Item = &Column> {
    table.columns.iter().filter(|column| column.generated == Generated::None)
}

/// A constant without a type.
pub fn literal(cell: Option<&str>) -> Sql {
    cell.map_or_else(|| Sql::trusted("NULL"), |text| sql!("{}", Literal(text)))
}

/// `ARRAY['a', NULL]::text[]`.
pub fn text_array<'a>(cells: impl IntoIterator<Item = Option<&'a str>>) -> Sql {
    sql!("ARRAY[{}]::text[]", join(cells.into_iter().map(literal), ", "))
}

/// `INSERT INTO target AS edition_row (…) VALUES (…), …`; the values are expressions.
pub fn insert_values(target: &Sql, columns: &[&Column], rows: &[Vec<Sql>]) -> Sql {
    let always = columns.iter().any(|column| matches!(column.identity, Identity::Always(_)));
    let overriding = Sql::trusted(if always { " OVERRIDING SYSTEM VALUE" } else { "" });
    sql!(
        "INSERT INTO {} AS edition_row ({}){} VALUES {}",
        target,
        join(columns.iter().map(|column| &column.name), ", "),
        overriding,
        join(rows.iter().map(|row| sql!("({})", join(row, ", "))), ", ")
    )
}

/// Positions among `columns` that tell one row from all others: the primary key, or a unique constraint over columns that are never NULL.
pub fn key_of(table: &Table, columns: &[&Column]) -> Option<Vec<usize>> {
    let of_kind = |kind| table.constraints.iter().filter(move |constraint| constraint.kind == kind);
    of_kind(ConstraintKind::PrimaryKey).chain(of_kind(ConstraintKind::Unique)).find_map(|constraint| {
        let positions: Option<Vec<usize>> = constraint
            .columns
            .iter()
            .map(|id| columns.iter().position(|column| column.id == *id && column.not_null))
            .collect();
        positions.filter(|positions| !positions.is_empty())
    })
}

/// `edition_row."a" = 'x' AND …` for the columns at `positions`: by `=` where an index may help, else (`by_text`) by their text, which every
/// type has.
pub fn equal_cells(columns: &[&Name], cells: &Cells, positions: &[usize], by_text: bool) -> Sql {
    let terms = positions.iter().filter_map(|position| {
        let (column, cell) = (*columns.get(*position)?, cells.get(*position)?.as_deref());
        Some(match (by_text, cell) {
            (false, Some(text)) => sql!("edition_row.{} = {}", column, Literal(text)),
            _ => sql!("edition_row.{}::text IS NOT DISTINCT FROM {}", column, literal(cell)),
        })
    });
    join(terms, " AND ")
}

/// Tables behind those that their foreign keys point at; in a circle, as they come.
pub fn parents_first<'a>(tables: &[&'a Table]) -> Vec<&'a Table> {
    needed_first(
        tables.to_vec(),
        |table| table.id,
        |table, waiting| {
            let mut targets =
                table.constraints.iter().filter_map(|constraint| Some(constraint.references.as_ref()?.0));
            targets.any(|target| target != table.id && waiting.contains(&target))
        },
    )
}

/// The name by which an edition's session with [`path_to`] its schema means a table.
pub(crate) fn unqualified(name: &QualifiedName) -> Sql {
    sql!("{}", name.name)
}
