//! Running a migration as its tool would: statement by statement, stopping at the first error.

use std::{io::Write as _, process::Stdio};

use edition_tests::{OWNER, Verbs, server};

/// What PostgreSQL said against a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Complaint {
    /// The line of the error.
    pub(crate) text: String,
    /// SQLSTATE.
    pub(crate) code: String,
    /// The table that the error is about, if it names one.
    pub(crate) table: Option<(String, String)>,
    /// Its column.
    pub(crate) column: Option<String>,
}

/// Runs `sql` in a database.
pub(crate) async fn run(verbs: &Verbs, database: &str, sql: &str) -> Result<(), Complaint> {
    let failed = |error: std::io::Error| Complaint { text: error.to_string(), ..Complaint::default() };
    let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
    file.write_all(sql.as_bytes()).map_err(failed)?;
    let output = tokio::process::Command::new(&verbs.programs.psql)
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose"])
        .args(["-h", "127.0.0.1", "-U", OWNER, "-d", database, "-p", &server().await.port().to_string()])
        .arg("-f")
        .arg(file.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(failed)?;
    if output.status.success() { Ok(()) } else { Err(complaint(&String::from_utf8_lossy(&output.stderr))) }
}

fn complaint(stderr: &str) -> Complaint {
    let field = |name: &str| {
        let line = stderr.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().to_owned())
    };
    let line = stderr.lines().find(|line| line.contains("ERROR:  ")).unwrap_or(stderr.trim());
    let said = line.split_once("ERROR:  ").map_or(line, |(_, said)| said);
    let (code, text) = said.split_once(": ").unwrap_or(("", said));
    Complaint {
        text: text.to_owned(),
        code: code.to_owned(),
        table: field("SCHEMA NAME:").zip(field("TABLE NAME:")),
        column: field("COLUMN NAME:"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_says_which_rows_it_is_about() {
        let stderr = "psql:/tmp/x:3: ERROR:  23502: column \"b\" of relation \"t\" contains null values\n\
                      SCHEMA NAME:  public\nTABLE NAME:  t\nCOLUMN NAME:  b\nLOCATION:  ATRewriteTable, tablecmds.c:5968\n";
        let Complaint { text, code, table, column } = complaint(stderr);
        assert_eq!(
            (text.as_str(), code.as_str()),
            ("column \"b\" of relation \"t\" contains null values", "23502")
        );
        assert_eq!((table, column), (Some(("public".to_owned(), "t".to_owned())), Some("b".to_owned())));
    }
}
