//! A deparsed CREATE TRIGGER taken apart at its tokens, so that it can be given another name, a gate, or another function.

use crate::{
    error::{Error, Result},
    model::{Name, QualifiedName},
    plan::run::Gate,
    sql,
    sql::{
        Sql,
        lexer::{Lexer, Token},
    },
};

/// The statement under another name, for some editions only, calling `function` instead of its own if one is given.
pub(super) fn gated(
    definition: &str,
    name: &Name,
    gate: Gate,
    function: Option<&QualifiedName>,
) -> Result<Sql> {
    take_apart(definition, name, gate, function)
        .ok_or_else(|| Error::bug(format!("PostgreSQL deparsed a trigger in an unknown form: {definition}")))
}

fn take_apart(definition: &str, name: &Name, gate: Gate, function: Option<&QualifiedName>) -> Option<Sql> {
    let bytes = definition.as_bytes();
    let tokens: Vec<Token> = Lexer::new(bytes).collect();
    let keyword = tokens.iter().position(|token| token.is_word(bytes, "trigger"))?;
    let named = tokens.get(keyword + 1)?;
    let top = top_level(&tokens, bytes);
    // WHEN is reserved, so no bare name is spelt like it; EXECUTE is not, but what follows its last one is constants only.
    let when = top.iter().find(|token| token.is_word(bytes, "when"));
    let execute = top.iter().rev().find(|token| token.is_word(bytes, "execute"))?;
    let own_function = Lexer::starting_at(bytes, execute.end).nth(1)?;
    let arguments =
        Lexer::starting_at(bytes, own_function.start).find(|token| token.is_symbol(bytes, b'('))?;

    let trusted = |range: std::ops::Range<usize>| definition.get(range).map(Sql::trusted);
    let head = trusted(0..named.start)?;
    let middle = trusted(named.end..when.map_or(execute.start, |when| when.start))?;
    let own_condition = match when {
        Some(when) => Some(Sql::trusted(definition.get(when.end..execute.start)?.trim())),
        None => None,
    };
    let condition = match (gate.condition(), own_condition) {
        (None, None) => Sql::trusted(""),
        (Some(gate), None) => sql!("WHEN ({}) ", gate),
        (None, Some(own)) => sql!("WHEN {} ", own),
        (Some(gate), Some(own)) => sql!("WHEN ({} AND {}) ", gate, own),
    };
    let call = match function {
        Some(function) => sql!("{}", function),
        None => trusted(own_function.start..arguments.start)?,
    };
    let arguments = trusted(arguments.start..definition.len())?;
    Some(sql!("{}{}{}{}EXECUTE FUNCTION {}{}", head, name, middle, condition, call, arguments))
}

/// The tokens outside of all parentheses.
fn top_level<'a>(tokens: &'a [Token], bytes: &[u8]) -> Vec<&'a Token> {
    let mut depth = 0_i32;
    let mut top = Vec::new();
    for token in tokens {
        if token.is_symbol(bytes, b'(') {
            depth += 1;
        } else if token.is_symbol(bytes, b')') {
            depth -= 1;
        } else if depth == 0 {
            top.push(token);
        }
    }
    top
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EditionId;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[test]
    fn name_gate_and_function_are_put_in_place() {
        let definition = "CREATE CONSTRAINT TRIGGER a AFTER UPDATE OF execute ON public.t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.x = 'WHEN ('::text)) EXECUTE FUNCTION public.f('EXECUTE')";
        let gate = Gate { from: Some(EditionId::new(2)), before: Some(EditionId::new(5)) };
        let function = QualifiedName::new(name("public$v2"), name("f$t"));
        insta::assert_snapshot!(gated(definition, &name("a$v2"), gate, Some(&function)).unwrap().as_str(), @r#"CREATE CONSTRAINT TRIGGER "a$v2" AFTER UPDATE OF execute ON public.t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (COALESCE(NULLIF(pg_catalog.current_setting('edition.id', true), '')::integer, 0) >= 2 AND COALESCE(NULLIF(pg_catalog.current_setting('edition.id', true), '')::integer, 0) < 5 AND ((new.x = 'WHEN ('::text))) EXECUTE FUNCTION "public$v2"."f$t"('EXECUTE')"#);
        let plain = "CREATE TRIGGER a BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f()";
        assert_eq!(
            gated(plain, &name("a"), Gate::default(), None).unwrap().as_str(),
            "CREATE TRIGGER \"a\" BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f()"
        );
    }
}
