//! What needs the physical table in a query.

use super::*;

#[test]
fn a_table_that_is_read_takes_a_list_of_its_columns() {
    check(&[
        (
            "SELECT full_name, count(*) FROM users GROUP BY id",
            r#"SELECT full_name, count(*) FROM "public"."users" AS "users" ("id", "full_name", "Age") GROUP BY id"#,
        ),
        ("SELECT id FROM users", "="),
    ]);
}
