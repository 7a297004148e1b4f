//! Crossedition triggers: the generated row triggers of one hop (parent → child and back) on one physical table.
//!
//! Names make the order, because PostgreSQL fires the triggers of one event by name (docs, 39.1): `~` sorts after every
//! ASCII letter, so the application's own triggers come first; forward hops ascend (parent → child → grandchild), reverse hops descend.
//! Only numbers are handed on before the application's triggers (`numbered`).
//! INSERT and UPDATE need a trigger each, because only the latter's WHEN may read OLD.
//!
//! The gate is the session setting `edition.id`, never `search_path`, which functions change for themselves.

mod failures;
mod moved;
mod numbered;

pub use failures::refuse_failures;
pub use moved::moved_statements;
pub use numbered::Numbered;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::{
    failures::populate_guard,
    moved::{drop_moved, let_moved_pass},
    numbered::{drop_number, number_statements},
};
use crate::{
    model::{EditionId, Name, OnError, QualifiedName, TableId},
    sql,
    sql::{
        Expression, Literal, Sql, join,
        lexer::{Lexer, Token},
    },
};

/// What kind of value an assignment gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssignmentKind {
    /// Computed from columns: again whenever one of them changes.
    Transform,
    /// The author's expression without columns: once, at insert.
    Constant,
    /// The column's own volatile default: inserts have it from the table; only rows that were there need it.
    Default,
}

/// One column that the other edition's writes must set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The physical column.
    pub target: Name,
    /// The physical columns whose change makes it run, with whether `IS DISTINCT FROM` tells every change of their type.
    pub sources: Vec<(Name, bool)>,
    /// Over `new.<physical column>`, as deparsed by PostgreSQL.
    pub expression: Sql,
    /// Which kind.
    pub kind: AssignmentKind,
    /// What happens to a value that does not fit.
    pub on_error: OnError,
    /// Whether NULL does not fit.
    pub not_null: bool,
    /// For messages: `first_name`.
    pub label: Name,
}

/// The triggers of one hop on one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HopTriggers {
    /// The physical table.
    pub table: QualifiedName,
    /// Its identity.
    pub table_id: TableId,
    /// The hop's child.
    pub child: EditionId,
    /// The physical columns that tell the partition of a row; none of a table without partitions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub placing: Vec<Name>,
    /// From older editions' writes.
    pub forward: Vec<Assignment>,
    /// From the child's and younger editions' writes.
    pub reverse: Vec<Assignment>,
    /// Columns of the child that have their numbers from another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbered: Vec<Numbered>,
}

/// When a forward trigger computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerMode {
    /// At every write of an older edition, catching errors: while a backfill runs, so that a row that moves during the scan is never missed
    /// and no statement of an older edition fails.
    Populate,
    /// When a source column changed.
    Steady,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Forward,
    Reverse,
}

impl HopTriggers {
    fn schema() -> Name {
        Name::new("edition").unwrap_or_else(|_| unreachable!("a constant that is a name"))
    }

    fn function(&self, way: Way, mode: TriggerMode) -> QualifiedName {
        let stem = match (way, mode) {
            (Way::Forward, TriggerMode::Populate) => "populate",
            (Way::Forward, TriggerMode::Steady) => "forward",
            (Way::Reverse, _) => "reverse",
        };
        self.named(stem)
    }

    /// What the triggers call that follow older editions' writes once the child is open.
    pub fn forward_function(&self) -> QualifiedName {
        self.function(Way::Forward, TriggerMode::Steady)
    }

    /// The function of this hop and table that begins with `stem`.
    fn named(&self, stem: &str) -> QualifiedName {
        let name = format!("{stem}_{}_{}", self.child, self.table_id);
        QualifiedName::new(
            Self::schema(),
            Name::new(name).unwrap_or_else(|_| unreachable!("short and not empty")),
        )
    }

    fn trigger(&self, way: Way, event: &str) -> Name {
        // Ids are positive i32, so ten digits keep the order and the complement reverses it.
        let id = i64::from(self.child.get());
        let (rank, place) = match way {
            Way::Forward => (1, id),
            Way::Reverse => (2, 9_999_999_999 - id),
        };
        let way = if way == Way::Forward { "forward" } else { "reverse" };
        let name = format!("~edition {rank} {place:010} {way} {event}");
        Name::new(name).unwrap_or_else(|_| unreachable!("short and not empty"))
    }

    fn gate(&self, way: Way) -> Sql {
        let writer =
            Sql::trusted("COALESCE(NULLIF(pg_catalog.current_setting('edition.id', true), '')::integer, 0)");
        match way {
            Way::Forward => sql!("{} < {}", writer, self.child),
            Way::Reverse => sql!("{} >= {}", writer, self.child),
        }
    }
}

/// Whether any of these columns changed between OLD and NEW.
fn changed(sources: &[(Name, bool)]) -> Sql {
    join(
        sources.iter().map(|(name, distinct_tells)| {
            if *distinct_tells {
                sql!("NEW.{} IS DISTINCT FROM OLD.{}", name, name)
            } else {
                // Compares the stored images, so it also works for types without equality (json, point) and for those
                // whose equality is coarser than what a transform may see (citext, nondeterministic collations). Without the
                // casts the grammar would compare field by field.
                // The function, not its operator *<>: two ROW(…) beside an operator are read column by column when a dump is restored.
                sql!("pg_catalog.record_image_ne(ROW(NEW.{}), ROW(OLD.{}))", name, name)
            }
        }),
        " OR ",
    )
}

fn all_sources(assignments: &[Assignment]) -> Vec<(Name, bool)> {
    let mut sources: Vec<(Name, bool)> = assignments.iter().flat_map(|a| a.sources.iter().cloned()).collect();
    sources.sort();
    sources.dedup();
    sources
}

/// Forward triggers in `mode`, their function first so that the table is locked for as short as can be. Replaces what the other mode made.
pub fn forward_statements(hop: &HopTriggers, mode: TriggerMode) -> Vec<Sql> {
    let effective: Vec<Assignment> = hop
        .forward
        .iter()
        .filter(|a| mode == TriggerMode::Populate || a.kind != AssignmentKind::Default)
        .cloned()
        .collect();
    let mut statements = Vec::new();
    if effective.is_empty() {
        return if mode == TriggerMode::Steady { drop_forward(hop) } else { statements };
    }
    statements.push(function(hop, Way::Forward, mode, &effective));
    statements.extend(triggers(hop, Way::Forward, mode, &effective));
    if mode == TriggerMode::Steady {
        statements
            .push(sql!("DROP FUNCTION IF EXISTS {}()", hop.function(Way::Forward, TriggerMode::Populate)));
    }
    statements
}

/// Reverse triggers: made last, when the child is about to open.
pub fn reverse_statements(hop: &HopTriggers) -> Vec<Sql> {
    let mut statements = number_statements(hop);
    if !hop.reverse.is_empty() {
        statements.push(function(hop, Way::Reverse, TriggerMode::Steady, &hop.reverse));
        statements.extend(triggers(hop, Way::Reverse, TriggerMode::Steady, &hop.reverse));
    }
    statements
}

/// Removes the forward triggers and functions of either mode.
pub fn drop_forward(hop: &HopTriggers) -> Vec<Sql> {
    if hop.forward.is_empty() {
        return Vec::new();
    }
    drop_way(hop, Way::Forward, &[TriggerMode::Populate, TriggerMode::Steady])
}

/// Removes everything of this hop from its table.
pub fn drop_hop(hop: &HopTriggers) -> Vec<Sql> {
    let mut statements = drop_moved(hop);
    statements.extend(drop_number(hop));
    if !hop.reverse.is_empty() {
        statements.extend(drop_way(hop, Way::Reverse, &[TriggerMode::Steady]));
    }
    statements.extend(drop_forward(hop));
    statements
}

/// The same hop once physical names have changed.
pub fn renamed_hop(hop: &HopTriggers, table: &QualifiedName, columns: &BTreeMap<Name, Name>) -> HopTriggers {
    let name = |name: &Name| columns.get(name).unwrap_or(name).clone();
    let assignment = |assignment: &Assignment| Assignment {
        target: name(&assignment.target),
        sources: assignment.sources.iter().map(|(source, tells)| (name(source), *tells)).collect(),
        expression: renamed_expression(&assignment.expression, columns),
        ..assignment.clone()
    };
    let numbered = |column: &Numbered| Numbered {
        target: name(&column.target),
        counter: name(&column.counter),
        ..column.clone()
    };
    HopTriggers {
        table: table.clone(),
        placing: hop.placing.iter().map(name).collect(),
        forward: hop.forward.iter().map(assignment).collect(),
        reverse: hop.reverse.iter().map(assignment).collect(),
        numbered: hop.numbered.iter().map(numbered).collect(),
        ..hop.clone()
    }
}

/// The same hop once what stands in each schema of `moved` stands in another: what its expressions name there, they name by the new schema.
pub fn moved_hop(hop: &HopTriggers, moved: &BTreeMap<Name, Name>) -> HopTriggers {
    let assignment = |assignment: &Assignment| Assignment {
        expression: moved_expression(&assignment.expression, moved),
        ..assignment.clone()
    };
    HopTriggers {
        forward: hop.forward.iter().map(assignment).collect(),
        reverse: hop.reverse.iter().map(assignment).collect(),
        ..hop.clone()
    }
}

/// PostgreSQL deparsed the expression over `new`, so a name before a dot that is a schema's is that schema.
fn moved_expression(expression: &Sql, moved: &BTreeMap<Name, Name>) -> Sql {
    let text = expression.as_str();
    let tokens: Vec<Token> = Lexer::new(text.as_bytes()).collect();
    let mut spliced = String::with_capacity(text.len());
    let mut copied = 0;
    for pair in tokens.windows(2) {
        let [token, next] = pair else { continue };
        if !token.is_name() || !next.is_symbol(text.as_bytes(), b'.') {
            continue;
        }
        let target = token.name(text).and_then(|name| moved.iter().find(|(from, _)| from.as_str() == name));
        if let Some((_, to)) = target {
            spliced.push_str(text.get(copied..token.start).unwrap_or_default());
            spliced.push_str(&to.quoted().to_string());
            copied = token.end;
        }
    }
    spliced.push_str(text.get(copied..).unwrap_or_default());
    Sql::trusted(spliced)
}

/// Splices the new names into a deparsed expression over `new.column`. What PostgreSQL deparsed, its grammar reads; an expression that it
/// does not read is a default without columns.
fn renamed_expression(expression: &Sql, columns: &BTreeMap<Name, Name>) -> Sql {
    let renamed = Expression::parse(expression.as_str()).and_then(|parsed| {
        parsed.substitute(|_, column| Some(sql!("new.{}", columns.get(column).unwrap_or(column))))
    });
    renamed.unwrap_or_else(|_| expression.clone())
}

/// The bodies of a hop's steady triggers, for replacing them where physical names change; WHEN conditions follow by themselves.
pub fn rewritten_functions(hop: &HopTriggers) -> Vec<Sql> {
    forward_statements(hop, TriggerMode::Steady)
        .into_iter()
        .chain(reverse_statements(hop))
        .chain(moved_statements(hop))
        .filter(|statement| statement.as_str().starts_with("CREATE OR REPLACE FUNCTION"))
        .collect()
}

fn drop_way(hop: &HopTriggers, way: Way, modes: &[TriggerMode]) -> Vec<Sql> {
    let triggers = ["insert", "update"]
        .map(|event| sql!("DROP TRIGGER IF EXISTS {} ON {}", hop.trigger(way, event), hop.table));
    let functions = modes.iter().map(|mode| sql!("DROP FUNCTION IF EXISTS {}()", hop.function(way, *mode)));
    triggers.into_iter().chain(functions).collect()
}

fn triggers(hop: &HopTriggers, way: Way, mode: TriggerMode, assignments: &[Assignment]) -> Vec<Sql> {
    let function = hop.function(way, mode);
    let make = |event: &str, keyword: &'static str, condition: &Sql| {
        sql!(
            "CREATE OR REPLACE TRIGGER {} BEFORE {} ON {} FOR EACH ROW WHEN ({}) EXECUTE FUNCTION {}()",
            hop.trigger(way, event),
            Sql::trusted(keyword),
            hop.table,
            condition,
            function
        )
    };
    let gate = hop.gate(way);
    let mut statements = vec![make("insert", "INSERT", &gate)];
    let sources = all_sources(assignments);
    match mode {
        TriggerMode::Populate => statements.push(make("update", "UPDATE", &gate)),
        TriggerMode::Steady if sources.is_empty() => {
            statements.push(sql!("DROP TRIGGER IF EXISTS {} ON {}", hop.trigger(way, "update"), hop.table));
        }
        TriggerMode::Steady => {
            statements.push(make("update", "UPDATE", &sql!("{} AND ({})", gate, changed(&sources))));
        }
    }
    statements
}

fn function(hop: &HopTriggers, way: Way, mode: TriggerMode, assignments: &[Assignment]) -> Sql {
    let body = join(assignments.iter().map(|assignment| assign(hop, assignment, mode)), "\n");
    let pass = if mode == TriggerMode::Steady { let_moved_pass(hop) } else { Sql::trusted("") };
    let text = sql!("BEGIN\n{}{}\n  RETURN NEW;\nEND", pass, body);
    trigger_function(&hop.function(way, mode), &text)
}

/// A trigger function in PL/pgSQL.
fn trigger_function(name: &QualifiedName, body: &Sql) -> Sql {
    sql!(
        "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS {}",
        name,
        Literal(body.as_str())
    )
}

fn assign(hop: &HopTriggers, assignment: &Assignment, mode: TriggerMode) -> Sql {
    let set = sql!("NEW.{} := {};", assignment.target, assignment.expression);
    let guarded = match (mode, assignment.on_error) {
        (TriggerMode::Steady, OnError::Reject) => set,
        (_, OnError::Null) => {
            sql!("BEGIN {} EXCEPTION WHEN OTHERS THEN NEW.{} := NULL; END;", set, assignment.target)
        }
        (TriggerMode::Populate, OnError::Reject) => populate_guard(hop, assignment, &set),
    };
    let when = match (mode, assignment.kind) {
        (TriggerMode::Populate, AssignmentKind::Transform) => return sql!("  {}", guarded),
        (TriggerMode::Populate, AssignmentKind::Constant) => {
            sql!("TG_OP = 'INSERT' OR NEW.{} IS NOT DISTINCT FROM NULL", assignment.target)
        }
        (TriggerMode::Populate, AssignmentKind::Default) => {
            sql!("TG_OP = 'UPDATE' AND NEW.{} IS NOT DISTINCT FROM NULL", assignment.target)
        }
        (TriggerMode::Steady, AssignmentKind::Transform) => {
            sql!("TG_OP = 'INSERT' OR {}", changed(&assignment.sources))
        }
        (TriggerMode::Steady, AssignmentKind::Constant | AssignmentKind::Default) => {
            Sql::trusted("TG_OP = 'INSERT'")
        }
    };
    sql!("  IF {} THEN {} END IF;", when, guarded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn hop() -> HopTriggers {
        HopTriggers {
            table: QualifiedName::new(name("public"), name("users")),
            table_id: TableId::new(16_390),
            child: EditionId::new(2),
            placing: vec![],
            forward: vec![Assignment {
                target: name("first_name"),
                sources: vec![(name("name"), true)],
                expression: Sql::trusted("split_part(new.name, ' '::text, 1)"),
                kind: AssignmentKind::Transform,
                on_error: OnError::Reject,
                not_null: true,
                label: name("first_name"),
            }],
            reverse: vec![Assignment {
                target: name("name"),
                sources: vec![(name("first_name"), true), (name("tags"), false)],
                expression: Sql::trusted("new.first_name"),
                kind: AssignmentKind::Transform,
                on_error: OnError::Null,
                not_null: false,
                label: name("name"),
            }],
            numbered: vec![],
        }
    }

    fn text(statements: &[Sql]) -> String {
        join(statements, ";\n").to_string()
    }

    #[test]
    fn populate_computes_at_every_write_and_catches() {
        insta::assert_snapshot!(text(&forward_statements(&hop(), TriggerMode::Populate)));
    }

    #[test]
    fn steady_computes_on_change_only() {
        insta::assert_snapshot!(text(&forward_statements(&hop(), TriggerMode::Steady)));
    }

    #[test]
    fn reverse_runs_for_the_child_and_younger() {
        insta::assert_snapshot!(text(&reverse_statements(&hop())));
    }

    #[test]
    fn trigger_names_fire_after_the_applications_own_and_in_chain_order() {
        let mut younger = hop();
        younger.child = EditionId::new(11);
        let mut names = [
            hop().trigger(Way::Reverse, "update"),
            younger.trigger(Way::Reverse, "update"),
            younger.trigger(Way::Forward, "update"),
            hop().trigger(Way::Forward, "update"),
            name("zzz_audit"),
        ];
        names.sort();
        let order: Vec<&str> = names.iter().map(Name::as_str).collect();
        assert_eq!(
            order,
            [
                "zzz_audit",
                "~edition 1 0000000002 forward update",
                "~edition 1 0000000011 forward update",
                "~edition 2 9999999988 reverse update",
                "~edition 2 9999999997 reverse update",
            ]
        );
    }
}
