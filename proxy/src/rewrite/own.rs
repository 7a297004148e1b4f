//! Statements that PostgreSQL does not know: `SHOW EDITION`, `SHOW EDITIONS`, `ALTER SESSION SET EDITION name`,
//! `SET edition = name`. Recognised on tokens, alone in their text.

use catalog::sql::lexer::{Token, TokenKind};

use super::verdict::Statement;

/// The statement of our own that `tokens` are, if they are one.
pub(super) fn recognise(text: &str, tokens: &[Token]) -> Option<Statement> {
    let tokens = match tokens {
        [tokens @ .., last] if last.is_symbol(text.as_bytes(), b';') => tokens,
        tokens => tokens,
    };
    let is = |token: &Token, word: &str| token.is_word(text.as_bytes(), word);
    match tokens {
        [show, edition] if is(show, "show") && is(edition, "edition") => Some(Statement::ShowEdition),
        [show, editions] if is(show, "show") && is(editions, "editions") => Some(Statement::ShowEditions),
        [alter, session, rest @ ..] if is(alter, "alter") && is(session, "session") => match rest {
            [set, edition, value @ ..] if is(set, "set") && is(edition, "edition") => {
                set_edition(text, value, false)
            }
            _ => None,
        },
        [set, session, edition, value @ ..]
            if is(set, "set") && is(session, "session") && is(edition, "edition") =>
        {
            set_edition(text, value, true)
        }
        [set, edition, value @ ..] if is(set, "set") && is(edition, "edition") => {
            set_edition(text, value, true)
        }
        _ => None,
    }
}

/// `{ = | TO } name`, where the sign may be left out after ALTER SESSION SET EDITION only.
fn set_edition(text: &str, tokens: &[Token], sign_required: bool) -> Option<Statement> {
    let signed =
        |token: &Token| token.is_symbol(text.as_bytes(), b'=') || token.is_word(text.as_bytes(), "to");
    let value = match tokens {
        [sign, value] if signed(sign) => value,
        [value] if !sign_required => value,
        _ => return None,
    };
    let name = match value.kind {
        TokenKind::String => {
            text.get(value.range())?.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'")
        }
        _ => value.name(text)?,
    };
    Some(Statement::SetEdition(name))
}
