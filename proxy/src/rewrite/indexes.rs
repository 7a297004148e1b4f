//! Indexes by their names: in REINDEX, ALTER, DROP, COMMENT, and as a `regclass`. PostgreSQL knows those of the stored table, which stand where it does.

use std::ops::Range;

use catalog::{
    model::{Name, QualifiedName},
    snapshot::{Relation, ViewIndex},
    sql,
    sql::parser::{Node, name_parts, nodes},
};

use super::{
    analysis::Analysis,
    maintenance::{named_at, phrases},
};

/// An index by its name: that of the edition becomes the physical one.
pub(super) fn named(analysis: &mut Analysis<'_>, named: Option<&nodes::RangeVar>) {
    let Some(named) = named else { return };
    let name = named.relname().unwrap_or_default();
    if let Some(tokens) = analysis.relation_tokens(named) {
        at(analysis, tokens, named.schemaname(), name);
    }
}

/// The same for one whose name stands at these tokens.
pub(super) fn at(analysis: &mut Analysis<'_>, tokens: Range<usize>, schema: Option<&str>, name: &str) {
    if let Some(stored) = stored(analysis, schema, name) {
        analysis.splice(tokens, sql!("{}", stored).to_string());
    }
}

/// Where the index stands that the edition knows by this name, unless the name itself leads there.
pub(super) fn stored(analysis: &Analysis<'_>, schema: Option<&str>, name: &str) -> Option<QualifiedName> {
    if let Some(schema) = schema
        && let Some(Relation::Moved { schema }) = analysis.qualified(schema, name)
    {
        return Some(QualifiedName::new(schema.clone(), Name::new(name).ok()?));
    }
    let found = analysis.edition.names.relations.iter().filter_map(|((in_schema, _), relation)| {
        let Relation::View(view) = relation else { return None };
        Some((in_schema, view, view.index(name)?))
    });
    let mut found = found.peekable();
    // Where the session looks counts only if there is any.
    found.peek()?;
    let place = match schema {
        Some(schema) => Name::new(schema).ok()?,
        None => analysis.home().filter(|_| !analysis.is_temporary(name))?.schema,
    };
    let (_, view, index) = found.find(|(in_schema, ..)| **in_schema == place)?;
    let ViewIndex { physical_name: Some(physical), .. } = index else { return None };
    let stands_elsewhere =
        physical.as_str() != name || schema.is_some_and(|schema| schema != view.physical_schema.as_str());
    stands_elsewhere.then(|| QualifiedName::new(view.physical_schema.clone(), physical.clone()))
}

/// The parser does not say where the names stand; they follow the words of the statement.
pub(super) fn dropped<'t>(analysis: &mut Analysis<'t>, drop: &'t nodes::DropStmt) {
    let named = drop.objects().iter().filter_map(|object| match object {
        Node::NodeList(list) => Some(name_parts(list)),
        _ => None,
    });
    let named: Vec<Vec<&str>> = named.collect();
    for start in phrases(analysis, &["drop", "index"]) {
        let mut at = start;
        for word in ["concurrently", "if", "exists"] {
            at += usize::from(analysis.word_at(at, word));
        }
        for parts in &named {
            let Some(tokens) = named_at(analysis, at, parts) else { break };
            at = tokens.end + 1;
            if let [.., name] = parts.as_slice() {
                let schema = parts.len().checked_sub(2).and_then(|before| parts.get(before)).copied();
                self::at(analysis, tokens, schema, name);
            }
        }
    }
}
