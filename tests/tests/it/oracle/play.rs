//! Plays a random script on a real database and on the model, and compares what every edition sees after each step.

use std::{collections::BTreeMap, fmt::Write as _};

use catalog::event::Silent;
use edition_tests::{APP, Session, World};

use super::{
    draft::{Change, Draft, create_table, quoted},
    expression::{Kind, Row, Value},
    model::{Column, Edition, Model, Table},
};

/// One step of a script. Bytes choose editions, tables, rows and values among those that there are, so that every script makes sense
/// and a smaller one does, too.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Draft a child of the leaf, and publish it.
    Publish(Vec<Change>),
    RollBack,
    Retire,
    /// Edition, table, values.
    Insert(u8, u8, u8),
    /// Edition, table, row, columns and values.
    Update(u8, u8, u8, u8),
    /// The same by INSERT … ON CONFLICT.
    Upsert(u8, u8, u8, u8),
    /// Every row is saved as it is.
    Touch(u8, u8),
    Delete(u8, u8, u8),
    /// Breaks something in the database, as no script does by itself: see the seeded faults.
    Sabotage(&'static str),
}

/// Editions at a time, at most.
const LIVE_MAX: usize = 4;
/// Findings that need a word; the oracle gives it.
const ALLOWED: &[&str] =
    &["lossy-cast", "older-write-may-fail", "tightens-older-edition", "restricts-older-edition"];

/// A world and its model.
struct Stage {
    world: World,
    model: Model,
    /// One a live edition.
    sessions: Vec<Session>,
    next_id: u32,
    next_key: i64,
    next_edition: u32,
    /// What was done, for the message of a failure.
    told: String,
}

/// Plays the script; the error is what differs, and all that was done.
pub(crate) async fn play(script: &[Step]) -> Result<(), String> {
    let mut stage = Stage::open().await;
    let played = stage.steps(script).await;
    let Stage { world, told, sessions, .. } = stage;
    drop(sessions);
    world.end().await;
    played.map_err(|problem| format!("{problem}\n\nafter\n{told}"))
}

fn pick<T>(list: &[T], byte: u8) -> Option<&T> {
    if list.is_empty() { None } else { list.get(usize::from(byte) % list.len()) }
}

impl Stage {
    /// Two tables with columns of every kind, and some rows.
    async fn open() -> Self {
        let column = |id, name: &str, kind, not_null, default| Column {
            id,
            name: name.to_owned(),
            kind,
            not_null,
            default,
        };
        let first = vec![
            column(10, "i", Kind::Int, false, None),
            column(11, "t", Kind::Text, true, Some(Value::Text("new".to_owned()))),
            column(12, "m", Kind::Money, true, None),
            column(13, "u", Kind::Text, false, None),
        ];
        let second = vec![
            column(20, "i", Kind::Int, true, Some(Value::Int(3))),
            column(21, "Te xt", Kind::Text, false, None),
        ];
        let tables = vec![
            Table { id: 1, name: "t1".to_owned(), columns: first },
            Table { id: 2, name: "select".to_owned(), columns: second },
        ];
        let mut ddl: Vec<String> = tables.iter().map(create_table).collect();
        ddl.push(
            "INSERT INTO t1 VALUES (1, 5, 'Ada-Lovelace', 1.5, 'x'), (2, NULL, '', -0.5, NULL)".to_owned(),
        );
        let ddl = ddl.join(";\n");
        let world = World::adopted(&ddl).await;
        let root = Edition { name: "v1".to_owned(), tables };
        let mut model = Model { editions: vec![root], ..Model::default() };
        let text = |text: &str| Value::Text(text.to_owned());
        model.insert(
            0,
            1,
            1,
            &Row::from([
                (10, Value::Int(5)),
                (11, text("Ada-Lovelace")),
                (12, Value::Money(150)),
                (13, text("x")),
            ]),
        );
        model.insert(
            0,
            1,
            2,
            &Row::from([(10, Value::Null), (11, text("")), (12, Value::Money(-50)), (13, Value::Null)]),
        );
        let session = world.session(APP, "v1").await;
        Self {
            world,
            model,
            sessions: vec![session],
            next_id: 100,
            next_key: 3,
            next_edition: 2,
            told: format!("{ddl};\n"),
        }
    }

    async fn steps(&mut self, script: &[Step]) -> Result<(), String> {
        self.compare().await?;
        for step in script {
            self.step(step).await?;
            self.compare().await?;
        }
        self.come_to_rest().await
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match *step {
            Step::Publish(ref changes) if self.model.editions.len() < LIVE_MAX => self.publish(changes).await,
            Step::RollBack if self.model.editions.len() > 1 => self.roll_back().await,
            Step::Retire if self.model.editions.len() > 1 => self.retire().await,
            Step::Publish(_) | Step::RollBack | Step::Retire => Ok(()),
            Step::Insert(edition, table, values) => {
                let Some((edition, table)) = self.target(edition, table) else { return Ok(()) };
                let row = given(&table, values, true);
                let key = self.next_key;
                self.next_key += 1;
                self.write(edition, insert(&table, key, &row)).await?;
                self.model.insert(edition, table.id, key, &row);
                Ok(())
            }
            Step::Update(edition, table, row, values) => {
                let Some((edition, table)) = self.target(edition, table) else { return Ok(()) };
                let (set, Some(key)) = (given(&table, values, false), self.key(&table, row)) else {
                    return Ok(());
                };
                let assignments: Vec<String> = set
                    .iter()
                    .map(|(id, value)| format!("{} = {}", column_name(&table, *id), value.sql()))
                    .collect();
                if assignments.is_empty() {
                    return Ok(());
                }
                let sql =
                    format!("UPDATE {} SET {} WHERE id = {key}", quoted(&table.name), assignments.join(", "));
                self.write(edition, sql).await?;
                self.model.update(edition, table.id, key, &set);
                Ok(())
            }
            Step::Upsert(edition, table, row, values) => {
                let Some((edition, table)) = self.target(edition, table) else { return Ok(()) };
                let (set, Some(key)) = (given(&table, values, true), self.key(&table, row)) else {
                    return Ok(());
                };
                let names: Vec<String> = set.keys().map(|id| column_name(&table, *id)).collect();
                let assignments: Vec<String> =
                    names.iter().map(|name| format!("{name} = excluded.{name}")).collect();
                let action = if names.is_empty() {
                    "NOTHING".to_owned()
                } else {
                    format!("UPDATE SET {}", assignments.join(", "))
                };
                let sql = format!("{} ON CONFLICT (id) DO {action}", insert(&table, key, &set));
                self.write(edition, sql).await?;
                self.model.update(edition, table.id, key, &set);
                Ok(())
            }
            Step::Touch(edition, table) => {
                let Some((edition, table)) = self.target(edition, table) else { return Ok(()) };
                let same: Vec<String> = std::iter::once("id".to_owned())
                    .chain(table.columns.iter().map(|column| quoted(&column.name)))
                    .map(|name| format!("{name} = {name}"))
                    .collect();
                self.write(edition, format!("UPDATE {} SET {}", quoted(&table.name), same.join(", "))).await
            }
            Step::Delete(edition, table, row) => {
                let Some((edition, table)) = self.target(edition, table) else { return Ok(()) };
                let Some(key) = self.key(&table, row) else { return Ok(()) };
                self.write(edition, format!("DELETE FROM {} WHERE id = {key}", quoted(&table.name))).await?;
                self.model.delete(table.id, key);
                Ok(())
            }
            Step::Sabotage(sql) => {
                self.world.direct(edition_tests::OWNER).await.run(sql).await;
                Ok(())
            }
        }
    }

    fn target(&self, edition: u8, table: u8) -> Option<(usize, Table)> {
        let edition = usize::from(edition) % self.model.editions.len();
        Some((edition, pick(&self.model.editions[edition].tables, table)?.clone()))
    }

    fn key(&self, table: &Table, byte: u8) -> Option<i64> {
        let keys: Vec<i64> = self.model.rows.get(&table.id)?.keys().copied().collect();
        pick(&keys, byte).copied()
    }

    async fn write(&mut self, edition: usize, sql: String) -> Result<(), String> {
        let name = &self.model.editions[edition].name;
        let _ = writeln!(self.told, "{name}: {sql};");
        let answer = self.sessions[edition].try_ask(&sql).await;
        answer.map(|_| ()).map_err(|failure| format!("{name}: {sql}\n{failure:?}"))
    }

    async fn publish(&mut self, changes: &[Change]) -> Result<(), String> {
        let parent = self.model.editions.last().unwrap();
        let name = format!("v{}", self.next_edition);
        self.next_edition += 1;
        let mut draft = Draft::of(parent, name.clone(), self.next_id);
        for change in changes {
            draft.apply(*change);
        }
        self.next_id = draft.next_id();
        let ddl = draft.ddl.join(";\n");
        let _ = writeln!(self.told, "-- draft {name}\n{ddl};");
        let verbs = self.world.verbs.clone();
        verbs.create(&name).await;
        self.world.draft(&name, &ddl).await;
        for (table, forward, reverse) in draft.transforms() {
            let _ = writeln!(self.told, "-- transform {table} --forward '{forward}' --reverse '{reverse}'");
            let given =
                verbs.try_transform(&name, &table, &forward, &reverse, catalog::model::OnError::Reject);
            given.await.map_err(|error| format!("transform: {error}"))?;
        }
        let published = verbs.try_publish(&name, ALLOWED, &Silent).await;
        published.map_err(|error| format!("publish {name}: {error} ({:?})", error.hint()))?;
        self.sessions.push(self.world.session(APP, &name).await);
        self.model.publish(draft.edition, draft.hop);
        Ok(())
    }

    async fn roll_back(&mut self) -> Result<(), String> {
        let name = self.model.editions.last().unwrap().name.clone();
        let _ = writeln!(self.told, "-- rollback {name}, drop {name}");
        self.sessions.pop();
        let rolled_back = self.world.verbs.try_rollback(&name, &Silent).await;
        rolled_back.map_err(|error| format!("rollback {name}: {error}"))?;
        let draft = edition_tests::edition(&name);
        let dropped = catalog::operation::drop_draft(&self.world.verbs.target, &draft, &Silent).await;
        dropped.map_err(|error| format!("drop {name}: {error}"))?;
        self.model.roll_back();
        Ok(())
    }

    async fn retire(&mut self) -> Result<(), String> {
        let name = self.model.editions[0].name.clone();
        let _ = writeln!(self.told, "-- retire {name}");
        self.sessions.remove(0);
        self.world.verbs.default(&self.model.editions[1].name).await;
        let retired = self.world.verbs.try_retire(&name, &Silent).await;
        retired.map_err(|error| format!("retire {name}: {error}"))?;
        self.model.retire();
        Ok(())
    }

    /// Retires all but the leaf: its schema is the blueprint's, and its rows are the model's.
    async fn come_to_rest(&mut self) -> Result<(), String> {
        while self.model.editions.len() > 1 {
            self.retire().await?;
            self.compare().await?;
        }
        let leaf = &self.model.editions[0].name;
        let difference = self.world.dump().await.difference(&self.world.dump_blueprint(leaf).await);
        if difference.is_empty() {
            Ok(())
        } else {
            Err(format!("at rest, - live, + blueprint of {leaf}\n{difference}"))
        }
    }

    /// Every table of every edition, as its own session sees it and as the model says.
    async fn compare(&self) -> Result<(), String> {
        for (index, edition) in self.model.editions.iter().enumerate() {
            for table in &edition.tables {
                let columns = with_key("id", table.columns.iter().map(|column| quoted(&column.name)));
                let sql = format!("SELECT {columns} FROM {} ORDER BY id", quoted(&table.name));
                let answer = self.sessions[index].try_ask(&sql).await;
                let is = answer.map_err(|failure| format!("{}: {sql}\n{failure:?}", edition.name))?.rows;
                let should = self.model.contents(index, table);
                if is != should {
                    return Err(format!("{}: {sql}\n  is     {is:?}\n  should {should:?}", edition.name));
                }
            }
        }
        Ok(())
    }
}

/// Values for some of the columns: all that must be given if `complete`, others as the byte says.
fn given(table: &Table, byte: u8, complete: bool) -> Row {
    let mut row = BTreeMap::new();
    for (place, column) in (0_u8..).zip(&table.columns) {
        let dice = byte.wrapping_mul(31).wrapping_add(place.wrapping_mul(87));
        let required = complete && column.not_null && column.default.is_none();
        if !required && dice.is_multiple_of(3) {
            continue;
        }
        let null = !column.not_null && dice % 5 == 1;
        row.insert(column.id, if null { Value::Null } else { column.kind.value(dice) });
    }
    row
}

fn column_name(table: &Table, id: u32) -> String {
    quoted(&table.column(id).unwrap().name)
}

/// The key and then the others, separated by commas.
fn with_key(key: &str, others: impl Iterator<Item = String>) -> String {
    std::iter::once(key.to_owned()).chain(others).collect::<Vec<_>>().join(", ")
}

fn insert(table: &Table, key: i64, row: &Row) -> String {
    let names = with_key("id", row.keys().map(|id| column_name(table, *id)));
    let values = with_key(&key.to_string(), row.values().map(Value::sql));
    format!("INSERT INTO {} ({names}) VALUES ({values})", quoted(&table.name))
}
