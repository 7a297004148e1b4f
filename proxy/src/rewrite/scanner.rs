//! The gate before everything else: one pass over the words of a text for those that can matter to this edition. Most texts
//! hold none and go on untouched. Nothing is allocated and nothing is copied here, and what is read besides the text fits into a
//! few cache lines: between two messages the kernel evicts the rest, so that tables of kilobytes (an automaton's) cost more than
//! the comparisons that they save.

use std::cmp::Ordering;

use catalog::{
    model::{EditionState, Name},
    snapshot::{Relation, Snapshot, SnapshotEdition},
};

/// Longer names may stand in a text with a tail that PostgreSQL cuts off, so what follows them proves nothing.
const CUT_NAME_BYTES: usize = 60;

/// When a word that was found counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    /// Wherever it stands.
    Always,
    /// Before a dot.
    Qualifier,
    /// In a session whose settings are not those of its start.
    WhenAstray,
    /// Unless it is part of INSERT INTO or MERGE INTO.
    SelectInto,
}

/// What a text is scanned for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// Must it be judged?
    pub(super) judged: bool,
    /// May another epoch judge it otherwise?
    pub(super) may_change: bool,
}

impl Asked {
    const JUDGED: Self = Self { judged: true, may_change: false };
    const MAY_CHANGE: Self = Self { judged: false, may_change: true };

    fn covers(self, wanted: Self) -> bool {
        (self.judged || !wanted.judged) && (self.may_change || !wanted.may_change)
    }

    fn add(&mut self, more: Self) {
        self.judged |= more.judged;
        self.may_change |= more.may_change;
    }
}

/// Something to look for.
#[derive(Debug)]
struct Word {
    /// As it stands in a text, in lower case.
    text: Box<[u8]>,
    /// Where its first run of word characters begins; only a name that needs quotes can begin otherwise.
    run_at: usize,
    run_len: usize,
    counts: Counts,
    answers: Asked,
}

/// The words of one edition.
#[derive(Debug)]
pub(super) struct Scanner {
    /// By the key of their first run.
    words: Vec<Word>,
    /// For each first character of a run, the lengths that are worth a look, as bits; the last stands for all longer ones.
    lengths: [u32; 256],
    /// For names without any word character: what every text with a quoted name is taken to hold.
    any_quoted: Asked,
    /// What every word that begins with `pg_` is taken for: the catalogues and their functions are too many to list.
    catalogues: Asked,
}

impl Scanner {
    /// Collects the words. A draft has only those of our own statements: its sessions work on real tables.
    pub(super) fn new(edition: &SnapshotEdition, snapshot: &Snapshot) -> Self {
        let mut words: Vec<(String, Counts)> = Vec::new();
        let mut add = |word: &str, counts| words.push((word.to_owned(), counts));
        add("edition", Counts::Always);
        add("editions", Counts::Always);
        if edition.state != EditionState::Draft {
            for word in ["create", "alter", "drop", "import"] {
                add(word, Counts::Always);
            }
            add("into", Counts::SelectInto);
            // also where no path is rewritten: what a session made of its path counts when an edition with views comes
            for word in ["search_path", "schema", "show", "current_setting"] {
                add(word, Counts::Always);
            }
            add("discard", Counts::Always);
            for word in ["reset", "default"] {
                add(word, Counts::WhenAstray);
            }
            if !snapshot.is_at_rest() {
                add(super::constraints::WORD, Counts::Always);
            }
            if !snapshot.reflected.is_empty() {
                for word in INTROSPECTION {
                    add(word, Counts::Always);
                }
            }
            add_names(edition, &mut add);
        }
        let judged = words.into_iter().map(|(word, counts)| (word, counts, Asked::JUDGED));
        // Names that are qualified by an editioned schema, what PostgreSQL does not take on a view, and search paths.
        let qualifiers = snapshot.schemas.iter().map(|schema| (in_quotes(schema), Counts::Qualifier));
        let statements = ["search_path", "schema", "u&\"", super::constraints::WORD]
            .into_iter()
            .chain(view_gap())
            .chain(INTROSPECTION);
        let statements = statements.map(|word| (word.to_owned(), Counts::Always));
        let changing = qualifiers.chain(statements).map(|(word, counts)| (word, counts, Asked::MAY_CHANGE));
        let mut scanner = Self::of(judged.chain(changing));
        if edition.state != EditionState::Draft {
            scanner.catalogues = Asked { judged: !snapshot.reflected.is_empty(), may_change: true };
        }
        scanner
    }

    fn of(words: impl Iterator<Item = (String, Counts, Asked)>) -> Self {
        let mut scanner = Self {
            words: Vec::new(),
            lengths: [0; 256],
            any_quoted: Asked::default(),
            catalogues: Asked::default(),
        };
        for (mut text, counts, answers) in words {
            text.make_ascii_lowercase();
            let text = text.into_bytes().into_boxed_slice();
            let Some(run_at) = text.iter().position(|byte| is_word(*byte)) else {
                scanner.any_quoted.add(answers);
                continue;
            };
            let rest = text.get(run_at..).unwrap_or_default();
            let run_len = rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len());
            let word = Word { text, run_at, run_len, counts, answers };
            if let (Some(first), lengths) = (word.run().first(), length_bit(word.run_len))
                && let Some(known) = scanner.lengths.get_mut(usize::from(*first))
            {
                *known |= lengths;
            }
            scanner.words.push(word);
        }
        scanner.words.sort_by(|one, other| key(one.run()).cmp(key(other.run())));
        scanner
    }

    /// Which of `wanted` are answered by a word that `sql` holds.
    #[inline]
    pub(super) fn scan(&self, sql: &[u8], is_astray: bool, wanted: Asked) -> Asked {
        let mut found = Asked::default();
        if self.any_quoted != Asked::default() && sql.contains(&b'"') {
            found.add(self.any_quoted);
        }
        let mut at = 0;
        while !found.covers(wanted)
            && let Some(rest) = sql.get(at..)
            && let Some(skipped) = rest.iter().position(|byte| is_word(*byte))
        {
            let start = at + skipped;
            let rest = rest.get(skipped..).unwrap_or_default();
            let len = rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len());
            at = start + len;
            let first = rest.first().map_or(0, u8::to_ascii_lowercase);
            if first == b'p' && is_of_catalogue(rest) {
                found.add(self.catalogues);
            }
            let lengths = self.lengths.get(usize::from(first)).copied().unwrap_or_default();
            if lengths & length_bit(len) != 0 {
                found.add(self.look_at(sql, start, len, is_astray));
            }
        }
        found
    }

    /// What the run of word characters at `start` answers.
    fn look_at(&self, sql: &[u8], start: usize, len: usize, is_astray: bool) -> Asked {
        let run = sql.get(start..start + len).unwrap_or_default();
        let first = self.words.partition_point(|word| folded(key(word.run()), key(run)) == Ordering::Less);
        let candidates = self.words.get(first..).unwrap_or_default().iter();
        let mut found = Asked::default();
        for word in candidates.take_while(|word| folded(key(word.run()), key(run)) == Ordering::Equal) {
            if word.counts_at(sql, start, is_astray) {
                found.add(word.answers);
            }
        }
        found
    }
}

impl Word {
    fn run(&self) -> &[u8] {
        self.text.get(self.run_at..self.run_at + self.run_len).unwrap_or_default()
    }

    /// Whether it counts where its first run is at `start`.
    fn counts_at(&self, sql: &[u8], start: usize, is_astray: bool) -> bool {
        let Some(begin) = start.checked_sub(self.run_at) else { return false };
        let end = begin + self.text.len();
        let (before, after) = (sql.get(..begin).unwrap_or_default(), sql.get(end..).unwrap_or_default());
        let stands = sql.get(begin..end).is_some_and(|text| text.eq_ignore_ascii_case(&self.text));
        let whole = !before.last().is_some_and(|byte| is_word(*byte))
            && (self.text.len() >= CUT_NAME_BYTES || !self.goes_on(after));
        stands
            && whole
            && match self.counts {
                Counts::Always => true,
                Counts::Qualifier => may_be_qualifier(after),
                Counts::WhenAstray => is_astray,
                Counts::SelectInto => !follows_insert_or_merge(before),
            }
    }

    /// Whether what follows belongs to the same word.
    fn goes_on(&self, after: &[u8]) -> bool {
        self.text.last().is_some_and(|byte| is_word(*byte))
            && after.first().is_some_and(|byte| is_word(*byte))
    }
}

/// What runs are found by: all of a run that PostgreSQL cannot have cut.
fn key(run: &[u8]) -> &[u8] {
    run.get(..CUT_NAME_BYTES).unwrap_or(run)
}

/// Compares a word in lower case with one in any case.
fn folded(lower: &[u8], any: &[u8]) -> Ordering {
    lower.iter().copied().cmp(any.iter().map(u8::to_ascii_lowercase))
}

const LONGEST_BIT: usize = 31;

fn length_bit(len: usize) -> u32 {
    1 << len.min(LONGEST_BIT)
}

/// Names that do not mean `schema.name` as it stands, and the statements that PostgreSQL does not take on a view.
fn add_names(edition: &SnapshotEdition, add: &mut impl FnMut(&str, Counts)) {
    let names = &edition.names;
    if names.is_empty() {
        return;
    }
    add("u&\"", Counts::Always);
    let code = names.functions.keys().chain(names.operators.keys());
    let schemas = names.relations.keys().chain(code).chain(names.types.keys());
    let mut schemas: Vec<&Name> = schemas.map(|(schema, _)| schema).collect();
    schemas.sort_unstable();
    schemas.dedup();
    for schema in schemas {
        add(&in_quotes(schema), Counts::Qualifier);
    }
    for ((_, name), relation) in &names.relations {
        if *relation == Relation::Tombstone {
            add(&in_quotes(name), Counts::Always);
        }
    }
    if names.has_views() {
        for word in view_gap() {
            add(word, Counts::Always);
        }
    }
}

/// Without one of these words nothing in a text goes with a table but not with a view.
fn view_gap() -> impl Iterator<Item = &'static str> {
    ["copy", "truncate"].into_iter().chain(super::stored::WORDS).chain(super::maintenance::WORDS)
}

/// Words of introspection that do not begin with `pg_`.
const INTROSPECTION: [&str; 11] = [
    "information_schema",
    "current_schema",
    "current_schemas",
    "obj_description",
    "col_description",
    "regclass",
    "to_regclass",
    "has_table_privilege",
    "has_column_privilege",
    "has_any_column_privilege",
    "has_sequence_privilege",
];

fn is_of_catalogue(word: &[u8]) -> bool {
    word.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"pg_"))
}

/// A name as it stands between double quotes; without special characters that is also how it stands bare.
fn in_quotes(name: &Name) -> String {
    name.as_str().replace('"', "\"\"")
}

/// Whether a dot follows: after a closing quote, white space or (not looked into) a comment or a Unicode escape clause.
fn may_be_qualifier(after: &[u8]) -> bool {
    let after = after.strip_prefix(b"\"").unwrap_or(after);
    let next = after.iter().find(|byte| !byte.is_ascii_whitespace() && **byte != 0x0b);
    matches!(next, Some(b'.' | b'-' | b'/'))
}

fn follows_insert_or_merge(before: &[u8]) -> bool {
    let before = before.trim_ascii_end();
    [b"insert".as_slice(), b"merge"].into_iter().any(|verb| {
        let start = before.len().saturating_sub(verb.len());
        before.get(start..).is_some_and(|word| word.eq_ignore_ascii_case(verb))
            && !start.checked_sub(1).and_then(|at| before.get(at)).is_some_and(|byte| is_word(*byte))
    })
}

#[inline]
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every word at every place, by the definition.
    fn by_definition(words: &[(String, Counts)], sql: &str) -> bool {
        let lower = sql.to_ascii_lowercase();
        words.iter().any(|(word, counts)| {
            let word = word.to_ascii_lowercase();
            lower.match_indices(&word).any(|(at, _)| {
                let (before, after) = (&sql.as_bytes()[..at], &sql.as_bytes()[at + word.len()..]);
                let goes_on = is_word(word.as_bytes()[word.len() - 1])
                    && word.len() < CUT_NAME_BYTES
                    && after.first().is_some_and(|byte| is_word(*byte));
                !before.last().is_some_and(|byte| is_word(*byte))
                    && !goes_on
                    && match counts {
                        Counts::Always => true,
                        Counts::Qualifier => may_be_qualifier(after),
                        Counts::WhenAstray => false,
                        Counts::SelectInto => !follows_insert_or_merge(before),
                    }
            })
        })
    }

    fn word() -> impl Strategy<Value = String> {
        prop::sample::select(vec![
            "into".to_owned(),
            "Public".to_owned(),
            "my schema".to_owned(),
            "a\"\"b".to_owned(),
            "-x-".to_owned(),
            "u&\"".to_owned(),
            "größe".to_owned(),
            "a".repeat(CUT_NAME_BYTES),
            "b".repeat(CUT_NAME_BYTES + 3),
            "c".repeat(CUT_NAME_BYTES - 1),
            "_0$".to_owned(),
        ])
    }

    proptest! {
        #[test]
        fn a_scan_finds_what_the_definition_says(
            words in prop::collection::vec(
                (word(), prop::sample::select(vec![Counts::Always, Counts::Qualifier, Counts::SelectInto])), 1..6),
            sql in prop::collection::vec(
                prop_oneof![word(), word().prop_map(|word| word.to_uppercase()), "[a-c \".,-]{1,3}", "(INSERT|x|ß|\n)"], 0..8),
        ) {
            let sql = sql.concat();
            let scanner = Scanner::of(words.iter().cloned().map(|(word, counts)| (word, counts, Asked::JUDGED)));
            let found = scanner.scan(sql.as_bytes(), false, Asked::JUDGED).judged;
            prop_assert_eq!(found, by_definition(&words, &sql), "{}", sql);
        }
    }

    #[test]
    fn a_name_without_any_word_character_is_seen_in_every_quoted_name() {
        let scanner = Scanner::of([("-.-".to_owned(), Counts::Qualifier, Asked::JUDGED)].into_iter());
        assert!(scanner.scan(b"SELECT * FROM \"-.-\".t", false, Asked::JUDGED).judged);
        assert!(!scanner.scan(b"SELECT 1 - 2", false, Asked::JUDGED).judged);
    }

    #[test]
    fn one_pass_answers_both_questions() {
        let words = [
            ("drop".to_owned(), Counts::Always, Asked::JUDGED),
            ("public".to_owned(), Counts::Qualifier, Asked::MAY_CHANGE),
            ("copy".to_owned(), Counts::Always, Asked::JUDGED),
            ("copy".to_owned(), Counts::Always, Asked::MAY_CHANGE),
        ];
        let scanner = Scanner::of(words.into_iter());
        let both = Asked { judged: true, may_change: true };
        assert_eq!(scanner.scan(b"SELECT 1 FROM public.t", false, both), Asked::MAY_CHANGE);
        assert_eq!(scanner.scan(b"DROP TABLE t", false, both), Asked::JUDGED);
        assert_eq!(scanner.scan(b"copy t from stdin", false, both), both);
        assert_eq!(scanner.scan(b"SELECT 1", false, both), Asked::default());
    }
}
