//! Indexes, keys and foreign keys of partitioned tables. PostgreSQL has no CONCURRENTLY and no NOT VALID for these, so each partition gets its part
//! without anybody waiting, and the table as a whole takes the parts in (docs, 5.11.2.2).

use super::{Context, Taken};
use crate::{
    ddl::index_keys,
    model::{Constraint, Index, Name, QualifiedName, Table},
    plan::{Lock, Parts, Step, StepKind, WantedPart},
    sql,
    sql::Sql,
};

/// What is made of an index once it is whole.
#[derive(Clone, Copy)]
pub(super) enum Whole<'a> {
    Index,
    /// A primary key or a unique constraint, by its keyword.
    Key(&'a Constraint, &'static str),
}

/// One table of the tree, as it stands and as the draft has it, and the index of either that the parts below it belong to.
struct Node<'a> {
    standing: &'a Table,
    drawn: Option<&'a Table>,
    index: Name,
    drawn_index: Option<&'a Name>,
}

impl Context<'_> {
    /// The table as it stands, if it is a partitioned one.
    pub(super) fn partitioned(&self) -> Option<&Table> {
        self.input.chain.live.table_named(self.physical).filter(|table| table.partitioning.is_some())
    }

    /// The steps that build `index` under `name`; `None` where PostgreSQL worded it in an unknown form.
    pub(super) fn build_in_parts(
        &self,
        live: &Table,
        (index, name): (&Index, &Name),
        whole: Whole<'_>,
        taken: &mut Taken,
    ) -> Option<Vec<Step>> {
        let keys = index_keys(index, self.physical)?;
        let make = |table: &QualifiedName, name: &Name| match whole {
            Whole::Index => {
                let unique = Sql::trusted(if index.unique { "UNIQUE " } else { "" });
                sql!("CREATE {}INDEX {} ON ONLY {}{}", unique, name, table, keys)
            }
            Whole::Key(constraint, _) => sql!(
                "ALTER TABLE ONLY {} ADD CONSTRAINT {} {}",
                table,
                name,
                Sql::trusted(&constraint.definition)
            ),
        };
        let drop = match whole {
            Whole::Index => sql!("DROP INDEX IF EXISTS {}", beside(self.physical, name)),
            Whole::Key(..) => self.drop_constraint(name),
        };
        let lock =
            if matches!(whole, Whole::Index) { Lock::ShareRowExclusive } else { Lock::AccessExclusive };
        let (mut frame, mut built, mut attached) = (vec![make(self.physical, name)], Vec::new(), Vec::new());
        let mut relations = vec![self.physical.clone()];
        let root = Node {
            standing: live,
            drawn: Some(self.table.physical),
            index: name.clone(),
            drawn_index: Some(&index.name),
        };
        let mut waiting = vec![root];
        while let Some(node) = waiting.pop() {
            let parts = live.partitioning.iter().flat_map(|tree| tree.parts_of(node.standing.id));
            for part in parts {
                let table = &part.table.name;
                let (drawn, drawn_index) = self.drawn_part(&node, table);
                let wanted = drawn_index
                    .cloned()
                    .unwrap_or_else(|| table.name.with_suffix(&format!("_{}", name.as_str())));
                let own = taken.index_in(&table.schema, &wanted, &self.input.draft.name);
                let of = beside(&node.standing.name, &node.index);
                let attach = sql!("ALTER INDEX {} ATTACH PARTITION {}", of, beside(table, &own));
                if part.is_leaf() {
                    let unique = Sql::trusted(if index.unique { "UNIQUE " } else { "" });
                    let statement = sql!("CREATE {}INDEX CONCURRENTLY {} ON {}{}", unique, own, table, keys);
                    built.push(self.index_step_on(table, statement, beside(table, &own)).of_partition());
                    let mut statements = Vec::new();
                    if let Whole::Key(constraint, keyword) = whole {
                        statements.push(super::attach(table, &own, &own, keyword, constraint));
                    }
                    statements.push(attach);
                    let title = format!("take {} into {}", own.as_str(), name.as_str());
                    let step =
                        Step::transaction(title, Lock::AccessExclusive, vec![table.clone()], statements);
                    attached.push(step.undone_by(vec![drop.clone()]).of_partition());
                } else {
                    frame.push(make(table, &own));
                    frame.push(attach);
                    relations.push(table.clone());
                    waiting.push(Node { standing: &part.table, drawn, index: own, drawn_index });
                }
            }
        }
        let title = format!("make {} of {} without its parts", name.as_str(), self.physical.pretty());
        let frame = Step::transaction(title, lock, relations, frame).undone_by(vec![drop]);
        let kind = StepKind::Parts(Parts {
            index: beside(self.physical, name),
            unique: index.unique,
            keys,
            wanted: match whole {
                Whole::Index => WantedPart::Index,
                Whole::Key(constraint, keyword) => WantedPart::Key {
                    keyword: Sql::trusted(keyword),
                    deferrable: Sql::trusted(constraint.deferrable().unwrap_or_default()),
                    definition: Sql::trusted(&constraint.definition),
                },
            },
        });
        let title = format!("see that {} of {} has all its parts", name.as_str(), self.physical.pretty());
        let complete = Step::new(title, kind, Lock::ShareUpdateExclusive, vec![self.physical.clone()]);
        Some([frame].into_iter().chain(built).chain(attached).chain([complete]).collect())
    }

    /// What the draft has for a partition, and its part of the index.
    fn drawn_part<'a>(
        &'a self,
        node: &Node<'a>,
        standing: &QualifiedName,
    ) -> (Option<&'a Table>, Option<&'a Name>) {
        let drawn = self.input.chain.drawn_partition(self.table.physical, standing).map(|part| &part.table);
        let (Some(table), Some(of), Some(_)) = (drawn, node.drawn_index, node.drawn) else {
            return (drawn, None);
        };
        let keys = table.constraints.iter().filter(|key| key.index.is_some());
        let keys = keys.map(|key| (&key.name, &key.part_of));
        let indexes = table.indexes.iter().map(|index| (&index.name, &index.part_of));
        let found = keys.chain(indexes).find(|(_, part_of)| part_of.as_ref() == Some(of));
        (drawn, found.map(|(name, _)| name))
    }

    /// A foreign key that each partition has, valid, already: PostgreSQL takes it as it is.
    pub(super) fn reference_in_parts(
        &self,
        live: &Table,
        name: &Name,
        constraint: &Constraint,
        taken: &Taken,
    ) -> Vec<Step> {
        let definition = &constraint.definition;
        let target = constraint.references.as_ref().and_then(|(id, _)| self.input.physical.table(*id));
        let target = target.map(|table| &table.name);
        let mut steps = Vec::new();
        let relations =
            |table: &QualifiedName| std::iter::once(table.clone()).chain(target.cloned()).collect();
        for store in live.stores() {
            let table = &store.name;
            let name = &taken.of_table(table).take(name, &self.input.draft.name);
            let add =
                sql!("ALTER TABLE {} ADD CONSTRAINT {} {} NOT VALID", table, name, Sql::trusted(definition));
            let drop = sql!("ALTER TABLE IF EXISTS {} DROP CONSTRAINT IF EXISTS {}", table, name);
            let is_partition = *table != live.name;
            let of_partition = |step: Step| if is_partition { step.of_partition() } else { step };
            let title = format!("add constraint {} to {}", name.as_str(), table.pretty());
            steps.push(of_partition(
                Step::transaction(title, Lock::ShareRowExclusive, relations(table), vec![add])
                    .undone_by(vec![drop]),
            ));
            let title = format!("validate constraint {} of {}", name.as_str(), table.pretty());
            let statements = vec![sql!("ALTER TABLE {} VALIDATE CONSTRAINT {}", table, name)];
            steps.push(of_partition(
                Step::new(
                    title,
                    StepKind::Scan { statements },
                    Lock::ShareUpdateExclusive,
                    vec![table.clone()],
                )
                .touching(self.input.chain.size(table)),
            ));
        }
        let whole =
            sql!("ALTER TABLE {} ADD CONSTRAINT {} {}", self.physical, name, Sql::trusted(definition));
        let title = format!("take constraint {} into {}", name.as_str(), self.physical.pretty());
        steps.push(
            Step::transaction(title, Lock::ShareRowExclusive, relations(self.physical), vec![whole])
                .undone_by(vec![self.drop_constraint(name)]),
        );
        steps
    }
}

/// An index is in the schema of its table.
fn beside(table: &QualifiedName, index: &Name) -> QualifiedName {
    QualifiedName::new(table.schema.clone(), index.clone())
}
