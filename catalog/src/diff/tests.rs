//! Small schemas, and what the diff says of them. The same against real DDL is in `tests/it/diffs.rs`.

use super::*;
use crate::model::{
    Column, ColumnId, Constraint, ConstraintKind, Function, Generated, Identity, Index, Name, OtherObject,
    QualifiedName, Sequence, Table, TableId, View, Volatility,
};

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn public(text: &str) -> QualifiedName {
    QualifiedName::new(name("public"), name(text))
}

fn column(id: i16, column_name: &str) -> Column {
    Column {
        id: ColumnId::new(id),
        name: name(column_name),
        type_name: "integer".to_owned(),
        type_id: None,
        collation: None,
        not_null: false,
        not_null_name: None,
        default: None,
        default_volatility: Volatility::Immutable,
        identity: Identity::None,
        generated: Generated::None,
        grants: Vec::new(),
        properties: Vec::new(),
    }
}

fn table(id: u32, table_name: &str, columns: Vec<Column>) -> Table {
    Table {
        id: TableId::new(id),
        name: public(table_name),
        columns,
        constraints: Vec::new(),
        indexes: Vec::new(),
        update_triggers: Vec::new(),
        owner: name("owner"),
        grants: Vec::new(),
        properties: Vec::new(),
        partitioning: None,
    }
}

fn check(check_name: &str, definition: &str) -> Constraint {
    Constraint {
        name: name(check_name),
        kind: ConstraintKind::Check,
        columns: vec![ColumnId::new(1)],
        references: None,
        restricts_referenced: false,
        definition: definition.to_owned(),
        index: None,
        validated: true,
        comment: None,
        properties: Vec::new(),
        part_of: None,
    }
}

fn index(index_name: &str, definition: &str) -> Index {
    Index {
        name: name(index_name),
        unique: false,
        columns: vec![ColumnId::new(1)],
        definition: definition.to_owned(),
        properties: Vec::new(),
        part_of: None,
    }
}

fn view(id: u32, view_name: &str, definition: &str) -> View {
    View {
        id: TableId::new(id),
        name: public(view_name),
        definition: definition.to_owned(),
        columns: Vec::new(),
        reads: Vec::new(),
        calls: Vec::new(),
        groups_by: Vec::new(),
        materialized: false,
        indexes: Vec::new(),
        rules: Vec::new(),
        details: Vec::new(),
        owner: name("owner"),
        grants: Vec::new(),
        properties: Vec::new(),
    }
}

fn function(id: u32, definition: &str) -> Function {
    Function { id, ..Function::sample(name("f"), "integer", definition) }
}

fn sequence(id: u32, owned_by: Option<(u32, i16)>) -> Sequence {
    Sequence {
        id: TableId::new(id),
        name: public("s"),
        options: String::new(),
        owned_by: owned_by.map(|(table, column)| (TableId::new(table), ColumnId::new(column))),
        owner: name("owner"),
        grants: Vec::new(),
        properties: Vec::new(),
    }
}

fn of_tables(tables: Vec<Table>) -> Schema {
    Schema { tables, ..Schema::default() }
}

/// The changes as one line each: the variant and what it names.
fn told(parent: &Schema, child: &Schema, aligned: &Schema) -> Vec<String> {
    let shown = |change: &Change| {
        let json = serde_json::to_value(change).unwrap();
        let field = |key: &str| json.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        [
            field("change"),
            field("constraint"),
            field("index"),
            field("identity"),
            field("what"),
            field("from"),
            field("to"),
        ]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
    };
    diff(parent, child, aligned).changes.iter().map(shown).collect()
}

#[test]
fn equal_schemas_have_no_changes() {
    let mut schema = of_tables(vec![table(1, "t", vec![column(1, "a")])]);
    schema.views.push(view(2, "v", "SELECT 1"));
    schema.sequences.push(sequence(3, Some((1, 1))));
    schema.functions.push(function(4, "f\nAS $one$"));
    assert_eq!(told(&schema, &schema, &schema), [""; 0]);
}

#[test]
fn a_rename_is_no_change_of_what_mentions_the_name() {
    let mut parent = of_tables(vec![table(1, "t", vec![column(1, "a")])]);
    parent.tables[0].constraints.push(check("k", "CHECK ((a > 0))"));
    let mut child = of_tables(vec![table(1, "t", vec![column(1, "b")])]);
    child.tables[0].constraints.push(check("k", "CHECK ((b > 0))"));
    assert_eq!(told(&parent, &child, &parent), ["column_renamed a b"]);
    // What alignment is for: without it, the check would seem to be another one.
    assert_eq!(told(&parent, &child, &child).len(), 3);
}

#[test]
fn definitions_of_what_is_new_are_the_childs() {
    let parent = of_tables(vec![table(1, "t", vec![column(1, "a")])]);
    let mut child = of_tables(vec![table(1, "t", vec![column(1, "b")])]);
    child.tables[0].constraints.push(check("k", "CHECK ((b > 0))"));
    let mut aligned = parent.clone();
    aligned.tables[0].constraints.push(check("k", "CHECK ((a > 0))"));
    let changes = diff(&parent, &child, &aligned).changes;
    assert!(changes.iter().any(
        |change| matches!(change, Change::ConstraintAdded { definition, .. } if definition == "CHECK ((b > 0))")
    ));
}

#[test]
fn equal_definitions_under_another_name_are_renames() {
    let mut parent = of_tables(vec![table(1, "t", vec![column(1, "a")])]);
    parent.tables[0].constraints.push(check("k", "CHECK ((a > 0))"));
    parent.tables[0].indexes.push(index("i", "CREATE INDEX i ON public.t USING btree (a)"));
    let mut child = of_tables(vec![table(1, "t", vec![column(1, "a")])]);
    child.tables[0].constraints.push(check("l", "CHECK ((a > 0))"));
    child.tables[0].indexes.push(index("J", "CREATE INDEX \"J\" ON public.t USING btree (a)"));
    assert_eq!(told(&parent, &child, &child), ["constraint_renamed k l", "index_renamed i J"]);
}

#[test]
fn what_was_made_again_in_the_same_words_is_no_change() {
    let (mut parent, mut child) = (Schema::default(), Schema::default());
    parent.views.push(view(1, "v", "SELECT 1"));
    parent.functions.push(function(2, "f\nAS $one$"));
    parent.sequences.push(sequence(3, None));
    child.views.push(view(11, "v", "SELECT 1"));
    child.functions.push(function(12, "f\nAS $one$"));
    child.sequences.push(sequence(13, None));
    assert_eq!(told(&parent, &child, &child), [""; 0]);
    child.views[0].definition = "SELECT 2".to_owned();
    child.functions[0].definition = "f\nAS $two$".to_owned();
    assert_eq!(
        told(&parent, &child, &child),
        [
            "object_changed public.v its query was changed",
            "object_changed public.f(integer) its definition was changed"
        ]
    );
}

#[test]
fn an_owned_sequence_goes_with_its_column_and_only_then() {
    let columns = || vec![column(1, "a"), column(2, "b")];
    let mut parent = of_tables(vec![table(1, "t", columns())]);
    parent.sequences.push(sequence(3, Some((1, 2))));
    let without_column = of_tables(vec![table(1, "t", vec![column(1, "a")])]);
    assert_eq!(told(&parent, &without_column, &without_column), ["column_dropped"]);
    let without_table = Schema::default();
    assert_eq!(told(&parent, &without_table, &without_table), ["table_dropped"]);
    let without_sequence = of_tables(vec![table(1, "t", columns())]);
    assert_eq!(told(&parent, &without_sequence, &without_sequence), ["sequence_dropped"]);
}

#[test]
fn type_bounds_of_an_identity_column_follow_its_type() {
    let with = |type_name: &str, most: &str| {
        let mut column = column(1, "a");
        column.type_name = type_name.to_owned();
        column.identity = Identity::Always(format!("START WITH 1 MINVALUE 1 MAXVALUE {most} CACHE 1"));
        of_tables(vec![table(1, "t", vec![column])])
    };
    let (before, after) = (with("integer", "2147483647"), with("bigint", "9223372036854775807"));
    assert_eq!(told(&before, &after, &after), ["column_type_changed integer bigint"]);
    let limited = with("bigint", "1000");
    assert_eq!(told(&before, &limited, &limited).len(), 2);
}

#[test]
fn other_objects_are_named_unless_their_table_is_gone() {
    let trigger = |definition: &str| OtherObject {
        kind: "policy".to_owned(),
        identity: "x on public.t".to_owned(),
        definition: definition.to_owned(),
        table: Some(TableId::new(1)),
    };
    let mut parent = of_tables(vec![table(1, "t", vec![column(1, "a")])]);
    parent.others.push(trigger("one"));
    let mut child = parent.clone();
    child.others[0] = trigger("two");
    assert_eq!(told(&parent, &child, &child), ["unsupported x on public.t was changed"]);
    child.others.clear();
    assert_eq!(told(&parent, &child, &child), ["unsupported x on public.t was dropped"]);
    child.tables.clear();
    assert_eq!(told(&parent, &child, &child), ["table_dropped"]);
}
