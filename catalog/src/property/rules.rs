//! The table of all properties, and how each is written.

use super::{Object, text::options};
use crate::{
    ddl::{grantee, option, privilege},
    model::{Grant, Name, QualifiedName},
    sql,
    sql::{Literal, Sql, join},
};

/// What becomes of a property that a draft changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Each edition has its own; nothing is written for it alone.
    Editioned,
    /// Nothing at publish; brought to the new root's state at retire. What an older edition could notice or lose.
    DeferredToRetire,
    /// The draft cannot be published.
    Refused {
        /// Why, completing "the draft changes it, but …".
        reason: &'static str,
        /// What to do instead.
        fix: &'static str,
    },
}

/// Writes the statements that change a property from one value to another; `None` is PostgreSQL's default.
pub type Write = fn(&Object<'_>, Option<&str>, Option<&str>) -> Vec<Sql>;

/// One property of one kind of object.
#[derive(Clone, Copy)]
pub struct Rule {
    /// The kind of object.
    pub kind: &'static str,
    /// The property's name.
    pub property: &'static str,
    /// What becomes of a change.
    pub class: Class,
    /// Whether an object that an edition introduces gets it.
    pub given_to_new: bool,
    /// The statements.
    pub write: Write,
}

const fn deferred(kind: &'static str, property: &'static str, write: Write) -> Rule {
    Rule { kind, property, class: Class::DeferredToRetire, given_to_new: true, write }
}

const fn editioned(kind: &'static str, property: &'static str) -> Rule {
    Rule { kind, property, class: Class::Editioned, given_to_new: true, write: nothing }
}

const fn refused(
    kind: &'static str,
    property: &'static str,
    reason: &'static str,
    fix: &'static str,
    new: Option<Write>,
) -> Rule {
    let (given_to_new, write) = match new {
        Some(write) => (true, write),
        None => (false, nothing as Write),
    };
    Rule { kind, property, class: Class::Refused { reason, fix }, given_to_new, write }
}

const REWRITES: &str = "PostgreSQL rewrites the whole table under an exclusive lock for it";
const NEW_TABLE: &str = "make a new table with the property in the draft and fill it there";
const MAINTENANCE: &str = "it is maintenance of the stored table, not of an edition: do it in the live database, outside of a draft";

/// Every property that is read, by kind and name.
pub const RULES: &[Rule] = &[
    refused("table", "access_method", REWRITES, MAINTENANCE, Some(access_method)),
    deferred("table", "comment", comment),
    editioned("table", "force_row_security"),
    refused(
        "table",
        "of_type",
        "a typed table follows its type, which editions version by column",
        "leave the table without a type: ALTER TABLE … NOT OF",
        None,
    ),
    deferred("table", "options", table_options),
    // CREATE UNLOGGED TABLE gives it to a new table.
    refused("table", "persistence", REWRITES, NEW_TABLE, Some(nothing)),
    deferred("table", "replica_identity", replica_identity),
    editioned("table", "row_security"),
    refused("table", "tablespace", REWRITES, MAINTENANCE, Some(table_tablespace)),
    deferred("table", "toast_options", toast_options),
    deferred("column", "comment", comment),
    deferred("column", "compression", compression),
    refused(
        "column",
        "foreign_options",
        "only a foreign table's column has them",
        "leave the foreign table as it is",
        None,
    ),
    // The contraction sees to it, beside the columns that it is about.
    deferred("column", "identity", nothing),
    deferred("column", "identity_grants", identity_grants),
    deferred("column", "identity_sequence", identity_sequence),
    refused(
        "column",
        "not_null_validated",
        "a column that is NOT NULL has to hold for the rows of every edition",
        "correct the rows in the live database, and add it without NOT VALID",
        None,
    ),
    deferred("column", "options", column_options),
    deferred("column", "statistics", column_statistics),
    deferred("column", "storage", storage),
    deferred("index", "clustered", clustered),
    deferred("index", "comment", comment),
    refused("index", "invalid", "it is not complete", "drop it in the draft and make it again", None),
    deferred("index", "replica_identity", identity_index),
    deferred("index", "statistics", index_statistics),
    refused("index", "tablespace", REWRITES, MAINTENANCE, None),
    deferred("constraint", "clustered", clustered),
    deferred("constraint", "comment", comment),
    deferred("constraint", "index_comment", index_comment),
    deferred("constraint", "options", index_options),
    deferred("constraint", "replica_identity", identity_index),
    refused("constraint", "tablespace", REWRITES, MAINTENANCE, None),
    deferred("sequence", "comment", comment),
    deferred("sequence", "options", sequence_options),
    // The contraction sees to it: it must come before and after columns are dropped.
    deferred("sequence", "owned_by", nothing),
    refused(
        "sequence",
        "persistence",
        "an older edition shares the sequence",
        "leave its persistence as it is, or make a new sequence",
        None,
    ),
    refused("view", "access_method", REWRITES, MAINTENANCE, Some(nothing)),
    deferred("view", "comment", comment),
    deferred("view", "options", view_options),
    refused("view", "tablespace", REWRITES, MAINTENANCE, Some(nothing)),
    deferred("function", "comment", comment),
    deferred("type", "comment", comment),
];

/// The rule for a property of a kind of object.
pub fn rule(kind: &str, property: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.kind == kind && rule.property == property)
}

fn nothing(_: &Object<'_>, _: Option<&str>, _: Option<&str>) -> Vec<Sql> {
    Vec::new()
}

fn comment_on(object: &Sql, to: Option<&str>) -> Sql {
    match to {
        Some(text) => sql!("COMMENT ON {} IS {}", object, Literal(text)),
        None => sql!("COMMENT ON {} IS NULL", object),
    }
}

fn comment(object: &Object<'_>, _: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    vec![comment_on(&object.named(), to)]
}

fn index_comment(object: &Object<'_>, _: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    vec![comment_on(&sql!("INDEX {}", object.relation()), to)]
}

fn access_method(object: &Object<'_>, _: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    named(to)
        .map(|method| sql!("ALTER TABLE {} SET ACCESS METHOD {}", object.relation(), method))
        .into_iter()
        .collect()
}

fn table_tablespace(object: &Object<'_>, _: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    named(to)
        .map(|space| sql!("ALTER TABLE {} SET TABLESPACE {}", object.relation(), space))
        .into_iter()
        .collect()
}

fn table_options(object: &Object<'_>, from: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    set_and_reset(&sql!("ALTER TABLE {}", object.relation()), "", from, to)
}

fn toast_options(object: &Object<'_>, from: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    set_and_reset(&sql!("ALTER TABLE {}", object.relation()), "toast.", from, to)
}

fn index_options(object: &Object<'_>, from: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    set_and_reset(&sql!("ALTER INDEX {}", object.relation()), "", from, to)
}

fn view_options(object: &Object<'_>, from: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    set_and_reset(&sql!("ALTER {}", object.named()), "", from, to)
}

fn column_options(object: &Object<'_>, from: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    alter_column(object).map(|alter| set_and_reset(&alter, "", from, to)).unwrap_or_default()
}

/// `SET (…)` for what is new or another value, `RESET (…)` for what is gone.
fn set_and_reset(alter: &Sql, prefix: &str, from: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    let (before, wanted) = (options(from), options(to));
    let quoted = |name: &str| {
        let prefix = Sql::trusted(prefix);
        Name::new(name).ok().map(|name| sql!("{}{}", prefix, name))
    };
    let set: Vec<Sql> = wanted
        .iter()
        .filter(|option| !before.contains(option))
        .filter_map(|(name, value)| Some(sql!("{} = {}", quoted(name)?, Literal(value))))
        .collect();
    let reset: Vec<Sql> = before
        .iter()
        .filter(|(name, _)| wanted.iter().all(|(kept, _)| kept != name))
        .filter_map(|(name, _)| quoted(name))
        .collect();
    let mut statements = Vec::new();
    if !reset.is_empty() {
        statements.push(sql!("{} RESET ({})", alter, join(reset, ", ")));
    }
    if !set.is_empty() {
        statements.push(sql!("{} SET ({})", alter, join(set, ", ")));
    }
    statements
}

fn replica_identity(object: &Object<'_>, _: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    let how = match to {
        Some("f") => "FULL",
        Some("n") => "NOTHING",
        // The index says so itself.
        Some("i") => return Vec::new(),
        _ => "DEFAULT",
    };
    vec![sql!("ALTER TABLE {} REPLICA IDENTITY {}", object.relation(), Sql::trusted(how))]
}

fn identity_index(object: &Object<'_>, _: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    match (object.table(), object.part(), to) {
        (Some(table), Some(index), Some(_)) => {
            vec![sql!("ALTER TABLE {} REPLICA IDENTITY USING INDEX {}", table, index)]
        }
        // The table's own property says what it is then.
        _ => Vec::new(),
    }
}

fn clustered(object: &Object<'_>, _: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    match (object.table(), object.part(), to) {
        (Some(table), Some(index), Some(_)) => vec![sql!("ALTER TABLE {} CLUSTER ON {}", table, index)],
        (Some(table), _, None) => vec![sql!("ALTER TABLE {} SET WITHOUT CLUSTER", table)],
        _ => Vec::new(),
    }
}

fn alter_column(object: &Object<'_>) -> Option<Sql> {
    Some(sql!("ALTER TABLE {} ALTER COLUMN {}", object.table()?, object.part()?))
}

fn compression(object: &Object<'_>, _: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    let method = Sql::trusted(match to {
        Some("p") => "pglz",
        Some("l") => "lz4",
        _ => "default",
    });
    alter_column(object).map(|alter| sql!("{} SET COMPRESSION {}", alter, method)).into_iter().collect()
}

fn column_statistics(object: &Object<'_>, _: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    let target = to.and_then(|text| text.parse::<i32>().ok()).unwrap_or(-1);
    alter_column(object).map(|alter| sql!("{} SET STATISTICS {}", alter, target)).into_iter().collect()
}

/// Values are `<the column's>/<the type's own>`, so that both ways can be written for every server version.
fn storage(object: &Object<'_>, from: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    let letter = to
        .and_then(|text| text.chars().next())
        .or_else(|| from.and_then(|text| text.split_once('/')?.1.chars().next()));
    let word = Sql::trusted(match letter {
        Some('p') => "PLAIN",
        Some('e') => "EXTERNAL",
        Some('m') => "MAIN",
        Some('x') => "EXTENDED",
        _ => return Vec::new(),
    });
    alter_column(object).map(|alter| sql!("{} SET STORAGE {}", alter, word)).into_iter().collect()
}

/// The sequence behind an identity column gets the name that the draft gave it.
fn identity_sequence(object: &Object<'_>, from: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    match (object.table(), named(from), named(to)) {
        (Some(table), Some(from), Some(to)) => {
            vec![sql!("ALTER SEQUENCE {} RENAME TO {}", QualifiedName::new(table.schema.clone(), from), to)]
        }
        _ => Vec::new(),
    }
}

/// A JSON list of grants, the owner's aside. The sequence is found by its column: it may bear another name by now.
fn identity_grants(object: &Object<'_>, from: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    let grants = |text: Option<&str>| -> Vec<Grant> {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    };
    let (Some(table), Some(column)) = (object.table(), object.part()) else { return Vec::new() };
    let (before, after) = (grants(from), grants(to));
    let changed = |list: &[Grant], other: &[Grant]| -> Vec<Grant> {
        list.iter().filter(|grant| !other.contains(grant)).cloned().collect()
    };
    let statements: Vec<Sql> = changed(&before, &after)
        .iter()
        .filter_map(|grant| {
            Some(sql!("REVOKE {} ON SEQUENCE %s FROM {}", privilege(grant)?, in_format(&grantee(grant))))
        })
        .chain(changed(&after, &before).iter().filter_map(|grant| {
            let to = in_format(&grantee(grant));
            Some(sql!("GRANT {} ON SEQUENCE %s TO {}{}", privilege(grant)?, to, option(grant)))
        }))
        .map(|statement| sql!("EXECUTE pg_catalog.format({}, counter);", Literal(statement.as_str())))
        .collect();
    if statements.is_empty() {
        return Vec::new();
    }
    let body = sql!(
        "DECLARE counter text := pg_catalog.pg_get_serial_sequence({}, {}); BEGIN IF counter IS NOT NULL THEN {} END IF; END",
        Literal(sql!("{}", table).as_str()),
        Literal(column.as_str()),
        join(statements, " ")
    );
    vec![sql!("DO {}", Literal(body.as_str()))]
}

/// Text within the template of `format`.
fn in_format(text: &Sql) -> Sql {
    Sql::trusted(text.as_str().replace('%', "%%"))
}

/// `1:100, 2:50`: statistics targets of an index's expressions.
fn index_statistics(object: &Object<'_>, from: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    let targets = |text: Option<&str>| -> Vec<(i16, i32)> {
        text.unwrap_or_default()
            .split(", ")
            .filter_map(|pair| pair.split_once(':'))
            .filter_map(|(column, target)| Some((column.parse().ok()?, target.parse().ok()?)))
            .collect()
    };
    let (before, after) = (targets(from), targets(to));
    let gone = before
        .iter()
        .filter(|(column, _)| after.iter().all(|(kept, _)| kept != column))
        .map(|(column, _)| (*column, -1));
    let set = after.iter().filter(|target| !before.contains(target)).copied();
    gone.chain(set)
        .map(|(column, target)| {
            sql!("ALTER INDEX {} ALTER COLUMN {} SET STATISTICS {}", object.relation(), column, target)
        })
        .collect()
}

/// As `pg_sequence` has them, in the words of CREATE and ALTER SEQUENCE.
fn sequence_options(object: &Object<'_>, _: Option<&str>, to: Option<&str>) -> Vec<Sql> {
    to.map(|options| sql!("ALTER SEQUENCE {} {}", object.relation(), Sql::trusted(options)))
        .into_iter()
        .collect()
}

fn named(text: Option<&str>) -> Option<Name> {
    Name::new(text?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::property::settle;

    fn users() -> QualifiedName {
        QualifiedName::new(Name::new("public").unwrap(), Name::new("users").unwrap())
    }

    fn properties(list: &[&str]) -> Vec<String> {
        list.iter().map(|property| (*property).to_owned()).collect()
    }

    #[test]
    fn options_are_set_and_reset_one_by_one() {
        let users = users();
        let from = properties(&["options=fillfactor=50, autovacuum_enabled=false"]);
        let to = properties(&["options=fillfactor=70", "toast_options=autovacuum_enabled=false"]);
        insta::assert_snapshot!(join(settle(&Object::Table(&users), &from, &to), ";\n").as_str(), @r#"
        ALTER TABLE "public"."users" RESET ("autovacuum_enabled");
        ALTER TABLE "public"."users" SET ("fillfactor" = '70');
        ALTER TABLE "public"."users" SET (toast."autovacuum_enabled" = 'false')
        "#);
    }

    #[test]
    fn a_property_that_is_gone_becomes_the_default() {
        let (users, a) = (users(), Name::new("a").unwrap());
        let column = Object::Column { table: &users, column: &a };
        let from = properties(&[
            "comment=x",
            "compression=p",
            "options=n_distinct=5",
            "statistics=100",
            "storage=e/x",
        ]);
        insta::assert_snapshot!(join(settle(&column, &from, &[]), ";\n").as_str(), @r#"
        COMMENT ON COLUMN "public"."users"."a" IS NULL;
        ALTER TABLE "public"."users" ALTER COLUMN "a" SET COMPRESSION default;
        ALTER TABLE "public"."users" ALTER COLUMN "a" RESET ("n_distinct");
        ALTER TABLE "public"."users" ALTER COLUMN "a" SET STATISTICS -1;
        ALTER TABLE "public"."users" ALTER COLUMN "a" SET STORAGE EXTENDED
        "#);
    }

    #[test]
    fn what_is_refused_is_not_written() {
        let users = users();
        assert!(settle(&Object::Table(&users), &properties(&["persistence=u"]), &[]).is_empty());
    }

    #[test]
    fn the_documentation_has_a_row_for_each_rule() {
        let text = include_str!("../../../docs/ddl.md");
        for rule in RULES {
            let way = match rule.class {
                Class::Editioned => "editioned",
                Class::DeferredToRetire => "deferred to retire",
                Class::Refused { .. } => "refused",
            };
            let row = format!("| {} | {} | {way}", rule.kind, rule.property);
            assert!(text.contains(&row), "docs/ddl.md lacks: {row}");
        }
    }

    #[test]
    fn no_rule_stands_twice() {
        for (position, rule) in RULES.iter().enumerate() {
            let same = |other: &&Rule| other.kind == rule.kind && other.property == rule.property;
            assert_eq!(RULES.iter().position(|other| same(&other)), Some(position));
        }
    }
}
