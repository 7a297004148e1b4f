//! Rows thought of by looking at a table: values by type, foreign keys from the rows that are there, words from its checks.

use crate::{ColumnShape, ConstraintShape, Dice, Failure, InEdition, Shape, TableShape};

/// How often one row is thought of anew before its table stays as it is.
const TRIES: usize = 6;

/// What became of some writes.
#[derive(Debug, Default)]
pub struct Writes {
    /// How many were taken.
    pub taken: usize,
    /// Tables that took no row.
    pub empty: Vec<String>,
    /// What failed for another reason than its data.
    pub wrong: Vec<Wrong>,
}

/// A write that failed for another reason than its data: an edition must not be the cause.
#[derive(Clone, Debug)]
pub struct Wrong {
    /// The table's logical name.
    pub table: String,
    /// What was tried.
    pub statement: String,
    /// What came of it.
    pub failure: Failure,
}

/// Whether PostgreSQL or the application found fault with the data (constraints, values out of range, RAISE in a trigger).
fn is_about_data(failure: &Failure) -> bool {
    // An action of a foreign key may come upon a column that nobody can set.
    let identity = failure.code == "428C9";
    // A publication of a table without a key forbids its updates: that is what its author asked for.
    let published = failure.code == "55000" && failure.message.contains("replica identity");
    identity || published || ["22", "23", "44", "P0"].iter().any(|class| failure.code.starts_with(class))
}

/// Puts up to `rows` rows into each table, those that others refer to first.
pub async fn fill(place: &InEdition, shape: &Shape, dice: &mut Dice, rows: usize) -> Writes {
    let mut writes = Writes::default();
    let mut waiting: Vec<&TableShape> = shape.tables.iter().filter(|table| !table.partition).collect();
    while !waiting.is_empty() {
        let ready: Vec<&TableShape> =
            waiting.iter().copied().filter(|table| !needs_one_of(table, &waiting)).collect();
        let round = if ready.is_empty() { waiting.clone() } else { ready };
        for table in &round {
            fill_table(place, table, dice, rows, &mut writes).await;
        }
        waiting.retain(|table| !round.iter().any(|done| std::ptr::eq(*done, *table)));
    }
    writes
}

fn needs_one_of(table: &TableShape, others: &[&TableShape]) -> bool {
    let is_target = |constraint: &ConstraintShape| {
        constraint.target.as_ref().is_some_and(|(schema, name)| {
            (schema, name) != (&table.schema, &table.name)
                && others.iter().any(|other| (&other.schema, &other.name) == (schema, name))
        })
    };
    table.constraints.iter().any(is_target)
}

async fn fill_table(
    place: &InEdition,
    table: &TableShape,
    dice: &mut Dice,
    rows: usize,
    writes: &mut Writes,
) {
    let mut taken = 0;
    for _ in 0..rows + TRIES {
        if taken == rows {
            break;
        }
        if writes.wrong.iter().any(|wrong| wrong.table == table.name) {
            break;
        }
        taken += usize::from(attempt(place, table, &insert(place, table, dice), writes).await);
    }
    if taken == 0 {
        writes.empty.push(table.name.clone());
    }
}

/// Changes a row of each table, and deletes one of some.
pub async fn change(place: &InEdition, shape: &Shape, dice: &mut Dice) -> Writes {
    let mut writes = Writes::default();
    for table in shape.tables.iter().filter(|table| !table.partition) {
        if let Some(update) = update(place, table, dice) {
            attempt(place, table, &update, &mut writes).await;
        }
        let target = place.relation(&table.schema, &table.name);
        let [key] = table.key() else { continue };
        if dice.chance(20) {
            let key = quoted(key);
            let delete = format!(
                "DELETE FROM {target} WHERE {key} = (SELECT {key} FROM {target} ORDER BY {key} DESC LIMIT 1)"
            );
            attempt(place, table, &delete, &mut writes).await;
        }
    }
    writes
}

async fn attempt(place: &InEdition, table: &TableShape, statement: &str, writes: &mut Writes) -> bool {
    match place.session.try_ask(statement).await {
        Ok(_) => {
            writes.taken += 1;
            true
        }
        Err(failure) => {
            if !is_about_data(&failure) {
                let (table, statement) = (table.name.clone(), statement.to_owned());
                writes.wrong.push(Wrong { table, statement, failure });
            }
            false
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// An INSERT of one row that refers to rows which are there.
fn insert(place: &InEdition, table: &TableShape, dice: &mut Dice) -> String {
    let (mut columns, mut values, mut sources) = (Vec::new(), Vec::new(), String::new());
    let foreign: Vec<&ConstraintShape> =
        table.constraints.iter().filter(|constraint| constraint.target.is_some()).collect();
    for (index, constraint) in foreign.iter().enumerate() {
        if let Some((schema, name)) = &constraint.target {
            let target = place.relation(schema, name);
            sources.push_str(&format!(
                " LEFT JOIN LATERAL (SELECT * FROM {target} ORDER BY random() LIMIT 1) AS f{index} ON true"
            ));
        }
    }
    for column in table.columns.iter().filter(|column| column.is_writable()) {
        if column.default && dice.chance(50) || !column.not_null && dice.chance(20) {
            continue;
        }
        let referred = foreign.iter().enumerate().find_map(|(index, constraint)| {
            let position = constraint.columns.iter().position(|name| *name == column.name)?;
            Some(format!("f{index}.{}", quoted(constraint.target_columns.get(position)?)))
        });
        let Some(value) = referred.or_else(|| value(table, column, dice)) else { continue };
        columns.push(quoted(&column.name));
        values.push(value);
    }
    let target = place.relation(&table.schema, &table.name);
    if columns.is_empty() {
        return format!("INSERT INTO {target} DEFAULT VALUES");
    }
    format!(
        "INSERT INTO {target} ({}) SELECT {} FROM (SELECT) AS one{sources}",
        columns.join(", "),
        values.join(", ")
    )
}

/// An UPDATE of one row, or of all where there is no key of one column.
fn update(place: &InEdition, table: &TableShape, dice: &mut Dice) -> Option<String> {
    let in_rule = |name: &String| {
        table.constraints.iter().any(|rule| matches!(rule.kind, 'p' | 'f') && rule.columns.contains(name))
    };
    let free: Vec<&ColumnShape> =
        table.columns.iter().filter(|column| column.is_writable() && !in_rule(&column.name)).collect();
    let column = dice.pick(&free)?;
    let value = value(table, column, dice)?;
    let target = place.relation(&table.schema, &table.name);
    let one = match table.key() {
        [key] => format!(
            " WHERE {key} = (SELECT {key} FROM {target} ORDER BY random() LIMIT 1)",
            key = quoted(key)
        ),
        _ => String::new(),
    };
    Some(format!("UPDATE {target} SET {} = {value}{one}", quoted(&column.name)))
}

/// A literal that the column may take; None if nothing is known of its type.
pub fn value(table: &TableShape, column: &ColumnShape, dice: &mut Dice) -> Option<String> {
    let number = dice.below(1_000_000);
    let text = match (column.kind, column.base.as_str()) {
        ('e', _) => dice.pick(&column.labels)?.clone(),
        (_, base) if base.starts_with('_') => "{}".to_owned(),
        ('r', _) => "empty".to_owned(),
        (_, "int2" | "numeric" | "money") => (number % 100).to_string(),
        (_, "int4" | "int8" | "float4" | "float8" | "oid") => (number % 100_000).to_string(),
        (_, "bool") => dice.word(&["true", "false"]).to_owned(),
        (_, "text" | "varchar" | "bpchar" | "citext" | "name") => words(table, column, dice, number),
        (_, "timestamp" | "timestamptz" | "date") => {
            format!("20{:02}-{:02}-{:02}", 10 + number % 15, 1 + number % 12, 1 + number % 28)
        }
        (_, "time" | "timetz") => format!("{:02}:{:02}", number % 24, number % 60),
        (_, "interval") => format!("{} seconds", number % 1000),
        (_, "uuid") => format!("{:08x}-0000-4000-8000-{:012x}", dice.throw() % (1 << 32), number),
        (_, "json" | "jsonb") => format!("{{\"a\": {number}}}"),
        (_, "bytea") => format!("\\x{number:08x}"),
        (_, "inet") => format!("10.{}.{}.{}", number % 250, number % 199, number % 133),
        (_, "cidr") => format!("10.{}.{}.0/24", number % 250, number % 199),
        (_, "macaddr") => format!("08:00:2b:{:02x}:{:02x}:03", number % 250, number % 199),
        (_, "point") => format!("({},{})", number % 50, number % 60),
        (_, "tsvector") => format!("word{number}"),
        (_, "ltree") => format!("0.{number}"),
        (_, "hstore") => format!("a=>{number}"),
        (_, "xml") => format!("<a>{number}</a>"),
        (_, "bit" | "varbit") => "1".to_owned(),
        _ => return None,
    };
    Some(format!("'{}'", text.replace('\'', "''")))
}

/// A text: often one that a check of the table mentions.
fn words(table: &TableShape, column: &ColumnShape, dice: &mut Dice, number: usize) -> String {
    let mentioned: Vec<&str> = table
        .constraints
        .iter()
        .filter(|constraint| constraint.kind == 'c' && constraint.columns.contains(&column.name))
        .flat_map(|check| check.definition.split('\'').skip(1).step_by(2))
        .collect();
    let text = match dice.pick(&mentioned) {
        Some(word) if dice.chance(75) => (*word).to_owned(),
        _ => format!("{number}{}", dice.word(&["", " word", "äß", "@example.org", " O'Neil"])),
    };
    text.chars().take(column.length.unwrap_or(usize::MAX)).collect()
}
