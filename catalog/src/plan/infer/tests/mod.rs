//! Small tables, and what is inferred from statements about them.

mod orders;

use super::*;
use crate::model::{Column, Function, Identity, TableId, TypeBody, TypeDef, TypeKind, View, Volatility};

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn column(id: i16, column_name: &str, default: Option<&str>) -> Column {
    Column {
        id: ColumnId::new(id),
        name: name(column_name),
        type_name: "text".to_owned(),
        type_id: None,
        collation: None,
        not_null: false,
        not_null_name: None,
        default: default.map(str::to_owned),
        default_volatility: Volatility::Immutable,
        identity: Identity::None,
        generated: Generated::None,
        grants: Vec::new(),
        properties: Vec::new(),
    }
}

fn users(columns: Vec<Column>) -> Schema {
    let table = Table {
        id: TableId::new(1),
        name: QualifiedName::new(name("public"), name("users")),
        columns,
        constraints: Vec::new(),
        indexes: Vec::new(),
        update_triggers: Vec::new(),
        owner: name("owner"),
        grants: Vec::new(),
        properties: Vec::new(),
        partitioning: None,
    };
    Schema { tables: vec![table], ..Schema::default() }
}

/// What is inferred where the author gave nothing.
fn inferred(parent: &Schema, child: &Schema, noted: &[NotedStatement], added_with: &AddedWith) -> Inferred {
    infer(&InferInput {
        edition: &EditionName::new("v2").unwrap(),
        parent,
        child,
        editioned: &[name("public")],
        statements: noted,
        given: &[],
        carried: &BTreeSet::new(),
        added_with,
    })
}

fn steps_and_missing(inferred: &Inferred) -> impl Iterator<Item = String> {
    let steps = inferred.steps.iter().map(|step| format!("step {}", step.text));
    let missing = inferred.findings.iter().filter(|finding| finding.code == Code::NotInferred);
    steps.chain(missing.map(|finding| finding.message.clone()))
}

/// Parent: id, name, age. Child: id, age, first, last = 'none'; name is dropped.
fn told(statements: &[&str]) -> Vec<String> {
    told_of(statements, &[])
}

/// The same, where columns (by number) were added with other defaults than they have.
fn told_of(statements: &[&str], added_with: &[(i16, &str)]) -> Vec<String> {
    let parent = users(vec![column(1, "id", None), column(2, "name", None), column(3, "age", None)]);
    let mut child = users(vec![
        column(1, "id", None),
        column(3, "age", None),
        column(4, "first", None),
        column(5, "last", Some("'none'::text")),
    ]);
    let made = users(Vec::new()).tables.into_iter().map(|table| Table {
        id: TableId::new(2),
        name: QualifiedName::new(name("public"), name("made_in_the_draft")),
        ..table
    });
    child.tables.extend(made);
    let noted: Vec<NotedStatement> = statements
        .iter()
        .map(|text| {
            let reads = if text.ends_with("made_in_the_draft") {
                vec![Some(TableId::new(2))]
            } else if text.contains(" FROM ") {
                vec![None]
            } else {
                Vec::new()
            };
            NotedStatement { text: (*text).to_owned(), table: None, names: BTreeMap::new(), reads }
        })
        .collect();
    let added_with =
        added_with.iter().map(|(id, value)| ((TableId::new(1), ColumnId::new(*id)), Sql::trusted(*value)));
    let inferred = inferred(&parent, &child, &noted, &added_with.collect());
    let transforms = inferred.transforms.iter().map(|transform| {
        format!("{} {} = {}", transform.direction.as_str(), transform.column.as_str(), transform.expression)
    });
    let constants = inferred
        .constants
        .iter()
        .map(|constant| format!("{} rows have {}", constant.column.get(), constant.expression));
    transforms.chain(constants).chain(steps_and_missing(&inferred)).collect()
}

#[test]
fn rows_have_what_a_column_was_added_with() {
    let added_with = [
        (4, "CAST('x' AS text)"),
        (5, "CAST('y' AS text)"),
        (9, "CAST('gone' AS text)"),
        (1, "CAST('inherited' AS text)"),
    ];
    assert_eq!(
        told_of(&[], &added_with),
        ["forward first = CAST('x' AS text)", "forward last = CAST('y' AS text)"]
    );
    assert_eq!(
        told_of(&["UPDATE users SET first = last || name"], &added_with),
        ["forward first = ((CAST('y' AS text)) || \"name\")", "forward last = CAST('y' AS text)"]
    );
}

#[test]
fn rows_have_what_the_statements_say_that_added_a_column() {
    for (statements, expected) in [
        (
            &["ALTER TABLE users ADD last numeric(4, 2) DEFAULT 1.5"][..],
            &["5 rows have CAST((1.5) AS numeric(4, 2))"][..],
        ),
        (
            &["ALTER TABLE users ADD last text; ALTER TABLE users ALTER last SET DEFAULT 'x'"],
            &["5 rows have CAST(NULL AS text)"],
        ),
        (
            &[
                "ALTER TABLE users ADD last int DEFAULT 1; ALTER TABLE users ADD COLUMN IF NOT EXISTS last int DEFAULT 2",
                "ALTER TABLE users ALTER last TYPE numeric(4,2)",
                "ALTER TABLE users ALTER last TYPE text USING last || '!'",
            ],
            &["5 rows have ((CAST(CAST((1) AS int) AS numeric(4,2))) || '!')"],
        ),
        (
            &["ALTER TABLE users ADD last text DEFAULT 'a'", "UPDATE users SET last = last || 'b'"],
            &["forward last = ((CAST(('a') AS text)) || 'b')"],
        ),
        (
            &[
                "ALTER TABLE users ADD last int DEFAULT 1",
                "ALTER TABLE users ALTER last TYPE text USING last || name",
            ],
            &["forward last = ((CAST((1) AS int)) || \"name\")"],
        ),
        // computed, inherited, of no known table
        (
            &[
                "ALTER TABLE users ADD last text DEFAULT now(), ADD age int, ALTER age TYPE bigint; ALTER TABLE nobodys ADD b int",
            ],
            &[],
        ),
    ] {
        assert_eq!(told(statements), *expected, "{statements:?}");
    }
}

#[test]
fn an_update_is_a_forward_transform() {
    assert_eq!(told(&["UPDATE users SET first = upper(users.name)"]), ["forward first = (upper(\"name\"))"]);
    assert_eq!(
        told(&["UPDATE public.users AS u SET first = u.name WHERE u.age IS NOT NULL"]),
        ["forward first = CASE WHEN (\"age\" IS NOT NULL) THEN (\"name\") ELSE CAST(NULL AS text) END"]
    );
}

#[test]
fn statements_follow_one_another() {
    assert_eq!(
        told(&["UPDATE users SET first = name; UPDATE users SET last = first || '!' WHERE last = 'none'"]),
        [
            "forward first = (\"name\")",
            "forward last = CASE WHEN (('none'::text) = 'none') THEN (((\"name\")) || '!') ELSE ('none'::text) END",
        ]
    );
}

#[test]
fn a_column_that_is_taken_apart_is_put_together_again() {
    assert_eq!(
        told(&["UPDATE users SET first = split_part(name, ' ', 1), last = split_part(name, ' ', 2)"])[2],
        "reverse name = CASE WHEN \"first\" IS NULL AND \"last\" IS NULL THEN NULL ELSE concat_ws(' ', coalesce(\"first\", ''), NULLIF(\"last\", '')) END"
    );
}

#[test]
fn a_back_fill_and_a_using_are_transforms_of_shared_columns() {
    assert_eq!(
        told(&["UPDATE users SET age = '0' WHERE age IS NULL"]),
        ["forward age = CASE WHEN (\"age\" IS NULL) THEN ('0') ELSE \"age\" END"]
    );
    assert_eq!(
        told(&["ALTER TABLE users ALTER age TYPE int USING trim(age)::int"]),
        ["forward age = (trim(\"age\")::int)"]
    );
}

#[test]
fn what_reads_other_rows_is_a_step_and_what_has_parameters_is_asked_for() {
    let step = "UPDATE users SET first = o.x FROM o";
    assert_eq!(told(&[step]), [format!("step {step}")]);
    assert_eq!(told(&["DELETE FROM users"]), ["step DELETE FROM users"]);
    assert_eq!(told(&["DELETE FROM users WHERE id = $1"]).len(), 1);
    assert!(told(&["DELETE FROM users WHERE id = $1"])[0].starts_with("no transform"));
    assert_eq!(told(&["INSERT INTO users SELECT x FROM made_in_the_draft"]), [""; 0]);
    // What has another name by now, or is no table, may have had rows.
    let unknown = "INSERT INTO users SELECT x FROM renamed_since";
    assert_eq!(told(&[unknown]), [format!("step {unknown}")]);
    for statement in ["DELETE FROM others", "UPDATE renamed_since SET a = 1", "TRUNCATE users"] {
        assert_eq!(told(&[statement]), [format!("no transform can be inferred from: {statement}")]);
    }
}

#[test]
fn what_works_on_rows_that_only_publish_makes_is_a_step_too() {
    let of_its_own = "UPDATE made_in_the_draft SET id = upper(id)";
    assert_eq!(told(&["INSERT INTO made_in_the_draft VALUES (1)", of_its_own]), [""; 0]);
    let filling = "INSERT INTO made_in_the_draft SELECT id FROM users";
    let onward = "INSERT INTO users (id) SELECT id FROM made_in_the_draft";
    let steps = [filling, of_its_own, onward].map(|text| format!("step {text}"));
    assert_eq!(told(&[filling, of_its_own, onward]), steps);
    assert_eq!(told(&[of_its_own, onward]), [""; 0]);
    let reading = "UPDATE made_in_the_draft SET id = (SELECT max(id) FROM users)";
    assert_eq!(told(&[reading]), [format!("step {reading}")]);
    let merging = "MERGE INTO made_in_the_draft m USING (SELECT * FROM users) u ON u.id = m.id WHEN NOT MATCHED THEN INSERT VALUES (u.id)";
    assert_eq!(told(&[merging]), [format!("step {merging}")]);
    let retyping = "ALTER TABLE made_in_the_draft ALTER id TYPE int USING id::int * 2";
    assert_eq!(told(&[retyping]), [""; 0]);
    let [step, asked] = &told(&[filling, retyping])[..] else { unreachable!() };
    assert!(step.starts_with("step INSERT") && asked.contains("ALTER TABLE made_in_the_draft"));
}
