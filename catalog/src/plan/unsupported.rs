//! Why a change that editions do not support is refused, and what to do instead.

use super::{Code, Finding};
use crate::{
    diff::{Change, Diff, SCHEMA},
    model::Name,
};

/// What is said of a kind of object.
struct Reason {
    kind: &'static str,
    /// Completes "it was added in the draft, but …".
    why: &'static str,
    fix: &'static str,
}

const TAKE_BACK: &str = "take it back in the draft";
const BY_TYPE: &str = "PostgreSQL finds it by the types that it is for and not by a schema, so editions cannot each have their own";
const BY_TYPE_FIX: &str = "call the function by its name in the draft, and leave this out";
const OF_DATABASE: &str = "it acts on the database as a whole, older editions included";
const OF_DATABASE_FIX: &str = "do it in the live database, outside of a draft";
const OF_FOREIGN_DATA: &str =
    "rows of a foreign server cannot be given columns, triggers or indexes of an edition";
const OF_FOREIGN_DATA_FIX: &str =
    "leave it out of the draft; a foreign table that was there before init stays as it is for all editions";
const OF_TEXT_SEARCH: &str =
    "indexes and stored columns are bound to it, and an older edition reads them too";
const OF_TEXT_SEARCH_FIX: &str =
    "make it in the live database before edition init, or leave it out of the draft";

/// Every kind that is refused for a reason of its own; `docs/ddl.md` repeats it for people.
const REASONS: &[Reason] = &[
    Reason {
        kind: "schema",
        why: "a schema is shared by all editions, those included that use it as it is",
        fix: "leave it as it is; when one edition is live: edition deinit, change it, and edition init --schemas",
    },
    Reason {
        kind: "rule",
        why: "a rule of a table rewrites statements before any test could tell the editions apart",
        fix: "use a trigger, which editions can have for themselves",
    },
    Reason { kind: "operator class", why: BY_TYPE, fix: BY_TYPE_FIX },
    Reason { kind: "operator family", why: BY_TYPE, fix: BY_TYPE_FIX },
    Reason {
        kind: "promised operator",
        why: "an operator of older editions names it as its commutator or negator, and PostgreSQL keeps a place for it where the edition's own could not go",
        fix: "give it another name",
    },
    Reason { kind: "cast", why: BY_TYPE, fix: BY_TYPE_FIX },
    Reason { kind: "conversion", why: OF_DATABASE, fix: OF_DATABASE_FIX },
    Reason { kind: "transform", why: BY_TYPE, fix: BY_TYPE_FIX },
    Reason { kind: "text search parser", why: OF_TEXT_SEARCH, fix: OF_TEXT_SEARCH_FIX },
    Reason { kind: "text search template", why: OF_TEXT_SEARCH, fix: OF_TEXT_SEARCH_FIX },
    Reason { kind: "text search dictionary", why: OF_TEXT_SEARCH, fix: OF_TEXT_SEARCH_FIX },
    Reason { kind: "text search configuration", why: OF_TEXT_SEARCH, fix: OF_TEXT_SEARCH_FIX },
    Reason { kind: "event trigger", why: OF_DATABASE, fix: OF_DATABASE_FIX },
    Reason { kind: "subscription", why: OF_DATABASE, fix: OF_DATABASE_FIX },
    Reason { kind: "language", why: OF_DATABASE, fix: OF_DATABASE_FIX },
    Reason { kind: "access method", why: OF_DATABASE, fix: OF_DATABASE_FIX },
    Reason { kind: "database setting", why: OF_DATABASE, fix: OF_DATABASE_FIX },
    Reason { kind: "security label", why: OF_DATABASE, fix: OF_DATABASE_FIX },
    Reason { kind: "foreign-data wrapper", why: OF_FOREIGN_DATA, fix: OF_FOREIGN_DATA_FIX },
    Reason { kind: "foreign server", why: OF_FOREIGN_DATA, fix: OF_FOREIGN_DATA_FIX },
    Reason { kind: "user mapping", why: OF_FOREIGN_DATA, fix: OF_FOREIGN_DATA_FIX },
    Reason { kind: "foreign table", why: OF_FOREIGN_DATA, fix: OF_FOREIGN_DATA_FIX },
    Reason {
        kind: "partitioned table",
        why: "one of its partitions is a foreign table, whose rows cannot be given columns, triggers or indexes of an edition",
        fix: "leave it out of the draft; a table that was there before init stays as it is for all editions",
    },
    Reason {
        kind: "partition",
        why: "its rows are shared by all editions: attaching, detaching and what a partition has of its own are maintenance of the stored table",
        fix: "do it in the live database, outside of a draft, or make the change for the table as a whole",
    },
    Reason {
        kind: "table with inheritance",
        why: "a column of the parent is a column of every heir, and an edition cannot change them all at once",
        fix: "use a table of its own with a foreign key, or partitions",
    },
];

/// One refusal for each change that the diff knows no way for.
pub fn refusals(diff: &Diff, editioned: &[Name]) -> Vec<Finding> {
    let refused = diff.changes.iter().filter_map(|change| match change {
        Change::Unsupported { kind, identity, what } => Some(refusal(kind, identity, what, editioned)),
        Change::ObjectCreated { kind, identity }
            if kind == SCHEMA && !is_name_of_one(identity, editioned) =>
        {
            Some(schema_in_the_way(identity))
        }
        _ => None,
    });
    refused.collect()
}

fn refusal(kind: &str, identity: &str, what: &str, editioned: &[Name]) -> Finding {
    let known = REASONS.iter().find(|reason| reason.kind == kind);
    let elsewhere = known.is_none() && !is_in_one_of(identity, editioned);
    let what = if what.starts_with("was ") { format!("it {what}") } else { what.to_owned() };
    let (message, fix) = match known {
        Some(known) => (format!("{what} in the draft, but {}", known.why), known.fix),
        None if elsewhere => (
            format!("{what} in the draft, but its schema is not one that editions manage"),
            "make it in a managed schema, or in one that the draft makes; or change the live database itself, outside of a draft",
        ),
        None => (format!("{what} in the draft, which cannot be published yet"), TAKE_BACK),
    };
    Finding::new(Code::Unsupported, format!("{kind} {identity}"), message).with_fix(fix)
}

/// What editions have not made they do not manage: other things may be in it.
fn schema_in_the_way(identity: &str) -> Finding {
    let message = "it was added in the draft, but the live database has a schema of that name, which editions do not manage";
    Finding::new(Code::Unsupported, format!("{SCHEMA} {identity}"), message).with_fix(
        "choose another name; or drop that one in the live database, outside of a draft, if nothing is in it",
    )
}

/// Whether an identity (`public.users`, `touch on public.users`) names one of the schemas; what names none counts as one.
fn is_in_one_of(identity: &str, schemas: &[Name]) -> bool {
    let relation = identity.rsplit(" on ").next().unwrap_or(identity);
    let Some((schema, _)) = relation.split_once('.') else { return true };
    is_name_of_one(schema, schemas)
}

fn is_name_of_one(schema: &str, schemas: &[Name]) -> bool {
    schemas.iter().any(|known| known.as_str() == schema || known.quoted().to_string() == schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_a_row_for_each_kind() {
        let text = include_str!("../../../docs/ddl.md");
        for known in REASONS {
            let row = format!("| {} | refused: {} |", known.kind, known.why);
            assert!(text.contains(&row), "docs/ddl.md lacks: {row}");
        }
    }

    #[test]
    fn a_refusal_says_why_and_what_helps() {
        let schemas = [Name::new("public").unwrap()];
        let said = |kind, identity, what| refusal(kind, identity, what, &schemas).message;
        assert!(
            said("cast", "(a AS b)", "was added")
                .starts_with("it was added in the draft, but PostgreSQL finds it")
        );
        assert!(said("table", "other.t", "was dropped").ends_with("not one that editions manage"));
        assert!(said("trigger", "a on other.t", "was dropped").ends_with("not one that editions manage"));
        let plain = "generation changed from none to stored a in the draft, which cannot be published yet";
        assert_eq!(said("column", "public.t.a", "generation changed from none to stored a"), plain);
    }
}
