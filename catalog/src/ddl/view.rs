//! Editioning views: flat, auto-updatable, one per live edition and table that differs.

use crate::{
    layout::{Shape, ShapeColumn},
    model::{Name, QualifiedName},
    sql,
    sql::{Sql, join},
};

use super::{Maker, grant_columns, grant_relation};

/// The statements that make `shape`'s view in `schema`: the view, its defaults, its privileges.
///
/// The view runs with the caller's rights (`security_invoker`), so that row-level policies on the table hold. That
/// option asks for SELECT on every column of the view even if a query reads one, so a table with column-level grants and without
/// row security (`invoker = false`) gets a view with owner's rights whose own column grants say the same as the table's.
pub fn create_view(
    shape: &Shape,
    schema: &Name,
    invoker: bool,
    maker: &Maker,
    physical_default: impl Fn(&Name) -> Option<String>,
) -> Vec<Sql> {
    let view = QualifiedName::new(schema.clone(), shape.name.name.clone());
    let columns = join(
        shape.columns.iter().map(|column| {
            if column.name == column.physical {
                sql!("{}", column.name)
            } else {
                sql!("{} AS {}", column.physical, column.name)
            }
        }),
        ", ",
    );
    let option = Sql::trusted(if invoker { " WITH (security_invoker = true)" } else { "" });
    let mut statements =
        vec![sql!("CREATE VIEW {}{} AS SELECT {} FROM {}", view, option, columns, shape.physical)];
    statements.extend(view_defaults(shape, schema, physical_default, |_| None));
    statements.extend(maker.takes_back(&sql!("TABLE {}", view)));
    statements.extend(grant_relation(&view, &shape.grants, true));
    statements.extend(grant_columns(&view, shape.columns.iter().map(|c| (&c.name, c.grants.as_slice()))));
    statements
}

/// The default that a view's column must carry. PostgreSQL looks for that of the table only in an INSERT that leaves the column out: without one
/// of the view's own, `UPDATE … SET column = DEFAULT` would write NULL (rewriteHandler.c, build_column_default).
///
/// A view cannot take a default away (`SET DEFAULT NULL` is stored as no default at all, heap.c, and then the table's applies), so a
/// missing default is an expression that yields NULL and that PostgreSQL does not fold when it stores it.
pub fn view_default(column: &ShapeColumn, physical: Option<&str>) -> Option<Sql> {
    match (&column.default, physical) {
        _ if column.counts => None,
        (Some(expression), _) => Some(Sql::trusted(expression)),
        (None, Some(_)) => {
            Some(sql!("CAST(CAST(NULLIF(1, 1) AS text) AS {})", Sql::trusted(&column.type_name)))
        }
        (None, None) => None,
    }
}

/// ALTER VIEW statements that bring the view's defaults from what they are (`present`) to what they must be.
pub fn view_defaults(
    shape: &Shape,
    schema: &Name,
    physical_default: impl Fn(&Name) -> Option<String>,
    present: impl Fn(&Name) -> Option<Sql>,
) -> Vec<Sql> {
    let view = QualifiedName::new(schema.clone(), shape.name.name.clone());
    shape
        .columns
        .iter()
        .filter_map(|column| {
            let wanted = view_default(column, physical_default(&column.physical).as_deref());
            match (wanted, present(&column.name)) {
                (wanted, present) if wanted == present => None,
                (Some(wanted), _) => {
                    Some(sql!("ALTER VIEW {} ALTER COLUMN {} SET DEFAULT {}", view, column.name, wanted))
                }
                (None, _) => Some(sql!("ALTER VIEW {} ALTER COLUMN {} DROP DEFAULT", view, column.name)),
            }
        })
        .collect()
}
