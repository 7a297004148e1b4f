//! From the parse tree to [`Scopes`]. Without recursion, so that no text can exhaust the stack, and with caps, so that no text
//! can make the questions that are asked afterwards expensive.

use catalog::{
    snapshot::Relation,
    sql::{
        parser::{
            Node, name_parts, nodes,
            raw::{MergeMatchKind, SetOperation},
        },
        walk::children,
    },
};

use super::{
    super::analysis::Analysis, Item, ItemId, Level, LevelId, Place, Reference, Role, Scopes, Source,
    Statement, outputs::output_names,
};

/// What has more levels, items or references is not looked into.
const LEVELS_MAX: usize = 200;
const ITEMS_MAX: usize = 500;
const REFERENCES_MAX: usize = 5_000;

/// A CTE whose name hides one of the edition's.
struct Cte<'t> {
    name: &'t str,
    outer: Option<usize>,
}

/// Something that is still to be looked at, and what it sees.
struct Task<'t> {
    node: Node<'t>,
    level: Option<LevelId>,
    cte: Option<usize>,
    place: Place,
}

struct Builder<'a, 't> {
    analysis: &'a Analysis<'t>,
    scopes: Scopes<'t>,
    ctes: Vec<Cte<'t>>,
    tasks: Vec<Task<'t>>,
}

/// The scopes of `statement`; `None` if it has too many.
pub(in super::super) fn build<'t>(analysis: &Analysis<'t>, statement: Node<'t>) -> Option<Scopes<'t>> {
    let mut builder = Builder { analysis, scopes: Scopes::default(), ctes: Vec::new(), tasks: Vec::new() };
    builder.task(statement, None, None, Place::Value);
    while let Some(task) = builder.tasks.pop() {
        builder.look_at(&task);
        let Scopes { levels, items, references, .. } = &builder.scopes;
        if levels.len() > LEVELS_MAX || items.len() > ITEMS_MAX || references.len() > REFERENCES_MAX {
            return None;
        }
    }
    Some(builder.scopes)
}

impl<'t> Builder<'_, 't> {
    fn task(&mut self, node: impl Into<Node<'t>>, level: Option<LevelId>, cte: Option<usize>, place: Place) {
        let node = node.into();
        if !matches!(node, Node::None) {
            self.tasks.push(Task { node, level, cte, place });
        }
    }

    fn look_at(&mut self, task: &Task<'t>) {
        let Task { node, level, cte, place } = *task;
        match node {
            Node::SelectStmt(select) => self.select(select, level, cte),
            Node::InsertStmt(insert) => self.insert(insert, level, cte),
            Node::UpdateStmt(update) => self.update(update, level, cte),
            Node::DeleteStmt(delete) => self.delete(delete, level, cte),
            Node::MergeStmt(merge) => self.merge(merge, level, cte),
            Node::ColumnRef(column) => {
                if let Some(level) = level {
                    self.scopes.references.push(Reference { column, level, place });
                }
            }
            Node::A_Indirection(indirection) => {
                self.task(indirection.arg(), level, cte, Place::Value);
                for part in indirection.indirection() {
                    self.task(part, level, cte, Place::Value);
                }
            }
            Node::RowExpr(row) => {
                for entry in row.args() {
                    self.task(entry, level, cte, Place::Listed);
                }
            }
            // values are lists of lists
            Node::NodeList(list) => {
                for entry in list {
                    self.task(entry, level, cte, place);
                }
            }
            Node::GroupingSet(set) => {
                for entry in set.content() {
                    self.task(entry, level, cte, Place::Grouped);
                }
            }
            node => {
                let mut below = Vec::new();
                children(node, &mut |child| below.push(child));
                for child in below {
                    self.task(child, level, cte, if place == Place::Arbiter { place } else { Place::Value });
                }
            }
        }
    }

    fn open(&mut self, outer: Option<LevelId>, statement: Statement<'t>) -> LevelId {
        let level = Level { outer, items: Vec::new(), statement, natural: false, merged: Vec::new() };
        self.scopes.levels.push(level);
        self.scopes.levels.len() - 1
    }

    /// The queries of the CTEs, and what is visible behind them.
    fn with(
        &mut self,
        with: Option<&'t nodes::WithClause>,
        level: Option<LevelId>,
        outer: Option<usize>,
    ) -> Option<usize> {
        let Some(with) = with else { return outer };
        let mut visible = outer;
        let mut queries = Vec::new();
        for cte in with.ctes() {
            queries.push((cte, visible));
            if let Some(name) = cte.ctename().filter(|name| self.analysis.unqualified(name).is_some()) {
                self.ctes.push(Cte { name, outer: visible });
                visible = Some(self.ctes.len() - 1);
            }
        }
        for (cte, earlier) in queries {
            // with RECURSIVE each sees all
            self.task(cte.ctequery(), level, if with.recursive { visible } else { earlier }, Place::Value);
        }
        visible
    }

    fn select(&mut self, select: &'t nodes::SelectStmt, outer: Option<LevelId>, cte: Option<usize>) {
        let cte = self.with(select.with_clause(), outer, cte);
        if select.op != SetOperation::SETOP_NONE {
            // ORDER BY of a set operation names its output columns only
            for part in [select.larg(), select.rarg()].into_iter().flatten() {
                self.task(part, outer, cte, Place::Value);
            }
            self.task(select.limit_count(), outer, cte, Place::Value);
            self.task(select.limit_offset(), outer, cte, Place::Value);
            return;
        }
        let level = self.open(outer, Statement::Select(select));
        self.from(select.from_clause(), level, cte);
        for target in select.target_list() {
            self.output(target, level, cte);
        }
        let here = Some(level);
        for (list, place) in [
            (select.distinct_clause(), Place::Sorted),
            (select.group_clause(), Place::Grouped),
            (select.window_clause(), Place::Value),
            (select.values_lists(), Place::Listed),
        ] {
            for node in list {
                self.task(node, here, cte, place);
            }
        }
        for sort in select.sort_clause() {
            self.task(sort.node(), here, cte, Place::Sorted);
        }
        for node in
            [select.where_clause(), select.having_clause(), select.limit_count(), select.limit_offset()]
        {
            self.task(node, here, cte, Place::Value);
        }
    }

    fn output(&mut self, target: &'t nodes::ResTarget, level: LevelId, cte: Option<usize>) {
        if target.name().is_none() {
            self.scopes.unnamed_outputs.push(target);
        }
        self.task(target.val(), Some(level), cte, Place::Output);
    }

    fn insert(&mut self, insert: &'t nodes::InsertStmt, outer: Option<LevelId>, cte: Option<usize>) {
        let cte = self.with(insert.with_clause(), outer, cte);
        // the rows that are inserted do not see the table
        self.task(insert.select_stmt(), outer, cte, Place::Value);
        let level = self.open(outer, Statement::Insert(insert));
        let target = self.target(insert.relation(), level);
        if let Some(conflict) = insert.on_conflict_clause() {
            self.other_name("excluded", target, level);
            if let Some(infer) = conflict.infer() {
                for element in infer.index_elems() {
                    self.task(element, Some(level), cte, Place::Arbiter);
                }
                self.task(infer.where_clause(), Some(level), cte, Place::Arbiter);
            }
            self.assignments(conflict.target_list(), level, cte);
            self.task(conflict.where_clause(), Some(level), cte, Place::Value);
        }
        self.returning(insert.returning_clause(), target, level, cte);
    }

    fn update(&mut self, update: &'t nodes::UpdateStmt, outer: Option<LevelId>, cte: Option<usize>) {
        let cte = self.with(update.with_clause(), outer, cte);
        let level = self.open(outer, Statement::Update(update));
        let target = self.target(update.relation(), level);
        self.from(update.from_clause(), level, cte);
        self.assignments(update.target_list(), level, cte);
        self.task(update.where_clause(), Some(level), cte, Place::Value);
        self.returning(update.returning_clause(), target, level, cte);
    }

    fn delete(&mut self, delete: &'t nodes::DeleteStmt, outer: Option<LevelId>, cte: Option<usize>) {
        let cte = self.with(delete.with_clause(), outer, cte);
        let level = self.open(outer, Statement::Delete(delete));
        let target = self.target(delete.relation(), level);
        self.from(delete.using_clause(), level, cte);
        self.task(delete.where_clause(), Some(level), cte, Place::Value);
        self.returning(delete.returning_clause(), target, level, cte);
    }

    fn merge(&mut self, merge: &'t nodes::MergeStmt, outer: Option<LevelId>, cte: Option<usize>) {
        let cte = self.with(merge.with_clause(), outer, cte);
        let level = self.open(outer, Statement::Merge(merge));
        let target = self.target(merge.relation(), level);
        self.from([merge.source_relation()], level, cte);
        self.task(merge.join_condition(), Some(level), cte, Place::Value);
        let source = self.without(target, level);
        for when in merge.merge_when_clauses() {
            // where nothing matches there is no row of the target
            let inserts = when.match_kind == MergeMatchKind::MERGE_WHEN_NOT_MATCHED_BY_TARGET;
            let level = source.filter(|_| inserts).unwrap_or(level);
            self.task(when.condition(), Some(level), cte, Place::Value);
            for node in when.target_list() {
                if let Node::ResTarget(assigned) = node {
                    self.assigned(assigned, level, cte);
                }
            }
            for value in when.values() {
                self.task(value, Some(level), cte, Place::Value);
            }
        }
        self.returning(merge.returning_clause(), target, level, cte);
    }

    /// A level that sees what `level` sees, but not `hidden`.
    fn without(&mut self, hidden: ItemId, level: LevelId) -> Option<LevelId> {
        let Level { outer, items, statement, natural, merged } = self.scopes.levels.get(level)?;
        let items = items.iter().copied().filter(|id| *id != hidden).collect();
        let level =
            Level { outer: *outer, items, statement: *statement, natural: *natural, merged: merged.clone() };
        self.scopes.levels.push(level);
        Some(self.scopes.levels.len() - 1)
    }

    fn assignments(
        &mut self,
        list: impl IntoIterator<Item = &'t nodes::ResTarget>,
        level: LevelId,
        cte: Option<usize>,
    ) {
        for assigned in list {
            for part in assigned.indirection() {
                self.task(part, Some(level), cte, Place::Value);
            }
            self.assigned(assigned, level, cte);
        }
    }

    fn assigned(&mut self, target: &'t nodes::ResTarget, level: LevelId, cte: Option<usize>) {
        match target.val() {
            // `(a, b) = (SELECT …)`: one source for all of them
            Node::MultiAssignRef(reference) if reference.colno > 1 => {}
            value => self.task(value, Some(level), cte, Place::Value),
        }
    }

    fn returning(
        &mut self,
        returning: Option<&'t nodes::ReturningClause>,
        target: ItemId,
        level: LevelId,
        cte: Option<usize>,
    ) {
        let Some(returning) = returning else { return };
        for name in ["old", "new"] {
            self.other_name(name, target, level);
        }
        for option in returning.options() {
            if let Some(name) = option.value() {
                self.other_name(name, target, level);
            }
        }
        for node in returning.exprs() {
            if let Node::ResTarget(output) = node {
                self.output(output, level, cte);
            }
        }
    }

    /// The relation that a statement writes. A CTE cannot be written.
    fn target(&mut self, named: Option<&'t nodes::RangeVar>, level: LevelId) -> ItemId {
        match named {
            Some(named) => self.relation(named, level, None, Role::Written, false),
            None => self.item(level, None, Source::Other, None, false),
        }
    }

    /// Another name for what is written, unless something is called so already.
    fn other_name(&mut self, name: &'t str, target: ItemId, level: LevelId) {
        let taken = |id: &ItemId| self.scopes.items.get(*id).is_some_and(|item| item.name == Some(name));
        if self.scopes.levels.get(level).is_some_and(|level| level.items.iter().any(taken)) {
            return;
        }
        let columns = self.scopes.items.get(target).and_then(|item| item.columns.clone());
        let id = self.item(level, Some(name), Source::Written(target), columns, false);
        if let Some(item) = self.scopes.items.get_mut(id) {
            item.only_qualified = true;
        }
    }

    fn item(
        &mut self,
        level: LevelId,
        name: Option<&'t str>,
        source: Source<'t>,
        columns: Option<Vec<String>>,
        in_named_join: bool,
    ) -> ItemId {
        let item = Item { level, name, source, columns, only_qualified: false, in_named_join };
        self.scopes.items.push(item);
        let id = self.scopes.items.len() - 1;
        if let Some(level) = self.scopes.levels.get_mut(level) {
            level.items.push(id);
        }
        id
    }

    fn relation(
        &mut self,
        named: &'t nodes::RangeVar,
        level: LevelId,
        cte: Option<usize>,
        role: Role,
        in_named_join: bool,
    ) -> ItemId {
        let name = named.alias().map_or(named.relname(), nodes::Alias::aliasname);
        let found = self.analysis.relation(named).filter(|_| !self.is_cte(named, cte));
        let Some(Relation::View(view)) = found else {
            return self.item(level, name, Source::Other, None, in_named_join);
        };
        let logical = view.columns.iter().map(|(logical, _)| logical.as_str().to_owned()).collect();
        let columns = renamed(logical, named.alias());
        self.item(level, name, Source::View { view, named, role }, Some(columns), in_named_join)
    }

    fn is_cte(&self, named: &nodes::RangeVar, mut cte: Option<usize>) -> bool {
        while let Some(visible) =
            cte.and_then(|at| self.ctes.get(at)).filter(|_| named.schemaname().is_none())
        {
            if Some(visible.name) == named.relname() {
                return true;
            }
            cte = visible.outer;
        }
        false
    }

    /// Everything in a FROM clause, from left to right.
    fn from(&mut self, clause: impl IntoIterator<Item = Node<'t>>, level: LevelId, cte: Option<usize>) {
        let mut stack: Vec<(Node<'t>, bool)> = clause.into_iter().map(|node| (node, false)).collect();
        stack.reverse();
        let outer = self.scopes.levels.get(level).and_then(|level| level.outer);
        while let Some((node, in_named_join)) = stack.pop() {
            match node {
                Node::RangeVar(named) => {
                    self.relation(named, level, cte, Role::Read, in_named_join);
                }
                Node::RangeTableSample(sample) => {
                    if let Node::RangeVar(named) = sample.relation() {
                        self.relation(named, level, cte, Role::Sampled, in_named_join);
                    }
                    for argument in sample.args() {
                        self.task(argument, Some(level), cte, Place::Value);
                    }
                    self.task(sample.repeatable(), Some(level), cte, Place::Value);
                }
                Node::JoinExpr(join) => {
                    self.join(join, level, cte, in_named_join);
                    let inside = in_named_join || join.alias().is_some();
                    stack.extend([(join.rarg(), inside), (join.larg(), inside)]);
                }
                Node::RangeSubselect(range) => {
                    let columns = output_names(range.subquery()).map(|names| renamed(names, range.alias()));
                    let name = range.alias().and_then(nodes::Alias::aliasname);
                    self.item(level, name, Source::Other, columns, in_named_join);
                    self.task(
                        range.subquery(),
                        if range.lateral { Some(level) } else { outer },
                        cte,
                        Place::Value,
                    );
                }
                node => {
                    self.item(level, row_source_name(node), Source::Other, None, in_named_join);
                    self.task(node, Some(level), cte, Place::Value);
                }
            }
        }
    }

    fn join(&mut self, join: &'t nodes::JoinExpr, level: LevelId, cte: Option<usize>, in_named_join: bool) {
        if let Some(alias) = join.alias() {
            self.item(level, alias.aliasname(), Source::Other, None, in_named_join);
        }
        let merged: Vec<&str> = join.using_clause().iter().filter_map(nodes::String::sval).collect();
        if let Some(alias) = join.join_using_alias() {
            let columns = merged.iter().map(|name| (*name).to_owned()).collect();
            let id = self.item(level, alias.aliasname(), Source::Other, Some(columns), in_named_join);
            if let Some(item) = self.scopes.items.get_mut(id) {
                item.only_qualified = true;
            }
        }
        if let Some(level) = self.scopes.levels.get_mut(level) {
            level.natural |= join.is_natural;
            level.merged.extend(merged);
        }
        self.task(join.quals(), Some(level), cte, Place::Value);
    }
}

/// What an alias makes of the names of columns: it may rename the first of them.
fn renamed(mut columns: Vec<String>, alias: Option<&nodes::Alias>) -> Vec<String> {
    let names = alias.map(|alias| name_parts(alias.colnames())).unwrap_or_default();
    for (column, name) in columns.iter_mut().zip(names) {
        name.clone_into(column);
    }
    columns
}

/// The name of a function, JSON_TABLE or XMLTABLE in FROM.
fn row_source_name(node: Node<'_>) -> Option<&str> {
    let alias = match node {
        Node::RangeFunction(range) => range.alias(),
        Node::RangeTableFunc(range) => range.alias(),
        Node::JsonTable(range) => range.alias(),
        _ => None,
    };
    alias.and_then(nodes::Alias::aliasname)
}
