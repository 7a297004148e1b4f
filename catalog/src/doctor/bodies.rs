//! What a function's body names. Read by tokens: PL/pgSQL has those of SQL, and neither comments nor strings are taken for names.

use std::collections::HashSet;

use super::{
    Code, Finding,
    read::{Facts, Routine},
};
use crate::{
    model::Name,
    sql::lexer::{Lexer, Token, TokenKind},
};

/// Names that depend on the edition.
pub(super) struct Known<'a> {
    schemas: HashSet<&'a str>,
    objects: HashSet<(&'a str, &'a str)>,
}

impl<'a> Known<'a> {
    pub(super) fn new(facts: &'a Facts) -> Self {
        Self {
            schemas: facts.schemas.iter().map(Name::as_str).collect(),
            objects: facts.objects.iter().map(|(schema, name)| (schema.as_str(), name.as_str())).collect(),
        }
    }
}

/// Everything in a routine's text and settings that goes around an edition.
pub(super) fn examine(routine: &Routine, known: &Known<'_>) -> Vec<Finding> {
    let body = Body::new(routine, known);
    let mut findings = body.qualified_names();
    findings.extend(body.search_path());
    if routine.language == "plpgsql" {
        findings.extend(body.dynamic());
        findings.extend(body.whole_row().filter(|_| routine.is_trigger));
    }
    findings.extend(routine.settings.iter().filter_map(|setting| body.setting(setting)));
    if routine.is_definer {
        findings.push(Finding::new(Code::SecurityDefiner, body.subject(), None));
    }
    findings
}

struct Body<'a> {
    routine: &'a Routine,
    known: &'a Known<'a>,
    text: &'a str,
    tokens: Vec<Token>,
}

impl<'a> Body<'a> {
    fn new(routine: &'a Routine, known: &'a Known<'a>) -> Self {
        let text = routine.body.as_deref().unwrap_or_default();
        Self { routine, known, text, tokens: Lexer::new(text.as_bytes()).collect() }
    }

    fn subject(&self) -> String {
        format!("{} {}", self.routine.kind, self.routine.name)
    }

    fn line(&self, token: &Token) -> usize {
        self.text.get(..token.start).unwrap_or_default().matches('\n').count() + 1
    }

    fn finding(&self, code: Code, token: &Token, what: &str) -> Finding {
        Finding::new(code, self.subject(), Some(format!("line {}: {what}", self.line(token))))
    }

    fn is_word(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_word(self.text.as_bytes(), word))
    }

    fn is_symbol(&self, at: usize, symbol: u8) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_symbol(self.text.as_bytes(), symbol))
    }

    /// `public.orders`, once each.
    fn qualified_names(&self) -> Vec<Finding> {
        let mut seen = HashSet::new();
        qualified(self.text, &self.tokens, self.known)
            .filter(|(_, name)| seen.insert(name.clone()))
            .map(|(token, name)| self.finding(Code::QualifiedName, token, &name))
            .collect()
    }

    /// `SET search_path …` and `set_config('search_path', …)` within the body.
    fn search_path(&self) -> Option<Finding> {
        let (at, token) = self.tokens.iter().enumerate().find(|(_, token)| {
            token.is_word(self.text.as_bytes(), "search_path")
                || self.string(token).as_deref() == Some("search_path")
        })?;
        let reads = at.checked_sub(1).is_some_and(|before| self.is_word(before, "show"))
            || at.checked_sub(2).is_some_and(|before| self.is_word(before, "current_setting"));
        (!reads).then(|| self.finding(Code::FunctionSearchPath, token, "search_path"))
    }

    fn string(&self, token: &Token) -> Option<String> {
        let text = self.text.get(token.range()).filter(|_| token.kind == TokenKind::String)?;
        Some(text.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'"))
    }

    /// `EXECUTE 'UPDATE public.orders …'`, `EXECUTE format('… %I.%I', 'public', t)`, `EXECUTE statement`.
    fn dynamic(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            if !token.is_word(self.text.as_bytes(), "execute") || self.names_a_privilege(at) {
                continue;
            }
            let end = (at + 1..self.tokens.len()).find(|at| {
                self.is_symbol(*at, b';')
                    || ["into", "using", "loop"].iter().any(|word| self.is_word(*at, word))
            });
            let statement = self.tokens.get(at + 1..end.unwrap_or(self.tokens.len())).unwrap_or_default();
            findings.extend(self.executed(token, statement));
        }
        findings
    }

    /// `GRANT EXECUTE ON …`, `CREATE TRIGGER … EXECUTE FUNCTION …`.
    fn names_a_privilege(&self, at: usize) -> bool {
        ["on", "function", "procedure"].iter().any(|word| self.is_word(at + 1, word))
    }

    fn executed(&self, execute: &Token, statement: &[Token]) -> Option<Finding> {
        let mut is_seen = !statement.is_empty();
        for token in statement {
            let Some(inner) = self.string_in_any_quotes(token) else {
                is_seen = false;
                continue;
            };
            let tokens: Vec<Token> = Lexer::new(inner.as_bytes()).collect();
            let named = qualified(&inner, &tokens, self.known).next().map(|(_, name)| name);
            let schema = Some(inner.clone()).filter(|inner| self.known.schemas.contains(inner.as_str()));
            let prefix = || self.schema_of_what_comes(&inner, &tokens);
            if let Some(name) = named.or(schema).or_else(prefix) {
                return Some(self.finding(Code::DynamicName, token, &name));
            }
        }
        (!is_seen).then(|| self.finding(Code::DynamicStatement, execute, "EXECUTE"))
    }

    /// `'TABLE public.' || name`, `'TABLE public.%I'`: a schema whose object comes later.
    fn schema_of_what_comes(&self, inner: &str, tokens: &[Token]) -> Option<String> {
        tokens.iter().enumerate().find_map(|(at, schema)| {
            let is_dot = |token: &Token| token.is_symbol(inner.as_bytes(), b'.');
            let schema = schema.name(inner).filter(|schema| self.known.schemas.contains(schema.as_str()))?;
            let object = tokens.get(at + 2).filter(|object| !object.is_symbol(inner.as_bytes(), b'%'));
            (tokens.get(at + 1).is_some_and(is_dot) && object.is_none()).then(|| format!("{schema}."))
        })
    }

    fn string_in_any_quotes(&self, token: &Token) -> Option<String> {
        let text = self.text.get(token.range()).filter(|_| token.kind == TokenKind::String)?;
        if !text.starts_with('$') {
            return self.string(token);
        }
        let tag = text.get(..text.get(1..)?.find('$')? + 2)?;
        Some(text.strip_prefix(tag)?.strip_suffix(tag)?.to_owned())
    }

    /// The row of a trigger as one value; `RETURN NEW` and `NEW IS NULL` take it as it is.
    fn whole_row(&self) -> Option<Finding> {
        let (_, token) = self.tokens.iter().enumerate().find(|(at, token)| {
            let is_row = ["new", "old"].iter().any(|row| token.is_word(self.text.as_bytes(), row));
            let before = at.checked_sub(1);
            let is_field_of_other = before.is_some_and(|before| self.is_symbol(before, b'.'));
            let returned = before.is_some_and(|before| self.is_word(before, "return"));
            let has_field = self.is_symbol(at + 1, b'.') && !self.is_symbol(at + 2, b'*');
            is_row && !is_field_of_other && !returned && !has_field && !self.is_word(at + 1, "is")
        })?;
        let row = self.text.get(token.range()).unwrap_or_default();
        Some(self.finding(Code::WholeRow, token, row))
    }

    /// `SET search_path = …` of the function itself, as `pg_proc.proconfig` has it.
    fn setting(&self, setting: &str) -> Option<Finding> {
        let (name, value) = setting.split_once('=')?;
        let tokens: Vec<Token> = Lexer::new(value.as_bytes()).collect();
        let editioned = tokens.iter().filter_map(|token| token.name(value));
        let mut editioned = editioned.filter(|name| self.known.schemas.contains(name.as_str()));
        let code = match name {
            "edition.id" => Code::EditionSetting,
            "search_path" => editioned.next().map(|_| Code::FunctionSearchPath)?,
            _ => return None,
        };
        Some(Finding::new(code, self.subject(), Some(format!("SET {name} = {value}"))))
    }
}

/// Names of editioned objects that stand behind their schema.
fn qualified<'t>(
    text: &'t str,
    tokens: &'t [Token],
    known: &'t Known<'_>,
) -> impl Iterator<Item = (&'t Token, String)> {
    tokens.iter().enumerate().filter_map(move |(at, token)| {
        let schema = token.name(text).filter(|schema| known.schemas.contains(schema.as_str()))?;
        let is_symbol = |at: Option<usize>| {
            at.and_then(|at| tokens.get(at)).is_some_and(|token| token.is_symbol(text.as_bytes(), b'.'))
        };
        let name = tokens.get(at + 2).filter(|_| is_symbol(Some(at + 1)) && !is_symbol(at.checked_sub(1)))?;
        let name = name.name(text)?;
        known.objects.contains(&(schema.as_str(), name.as_str())).then(|| (token, format!("{schema}.{name}")))
    })
}
