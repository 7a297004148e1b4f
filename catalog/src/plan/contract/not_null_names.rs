//! From PostgreSQL 18 on NOT NULL is a constraint with a name (docs, release 18, E.5). One that was made for an edition is named after the stored column, or after
//! what the table was called then; at a retire it takes the new root's name.

use super::Contraction;
use crate::{
    model::{Column, Table},
    plan::{Lock, Step},
    sql,
    sql::{Literal, Sql, join},
};

impl Contraction<'_> {
    /// One step a table of which a name may differ; nothing on older servers.
    pub(super) fn name_not_nulls(&self) -> impl Iterator<Item = Step> {
        self.new_root.logical.tables.iter().filter_map(|table| {
            let wanted: Vec<Sql> = table
                .columns
                .iter()
                .filter(|column| !self.had_not_null(table, column))
                .filter_map(|column| {
                    let name = column.not_null_name.as_ref()?;
                    Some(sql!("({}, {})", Literal(column.name.as_str()), Literal(name.as_str())))
                })
                .collect();
            (!wanted.is_empty()).then(|| {
                let title = format!("name the NOT NULL constraints of {}", table.name.pretty());
                let rename = rename(table, &wanted);
                Step::transaction(title, Lock::AccessExclusive, vec![table.name.clone()], vec![rename])
                    .of_table(table.id)
            })
        })
    }

    /// Whether the edition that goes had this very constraint under this name.
    fn had_not_null(&self, table: &Table, column: &Column) -> bool {
        let Some(before) = self.gone.logical.table(table.id) else { return false };
        let (old, new) = (self.gone.mapping.table(before), self.new_root.mapping.table(table));
        before.column(column.id).is_some_and(|was| {
            was.not_null_name == column.not_null_name && old.column(was) == new.column(column)
        })
    }
}

/// In two rounds, so that names can be exchanged.
fn rename(table: &Table, wanted: &[Sql]) -> Sql {
    let quoted = sql!("{}", table.name);
    let of_table = Literal(quoted.as_str());
    let differing = sql!(
        "FOR one IN SELECT k.conname, w.wanted, 'edition~' || a.attnum AS between \
         FROM (VALUES {}) AS w (attribute, wanted) \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = {}::pg_catalog.regclass AND a.attname = w.attribute \
         JOIN pg_catalog.pg_constraint k ON k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum] \
         WHERE k.conname <> w.wanted LOOP EXECUTE pg_catalog.format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', {}, one.conname,",
        join(wanted.to_vec(), ", "),
        of_table,
        of_table
    );
    let body = sql!(
        "DECLARE one record; BEGIN {} one.between); END LOOP; {} one.wanted); END LOOP; END",
        differing,
        differing
    );
    sql!("DO {}", Literal(body.as_str()))
}
