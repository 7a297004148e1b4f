//! The DDL that brings a blueprint to what the live database is, after somebody altered that directly. Only at rest, where both have the
//! same names; what a blueprint already words otherwise comes out the same again and changes nothing. Pure.

use super::drift::was_partition;
use crate::{
    ddl::{Maker, add_column, add_constraint, create_table, index_keys},
    model::{Column, Constraint, ConstraintKind, Generated, Identity, Index, QualifiedName, Schema, Table},
    sql,
    sql::Sql,
};

/// The statements, in an order in which they can be run; drops first, so that names become free.
pub fn equivalent_ddl(known: &Schema, live: &Schema, maker: &Maker) -> Vec<Sql> {
    let mut ddl = Ddl::default();
    for table in &known.tables {
        match live.table_named(&table.name) {
            None => ddl.drop_tables.push(sql!("DROP TABLE {}", table.name)),
            Some(now) => ddl.alter(table, now),
        }
    }
    let is_new =
        |table: &&Table| known.table_named(&table.name).is_none() && !was_partition(known, &table.name);
    for table in live.tables.iter().filter(is_new) {
        ddl.create.extend(create_table(table, maker));
        let foreign = table.constraints.iter().filter(|constraint| constraint.references.is_some());
        ddl.references.extend(foreign.map(|constraint| add_constraint(&table.name, constraint)));
    }
    ddl.in_order()
}

#[derive(Default)]
struct Ddl {
    drop_parts: Vec<Sql>,
    drop_columns: Vec<Sql>,
    drop_tables: Vec<Sql>,
    create: Vec<Sql>,
    columns: Vec<Sql>,
    rules: Vec<Sql>,
    references: Vec<Sql>,
}

impl Ddl {
    fn in_order(self) -> Vec<Sql> {
        let Self { drop_parts, drop_columns, drop_tables, create, columns, rules, references } = self;
        [drop_parts, drop_columns, drop_tables, create, columns, rules, references].concat()
    }

    fn alter(&mut self, before: &Table, now: &Table) {
        let table = &before.name;
        for column in &before.columns {
            match now.column_named(column.name.as_str()) {
                None => {
                    self.drop_columns.push(sql!("ALTER TABLE {} DROP COLUMN {}", table, column.name));
                }
                Some(now) => self.alter_column(table, column, now),
            }
        }
        let new = now.columns.iter().filter(|column| before.column_named(column.name.as_str()).is_none());
        self.columns.extend(new.map(|column| add_column(table, &column.name, column, true)));
        self.alter_constraints(before, now);
        self.alter_indexes(before, now);
    }

    fn alter_column(&mut self, table: &QualifiedName, before: &Column, now: &Column) {
        let name = &now.name;
        if before.type_name != now.type_name {
            let to = Sql::trusted(&now.type_name);
            self.columns.push(sql!(
                "ALTER TABLE {} ALTER COLUMN {} TYPE {} USING NULL::{}",
                table,
                name,
                to,
                to
            ));
        }
        let ordinary = now.generated == Generated::None && now.identity == Identity::None;
        if ordinary && before.default != now.default {
            self.columns.push(match &now.default {
                Some(default) => {
                    sql!("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {}", table, name, Sql::trusted(default))
                }
                None => sql!("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT", table, name),
            });
        }
        match (before.not_null, now.not_null) {
            (false, true) => {
                self.rules.push(sql!("ALTER TABLE {} ALTER COLUMN {} SET NOT NULL", table, name));
            }
            (true, false) => {
                self.rules.push(sql!("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL", table, name));
            }
            _ => {}
        }
    }

    fn alter_constraints(&mut self, before: &Table, now: &Table) {
        let table = &before.name;
        let is_lost = |old: &&Constraint| {
            // A check may be worded otherwise only because it was read anew; to make it again does no harm then.
            !now.constraints.iter().any(|new| {
                new.name == old.name
                    && (new.definition == old.definition || old.kind != ConstraintKind::Check)
            })
        };
        let lost: Vec<&Constraint> = before.constraints.iter().filter(is_lost).collect();
        self.drop_parts
            .extend(lost.iter().map(|old| sql!("ALTER TABLE {} DROP CONSTRAINT {}", table, old.name)));
        for new in &now.constraints {
            let known = before.constraints.iter().any(|old| old.name == new.name);
            if !known || lost.iter().any(|old| old.name == new.name) {
                let group = if new.references.is_some() { &mut self.references } else { &mut self.rules };
                group.push(add_constraint(table, new));
            }
        }
    }

    fn alter_indexes(&mut self, before: &Table, now: &Table) {
        // One that is only worded otherwise is made again, which does no harm.
        let same = |a: &Index, b: &Index| a.name == b.name && a.definition == b.definition;
        let lost = before.indexes.iter().filter(|old| !now.indexes.iter().any(|new| same(old, new)));
        self.drop_parts.extend(lost.map(|old| {
            sql!("DROP INDEX {}", QualifiedName::new(before.name.schema.clone(), old.name.clone()))
        }));
        let new = now.indexes.iter().filter(|new| !before.indexes.iter().any(|old| same(old, new)));
        self.rules.extend(new.map(|index| whole_index(now, index)));
    }
}

/// With the parts of it in all partitions, which PostgreSQL's own text leaves out.
fn whole_index(table: &Table, index: &Index) -> Sql {
    let keys = table.partitioning.as_ref().and_then(|_| index_keys(index, &table.name));
    let unique = Sql::trusted(if index.unique { "UNIQUE " } else { "" });
    match keys {
        Some(keys) => sql!("CREATE {}INDEX {} ON {}{}", unique, index.name, table.name, keys),
        None => Sql::trusted(&index.definition),
    }
}
