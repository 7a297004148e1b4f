//! A test file as psql reads it: statements, the commands with a backslash between them, and the lines of COPY.

use std::collections::HashMap;

use catalog::sql::lexer::{Lexer, Token, TokenKind};

/// A test file and how far it has been read.
pub(crate) struct Script {
    text: String,
    at: usize,
    /// Variables as `\set`, `\getenv` and `\gset` leave them, for each of two sides: numbers that a database gives out differ.
    pub(crate) variables: [HashMap<String, String>; 2],
    environment: HashMap<String, String>,
    /// One for each `\if` that is open: whether its branch is taken.
    branches: Vec<bool>,
}

/// What psql does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// Each side sends its text. `set` is the prefix of the variables that its one row sets.
    Statement { texts: [String; 2], line: usize, set: Option<String> },
    /// A command with a backslash, its words with variables in their places.
    Command { name: String, words: Vec<String>, line: usize },
}

impl Script {
    /// From the beginning; `\getenv` reads `environment`.
    pub(crate) fn new(text: String, environment: HashMap<String, String>) -> Self {
        Self { text, at: 0, variables: Default::default(), environment, branches: Vec::new() }
    }

    /// The lines that COPY would read now, and where the script goes on behind them. `None` without an end mark.
    pub(crate) fn copy_lines(&self) -> Option<(Vec<u8>, usize)> {
        let rest = self.text.get(self.at..)?;
        let begin = self.at + rest.find('\n')? + 1;
        let mut at = begin;
        for line in self.text.get(begin..)?.split_inclusive('\n') {
            if line.trim_end() == "\\." {
                return Some((self.text.get(begin..at)?.as_bytes().to_vec(), at + line.len()));
            }
            at += line.len();
        }
        None
    }

    /// How far the script has been read.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Goes on at this byte.
    pub(crate) fn skip_to(&mut self, at: usize) {
        self.at = at;
    }

    /// What comes next; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<Item> {
        loop {
            let item = self.read()?;
            let Item::Command { name, words, .. } = &item else {
                if self.branches.iter().all(|taken| *taken) {
                    return Some(item);
                }
                continue;
            };
            match name.as_str() {
                "if" => self.branches.push(words.first().is_some_and(|word| is_true(word))),
                "elif" | "else" => {
                    if let Some(taken) = self.branches.last_mut() {
                        *taken = !*taken;
                    }
                }
                "endif" => drop(self.branches.pop()),
                _ if !self.branches.iter().all(|taken| *taken) => {}
                "quit" | "q" => return None,
                "set" => {
                    if let Some((name, value)) = words.split_first() {
                        self.set(name, &value.concat());
                    }
                }
                "unset" => {
                    for side in &mut self.variables {
                        words.first().and_then(|name| side.remove(name));
                    }
                }
                "getenv" => {
                    if let [name, variable, ..] = words.as_slice()
                        && let Some(value) = self.environment.get(variable).cloned()
                    {
                        self.set(name, &value);
                    }
                }
                _ => return Some(item),
            }
        }
    }

    fn set(&mut self, name: &str, value: &str) {
        for side in &mut self.variables {
            side.insert(name.to_owned(), value.to_owned());
        }
    }

    fn line(&self, at: usize) -> usize {
        self.text.get(..at).map_or(0, |before| before.matches('\n').count()) + 1
    }

    /// Reads one item without looking at branches.
    fn read(&mut self) -> Option<Item> {
        let bytes = self.text.as_bytes();
        let (mut depth, mut begins, mut parts) = (0_usize, None, Texts::default());
        let mut words: Vec<String> = Vec::new();
        let mut bodies = 0_usize;
        let mut lexer = Lexer::starting_at(bytes, self.at);
        while let Some(token) = lexer.next() {
            let start = *begins.get_or_insert(token.start);
            match token.kind {
                TokenKind::Symbol => match token.bytes(bytes) {
                    b"(" => depth += 1,
                    b")" => depth = depth.saturating_sub(1),
                    b";" if depth == 0 && bodies == 0 => {
                        let line = self.line(start);
                        let texts = joined(parts, "", self.interpolated(start, token.end));
                        self.at = token.end;
                        return Some(Item::Statement { texts, line, set: None });
                    }
                    b"\\" if bytes.get(token.end) == Some(&b';') => {
                        parts = joined(parts, ";", self.interpolated(start, token.start));
                        begins = Some(token.end + 1);
                        lexer = Lexer::starting_at(bytes, token.end + 1);
                    }
                    b"\\" => {
                        let texts = joined(parts, "", self.interpolated(start, token.start));
                        return Some(self.command(token.start, start, texts));
                    }
                    _ => {}
                },
                TokenKind::Word => {
                    let word = String::from_utf8_lossy(token.bytes(bytes)).to_ascii_lowercase();
                    // Bodies in SQL's own words, as psql counts them: BEGIN ATOMIC … CASE … END … END.
                    if words.first().is_some_and(|first| first == "create") {
                        match word.as_str() {
                            "atomic" if words.last().is_some_and(|last| last == "begin") => bodies += 1,
                            "case" if bodies > 0 => bodies += 1,
                            "end" => bodies = bodies.saturating_sub(1),
                            _ => {}
                        }
                    }
                    words.push(word);
                }
                _ => {}
            }
        }
        let start = begins?;
        let (line, texts) = (self.line(start), joined(parts, "", self.interpolated(start, bytes.len())));
        self.at = bytes.len();
        Some(Item::Statement { texts, line, set: None })
    }

    /// The command whose backslash stands at `at`; `texts` are what stood before it since `start`.
    fn command(&mut self, at: usize, start: usize, texts: Texts) -> Item {
        let rest = self.text.get(at + 1..).unwrap_or_default();
        let whole = rest.split('\n').next().unwrap_or_default();
        let name: String = whole.chars().take_while(|c| !c.is_whitespace() && *c != '\\').collect();
        let arguments = whole.get(name.len()..).unwrap_or_default();
        // two backslashes end the command, not the line
        let arguments = arguments.split("\\\\").next().unwrap_or_default();
        let (line, end) = (self.line(start), at + 1 + name.len() + arguments.len());
        let words = self.words(arguments);
        self.at =
            if self.text.get(end..).is_some_and(|rest| rest.starts_with("\\\\")) { end + 2 } else { end };
        if texts.iter().all(|text| text.trim().is_empty()) {
            return Item::Command { name, words, line };
        }
        match name.as_str() {
            "gset" => Item::Statement { texts, line, set: Some(words.concat()) },
            "g" | "gx" | "gdesc" | "gexec" | "crosstabview" | "watch" => {
                Item::Statement { texts, line, set: None }
            }
            _ => {
                // A command in the middle of a statement: psql runs it and goes on with the statement.
                let (begin, end) = (at, self.at);
                let blank = " ".repeat(end - begin);
                self.text.replace_range(begin..end, &blank);
                self.at = start;
                Item::Command { name, words, line }
            }
        }
    }

    fn words(&self, text: &str) -> Vec<String> {
        let mut words = Vec::new();
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let end = if first == '\'' {
                rest.get(1..).and_then(|inner| inner.find('\'')).map_or(rest.len(), |at| at + 2)
            } else {
                rest.find(char::is_whitespace).unwrap_or(rest.len())
            };
            let (word, behind) = rest.split_at(end);
            words.push(match word.strip_prefix(':') {
                Some(variable) => value(&self.variables[0], variable).unwrap_or_else(|| word.to_owned()),
                None => word.trim_matches('\'').to_owned(),
            });
            rest = behind.trim_start();
        }
        words
    }

    /// A piece of the text with the values of variables in their places.
    fn interpolated(&self, start: usize, end: usize) -> Texts {
        let piece = self.text.get(start..end).unwrap_or_default();
        self.variables.each_ref().map(|variables| interpolated(piece, variables))
    }
}

/// What the two sides are to send.
type Texts = [String; 2];

/// Each side's first text, what separates, its second.
fn joined([left, right]: Texts, behind: &str, [left_more, right_more]: Texts) -> Texts {
    [left + &left_more + behind, right + &right_more + behind]
}

fn interpolated(piece: &str, variables: &HashMap<String, String>) -> String {
    let bytes = piece.as_bytes();
    let (mut result, mut copied) = (String::new(), 0);
    let tokens: Vec<Token> = Lexer::new(bytes).collect();
    for (index, pair) in tokens.windows(2).enumerate() {
        let [colon, name] = pair else { continue };
        let before = index.checked_sub(1).and_then(|before| tokens.get(before));
        let is_cast = before.is_some_and(|before| before.is_symbol(bytes, b':') && before.end == colon.start);
        if !colon.is_symbol(bytes, b':')
            || colon.end != name.start
            || is_cast
            || name.kind == TokenKind::Symbol
        {
            continue;
        }
        let written = piece.get(name.range()).unwrap_or_default();
        if let Some(value) = value(variables, written) {
            result.push_str(piece.get(copied..colon.start).unwrap_or_default());
            result.push_str(&value);
            copied = name.end;
        }
    }
    result.push_str(piece.get(copied..).unwrap_or_default());
    result
}

/// A variable as `:name`, `:'name'` or `:"name"` means it, without the colon.
fn value(variables: &HashMap<String, String>, written: &str) -> Option<String> {
    let quote = written.chars().next().filter(|first| matches!(first, '\'' | '"'));
    let value = variables.get(written.trim_matches(['\'', '"']))?;
    Some(match quote {
        Some('\'') => format!("'{}'", value.replace('\'', "''")),
        Some(_) => format!("\"{}\"", value.replace('"', "\"\"")),
        None => value.clone(),
    })
}

fn is_true(word: &str) -> bool {
    matches!(word.to_ascii_lowercase().as_str(), "t" | "true" | "on" | "1" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(text: &str) -> Vec<String> {
        let mut script = Script::new(text.to_owned(), HashMap::new());
        let mut found = Vec::new();
        while let Some(item) = script.next() {
            match item {
                Item::Statement { texts: [text, _], .. } => found.push(text),
                Item::Command { name, words, .. } => found.push(format!("\\{name} {}", words.join(" "))),
            }
        }
        found
    }

    #[test]
    fn statements_end_where_psql_ends_them() {
        assert_eq!(
            statements("SELECT ';' /* ; */; -- ;\nSELECT 1\\; SELECT 2;\\d t\nSELECT $$;$$"),
            ["SELECT ';' /* ; */;", "SELECT 1; SELECT 2;", "\\d t", "SELECT $$;$$"]
        );
        let rule = "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);";
        let body =
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;";
        assert_eq!(statements(&format!("{rule}{body}")), [rule, body]);
    }

    #[test]
    fn variables_and_branches_are_psqls() {
        let text = "\\set t 'my t'\nSELECT :'t', :\"t\", 'x'::text, a[1:2], :u;\n\\if false\nSELECT 1;\n\\else\nSELECT 2;\n\\endif\n";
        assert_eq!(statements(text), ["SELECT 'my t', \"my t\", 'x'::text, a[1:2], :u;", "SELECT 2;"]);
    }

    #[test]
    fn each_side_has_its_own_variables() {
        let mut script = Script::new("SELECT :number;".to_owned(), HashMap::new());
        for (side, number) in script.variables.iter_mut().zip(["1", "2"]) {
            side.insert("number".to_owned(), number.to_owned());
        }
        let texts = ["SELECT 1;", "SELECT 2;"].map(str::to_owned);
        assert_eq!(script.next(), Some(Item::Statement { texts, line: 1, set: None }));
    }

    #[test]
    fn lines_of_copy_end_at_their_mark() {
        let mut script = Script::new("COPY t FROM stdin;\n1;\n\\.\nSELECT 1;".to_owned(), HashMap::new());
        script.next();
        let (lines, end) = script.copy_lines().unwrap();
        assert_eq!(lines, b"1;\n");
        script.skip_to(end);
        assert!(
            matches!(script.next(), Some(Item::Statement { texts: [text, _], line: 4, .. }) if text == "SELECT 1;")
        );
    }
}
