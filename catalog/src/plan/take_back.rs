//! Taking seed rows back: what a publication inserted, changed or deleted in tables of older editions, as far as nobody has touched it
//! since and nothing points at it. The lines in `edition.seeds` say what that was; new tables go as a whole.

use std::collections::BTreeSet;

use super::Chain;
use crate::{
    layout::TableMapping,
    model::{Column, EditionId, Identity, Name, QualifiedName, Schema, Table, TableId},
    seed::{cells_of, key_of, parents_first, path_to, set_output},
    sql,
    sql::{Literal, Sql, join},
};

/// The edition whose rows are taken back.
pub struct TakeBackInput<'a> {
    /// The live editions and the live schema.
    pub chain: &'a Chain,
    /// The edition.
    pub edition: EditionId,
    /// Its schema as it names it.
    pub logical: &'a Schema,
    /// The same under physical names.
    pub physical: &'a Schema,
    /// For each editioned schema those that go before it in the edition's sessions.
    pub path: &'a [(Name, Vec<Name>)],
    /// Tables that older editions have, too, and that got rows.
    pub tables: &'a BTreeSet<TableId>,
    /// Physical tables that only this edition has; they are going to be dropped.
    pub doomed: &'a [QualifiedName],
}

/// The statements, to be run in one transaction; where each table is (`mapping_of`) as the edition sees it.
pub fn take_back(input: &TakeBackInput<'_>, mapping_of: impl Fn(&Table) -> Option<TableMapping>) -> Vec<Sql> {
    if input.tables.is_empty() {
        return Vec::new();
    }
    let mut statements = vec![sql!("SET LOCAL edition.id = '{}'", input.edition), set_output()];
    let emptied = emptied_first(input);
    if !emptied.is_empty() {
        statements.push(sql!("TRUNCATE {}", join(emptied.iter().map(|table| &table.name), ", ")));
    }
    let tables: Vec<&Table> =
        input.logical.tables.iter().filter(|table| input.tables.contains(&table.id)).collect();
    for table in parents_first(&tables).into_iter().rev() {
        let (Some(physical), Some(mapping)) = (input.physical.table(table.id), mapping_of(table)) else {
            continue;
        };
        let columns: Vec<&Column> = cells_of(table).collect();
        let Some(key) = key_of(table, &columns) else { continue };
        let way_back = WayBack { input, emptied: &emptied, table, physical, mapping, columns, key };
        statements.push(path_to(&table.name.schema, input.path));
        statements.extend([way_back.of_inserted(), way_back.of_deleted()]);
        statements.extend(way_back.of_updated());
    }
    statements.push(sql!("DELETE FROM edition.seeds WHERE edition_id = {}", input.edition));
    statements.push(sql!("DELETE FROM edition.seed_keys WHERE edition_id = {}", input.edition));
    statements
}

/// Tables that only this edition has and that point at rows that are to go, with those that point at them in turn. A table that is
/// pointed at by one that stays cannot be emptied: its rows hold back what they point at.
fn emptied_first<'a>(input: &TakeBackInput<'a>) -> Vec<&'a Table> {
    let points_at = |table: &Table, ids: &BTreeSet<TableId>| {
        let mut targets = table.constraints.iter().filter_map(|constraint| constraint.references.as_ref());
        targets.any(|(target, _)| *target != table.id && ids.contains(target))
    };
    let tables = &input.physical.tables;
    let doomed: Vec<&Table> = tables.iter().filter(|table| input.doomed.contains(&table.name)).collect();
    let mut emptied: BTreeSet<TableId> = BTreeSet::new();
    loop {
        let aims = input.tables.union(&emptied).copied().collect();
        let more = doomed.iter().find(|table| !emptied.contains(&table.id) && points_at(table, &aims));
        let Some(more) = more else { break };
        emptied.insert(more.id);
    }
    while let Some(held) = emptied.iter().copied().find(|id| {
        let one = BTreeSet::from([*id]);
        tables.iter().any(|table| !emptied.contains(&table.id) && points_at(table, &one))
    }) {
        emptied.remove(&held);
    }
    doomed.into_iter().filter(|table| emptied.contains(&table.id)).collect()
}

struct WayBack<'a> {
    input: &'a TakeBackInput<'a>,
    emptied: &'a [&'a Table],
    table: &'a Table,
    physical: &'a Table,
    mapping: TableMapping,
    columns: Vec<&'a Column>,
    key: Vec<usize>,
}

impl WayBack<'_> {
    fn name(&self) -> Sql {
        sql!("{}", self.table.name.name)
    }

    /// The cell of a line in `edition.seeds` as a value of its column.
    fn cell(&self, side: &str, position: usize, column: &Column) -> Sql {
        let type_name = self.physical.column(column.id).unwrap_or(column).type_name.as_str();
        sql!("CAST(seed.{}[{}] AS {})", Sql::trusted(side), position + 1, Sql::trusted(type_name))
    }

    /// The row that the line tells of, and it is as the publication left it.
    fn is_untouched(&self) -> Sql {
        let by_key = self.key.iter().filter_map(|position| {
            let column = self.columns.get(*position)?;
            Some(sql!("edition_row.{} = {}", column.name, self.cell("after", *position, column)))
        });
        let cells = join(self.columns.iter().map(|column| sql!("edition_row.{}::text", column.name)), ", ");
        sql!(
            "seed.edition_id = {} AND seed.table_id = {} AND {} AND ARRAY[{}]::text[] IS NOT DISTINCT FROM seed.after",
            self.input.edition,
            self.table.id.get(),
            join(by_key, " AND "),
            cells
        )
    }

    fn of_inserted(&self) -> Sql {
        let pointed_at = join(self.pointers().iter().map(|pointer| sql!(" AND {}", pointer)), "");
        let delete = sql!(
            "DELETE FROM {} AS edition_row USING edition.seeds AS seed WHERE seed.before IS NULL AND {}{}",
            self.name(),
            self.is_untouched(),
            pointed_at
        );
        if !self.points_at_itself() {
            return delete;
        }
        // What pointed at a row may have been in its way only until now.
        let again = sql!("BEGIN LOOP {}; EXIT WHEN NOT FOUND; END LOOP; END", delete);
        sql!("DO {}", Literal(again.as_str()))
    }

    fn points_at_itself(&self) -> bool {
        let mut targets =
            self.table.constraints.iter().filter_map(|constraint| constraint.references.as_ref());
        targets.any(|(target, _)| *target == self.table.id)
    }

    fn of_deleted(&self) -> Sql {
        let always = self.columns.iter().any(|column| matches!(column.identity, Identity::Always(_)));
        let overriding = Sql::trusted(if always { " OVERRIDING SYSTEM VALUE" } else { "" });
        let cells =
            self.columns.iter().enumerate().map(|(position, column)| self.cell("before", position, column));
        sql!(
            "INSERT INTO {} ({}){} SELECT {} FROM edition.seeds AS seed WHERE seed.edition_id = {} AND seed.table_id = {} AND seed.after IS NULL ORDER BY seed.id ON CONFLICT DO NOTHING",
            self.name(),
            join(self.columns.iter().map(|column| &column.name), ", "),
            overriding,
            join(cells, ", "),
            self.input.edition,
            self.table.id.get()
        )
    }

    fn of_updated(&self) -> Option<Sql> {
        let assignments = self.columns.iter().enumerate().filter(|(position, column)| {
            !self.key.contains(position) && !matches!(column.identity, Identity::Always(_))
        });
        let assignments: Vec<Sql> = assignments
            .map(|(position, column)| sql!("{} = {}", column.name, self.cell("before", position, column)))
            .collect();
        (!assignments.is_empty()).then(|| {
            sql!(
                "UPDATE {} AS edition_row SET {} FROM edition.seeds AS seed WHERE seed.before IS NOT NULL AND {}",
                self.name(),
                join(assignments, ", "),
                self.is_untouched()
            )
        })
    }

    /// For each foreign key that points here: no row does.
    fn pointers(&self) -> Vec<Sql> {
        let live = &self.input.chain.live;
        let Some(target) = live.table_named(&self.mapping.physical) else { return Vec::new() };
        let logical_name = |physical: &Name| {
            let (id, _) = self.mapping.columns.iter().find(|(_, name)| *name == physical)?;
            Some(&self.table.column(*id)?.name)
        };
        let mut found = Vec::new();
        let is_emptied = |table: &Table| self.emptied.iter().any(|emptied| emptied.name == table.name);
        for table in live.tables.iter().filter(|table| !is_emptied(table)) {
            for constraint in &table.constraints {
                let Some((_, columns)) = constraint.references.as_ref().filter(|(id, _)| *id == target.id)
                else {
                    continue;
                };
                let pairs = constraint.columns.iter().zip(columns).filter_map(|(from, to)| {
                    let to = logical_name(&target.column(*to)?.name)?;
                    Some(sql!("pointer.{} = edition_row.{}", table.column(*from)?.name, to))
                });
                let pairs: Vec<Sql> = pairs.collect();
                if pairs.len() == columns.len() {
                    found.push(sql!(
                        "NOT EXISTS (SELECT FROM {} AS pointer WHERE {})",
                        table.name,
                        join(pairs, " AND ")
                    ));
                }
            }
        }
        found
    }
}
