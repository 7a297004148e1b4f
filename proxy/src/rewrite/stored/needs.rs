//! Which views of a statement must be read or written in their stored form.

use catalog::{
    model::Name,
    snapshot::ViewConstraintKind,
    sql::{
        lexer::TokenKind,
        parser::{Node, name_parts, nodes},
        walk::walk,
    },
};

use super::{
    super::{
        analysis::Analysis,
        scope::{
            Item, ItemId, Level, LevelId, Meaning, Place, Role, Scopes, Shape, Source, Statement, has_output,
            is_system_column,
        },
    },
    conflict,
};

/// The first PostgreSQL that takes MERGE on a view.
const MERGE_ON_VIEWS: u32 = 170_000;

/// Whether an item must be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// The view will do.
    None,
    /// The view may do.
    Possible,
    /// The view will not do.
    Certain,
}

/// Words without which no statement needs a stored form.
pub(in super::super) const WORDS: [&str; 13] = [
    "default",
    "ctid",
    "xmin",
    "xmax",
    "cmin",
    "cmax",
    "tableoid",
    "group",
    "tablesample",
    "current",
    "merge",
    "constraint",
    "explain",
];

/// A cheap look before the scopes are built.
pub(super) fn may_have_any(analysis: &Analysis<'_>, statement: Node<'_>) -> bool {
    outlives_views(statement)
        || analysis.statement_tokens().filter_map(|at| analysis.tokens.get(at)).any(|token| {
            match token.kind {
                TokenKind::Word | TokenKind::Quoted => {
                    let name = analysis.text.get(token.range()).unwrap_or_default().trim_matches('"');
                    WORDS.iter().any(|word| name.eq_ignore_ascii_case(word))
                }
                TokenKind::UnicodeQuoted => true,
                _ => false,
            }
        })
}

/// Whether the statement makes a view, temporary or in a schema that is not editioned: bound to an editioning view, it would keep that from being
/// dropped.
fn outlives_views(statement: Node<'_>) -> bool {
    matches!(statement, Node::ViewStmt(_))
}

/// For each item what it needs.
pub(super) fn find<'t>(analysis: &Analysis<'t>, scopes: &Scopes<'t>, statement: Node<'t>) -> Vec<Need> {
    // a plan shows names of columns, and aliases
    let by_nature = matches!(statement, Node::ExplainStmt(_)) || outlives_views(statement);
    let mut needs = vec![Need::None; scopes.items.len()];
    let mut raise = |id: ItemId, need: Need| {
        if let Some(known) = needs.get_mut(id) {
            *known = need.max(*known);
        }
    };
    for reference in &scopes.references {
        match Shape::of(reference.column) {
            Some(Shape::Name(name)) if is_system_column(name) && reference.place != Place::Arbiter => {
                unqualified(scopes, reference.level, name, &mut raise);
            }
            Some(Shape::Qualified(qualifier, name)) if is_system_column(name) => {
                if let Some(id) = scopes.qualifier(reference.level, qualifier) {
                    raise(written(scopes, id), Need::Certain);
                }
            }
            Some(Shape::Table(_, table, name)) if is_system_column(name) => {
                if let Some(id) = scopes.qualifier(reference.level, table) {
                    raise(id, Need::Certain);
                }
            }
            _ => {}
        }
    }
    for level in &scopes.levels {
        let (whole, need) = match level.statement {
            Statement::Select(select) => (!select.group_clause().is_empty(), Need::Possible),
            Statement::Update(update) => {
                let by_cursor = is_current_of(update.where_clause());
                (by_cursor || assigns_default(scopes, level, update.target_list()), Need::Certain)
            }
            Statement::Delete(delete) => (is_current_of(delete.where_clause()), Need::Certain),
            Statement::Merge(merge) => {
                let updates = merge.merge_when_clauses().iter().filter(|when| when.values().is_empty());
                let by_default =
                    updates.flat_map(nodes::MergeWhenClause::target_list).filter_map(|node| match node {
                        Node::ResTarget(target) => Some(target),
                        _ => None,
                    });
                let cannot = analysis.snapshot.server_version < MERGE_ON_VIEWS;
                (cannot || assigns_default(scopes, level, by_default), Need::Certain)
            }
            Statement::Insert(insert) => {
                let by_exclusion = conflict::is_by_exclusion(scopes, level, insert);
                let updated =
                    insert.on_conflict_clause().into_iter().flat_map(nodes::OnConflictClause::target_list);
                (by_exclusion || assigns_default(scopes, level, updated), Need::Certain)
            }
        };
        for (id, item) in scopes.items_of(level).filter(|_| whole) {
            let needed = match level.statement {
                Statement::Select(select) => may_group_by_key(select, item),
                _ => is_view(item, |role| role == Role::Written),
            };
            if needed {
                raise(id, need);
            }
        }
    }
    for (id, item) in scopes.items.iter().enumerate() {
        if is_view(item, |role| role == Role::Sampled) {
            raise(id, Need::Certain);
        } else if by_nature {
            raise(id, Need::Possible);
        }
    }
    // what is not a view needs nothing
    for (need, item) in needs.iter_mut().zip(&scopes.items) {
        if !is_view(item, |_| true) {
            *need = Need::None;
        }
    }
    needs
}

/// A system column without a qualifier is of any table of the innermost level that has one. Whether what is not a view of ours is a
/// table is not known, so the search goes on behind it.
fn unqualified(scopes: &Scopes<'_>, level: LevelId, name: &str, raise: &mut impl FnMut(ItemId, Need)) {
    // a sub-select may put it out under its name
    if let Meaning::Item(id) = scopes.column(level, name)
        && scopes.items.get(id).is_some_and(|item| item.has_column(name))
    {
        return;
    }
    for level in scopes.chain(level) {
        let mut found = false;
        for (id, item) in scopes.items_of(level).filter(|(_, item)| !item.only_qualified) {
            if is_view(item, |_| true) {
                raise(id, Need::Certain);
                found = true;
            }
        }
        if found {
            return;
        }
    }
}

/// Whether a column is set to DEFAULT: of a view PostgreSQL takes the view's own default there, and without one NULL.
fn assigns_default<'t>(
    scopes: &Scopes<'t>,
    level: &Level<'t>,
    assigned: impl IntoIterator<Item = &'t nodes::ResTarget>,
) -> bool {
    let Some(Source::View { view, .. }) =
        level.items.first().and_then(|id| scopes.items.get(*id)).map(|item| item.source)
    else {
        return false;
    };
    assigned.into_iter().any(|target| {
        let is_known = view.view_defaults.iter().any(|column| Some(column.as_str()) == target.name());
        let mut by_default = false;
        walk(target.val(), |node| by_default |= matches!(node, Node::SetToDefault(_)));
        by_default && !is_known
    })
}

/// Whether the columns of an item may follow from what a query groups by: if that holds all of its primary key.
fn may_group_by_key(select: &nodes::SelectStmt, item: &Item<'_>) -> bool {
    let Source::View { view, .. } = item.source else { return false };
    let key = view.constraints.iter().find(|constraint| constraint.kind == ViewConstraintKind::PrimaryKey);
    let Some(key) = key else { return view.constraints.is_empty() };
    let names = item.columns.as_deref().unwrap_or_default();
    // as an alias may have renamed it
    let column = |name: &Name| {
        let at = view.columns.iter().position(|(logical, _)| logical == name)?;
        names.get(at)
    };
    let mut grouped = Vec::new();
    let mut by_output = false;
    for clause in select.group_clause() {
        walk(clause, |node| match node {
            Node::ColumnRef(column) => grouped.extend(name_parts(column.fields()).last().copied()),
            Node::A_Const(_) => by_output = true,
            _ => {}
        });
    }
    by_output |= grouped.iter().any(|name| has_output(select, name) && !item.has_column(name));
    by_output
        || key.columns.iter().all(|name| column(name).is_some_and(|name| grouped.contains(&name.as_str())))
}

fn is_view(item: &Item<'_>, which: impl Fn(Role) -> bool) -> bool {
    matches!(item.source, Source::View { role, .. } if which(role))
}

fn written(scopes: &Scopes<'_>, id: ItemId) -> ItemId {
    match scopes.items.get(id).map(|item| item.source) {
        Some(Source::Written(base)) => base,
        _ => id,
    }
}

fn is_current_of(condition: Node<'_>) -> bool {
    matches!(condition, Node::CurrentOfExpr(_))
}
