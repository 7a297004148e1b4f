//! Tokens of an SQL text with their byte ranges, as PostgreSQL's own scanner cuts them (docs, 4.1), white space and
//! comments left out. The parser tells where a name begins; this tells where it ends. It never fails: what is cut off in
//! the middle becomes one [`TokenKind::Broken`] up to the end.

use std::ops::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// An unquoted identifier or key word.
    Word,
    /// `"…"`.
    Quoted,
    /// `U&"…"`; a `UESCAPE '…'` that belongs to it follows as tokens of its own.
    UnicodeQuoted,
    /// Any string constant: `'…'`, `E'…'`, `B'…'`, `X'…'`, `N'…'`, `U&'…'`, `$tag$…$tag$`.
    String,
    /// A numeric constant.
    Number,
    /// `$1`.
    Param,
    /// One character of an operator or of punctuation.
    Symbol,
    /// A string, quoted name or comment without its end.
    Broken,
}

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Token {
    /// The bytes of this token in the text that it was cut from.
    pub fn bytes<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        text.get(self.start..self.end).unwrap_or_default()
    }

    /// Where it stands.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Whether it is this punctuation character.
    pub fn is_symbol(&self, text: &[u8], symbol: u8) -> bool {
        self.kind == TokenKind::Symbol && self.bytes(text) == [symbol]
    }

    /// Whether it is this key word, in any case. A quoted name is never a key word.
    pub fn is_word(&self, text: &[u8], word: &str) -> bool {
        self.kind == TokenKind::Word && self.bytes(text).eq_ignore_ascii_case(word.as_bytes())
    }

    /// Whether it can be part of a name.
    pub fn is_name(&self) -> bool {
        matches!(self.kind, TokenKind::Word | TokenKind::Quoted | TokenKind::UnicodeQuoted)
    }

    /// The name as PostgreSQL stores it: folded to lower case, or unquoted. `None` for what is not a name, and for
    /// `U&"…"`, whose meaning hangs on a later `UESCAPE`.
    pub fn name(&self, text: &str) -> Option<String> {
        let bytes = text.get(self.start..self.end)?;
        match self.kind {
            TokenKind::Word => Some(bytes.to_ascii_lowercase()),
            TokenKind::Quoted => Some(bytes.strip_prefix('"')?.strip_suffix('"')?.replace("\"\"", "\"")),
            _ => None,
        }
    }
}

/// An iterator over the tokens of a text, from any byte on.
#[derive(Clone, Debug)]
pub struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    /// From the beginning.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// From byte `at`, which must be where a token begins.
    pub fn starting_at(text: &'a [u8], at: usize) -> Self {
        Self { text, at }
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_while(&mut self, belongs: impl Fn(u8) -> bool) {
        self.at += self.rest().iter().take_while(|byte| belongs(**byte)).count();
    }

    /// Skips white space and comments. False when a block comment has no end.
    fn skip_trivia(&mut self) -> bool {
        loop {
            self.skip_while(is_space);
            if self.rest().starts_with(b"--") {
                self.skip_while(|byte| byte != b'\n' && byte != b'\r');
            } else if self.rest().starts_with(b"/*") {
                if !self.skip_block_comment() {
                    return false;
                }
            } else {
                return true;
            }
        }
    }

    /// Block comments nest.
    fn skip_block_comment(&mut self) -> bool {
        let mut depth = 0_usize;
        while self.at < self.text.len() {
            match (self.peek(0), self.peek(1)) {
                (b'/', b'*') => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return true;
                    }
                }
                _ => self.at += 1,
            }
        }
        false
    }

    /// From just after an opening `quote` to just after the closing one; a doubled quote stands for itself.
    fn skip_quoted(&mut self, quote: u8, backslashes: bool) -> bool {
        while self.at < self.text.len() {
            let byte = self.peek(0);
            if byte == quote {
                if self.peek(1) == quote {
                    self.at += 2;
                    continue;
                }
                self.at += 1;
                return true;
            }
            self.at += if backslashes && byte == b'\\' { 2 } else { 1 };
        }
        self.at = self.text.len();
        false
    }

    /// At a `$` that is not a parameter: `$tag$ … $tag$`. `None` when it does not open a dollar quote.
    fn skip_dollar_quoted(&mut self) -> Option<TokenKind> {
        let rest = self.rest();
        let tag = rest.iter().skip(1).take_while(|byte| is_word(**byte) && **byte != b'$').count();
        let opens = rest.get(tag + 1) == Some(&b'$') && !rest.get(1).is_some_and(u8::is_ascii_digit);
        if !opens {
            return None;
        }
        let delimiter = rest.get(..tag + 2)?;
        let body = rest.get(tag + 2..)?;
        if let Some(length) = find(body, delimiter) {
            self.at += delimiter.len() + length + delimiter.len();
            Some(TokenKind::String)
        } else {
            self.at = self.text.len();
            Some(TokenKind::Broken)
        }
    }

    fn skip_number(&mut self) {
        let digits = |byte: u8| byte.is_ascii_digit() || byte == b'_';
        self.skip_while(digits);
        if self.peek(0) == b'.' && self.peek(1) != b'.' {
            self.at += 1;
            self.skip_while(digits);
        }
        if matches!(self.peek(0), b'e' | b'E') {
            let sign = usize::from(matches!(self.peek(1), b'+' | b'-'));
            if self.peek(1 + sign).is_ascii_digit() {
                self.at += 1 + sign;
            }
        }
        // the rest of 1e10 and 0xFF, and trailing junk, which the server refuses
        self.skip_while(is_word);
    }

    fn string(&mut self, prefix: usize, backslashes: bool) -> TokenKind {
        self.at += prefix + 1;
        if self.skip_quoted(b'\'', backslashes) { TokenKind::String } else { TokenKind::Broken }
    }

    fn quoted(&mut self, prefix: usize, kind: TokenKind) -> TokenKind {
        self.at += prefix + 1;
        if self.skip_quoted(b'"', false) { kind } else { TokenKind::Broken }
    }

    fn token(&mut self) -> TokenKind {
        match (self.peek(0), self.peek(1), self.peek(2)) {
            (b'\'', _, _) => self.string(0, false),
            (b'"', _, _) => self.quoted(0, TokenKind::Quoted),
            (b'e' | b'E', b'\'', _) => self.string(1, true),
            (b'b' | b'B' | b'x' | b'X' | b'n' | b'N', b'\'', _) => self.string(1, false),
            (b'u' | b'U', b'&', b'\'') => self.string(2, false),
            (b'u' | b'U', b'&', b'"') => self.quoted(2, TokenKind::UnicodeQuoted),
            (b'$', digit, _) if digit.is_ascii_digit() => {
                self.at += 1;
                self.skip_while(is_word);
                TokenKind::Param
            }
            (b'$', _, _) => self.skip_dollar_quoted().unwrap_or_else(|| {
                self.at += 1;
                TokenKind::Symbol
            }),
            (byte, next, _) if byte.is_ascii_digit() || (byte == b'.' && next.is_ascii_digit()) => {
                self.skip_number();
                TokenKind::Number
            }
            (byte, _, _) if is_word(byte) => {
                self.skip_while(is_word);
                TokenKind::Word
            }
            _ => {
                self.at += 1;
                TokenKind::Symbol
            }
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let closed = self.skip_trivia();
        let start = self.at;
        if !closed {
            return (start > 0).then(|| Token { kind: TokenKind::Broken, start: start - 1, end: start });
        }
        if start >= self.text.len() {
            return None;
        }
        let kind = self.token();
        self.at = self.at.min(self.text.len());
        Some(Token { kind, start, end: self.at })
    }
}

/// Where the name of `parts` parts ends that begins at byte `start`: `a`, `a . "b"`, `U&"c" UESCAPE '!'`. The parser has
/// already said that a name of so many parts is there; a part may also be `*`.
pub fn name_end(text: &[u8], start: usize, parts: usize) -> Option<usize> {
    let mut tokens = Lexer::starting_at(text, start).peekable();
    let mut end = start;
    for part in 0..parts {
        if part > 0 && !tokens.next()?.is_symbol(text, b'.') {
            return None;
        }
        let token = tokens.next()?;
        if !token.is_name() && !token.is_symbol(text, b'*') {
            return None;
        }
        end = token.end;
        if token.kind == TokenKind::UnicodeQuoted
            && tokens.next_if(|next| next.is_word(text, "uescape")).is_some()
        {
            end = tokens.next_if(|next| next.kind == TokenKind::String)?.end;
        }
    }
    Some(end)
}

/// PostgreSQL's white space (scan.l), which is less than Unicode's.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c | 0x0b)
}

/// What may stand inside an unquoted identifier: also every byte of a non-ASCII character.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens(text: &str) -> Vec<&str> {
        Lexer::new(text.as_bytes()).map(|token| &text[token.range()]).collect()
    }

    #[test]
    fn cuts_as_postgresql_does() {
        let cases: &[(&str, &[&str])] = &[
            ("a.b -- c\n+1", &["a", ".", "b", "+", "1"]),
            ("/* a /* b */ c */ d/**/e", &["d", "e"]),
            (r#"'it''s' E'a\'b' "q""q" x"#, &["'it''s'", r"E'a\'b'", r#""q""q""#, "x"]),
            ("$$ ' $$ $t$ $$ $t$ $1 a$b", &["$$ ' $$", "$t$ $$ $t$", "$1", "a$b"]),
            ("1.5e-3 .5 0xFF 1_000 1..2", &["1.5e-3", ".5", "0xFF", "1_000", "1", ".", ".2"]),
            (
                r#"U&"d\0061t" UESCAPE '!' U&'x' N'y' b'0'"#,
                &[r#"U&"d\0061t""#, "UESCAPE", "'!'", "U&'x'", "N'y'", "b'0'"],
            ),
            ("größe<=b", &["größe", "<", "=", "b"]),
            (r"'a\' b", &[r"'a\'", "b"]),
        ];
        for (text, expected) in cases {
            assert_eq!(&tokens(text), expected, "{text}");
        }
    }

    #[test]
    fn what_has_no_end_is_broken() {
        for text in ["'abc", "\"abc", "a /* b", "$x$ abc", "E'abc\\'"] {
            assert_eq!(Lexer::new(text.as_bytes()).last().unwrap().kind, TokenKind::Broken, "{text}");
        }
    }

    #[test]
    fn a_name_ends_after_its_last_part() {
        let text = br#"select "a" /* x */ . U&"b" UESCAPE '!' . * from t"#;
        assert_eq!(name_end(text, 7, 1), Some(10));
        assert_eq!(name_end(text, 7, 2), Some(38));
        assert_eq!(name_end(text, 7, 3), Some(42));
        assert_eq!(name_end(text, 7, 4), None);
    }

    proptest! {
        #[test]
        fn tokens_never_overlap_and_never_leave_the_text(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut last = 0;
            for token in Lexer::new(&text) {
                prop_assert!(token.start < token.end || token.kind == TokenKind::Broken);
                prop_assert!(token.end <= text.len());
                prop_assert!(token.start >= last || token.kind == TokenKind::Broken);
                last = token.end;
            }
        }
    }
}
