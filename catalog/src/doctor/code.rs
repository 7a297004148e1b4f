//! The registry of what the doctor can find. A number and its name are forever: people write them into CI files.
//!
//! To add one: append an entry to the table below with the next free number, and run `UPDATE_DOCS=1 cargo test -p edition-catalog doctor`,
//! which writes `docs/doctor.md` anew.

use serde::{Serialize, Serializer};

use crate::codes::codes;

/// How grave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gravity {
    /// It goes around an edition as soon as one differs.
    Bypass,
    /// It may be right as it is; look at it once.
    Notice,
}

codes! {
    /// What a finding is an instance of: `D001 qualified-name`.
    letter: "D", grade: gravity -> Gravity, reason: why;
    QualifiedName = 1, "qualified-name", Bypass:
        "The body of a function names an editioned object together with its schema. The server reads bodies by itself, so no edition's names are put there: whoever calls the function reads and writes the table as it is stored.",
        "Write the name without its schema, so that the caller's search_path finds it; or make the function in a draft of its own words.";
    FunctionSearchPath = 2, "function-search-path", Bypass:
        "A function sets search_path for itself to a list that holds an editioned schema. While it runs, the schemas of the caller's edition are not looked into.",
        "ALTER FUNCTION … RESET search_path; where the setting protects a SECURITY DEFINER function, let it list no editioned schema, and pass it what it needs as arguments.";
    DynamicName = 3, "dynamic-name", Bypass:
        "A statement that a function puts together at run time (EXECUTE, format) names an editioned schema. No edition's names are put there.",
        "Leave the schema out: format('… %I', table) instead of format('… %I.%I', schema, table).";
    DynamicStatement = 4, "dynamic-statement", Notice:
        "A function executes a statement that is not in its text, so what it names cannot be seen here.",
        "See that what it is given names no editioned schema.";
    SecurityDefiner = 5, "security-definer", Notice:
        "A function runs with the rights of its owner, and reads the caller's edition through the caller's search_path, which the caller can change.",
        "See that it must be SECURITY DEFINER. A search_path of its own would fix it to one edition (D002).";
    WholeRow = 6, "whole-row", Notice:
        "A trigger function takes the row as a whole (NEW.*, to_jsonb(OLD)). A trigger sees the row as it is stored, with the columns of all live editions under their stored names.",
        "Name the columns that it needs.";
    BoundOutside = 7, "bound-outside", Bypass:
        "A view, default, policy, constraint or function outside the editioned schemas is bound to an object in them. It goes on using that very table, as it is stored, whatever edition its reader is in.",
        "Bring its schema under management, too (edition init --schemas), or move it into an editioned schema.";
    SearchPathSetting = 8, "search-path-setting", Notice:
        "search_path is set for a role or for the database. Sessions that come through a proxy get it with the schemas of their edition before each editioned schema; others get it as it is, which means the root edition.",
        "Nothing to do if all of the role's sessions come through a proxy.";
    EditionSetting = 9, "edition-setting", Bypass:
        "edition.id, or a schema of one edition in search_path, is set for a role, for the database or for a function. It would put all of its sessions into that edition, or claim so to the triggers.",
        "ALTER ROLE … RESET, ALTER DATABASE … RESET or ALTER FUNCTION … RESET; choose the edition by the connection (edition url).";
    DirectConnection = 10, "direct-connection", Notice:
        "A session is connected to the server and not through a proxy. It counts as one of the root edition, reads tables as they are stored, and is not waited for when the root retires.",
        "Let it connect to editiond. Tools of the administrator (backups, monitoring) may stay.";
    LogicalCopy = 11, "logical-copy", Notice:
        "A publication or a logical replication slot passes rows on as they are stored: with the columns of all live editions, under their stored names.",
        "Publish columns by name (FOR TABLE t (a, b)), and expect stored names to become the new edition's when the root retires.";
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        let numbers: Vec<u16> = Code::ALL.iter().map(|code| code.digits()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "append with the next free number: {numbers:?}");
        let slugs: BTreeSet<&str> = Code::ALL.iter().map(|code| code.slug()).collect();
        assert_eq!(slugs.len(), Code::ALL.len());
    }

    /// The page for people says what the registry says.
    #[test]
    fn codes_are_documented() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/doctor.md");
        let wanted = page();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(
            found, wanted,
            "docs/doctor.md is out of date: UPDATE_DOCS=1 cargo test -p edition-catalog doctor"
        );
    }

    fn page() -> String {
        let mut text = "# What goes around an edition\n\nWhat `edition doctor` may find in a database, adopted or not. Codes are stable.\n\n\
            *bypass*: it goes around an edition as soon as one differs; `edition doctor` then ends with exit code 8. *notice*: it may be right as it is.\n\n\
            SQL-standard function bodies (`RETURN …`, `BEGIN ATOMIC …`), and views, defaults, policies and constraints in editioned schemas are\n\
            safe: editions bring them along. Bodies in other languages than SQL and PL/pgSQL are not looked into.\n"
            .to_owned();
        for code in Code::ALL {
            let gravity = match code.gravity() {
                Gravity::Bypass => "bypass",
                Gravity::Notice => "notice",
            };
            let (why, fix) = (code.why(), code.fix());
            text.push_str(&format!("\n## {code}\n\n*{gravity}.* {why}\n\nWhat helps: {fix}\n"));
        }
        text
    }
}
