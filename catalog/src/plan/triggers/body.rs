//! What a trigger function says of the row that it is called for. The row is the physical one, so a function that names a column as its edition does must be
//! given the physical name where the two differ.

use std::collections::BTreeMap;

use crate::{
    model::{Function, Name},
    plan::function_body::{body, has_language},
    sql::lexer::{Lexer, Token},
};

/// A trigger function read for one table of one edition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// The function's definition with physical names, if it names columns that stand under other ones.
    pub(super) spliced: Option<String>,
    /// Whether it takes the row as a whole (`NEW.*`, `to_jsonb(NEW)`).
    pub(super) whole_row: bool,
    /// A column that it seems to name in a way that cannot be spliced.
    pub(super) unclear: Option<String>,
}

/// Reads a function; `renamed`: logical → physical names of the columns that differ.
pub(super) fn read(function: &Function, renamed: &BTreeMap<&str, &Name>) -> Reading {
    let text = function.definition.as_str();
    let Some(inner) = body(function) else { return Reading::default() };
    if !has_language(function, "plpgsql") {
        let unclear = renamed.keys().find(|name| inner.1.contains(**name)).map(|name| (*name).to_owned());
        return Reading { unclear, ..Reading::default() };
    }
    let (spliced, whole_row) = splice(inner.1, renamed);
    let spliced = spliced.map(|spliced| {
        let (head, tail) = (text.get(..inner.0), text.get(inner.0 + inner.1.len()..));
        format!("{}{spliced}{}", head.unwrap_or_default(), tail.unwrap_or_default())
    });
    Reading { spliced, whole_row, unclear: None }
}

/// Whether the body has one of these words anywhere.
pub(super) fn mentions<'a>(function: &Function, renamed: &BTreeMap<&'a str, &Name>) -> Option<&'a str> {
    let (_, inner) = body(function)?;
    let named = |token: Token| {
        token.name(inner).and_then(|name| renamed.keys().find(|known| **known == name).copied())
    };
    Lexer::new(inner.as_bytes()).find_map(named)
}

/// PL/pgSQL has the tokens of SQL, and in a trigger function `NEW.x` and `OLD.x` can only be fields of the row.
fn splice(body: &str, renamed: &BTreeMap<&str, &Name>) -> (Option<String>, bool) {
    let bytes = body.as_bytes();
    let tokens: Vec<Token> = Lexer::new(bytes).collect();
    let (mut out, mut copied, mut whole_row) = (String::new(), 0, false);
    for (index, token) in tokens.iter().enumerate() {
        let is_row = token.is_word(bytes, "new") || token.is_word(bytes, "old");
        let before = index.checked_sub(1).and_then(|before| tokens.get(before));
        if !is_row || before.is_some_and(|before| before.is_symbol(bytes, b'.')) {
            continue;
        }
        let next = tokens.get(index + 1);
        if !next.is_some_and(|next| next.is_symbol(bytes, b'.')) {
            let returned = before.is_some_and(|before| before.is_word(bytes, "return"))
                && next.is_some_and(|next| next.is_symbol(bytes, b';'));
            let is_tested = next.is_some_and(|next| next.is_word(bytes, "is"));
            whole_row |= !returned && !is_tested;
            continue;
        }
        let Some(field) = tokens.get(index + 2) else { continue };
        if field.is_symbol(bytes, b'*') {
            whole_row = true;
        }
        let physical = field.name(body).and_then(|name| renamed.get(name.as_str()).copied());
        if let Some(physical) = physical {
            out.push_str(body.get(copied..field.start).unwrap_or_default());
            out.push_str(&physical.quoted().to_string());
            copied = field.end;
        }
    }
    out.push_str(body.get(copied..).unwrap_or_default());
    ((copied > 0).then_some(out), whole_row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn reading(body: &str) -> Reading {
        let definition = format!(
            "CREATE OR REPLACE FUNCTION public.f()\n RETURNS trigger\n LANGUAGE plpgsql\nAS $function${body}$function$\n"
        );
        let function = Function::sample(name("f"), "", &definition);
        read(&function, &BTreeMap::from([("age", &name("age$v2")), ("Odd one", &name("odd"))]))
    }

    #[test]
    fn fields_of_the_row_get_physical_names_and_nothing_else_does() {
        let read = reading(
            "BEGIN NEW.age := old.AGE + 1; -- NEW.age\n SELECT age, 'NEW.age' FROM t WHERE t.age = NEW.\"Odd one\"; RETURN NEW; END",
        );
        let spliced = read.spliced.unwrap();
        assert!(
            spliced.contains(
                "BEGIN NEW.\"age$v2\" := old.\"age$v2\" + 1; -- NEW.age\n SELECT age, 'NEW.age' FROM t WHERE t.age = NEW.\"odd\"; RETURN NEW; END$function$"
            ),
            "{spliced}"
        );
        assert!(!read.whole_row);
    }

    #[test]
    fn the_row_as_a_whole_is_noticed() {
        assert!(reading("BEGIN INSERT INTO log SELECT NEW.*; RETURN NULL; END").whole_row);
        assert!(reading("BEGIN PERFORM log(to_jsonb(OLD)); RETURN OLD; END").whole_row);
        assert_eq!(
            reading("BEGIN IF NEW IS NULL THEN RETURN OLD; END IF; RETURN NEW; END"),
            Reading::default()
        );
    }
}
