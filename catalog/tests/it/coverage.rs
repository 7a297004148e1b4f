//! No property that DDL can change is forgotten: every column of every system catalogue of this server is in docs/catalogue.md, and what
//! is said there to be read is read by a query of the diff. Run it on each supported version: `make versions`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::cluster::{Database, server};

/// How the documentation says that the diff comes to know of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reading {
    /// A query names the column.
    Itself,
    /// Functions or views that a query uses show it.
    Through(Vec<String>),
    /// It is not read; the reason is in the last cell.
    Not,
}

/// One row of the table, for one column; the column `*` stands for all of a catalogue.
#[derive(Debug)]
struct Entry {
    reading: Reading,
    fate: String,
    versions: std::ops::RangeInclusive<u32>,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn entries() -> BTreeMap<(String, String), Entry> {
    let text = fs::read_to_string(repository().join("docs/catalogue.md")).unwrap();
    let mut entries = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| pg_")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [catalogue, columns, reading, fate] = cells[..] else { panic!("not four cells: {line}") };
        let reading = match reading {
            "itself" => Reading::Itself,
            "no" => Reading::Not,
            functions => Reading::Through(functions.split(' ').map(str::to_owned).collect()),
        };
        for column in columns.split(' ') {
            let (column, versions) = match column.split_once('@') {
                None => (column, 0..=u32::MAX),
                Some((column, mark)) => (column, versions(mark)),
            };
            let key = (catalogue.to_owned(), column.to_owned());
            let entry = Entry { reading: reading.clone(), fate: fate.to_owned(), versions };
            assert!(entries.insert(key, entry).is_none(), "{catalogue}.{column} is there twice");
        }
    }
    entries
}

/// `18+` or `15-17`.
fn versions(mark: &str) -> std::ops::RangeInclusive<u32> {
    match (mark.strip_suffix('+'), mark.split_once('-')) {
        (Some(first), _) => first.parse().unwrap()..=u32::MAX,
        (None, Some((first, last))) => first.parse().unwrap()..=last.parse().unwrap(),
        (None, None) => panic!("no versions: {mark}"),
    }
}

/// All words of the diff's queries, comments left out.
fn words() -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for file in fs::read_dir(repository().join("catalog/src/blueprint/read")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            for line in fs::read_to_string(path).unwrap().lines() {
                let code = line.split("--").next().unwrap();
                words.extend(code.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned));
            }
        }
    }
    words
}

#[tokio::test]
async fn every_column_of_the_system_catalogues_is_read_or_known_to_be_irrelevant() {
    let database = Database::with("").await;
    let connection = database.target.connect().await.unwrap();
    let rows = connection
        .query(
            "SELECT c.relname::text, a.attname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
             WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped",
            &[],
        )
        .await
        .unwrap();
    let columns: BTreeSet<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let version = server().await.installation().version().major;
    let problems = problems(&entries(), &columns, &words(), version);
    assert!(problems.is_empty(), "PostgreSQL {version}, docs/catalogue.md:\n{}", problems.join("\n"));
}

fn problems(
    entries: &BTreeMap<(String, String), Entry>,
    columns: &BTreeSet<(String, String)>,
    words: &BTreeSet<String>,
    version: u32,
) -> Vec<String> {
    let mut problems = Vec::new();
    for (catalogue, column) in columns {
        let whole = (catalogue.clone(), "*".to_owned());
        let place = format!("{catalogue}.{column}");
        let Some(entry) = entries.get(&(catalogue.clone(), column.clone())).or_else(|| entries.get(&whole))
        else {
            problems.push(format!("{place} is not in the table: is it read, or why not?"));
            continue;
        };
        if !entry.versions.contains(&version) {
            problems.push(format!("{place} is not marked as a column of this version"));
        }
        match &entry.reading {
            Reading::Itself if !words.contains(column) => {
                problems.push(format!("{place}: no query names it"));
            }
            Reading::Through(functions) if functions.iter().any(|function| !words.contains(function)) => {
                problems.push(format!("{place}: no query uses {}", functions.join(" or ")));
            }
            _ => {}
        }
        if entry.fate.is_empty() {
            problems.push(format!("{place}: what becomes of a change is not said"));
        }
    }
    for ((catalogue, column), entry) in entries {
        let there = column == "*" || columns.contains(&(catalogue.clone(), column.clone()));
        if !there && entry.versions.contains(&version) {
            problems.push(format!("{catalogue}.{column} is in the table, but not in this version"));
        }
    }
    problems
}

#[test]
fn a_forgotten_column_is_noticed() {
    let (entries, words) = (entries(), words());
    let columns: BTreeSet<(String, String)> = entries
        .iter()
        .filter(|(_, entry)| entry.versions.contains(&18))
        .map(|((catalogue, column), _)| (catalogue.clone(), column.clone()))
        .collect();
    assert_eq!(problems(&entries, &columns, &words, 18), Vec::<String>::new());
    let mut more = columns.clone();
    more.insert(("pg_class".to_owned(), "relnews".to_owned()));
    assert_eq!(problems(&entries, &more, &words, 18).len(), 1, "a new column");
    let mut less = words.clone();
    less.remove("attstorage");
    assert_eq!(problems(&entries, &columns, &less, 18).len(), 1, "a query that reads less");
    assert!(problems(&entries, &columns, &words, 17).len() > 1, "another version");
}
