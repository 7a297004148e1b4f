//! What keeps tables in shape and is not DDL: `VACUUM`, `ANALYZE`, `CLUSTER`, `REINDEX`, indexes, statistics, comments, grants. PostgreSQL
//! takes none of it on a view, or does it to the view: it is meant for the physical table, with its columns' and indexes' names there.

use std::ops::Range;

use catalog::{
    model::Name,
    snapshot::{Relation, ViewIndex, ViewRelation},
    sql,
    sql::{
        lexer::Token,
        parser::{
            Node, name_parts, nodes,
            raw::{AlterTableType, GrantTargetType, ObjectType, ReindexObjectType},
        },
        walk::walk,
    },
};

use super::{
    analysis::Analysis,
    ddl, indexes,
    names::{self, Position},
};

/// Words of the statements that are looked at here, besides those of DDL.
pub(super) const WORDS: [&str; 9] = [
    "vacuum",
    "analyze",
    "analyse",
    "cluster",
    "reindex",
    "comment",
    "grant",
    "revoke",
    "pg_get_serial_sequence",
];

/// Puts the physical table in the place of a view.
pub(super) fn rewrite<'t>(analysis: &mut Analysis<'t>, statement: Node<'t>) {
    match statement {
        Node::VacuumStmt(vacuum) => vacuum.rels().iter().for_each(|relation| vacuumed(analysis, relation)),
        Node::ClusterStmt(cluster) => clustered(analysis, cluster),
        Node::ReindexStmt(reindex) => match reindex.kind {
            ReindexObjectType::REINDEX_OBJECT_TABLE => {
                table(analysis, reindex.relation());
            }
            ReindexObjectType::REINDEX_OBJECT_INDEX => indexes::named(analysis, reindex.relation()),
            _ => {}
        },
        Node::IndexStmt(create) => create_index(analysis, create),
        Node::CreateStatsStmt(create) => create_statistics(analysis, create),
        Node::AlterTableStmt(alter) if alter.objtype == ObjectType::OBJECT_INDEX => {
            indexes::named(analysis, alter.relation());
        }
        Node::AlterTableStmt(alter) if alter.objtype == ObjectType::OBJECT_TABLE => {
            alter_table(analysis, alter);
        }
        Node::RenameStmt(rename) if rename.rename_type == ObjectType::OBJECT_INDEX => {
            indexes::named(analysis, rename.relation());
        }
        Node::DropStmt(drop) if drop.remove_type == ObjectType::OBJECT_INDEX => {
            indexes::dropped(analysis, drop);
        }
        Node::CommentStmt(comment) => commented(analysis, comment),
        Node::GrantStmt(grant) => granted(analysis, grant),
        Node::CreateStmt(create) => referenced(analysis, create),
        Node::AlterSeqStmt(alter) => {
            if let Some(sequence) = alter.sequence() {
                names::relation(analysis, sequence, Position::Unknown);
            }
        }
        // a view is locked together with its table
        Node::LockStmt(lock) => {
            for relation in lock.relations() {
                if let Node::RangeVar(named) = relation {
                    names::relation(analysis, named, Position::Unknown);
                }
            }
        }
        _ => {}
    }
}

/// The view that `named` means, its name replaced; with the token behind the name.
fn table<'t>(
    analysis: &mut Analysis<'t>,
    named: Option<&'t nodes::RangeVar>,
) -> Option<(&'t ViewRelation, usize)> {
    let named = named?;
    let Some(view) = analysis.view(named) else {
        names::relation(analysis, named, Position::Unknown);
        return None;
    };
    let tokens = analysis.relation_tokens(named)?;
    let end = tokens.end;
    analysis.splice(tokens, physical(view));
    Some((view, end))
}

fn physical(view: &ViewRelation) -> String {
    sql!("{}.{}", view.physical_schema, view.physical_name).to_string()
}

/// Replaces the name of a column where it stands.
fn column(analysis: &mut Analysis<'_>, view: &ViewRelation, at: usize, name: &str) {
    let physical =
        view.columns.iter().find(|(logical, _)| logical.as_str() == name).map(|(_, physical)| physical);
    let tokens = analysis.name_tokens(at, 1).and_then(|parts| parts.first().cloned());
    if let (Some(physical), Some(tokens)) = (physical, tokens)
        && physical.as_str() != name
    {
        analysis.splice(tokens, physical.quoted().to_string());
    }
}

/// The references in an expression over one table only.
fn expression<'t>(analysis: &mut Analysis<'t>, view: &ViewRelation, root: Node<'t>) {
    names::resolve(analysis, root);
    let mut references = Vec::new();
    walk(root, |node| {
        if let Node::ColumnRef(reference) = node {
            references.push(reference);
        }
    });
    for reference in references {
        let parts = name_parts(reference.fields());
        let Some(first) = analysis.token_at(reference.location) else { continue };
        let Some(tokens) = analysis.name_tokens(first, parts.len()) else { continue };
        let (Some(name), Some(last)) = (parts.last(), tokens.last()) else { continue };
        if let Some((_, physical)) = view.columns.iter().find(|(logical, _)| logical.as_str() == *name) {
            // with its qualifier, which would be the view's name
            analysis.splice(first..last.end, physical.quoted().to_string());
        }
    }
}

fn vacuumed<'t>(analysis: &mut Analysis<'t>, relation: &'t nodes::VacuumRelation) {
    let Some((view, end)) = table(analysis, relation.relation()) else { return };
    let open = if analysis.symbol_at(end, b'*') { end + 1 } else { end };
    for (name, at) in name_parts(relation.va_cols()).into_iter().zip(analysis.entries(open)) {
        column(analysis, view, at, name);
    }
}

/// `CLUSTER table USING index`, and as of old `CLUSTER index ON table`.
fn clustered<'t>(analysis: &mut Analysis<'t>, cluster: &'t nodes::ClusterStmt) {
    let Some((view, end)) = table(analysis, cluster.relation()) else { return };
    let Some(found) = cluster.indexname().and_then(|name| view.index(name)) else { return };
    let using = if analysis.word_at(end, "using") { Some(end + 1) } else { None };
    let on = || (0..end).rev().find(|at| analysis.word_at(*at, "on"))?.checked_sub(1);
    if let (Some(at), Some(physical)) = (using.or_else(on), &found.physical_name) {
        analysis.splice(at..at + 1, physical.quoted().to_string());
    }
}

fn create_index<'t>(analysis: &mut Analysis<'t>, create: &'t nodes::IndexStmt) {
    let Some((view, end)) = table(analysis, create.relation()) else { return };
    let open = |analysis: &Analysis<'t>, from: usize| {
        (from..analysis.tokens.len()).find(|at| analysis.symbol_at(*at, b'('))
    };
    let Some(first) = open(analysis, end) else { return };
    for (element, at) in create.index_params().iter().zip(analysis.entries(first)) {
        match element.name() {
            Some(name) => column(analysis, view, at, name),
            None => expression(analysis, view, element.expr()),
        }
    }
    let including = (first..analysis.tokens.len()).find(|at| analysis.word_at(*at, "include"));
    if let Some(second) = including.filter(|_| !create.index_including_params().is_empty()) {
        let entries = analysis.entries(second + 1);
        for (element, at) in create.index_including_params().iter().zip(entries) {
            if let Node::IndexElem(element) = element {
                column(analysis, view, at, element.name().unwrap_or_default());
            }
        }
    }
    expression(analysis, view, create.where_clause());
}

/// `CREATE STATISTICS … ON a, (b || c) FROM table`.
fn create_statistics<'t>(analysis: &mut Analysis<'t>, create: &'t nodes::CreateStatsStmt) {
    if !is_over_tables(analysis) {
        return;
    }
    let named = create.relations().first();
    let Some((view, end)) = table(analysis, named) else { return };
    let Some(on) = (0..end).rev().find(|at| analysis.word_at(*at, "on")) else { return };
    let starts = std::iter::once(on + 1).chain(commas(analysis, on + 1, end).into_iter().map(|at| at + 1));
    let starts: Vec<usize> = starts.collect();
    for (element, at) in create.exprs().iter().zip(starts) {
        let Node::StatsElem(element) = element else { continue };
        match element.name() {
            Some(name) => column(analysis, view, at, name),
            None => expression(analysis, view, element.expr()),
        }
    }
}

/// Whether names only stand behind FROM. The binding takes whatever is there for tables and cannot read anything else; the server refuses it.
fn is_over_tables(analysis: &Analysis<'_>) -> bool {
    phrases(analysis, &["create", "statistics"]).into_iter().all(|start| {
        let mut depth = 0_usize;
        let from = (start..analysis.tokens.len()).find(|at| {
            depth += usize::from(analysis.symbol_at(*at, b'('));
            depth = depth.saturating_sub(usize::from(analysis.symbol_at(*at, b')')));
            depth == 0 && analysis.word_at(*at, "from")
        });
        let behind = from.map_or(analysis.tokens.len(), |from| from + 1)..analysis.tokens.len();
        behind.take_while(|at| !analysis.symbol_at(*at, b';')).all(|at| {
            let joins = ["join", "cross", "natural"].iter().any(|word| analysis.word_at(at, word));
            let is_name = analysis.tokens.get(at).is_some_and(Token::is_name);
            is_name && !joins || analysis.symbol_at(at, b'.') || analysis.symbol_at(at, b',')
        })
    })
}

/// The commas between two tokens that are in no brackets.
fn commas(analysis: &Analysis<'_>, from: usize, to: usize) -> Vec<usize> {
    let mut depth = 0_usize;
    let is_comma = |at: &usize| {
        if analysis.symbol_at(*at, b'(') {
            depth += 1;
        } else if analysis.symbol_at(*at, b')') {
            depth = depth.saturating_sub(1);
        }
        depth == 0 && analysis.symbol_at(*at, b',')
    };
    (from..to).filter(is_comma).collect()
}

/// What [`super::ddl`] lets through: how a table is kept.
fn alter_table<'t>(analysis: &mut Analysis<'t>, alter: &'t nodes::AlterTableStmt) {
    let Some((view, end)) = table(analysis, alter.relation()) else { return };
    let start = if analysis.symbol_at(end, b'*') { end + 1 } else { end };
    let starts = std::iter::once(start)
        .chain(commas(analysis, start, analysis.tokens.len()).into_iter().map(|at| at + 1));
    let starts: Vec<usize> = starts.collect();
    for (command, at) in alter.cmds().iter().zip(starts) {
        let Node::AlterTableCmd(command) = command else { continue };
        let Some(name) = command.name() else { continue };
        match command.subtype {
            AlterTableType::AT_ClusterOn => {
                if let Some(ViewIndex { physical_name: Some(physical), .. }) = view.index(name) {
                    analysis.splice(at + 2..at + 3, physical.quoted().to_string());
                }
            }
            _ => column(analysis, view, at + 1 + usize::from(analysis.word_at(at + 1, "column")), name),
        }
    }
}

/// The tokens behind each occurrence of these words.
pub(super) fn phrases(analysis: &Analysis<'_>, words: &[&str]) -> Vec<usize> {
    (0..analysis.tokens.len())
        .filter(|at| words.iter().enumerate().all(|(offset, word)| analysis.word_at(at + offset, word)))
        .map(|at| at + words.len())
        .collect()
}

/// The tokens at `at`, if they are this name.
pub(super) fn named_at(analysis: &Analysis<'_>, at: usize, parts: &[&str]) -> Option<Range<usize>> {
    let tokens = analysis.name_tokens(at, parts.len())?;
    let same = tokens.iter().zip(parts).all(|(tokens, part)| {
        analysis.tokens.get(tokens.start).and_then(|token| token.name(analysis.text)).as_deref()
            == Some(*part)
    });
    same.then_some(())?;
    Some(tokens.first()?.start..tokens.last()?.end)
}

fn view_by_parts<'t>(analysis: &Analysis<'t>, parts: &[&str]) -> Option<&'t ViewRelation> {
    let relation = match parts {
        [name] => analysis.unqualified(name),
        [schema, name] | [_, schema, name] => analysis.qualified(schema, name),
        _ => None,
    };
    match relation? {
        Relation::View(view) => Some(view),
        Relation::Tombstone | Relation::Moved { .. } => None,
    }
}

/// Comments on tables, their columns, constraints and indexes belong to the physical ones, where the reflections find them.
fn commented<'t>(analysis: &mut Analysis<'t>, comment: &'t nodes::CommentStmt) {
    let Node::NodeList(object) = comment.object() else { return };
    let parts = name_parts(object);
    let (words, table, last): (&[&str], &[&str], Option<&str>) = match (comment.objtype, parts.as_slice()) {
        (ObjectType::OBJECT_TABLE, table) => (&["comment", "on", "table"], table, None),
        (ObjectType::OBJECT_VIEW, view) => (&["comment", "on", "view"], view, None),
        (ObjectType::OBJECT_SEQUENCE, sequence) => (&["comment", "on", "sequence"], sequence, None),
        (ObjectType::OBJECT_COLUMN, [table @ .., column]) => {
            (&["comment", "on", "column"], table, Some(column))
        }
        (ObjectType::OBJECT_TABCONSTRAINT, [table @ .., name]) => {
            (&["comment", "on", "constraint"], table, Some(name))
        }
        (ObjectType::OBJECT_INDEX, [.., name]) => {
            for at in phrases(analysis, &["comment", "on", "index"]) {
                if let Some(tokens) = named_at(analysis, at, &parts) {
                    let schema = parts.len().checked_sub(2).and_then(|before| parts.get(before)).copied();
                    indexes::at(analysis, tokens, schema, name);
                }
            }
            return;
        }
        _ => return,
    };
    let Some(view) = view_by_parts(analysis, table) else {
        return comment_elsewhere(analysis, words, (table, &parts), comment.objtype);
    };
    if comment.objtype == ObjectType::OBJECT_VIEW {
        return ddl::refuse_view(analysis, table.last().copied().unwrap_or_default());
    }
    for at in phrases(analysis, words) {
        if comment.objtype == ObjectType::OBJECT_TABCONSTRAINT {
            let Some(name) = last else { continue };
            let Some(tokens) = named_at(analysis, at + 2, table) else { continue };
            let found = view.constraints.iter().find(|constraint| constraint.name.as_str() == name);
            if let Some(stored) = found.and_then(|constraint| constraint.physical_name.as_ref()) {
                analysis.splice(at..at + 1, stored.quoted().to_string());
                analysis.splice(tokens, physical(view));
            }
        } else if let Some(tokens) = named_at(analysis, at, &parts) {
            let stored =
                last.and_then(|name| view.columns.iter().find(|(logical, _)| logical.as_str() == name));
            match (stored, last) {
                (Some((_, stored)), _) => {
                    analysis.splice(tokens, format!("{}.{}", physical(view), stored.quoted()));
                }
                (None, None) => analysis.splice(tokens, physical(view)),
                // the server says that there is no such column
                (None, Some(_)) => {}
            }
        }
    }
}

/// A comment on what stands in a schema of an edition, under its own name.
fn comment_elsewhere(
    analysis: &mut Analysis<'_>,
    words: &[&str],
    (relation, object): (&[&str], &[&str]),
    kind: ObjectType::Type,
) {
    let [.., schema, name] = relation else { return };
    let Some(Relation::Moved { schema }) = analysis.qualified(schema, name) else { return };
    for at in phrases(analysis, words) {
        // CONSTRAINT name ON relation
        let (at, parts) =
            if kind == ObjectType::OBJECT_TABCONSTRAINT { (at + 2, relation) } else { (at, object) };
        if named_at(analysis, at, parts).is_some()
            && let Some([.., place, _]) = analysis.name_tokens(at, relation.len()).as_deref()
        {
            analysis.splice(place.clone(), schema.quoted().to_string());
        }
    }
}

/// What is granted on the view is granted on the physical table, too: the view asks for the caller's rights there.
fn granted<'t>(analysis: &mut Analysis<'t>, grant: &'t nodes::GrantStmt) {
    let is_on_relations = matches!(grant.objtype, ObjectType::OBJECT_TABLE | ObjectType::OBJECT_SEQUENCE);
    if !is_on_relations || grant.targtype != GrantTargetType::ACL_TARGET_OBJECT {
        return;
    }
    let by_column = grant.privileges().iter().any(|privilege| !privilege.cols().is_empty());
    for named in grant.objects() {
        let Some(view) = analysis.view(named) else {
            names::relation(analysis, named, Position::Unknown);
            continue;
        };
        let Some(tokens) = analysis.relation_tokens(named) else { continue };
        if by_column {
            let verb = if grant.is_grant { "GRANT" } else { "REVOKE" };
            return analysis.refuse(
                "0A000",
                format!("{verb} on columns is not supported on a table that differs between editions"),
                Some("Make the change in a child edition: edition create NAME.".to_owned()),
                Some(tokens.start),
            );
        }
        let last = tokens.end - 1;
        let name = Name::new(named.relname().unwrap_or_default());
        if let Ok(name) = name {
            let both = sql!("{}.{}, {}.{}", view.schema, name, view.physical_schema, view.physical_name);
            analysis.splice(tokens.start..last + 1, both.to_string());
            analysis.claim(tokens.start);
        }
    }
}

/// A temporary table may refer to a table only in vain; PostgreSQL says so.
fn referenced<'t>(analysis: &mut Analysis<'t>, create: &'t nodes::CreateStmt) {
    for element in create.table_elts() {
        match element {
            Node::Constraint(constraint) => drop(table(analysis, constraint.pktable())),
            Node::ColumnDef(column) => {
                for constraint in column.constraints() {
                    if let Node::Constraint(constraint) = constraint {
                        table(analysis, constraint.pktable());
                    }
                }
            }
            _ => {}
        }
    }
}

/// `pg_get_serial_sequence('users', 'id')`: both names are those of the physical table. A duplicate has its numbers from the column that it is one of.
pub(super) fn serial_sequence(analysis: &mut Analysis<'_>, table: (usize, &[String]), column: (usize, &str)) {
    let parts: Vec<&str> = table.1.iter().map(String::as_str).collect();
    let literal = |text: &str| sql!("{}", sql::Literal(text)).to_string();
    let Some(view) = view_by_parts(analysis, &parts) else {
        if let [schema, name] = parts.as_slice()
            && let Some(Relation::Moved { schema }) = analysis.qualified(schema, name)
            && let Ok(name) = Name::new(*name)
        {
            analysis.splice(table.0..table.0 + 1, literal(sql!("{}.{}", schema, name).as_str()));
        }
        return;
    };
    let Some((_, stored)) = view.columns.iter().find(|(logical, _)| logical.as_str() == column.1) else {
        return;
    };
    let is_duplicate = stored.as_str().strip_prefix(column.1).is_some_and(|rest| rest.starts_with('$'));
    let counted = if is_duplicate { column.1 } else { stored.as_str() };
    analysis.splice(table.0..table.0 + 1, literal(&physical(view)));
    analysis.splice(column.0..column.0 + 1, literal(counted));
}
