//! Partitions that the draft adds to a table that older editions have, too: made beside it and attached. All editions share them, so rows that an older
//! edition writes may go there.

use super::{ExpandInput, TableView};
use crate::{
    ddl::{add_constraint, attach_partition, grant_relation, owner_of},
    model::{Constraint, Identity, Partition, QualifiedName, Table},
    plan::{Code, Finding, Lock, Step, introduce::lost, names::relations, tighten::BYTES_BUILT_AT_ONCE},
    property::{Object, give},
    sql,
    sql::{Literal, Sql},
};

/// One step for each partition that nobody has made yet.
pub(super) fn partitions(
    input: &ExpandInput<'_>,
    table: &TableView<'_>,
    findings: &mut Vec<Finding>,
) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in table.physical.partitions() {
        let is_known = input.chain.partition_name(table.place.id, part.table.id).is_some();
        if is_known || stands(input, table, part) {
            continue;
        }
        findings.extend(in_the_way(input, &part.table));
        findings.extend(lost("partition", &part.table.name.name, &part.table.properties));
        findings.push(shared(table, part));
        let default = default_beside(input, table, part);
        if let Some(default) = default {
            findings.extend(blocks(input, table, part, default));
        }
        steps.push(add(input, table, part, default));
    }
    steps
}

/// Whether an earlier publication made it, or somebody in the live database did.
fn stands(input: &ExpandInput<'_>, table: &TableView<'_>, part: &Partition) -> bool {
    let live = input.chain.live.table_named(&table.place.child.physical);
    live.is_some_and(|live| {
        live.partitions().iter().any(|known| known.table.name == part.table.name && known.bound == part.bound)
    })
}

/// Where the table that it is a part of stands.
fn parent_name(input: &ExpandInput<'_>, table: &TableView<'_>, part: &Partition) -> QualifiedName {
    if part.of == table.place.id {
        return table.place.child.physical.clone();
    }
    let standing = input.chain.partition_name(table.place.id, part.of);
    let drawn = || table.physical.partitioning.as_ref()?.partition(part.of).map(|of| &of.table.name);
    standing.or_else(drawn).unwrap_or(&part.table.name).clone()
}

/// The default partition that has been taking such rows until now, if it stores them itself.
fn default_beside<'a>(
    input: &'a ExpandInput<'_>,
    table: &TableView<'_>,
    part: &Partition,
) -> Option<&'a Table> {
    let live = input.chain.live.table_named(&table.place.child.physical)?;
    let of = parent_name(input, table, part);
    let mut tables = std::iter::once(live).chain(live.partitions().iter().map(|part| &part.table));
    let of = tables.find(|known| known.name == of)?.id;
    let siblings = live.partitions().iter().filter(|known| known.of == of);
    siblings.filter(|known| known.is_default() && known.is_leaf()).map(|known| &known.table).next()
}

fn add(input: &ExpandInput<'_>, table: &TableView<'_>, part: &Partition, default: Option<&Table>) -> Step {
    let (name, maker) = (&part.table.name, input.chain.maker());
    let of = parent_name(input, table, part);
    let key =
        part.key.as_ref().map_or_else(|| Sql::trusted(""), |key| sql!(" PARTITION BY {}", Sql::trusted(key)));
    let mut statements = vec![sql!(
        "CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE INCLUDING COMPRESSION){}",
        name,
        of,
        key
    )];
    statements.extend(own_parts(table.physical, part));
    statements.push(attach_partition(&of, part));
    statements.extend(give(&Object::Table(name), &part.table.properties));
    statements.extend(maker.takes_back(&sql!("TABLE {}", name)));
    statements.extend(grant_relation(name, &part.table.grants, false));
    statements.extend(owner_of(&sql!("TABLE {}", name), &part.table.owner, maker));
    let title = format!("add partition {} to {}", name.pretty(), of.pretty());
    let inverse = drop_if_empty(&of, name);
    let mut relations = vec![of];
    relations.extend(default.map(|default| default.name.clone()));
    // A default partition is looked through for rows that belong into the new one.
    let lock = if default.is_some() { Lock::AccessExclusive } else { Lock::ShareUpdateExclusive };
    let mut step = Step::transaction(title, lock, relations, statements).undone_by(vec![inverse]);
    if let (Some(default), Some(rule)) = (default, &part.rule) {
        let query = sql!("SELECT ctid::text FROM {} WHERE {} LIMIT 1", default.name, Sql::trusted(rule));
        step =
            step.unless_found(format!("partition {} beside {}", name.pretty(), default.name.pretty()), query);
    }
    step
}

/// What the partition has besides what it gets from its parent.
fn own_parts(root: &Table, part: &Partition) -> Vec<Sql> {
    let (table, name) = (&part.table, &part.table.name);
    let mut statements = Vec::new();
    for column in &table.columns {
        let Some(known) = root.column_named(column.name.as_str()) else { continue };
        if column.default != known.default && known.identity == Identity::None {
            statements.push(match &column.default {
                Some(default) => {
                    sql!(
                        "ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {}",
                        name,
                        column.name,
                        Sql::trusted(default)
                    )
                }
                None => sql!("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT", name, column.name),
            });
        }
        if column.not_null && !known.not_null {
            statements.push(sql!("ALTER TABLE {} ALTER COLUMN {} SET NOT NULL", name, column.name));
        }
        let own: Vec<String> = column
            .properties
            .iter()
            .filter(|property| !known.properties.contains(property))
            .cloned()
            .collect();
        statements.extend(give(&Object::Column { table: name, column: &column.name }, &own));
    }
    let is_own = |constraint: &&Constraint| constraint.part_of.is_none();
    let own = table.constraints.iter().filter(is_own);
    statements.extend(own.map(|constraint| add_constraint(name, constraint)));
    let own = table.indexes.iter().filter(|index| index.part_of.is_none());
    statements.extend(own.map(|index| Sql::trusted(&index.definition)));
    statements
}

/// Rows that are in it by now have no other place: then it stays, as any partition that is attached by maintenance. Where a foreign key points at the whole,
/// PostgreSQL drops no part of it before it is detached.
pub(in crate::plan) fn drop_if_empty(of: &QualifiedName, partition: &QualifiedName) -> Sql {
    let name = sql!("{}", partition);
    let detach = sql!("ALTER TABLE {} DETACH PARTITION {}", of, partition);
    let drop = sql!("DROP TABLE {}", partition);
    let is_filled = sql!("SELECT EXISTS (SELECT FROM {})", partition);
    let body = sql!(
        "DECLARE filled boolean; BEGIN IF pg_catalog.to_regclass({}) IS NOT NULL THEN EXECUTE {} INTO filled; IF NOT filled THEN EXECUTE {}; EXECUTE {}; END IF; END IF; END",
        Literal(name.as_str()),
        Literal(is_filled.as_str()),
        Literal(detach.as_str()),
        Literal(drop.as_str())
    );
    sql!("DO {}", Literal(body.as_str()))
}

fn in_the_way(input: &ExpandInput<'_>, table: &Table) -> Option<Finding> {
    relations(&input.chain.live).any(|known| *known == table.name).then(|| {
        let message =
            "the draft adds it, but something of its name is there already, which older editions use";
        Finding::new(Code::Unsupported, format!("partition {}", table.name.pretty()), message)
            .with_fix("give the partition another name in the draft")
    })
}

fn shared(table: &TableView<'_>, part: &Partition) -> Finding {
    let message = format!(
        "all editions share it: rows that an older edition writes to {} go there, too; at a rollback it stays if it has rows by then",
        table.child.name.pretty()
    );
    Finding::new(Code::PartitionShared, format!("partition {}", part.table.name.pretty()), message)
}

fn blocks(
    input: &ExpandInput<'_>,
    table: &TableView<'_>,
    part: &Partition,
    default: &Table,
) -> Option<Finding> {
    let (rows, bytes) = input.chain.size(&default.name);
    (bytes > BYTES_BUILT_AT_ONCE).then(|| {
        let subject = format!("table {}, partition {}", table.child.name.pretty(), part.table.name.name.as_str());
        let message = format!(
            "PostgreSQL looks through the default partition under an exclusive lock: nobody can use it while about {rows} rows are read"
        );
        Finding::new(Code::BlocksWriters, subject, message).with_fix(
            "give the default partition a CHECK constraint that excludes such rows, or choose a quiet time, and accept it: --allow blocks-writers",
        )
    })
}
