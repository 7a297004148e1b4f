//! `GROUP BY c.oid` in queries of the catalogues: by a catalogue's key PostgreSQL knows its other columns, by that of a reflection, which is a view, it does not. Those that
//! the query uses join the list, which makes no more groups of it, since the key is unique.

use std::collections::{BTreeSet, HashMap, HashSet};

use catalog::{
    model::Name,
    sql,
    sql::{
        join,
        parser::{Node, nodes},
        walk::walk,
    },
};

use super::{
    analysis::Analysis,
    introspection,
    scope::{self, ItemId, Level, LevelId, Meaning, Place, Reference, Scopes, Shape, Statement, has_output},
};

/// The catalogues with a key of one column, and how the names of their other columns begin.
const CATALOGUES: [(&str, &str, &str); 12] = [
    ("pg_class", "oid", "rel"),
    ("pg_type", "oid", "typ"),
    ("pg_constraint", "oid", "con"),
    ("pg_proc", "oid", "pro"),
    ("pg_namespace", "oid", "nsp"),
    ("pg_trigger", "oid", "tg"),
    ("pg_attrdef", "oid", "ad"),
    ("pg_policy", "oid", "pol"),
    ("pg_rewrite", "oid", "ev_"),
    ("pg_enum", "oid", "enum"),
    ("pg_index", "indexrelid", "ind"),
    ("pg_sequence", "seqrelid", "seq"),
];

/// Columns that nothing can be grouped by: of a type without equality.
const NOT_GROUPED: [&str; 14] = [
    "adbin",
    "conbin",
    "indexprs",
    "indpred",
    "relpartbound",
    "proargdefaults",
    "prosqlbody",
    "polqual",
    "polwithcheck",
    "tgqual",
    "ev_qual",
    "ev_action",
    "typdefaultbin",
    "attmissingval",
];

/// A reflected catalogue that stands in FROM.
#[derive(Clone, Copy)]
struct Catalogue<'t> {
    item: ItemId,
    /// What its columns are qualified by.
    name: &'t str,
    key: &'static str,
    prefix: &'static str,
}

/// Completes the lists of GROUP BY in a statement that is led to the reflections.
pub(super) fn rewrite<'t>(analysis: &mut Analysis<'t>, statement: Node<'t>) {
    let groups = || analysis.statement_tokens().any(|at| analysis.word_at(at, "group"));
    if analysis.snapshot.reflected.is_empty() || !groups() || !introspection::is_led(statement) {
        return;
    }
    let Some(scopes) = scope::build(analysis, statement) else { return };
    let mut ctes = HashSet::new();
    walk(statement, |node| {
        if let Node::CommonTableExpr(cte) = node {
            ctes.extend(cte.ctename());
        }
    });
    for (id, level) in scopes.levels.iter().enumerate() {
        let Statement::Select(select) = level.statement else { continue };
        // in one of several grouping sets the other columns do not follow
        if select.group_clause().is_empty()
            || select.group_clause().iter().any(|entry| matches!(entry, Node::GroupingSet(_)))
        {
            continue;
        }
        let catalogues = catalogues(analysis, &scopes, level, select, &ctes);
        for (catalogue, token) in grouped(analysis, &scopes, id, &catalogues) {
            let columns = used(&scopes, select, catalogue, &catalogues);
            let Ok(name) = Name::new(catalogue.name) else { continue };
            let columns: Vec<_> = columns.iter().filter_map(|column| Name::new(*column).ok()).collect();
            if let (false, Some(written)) = (columns.is_empty(), analysis.written(token)) {
                let list = join(columns.iter().map(|column| sql!("{}.{}", name, column)), ", ");
                analysis.splice(token..token + 1, format!("{written}, {}", list.as_str()));
            }
        }
    }
}

fn catalogues<'t>(
    analysis: &Analysis<'t>,
    scopes: &Scopes<'t>,
    level: &Level<'t>,
    select: &'t nodes::SelectStmt,
    ctes: &HashSet<&str>,
) -> Vec<Catalogue<'t>> {
    let mut stack: Vec<Node<'t>> = select.from_clause().iter().collect();
    let mut found = Vec::new();
    while let Some(node) = stack.pop() {
        match node {
            Node::JoinExpr(join) if join.alias().is_none() => stack.extend([join.larg(), join.rarg()]),
            Node::RangeVar(named) => {
                let relation = named.relname().unwrap_or_default();
                let known = CATALOGUES.iter().find(|(catalogue, ..)| *catalogue == relation);
                let alias = named.alias();
                let name = alias.map_or(Some(relation), nodes::Alias::aliasname);
                let item = scopes.items_of(level).find(|(_, item)| item.name == name).map(|(id, _)| id);
                let is_renamed = alias.is_some_and(|alias| !alias.colnames().is_empty());
                let is_hidden = named.schemaname().is_none() && ctes.contains(relation);
                if let (Some((_, key, prefix)), Some(name), Some(item)) = (known, name, item)
                    && introspection::is_reflection(analysis, named)
                    && !is_renamed
                    && !is_hidden
                {
                    found.push(Catalogue { item, name, key, prefix });
                }
            }
            _ => {}
        }
    }
    found
}

/// The catalogues by whose key a level groups, each with the last token of that.
fn grouped<'t>(
    analysis: &Analysis<'t>,
    scopes: &Scopes<'t>,
    level: LevelId,
    catalogues: &[Catalogue<'t>],
) -> Vec<(Catalogue<'t>, usize)> {
    let mut found: HashMap<ItemId, (Catalogue<'t>, usize)> = HashMap::new();
    let entries = scopes
        .references
        .iter()
        .filter(|reference| reference.level == level && reference.place == Place::Grouped);
    for reference in entries {
        let Some((item, column)) = meant(scopes, reference, catalogues) else { continue };
        let catalogue = catalogues.iter().find(|catalogue| catalogue.item == item && catalogue.key == column);
        let last = analysis
            .token_at(reference.column.location)
            .and_then(|first| analysis.name_tokens(first, reference.column.fields().len()))
            .and_then(|parts| parts.last()?.end.checked_sub(1));
        if let (Some(catalogue), Some(last)) = (catalogue, last) {
            found.insert(item, (*catalogue, last));
        }
    }
    found.into_values().collect()
}

/// The other columns of a catalogue that the query, or one within it, names.
fn used<'t>(
    scopes: &Scopes<'t>,
    select: &nodes::SelectStmt,
    catalogue: Catalogue<'t>,
    catalogues: &[Catalogue<'t>],
) -> BTreeSet<&'t str> {
    let of_outputs = |reference: &Reference<'t>| {
        let Some(Shape::Name(name)) = Shape::of(reference.column) else { return false };
        matches!(reference.place, Place::Sorted | Place::Grouped) && has_output(select, name)
    };
    let references = scopes.references.iter().filter(|reference| !of_outputs(reference));
    let columns = references
        .filter_map(|reference| meant(scopes, reference, catalogues))
        .filter(|(item, column)| *item == catalogue.item && *column != catalogue.key);
    columns.map(|(_, column)| column).filter(|column| !NOT_GROUPED.contains(column)).collect()
}

/// Which item a reference is of, and which of its columns. A bare name that several may have is that of the catalogue whose names begin so.
fn meant<'t>(
    scopes: &Scopes<'t>,
    reference: &Reference<'t>,
    catalogues: &[Catalogue<'t>],
) -> Option<(ItemId, &'t str)> {
    match Shape::of(reference.column)? {
        Shape::Qualified(qualifier, column) | Shape::Table(_, qualifier, column) => {
            Some((scopes.qualifier(reference.level, qualifier)?, column))
        }
        Shape::Name(column) => {
            let item = match scopes.column(reference.level, column) {
                Meaning::Item(item) => item,
                Meaning::Unknown => {
                    let mut of_prefix =
                        catalogues.iter().filter(|catalogue| column.starts_with(catalogue.prefix));
                    let only = of_prefix.next().filter(|_| of_prefix.next().is_none())?;
                    only.item
                }
                Meaning::Nothing => return None,
            };
            Some((item, column))
        }
        _ => None,
    }
}
