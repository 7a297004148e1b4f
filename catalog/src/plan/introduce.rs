//! Steps for what a child introduces: types, sequences, functions, tables.

use std::collections::BTreeSet;

use crate::{
    ddl::{
        add_constraint, create_function, create_sequence, create_table, create_type, drop_function,
        drop_type, shared_objects,
    },
    model::{
        ColumnId, Constraint, ConstraintKind, Function, Name, QualifiedName, Schema, Sequence, Table,
        TypeDef, TypeKind,
    },
    property, sql,
    sql::{Sql, join},
};

use super::{
    Code, ExpandInput, Finding, Lock, Severity, Step,
    code_objects::{Extent, Object, early, is_own},
};

/// Types, sequences, functions and tables in one transaction: no table of the application's is locked.
pub(super) fn introduce(input: &ExpandInput<'_>, findings: &mut Vec<Finding>) -> Vec<Step> {
    let maker = input.chain.maker();
    let mut statements = vec![Sql::trusted("SET LOCAL check_function_bodies = off")];
    let mut drops: Vec<Sql> = Vec::new();

    let sequences: Vec<&Sequence> =
        input.physical.sequences.iter().filter(|s| is_own(input, s.id.get())).collect();
    for sequence in &sequences {
        findings.extend(lost("sequence", &sequence.name.name, &sequence.properties));
        statements.extend(create_sequence(sequence, maker));
        drops.push(sql!("DROP SEQUENCE IF EXISTS {}", sequence.name));
    }
    let functions: Vec<&Function> =
        input.physical.functions.iter().filter(|function| is_own(input, function.id)).collect();
    let types = input.physical.types.iter().filter(|definition| is_made(input, definition)).collect();
    for object in early(input.physical, types, &functions, &Extent::made(input)) {
        match object {
            Object::Type(definition) => {
                findings.extend(range(input, definition));
                findings.extend(lost("type", &definition.name.name, &definition.properties));
                statements.extend(create_type(definition, maker));
                drops.push(drop_type(definition));
            }
            Object::Function(function) => {
                statements.extend(create_function(function, maker));
                drops.push(drop_function(function));
            }
            Object::View(_) => {}
        }
    }
    let tables: Vec<&Table> =
        input.physical.tables.iter().filter(|t| input.layout.created.contains_key(&t.id)).collect();
    for table in &tables {
        findings.extend(lost_of_table(table));
        statements.extend(create_table(table, maker));
        drops.push(sql!("DROP TABLE IF EXISTS {}", table.name));
    }
    for sequence in &sequences {
        statements.extend(own_sequence(input, sequence));
    }
    for table in &tables {
        let among_new =
            foreign_keys(table).filter(|constraint| inherited_target(input, constraint).is_none());
        statements.extend(among_new.map(|constraint| add_constraint(&table.name, constraint)));
    }
    if statements.len() == 1 {
        return Vec::new();
    }
    drops.reverse();
    let statements = with_owners(input, statements);
    let step = Step::transaction("make what the edition introduces", Lock::None, Vec::new(), statements);
    vec![step.undone_by(vec![drop_all(&drops)])]
}

/// The foreign keys of new tables that point at inherited ones, each in a transaction of its own. The keys that they need must be there.
pub(super) fn point_at_inherited(input: &ExpandInput<'_>, findings: &mut Vec<Finding>) -> Vec<Step> {
    let new = input.physical.tables.iter().filter(|table| input.layout.created.contains_key(&table.id));
    let mut steps = Vec::new();
    for table in new {
        for constraint in foreign_keys(table) {
            let Some(target) = inherited_target(input, constraint) else { continue };
            if !constraint.restricts_referenced && fires_triggers(input.child, table) {
                findings.push(fires_in_older(table, &constraint.name, target));
            }
            if constraint.restricts_referenced {
                findings.push(restricts(table, &constraint.name, target));
            }
            let title = format!("foreign key {} to {}", constraint.name.as_str(), target.pretty());
            let drop = sql!("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", table.name, constraint.name);
            let add = add_constraint(&table.name, constraint);
            steps.push(
                Step::transaction(title, Lock::ShareRowExclusive, vec![target.clone()], vec![add])
                    .undone_by(vec![drop]),
            );
        }
    }
    steps
}

fn foreign_keys(table: &Table) -> impl Iterator<Item = &Constraint> {
    table.constraints.iter().filter(|constraint| constraint.kind == ConstraintKind::ForeignKey)
}

/// The stored table that a foreign key points at, if the parent has it, too.
fn inherited_target<'a>(input: &ExpandInput<'a>, constraint: &Constraint) -> Option<&'a QualifiedName> {
    let (target, _) = constraint.references.as_ref()?;
    let place = input.layout.inherited.iter().find(|place| place.id == *target)?;
    Some(&place.parent.physical)
}

/// Only a role that may create in a schema can own what is in it: owners of new objects may for as long as this transaction lasts.
pub(super) fn with_owners(input: &ExpandInput<'_>, statements: Vec<Sql>) -> Vec<Sql> {
    let runner = input.chain.runner();
    let created = input.physical.tables.iter().filter(|table| input.layout.created.contains_key(&table.id));
    let tables = created.map(|table| (&table.name.schema, &table.owner));
    let others = shared_objects(input.physical, &input.layout.mapping);
    let own = others.iter().filter(|object| is_own(input, object.id));
    let others = own.filter_map(|object| Some((object.place.as_ref()?, object.owner)));
    let owners: BTreeSet<(&Name, &Name)> =
        tables.chain(others).filter(|(_, owner)| *owner != runner).collect();
    let may = owners.iter().map(|(schema, owner)| sql!("GRANT CREATE ON SCHEMA {} TO {}", schema, owner));
    let may_not =
        owners.iter().map(|(schema, owner)| sql!("REVOKE CREATE ON SCHEMA {} FROM {}", schema, owner));
    may.chain(statements).chain(may_not).collect()
}

/// A new type that is not in the edition's own schema is one that cannot move.
fn is_made(input: &ExpandInput<'_>, definition: &TypeDef) -> bool {
    let mut members = input.chain.members.iter();
    is_own(input, definition.id) || members.all(|member| member.logical.type_def(definition.id).is_none())
}

/// A range type cannot move to another schema: PostgreSQL leaves its constructor functions behind, which belong to nobody but the superuser. So a new
/// one is made where it is going to stay, and two of one name cannot be.
fn range(input: &ExpandInput<'_>, definition: &TypeDef) -> Option<Finding> {
    (definition.kind == TypeKind::Range && is_own(input, definition.id)).then(|| {
        let subject = format!("type {}", definition.name.name.as_str());
        Finding::new(
            Code::Unsupported,
            subject,
            "a range type cannot be changed, because PostgreSQL cannot keep two of one name apart",
        )
        .with_fix("make one of another name in the draft, and columns of it")
    })
}

/// A refusal for a property that would be lost on the way to the live database.
pub(super) fn lost(kind: &str, name: &Name, properties: &[String]) -> Option<Finding> {
    let property = property::lost(kind, properties)?;
    Some(Finding {
        severity: Severity::Refused,
        code: Code::Unsupported,
        subject: format!("{kind} {}", name.as_str()),
        message: format!("\"{property}\" of a new {kind} cannot be published yet"),
        fix: Some("take it back in the draft".to_owned()),
    })
}

fn lost_of_table(table: &Table) -> Vec<Finding> {
    let mut findings: Vec<Finding> = lost("table", &table.name.name, &table.properties).into_iter().collect();
    for column in &table.columns {
        findings.extend(lost("column", &column.name, &column.properties));
    }
    for index in &table.indexes {
        findings.extend(lost("index", &index.name, &index.properties));
    }
    for constraint in &table.constraints {
        findings.extend(lost("constraint", &constraint.name, &constraint.all_properties()));
    }
    findings
}

/// Foreign keys among new tables make any order of DROP TABLE wrong, so they go in one statement; the rest in reverse order of creation.
fn drop_all(drops: &[Sql]) -> Sql {
    let is_table = |statement: &&Sql| statement.as_str().starts_with("DROP TABLE IF EXISTS ");
    let names = drops
        .iter()
        .filter(is_table)
        .filter_map(|s| s.as_str().strip_prefix("DROP TABLE IF EXISTS "))
        .map(Sql::trusted);
    let tables = join(names, ", ");
    let rest = join(drops.iter().filter(|statement| !is_table(statement)), "; ");
    match (tables.as_str().is_empty(), rest.as_str().is_empty()) {
        (true, _) => rest,
        (false, true) => sql!("DROP TABLE IF EXISTS {}", tables),
        (false, false) => sql!("DROP TABLE IF EXISTS {}; {}", tables, rest),
    }
}

fn restricts(table: &Table, constraint: &Name, target: &QualifiedName) -> Finding {
    Finding {
        severity: Severity::NeedsWord,
        code: Code::RestrictsOlderEdition,
        subject: format!("table {}, constraint {}", table.name.name.as_str(), constraint.as_str()),
        message: format!(
            "rows of the new table will keep sessions of older editions from deleting the rows of {} that they point at",
            target.pretty()
        ),
        fix: Some(
            "use ON DELETE CASCADE or SET NULL, or accept it: --allow restricts-older-edition".to_owned(),
        ),
    }
}

/// Whether rows of a table fire a function of the application's that looks names up where its session does.
fn fires_triggers(child: &Schema, table: &Table) -> bool {
    let mut fired =
        child.triggers.iter().filter(|trigger| trigger.table == table.id && trigger.enabled != "D");
    fired.any(|trigger| {
        let mut functions = child.functions.iter();
        functions.any(|function| Some(function.id) == trigger.function && function.search_path.is_none())
    })
}

fn fires_in_older(table: &Table, constraint: &Name, target: &QualifiedName) -> Finding {
    Finding::new(
        Code::RestrictsOlderEdition,
        format!("table {}, constraint {}", table.name.name.as_str(), constraint.as_str()),
        format!(
            "when a session of an older edition deletes rows of {}, the action of the foreign key fires triggers of the new table there; \
             a trigger function that names what is new in this edition without a schema does not find it, and the older edition's statement fails",
            target.pretty()
        ),
    )
    .with_fix("let the trigger functions name only what older editions have, too, or accept it: --allow restricts-older-edition")
}

/// OWNED BY, where table and sequence are in one schema already; a sequence for a column added to an inherited table gets it at retire.
fn own_sequence(input: &ExpandInput<'_>, sequence: &Sequence) -> Option<Sql> {
    let (table, column) = sequence.owned_by?;
    let table = input.physical.table(table).filter(|table| input.layout.created.contains_key(&table.id))?;
    own(sequence, table, column)
}

fn own(sequence: &Sequence, table: &Table, column: ColumnId) -> Option<Sql> {
    let column = table.column(column)?;
    Some(sql!("ALTER SEQUENCE {} OWNED BY {}.{}", sequence.name, table.name, column.name))
}
