//! Functions, views and their triggers: the statements that make one with all that belongs to it, and that word it anew.

use super::{Maker, grant::routine, grant_columns, grant_function, grant_relation, owner_of};
use crate::{
    model::{Function, FunctionKind, Name, QualifiedName, Schema, Trigger, View},
    property::{Object, give},
    sql,
    sql::{
        Literal, Sql, join,
        lexer::{Lexer, Token},
    },
};

/// A function, procedure, aggregate or operator with its comment, privileges and owner.
pub fn create_function(function: &Function, maker: &Maker) -> Vec<Sql> {
    let mut statements = vec![function_statement(function)];
    let object = function_object(function);
    statements.extend(give(&Object::Function(function), &function.properties));
    if function.kind != FunctionKind::Operator {
        statements.extend(maker.takes_back_from_roles(&routine(function)));
    }
    statements.extend(grant_function(function));
    statements.extend(owner_of(&object, &function.owner, maker));
    statements
}

fn function_statement(function: &Function) -> Sql {
    match (&function.links, function.definition.strip_suffix(')')) {
        (Some(links), Some(open)) => sql!("{}, {})", Sql::trusted(open), Sql::trusted(links)),
        _ => Sql::trusted(&function.definition),
    }
}

/// The same function or operator in another schema, where nothing is linked with it. `None` if the definition is not what PostgreSQL deparses.
pub fn function_in(function: &Function, schema: &Name) -> Option<Function> {
    let text = function.definition.as_str();
    let mut tokens = Lexer::new(text.as_bytes());
    // CREATE OR REPLACE FUNCTION schema.name(…; CREATE OPERATOR schema.sign (…
    let before = if function.kind == FunctionKind::Operator { 2 } else { 4 };
    let place = tokens.nth(before).filter(Token::is_name)?;
    let definition = format!("{}{}{}", text.get(..place.start)?, schema.quoted(), text.get(place.end..)?);
    let name = QualifiedName::new(schema.clone(), function.name.name.clone());
    Some(Function { name, definition, links: None, ..function.clone() })
}

/// DROP of a function, procedure, aggregate or operator.
pub fn drop_function(function: &Function) -> Sql {
    sql!("DROP {} IF EXISTS {}", Sql::trusted(function.kind.keyword()), signature(function))
}

/// Its kind and name for ALTER and COMMENT: `FUNCTION "public"."f"(integer)`.
pub fn function_object(function: &Function) -> Sql {
    sql!("{} {}", Sql::trusted(function.kind.keyword()), signature(function))
}

/// What tells a function from others of its name, for ALTER and DROP.
pub fn signature(function: &Function) -> Sql {
    let arguments = Sql::trusted(&function.arguments);
    match function.kind {
        FunctionKind::Operator => {
            sql!("{}.{}({})", function.name.schema, sign(&function.name.name), arguments)
        }
        // One of no arguments is named with a star.
        FunctionKind::Aggregate if function.arguments.is_empty() => sql!("{}(*)", function.name),
        _ => sql!("{}({})", function.name, arguments),
    }
}

/// An operator's sign is never quoted (PostgreSQL docs, 4.1.3: which characters one is made of).
fn sign(name: &Name) -> Sql {
    if name.as_str().chars().all(|c| "+-*/<>=~!@#%^&|`?".contains(c)) {
        Sql::trusted(name.as_str())
    } else {
        sql!("{}", name)
    }
}

/// A user's own view, over physical names, with all that belongs to it except its triggers. A materialized one is made empty.
pub fn create_user_view(view: &View, maker: &Maker) -> Vec<Sql> {
    let mut statements = vec![view_statement(view, false)];
    statements.extend(view.indexes.iter().map(|index| Sql::trusted(&index.definition)));
    for index in &view.indexes {
        let object = Object::Index { table: &view.name, index: &index.name };
        statements.extend(give(&object, &index.properties));
    }
    statements.extend(view_properties(view));
    for rule in &view.rules {
        statements.push(Sql::trusted(&rule.definition));
        if let Some(comment) = &rule.comment {
            statements.push(sql!("COMMENT ON RULE {} ON {} IS {}", rule.name, view.name, Literal(comment)));
        }
    }
    for detail in &view.details {
        if let Some(comment) = &detail.comment {
            statements.push(sql!("COMMENT ON COLUMN {}.{} IS {}", view.name, detail.name, Literal(comment)));
        }
    }
    statements.extend(maker.takes_back(&sql!("TABLE {}", view.name)));
    statements.extend(grant_relation(&view.name, &view.grants, false));
    statements.extend(grant_columns(&view.name, view.details.iter().map(|d| (&d.name, d.grants.as_slice()))));
    statements.extend(give(&view_subject(view), &view.properties));
    statements.extend(owner_of(&view_object(view), &view.owner, maker));
    statements
}

/// Words a view anew that is there already, in place: whoever is bound to it stays so. A materialized view cannot be replaced, and is left as it is.
pub fn replace_user_view(view: &View) -> Vec<Sql> {
    if view.materialized {
        return Vec::new();
    }
    let mut statements = vec![view_statement(view, true)];
    statements.extend(view_properties(view));
    let rules =
        view.rules.iter().map(|rule| rule.definition.replacen("CREATE RULE", "CREATE OR REPLACE RULE", 1));
    statements.extend(rules.map(Sql::trusted));
    statements
}

fn view_statement(view: &View, replace: bool) -> Sql {
    let property = |name: &str| {
        view.properties
            .iter()
            .filter_map(|property| property.strip_prefix(name)?.strip_prefix('='))
            .find(|value| !value.is_empty())
    };
    let quoted = |keyword: &'static str, name: &str| match property(name).map(Name::new) {
        Some(Ok(value)) => sql!(" {} {}", Sql::trusted(keyword), value),
        _ => Sql::trusted(""),
    };
    let options = match property("options") {
        Some(options) => sql!(" WITH ({})", Sql::trusted(options)),
        None => Sql::trusted(""),
    };
    let columns = join(view.columns.iter().map(|(name, _)| name), ", ");
    let definition = Sql::trusted(view.definition.trim_end().trim_end_matches(';'));
    sql!(
        "CREATE {}{} {} ({}){}{}{} AS {}{}",
        Sql::trusted(if replace { "OR REPLACE " } else { "" }),
        Sql::trusted(view.keyword()),
        view.name,
        columns,
        quoted("USING", "access_method"),
        options,
        quoted("TABLESPACE", "tablespace"),
        definition,
        Sql::trusted(if view.materialized { " WITH NO DATA" } else { "" })
    )
}

/// Defaults of columns, which mention other objects.
fn view_properties(view: &View) -> Vec<Sql> {
    let defaults = view.details.iter().filter_map(|detail| Some((&detail.name, detail.default.as_ref()?)));
    defaults
        .map(|(column, default)| {
            sql!("ALTER VIEW {} ALTER COLUMN {} SET DEFAULT {}", view.name, column, Sql::trusted(default))
        })
        .collect()
}

/// Its kind and name for ALTER: `MATERIALIZED VIEW "public"."v"`.
pub fn view_object(view: &View) -> Sql {
    sql!("{} {}", Sql::trusted(view.keyword()), view.name)
}

/// What its properties belong to.
pub fn view_subject(view: &View) -> Object<'_> {
    if view.materialized { Object::MaterializedView(&view.name) } else { Object::View(&view.name) }
}

/// DROP of a view of either kind.
pub fn drop_user_view(view: &View) -> Sql {
    sql!("DROP {} IF EXISTS {}", Sql::trusted(view.keyword()), view.name)
}

/// The triggers of a view (INSTEAD OF, or FOR EACH STATEMENT), in place of what they were if they are there.
pub fn view_triggers(view: &View, schema: &Schema) -> Vec<Sql> {
    let of_view = schema.triggers.iter().filter(|trigger| trigger.table == view.id);
    of_view
        .flat_map(|trigger| [replace_trigger(trigger)].into_iter().chain(trigger_comment(trigger)))
        .collect()
}

fn replace_trigger(trigger: &Trigger) -> Sql {
    Sql::trusted(trigger.definition.replacen("CREATE TRIGGER", "CREATE OR REPLACE TRIGGER", 1))
}

fn trigger_comment(trigger: &Trigger) -> Option<Sql> {
    let comment = trigger.comment.as_ref()?;
    Some(sql!("COMMENT ON TRIGGER {} ON {} IS {}", trigger.name, trigger.on, Literal(comment)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_spliced_into_another_schema() {
        let function = Function::sample(
            Name::new("f").unwrap(),
            "integer",
            "CREATE OR REPLACE FUNCTION public.f(integer)\n LANGUAGE sql\nAS $$ SELECT public.f(1) $$",
        );
        let moved = function_in(&function, &Name::new("public$v2").unwrap()).unwrap();
        assert_eq!(
            moved.definition,
            "CREATE OR REPLACE FUNCTION \"public$v2\".f(integer)\n LANGUAGE sql\nAS $$ SELECT public.f(1) $$"
        );
        assert_eq!(drop_function(&moved).as_str(), "DROP FUNCTION IF EXISTS \"public$v2\".\"f\"(integer)");
    }
}
