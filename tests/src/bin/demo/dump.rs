//! Two schemas compared as `pg_dump` writes them, the order of columns aside.

use crate::{Result, bank::Bank};

/// Lines that only one of two databases has. `with_catalogue` leaves our own schema `edition` out.
pub(crate) fn difference(
    bank: &Bank<'_>,
    one: &str,
    other: &str,
    with_catalogue: bool,
) -> Result<Vec<String>> {
    let ours: &[&str] =
        if with_catalogue { &["--exclude-schema=edition", "--exclude-schema=edition_catalog"] } else { &[] };
    let left = normal(&bank.dump(one, ours)?);
    let right = normal(&bank.dump(other, &[])?);
    let only = |these: &[String], those: &[String], mark: &str| -> Vec<String> {
        these.iter().filter(|line| !those.contains(line)).map(|line| format!("{mark} {line}")).collect()
    };
    Ok([only(&left, &right, "only after editions:"), only(&right, &left, "only by plain DDL:")].concat())
}

/// Statements, each with its lines sorted where it lists columns; comments and blank lines gone; a fresh token of each dump, too.
fn normal(dump: &str) -> Vec<String> {
    let lines =
        dump.lines().filter(|line| !line.is_empty() && !line.starts_with("--") && !line.starts_with('\\'));
    let mut statements = Vec::new();
    let mut columns: Option<(String, Vec<String>)> = None;
    for line in lines {
        match &mut columns {
            None if line.starts_with("CREATE TABLE") => columns = Some((line.to_owned(), Vec::new())),
            None => statements.push(line.to_owned()),
            Some((_, lines)) if !line.starts_with(')') => lines.push(line.trim_end_matches(',').to_owned()),
            Some((head, lines)) => {
                lines.sort();
                statements.push(format!("{head}\n{}\n{line}", lines.join(",\n")));
                columns = None;
            }
        }
    }
    statements
}
