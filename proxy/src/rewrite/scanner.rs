//! The gate before everything else: one pass over the bytes of a text for the words that can matter to this edition. Most
//! texts hold none and go on untouched. Nothing is allocated and nothing is copied here.

use aho_corasick::{AhoCorasick, MatchKind, automaton::OverlappingState};
use catalog::{
    model::{EditionState, Name},
    snapshot::{Relation, SnapshotEdition},
};

/// Longer names may stand in a text with a tail that PostgreSQL cuts off, so what follows them proves nothing.
const CUT_NAME_BYTES: usize = 60;

/// When a word that was found counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    /// Wherever it stands.
    Anywhere,
    /// As a whole word.
    Word,
    /// As a whole word before a dot.
    Qualifier,
    /// As a whole word, in a session that switched its edition.
    WhenSwitched,
    /// As a whole word that is not part of INSERT INTO or MERGE INTO.
    SelectInto,
}

/// The words of one edition.
#[derive(Debug)]
pub(super) struct Scanner {
    words: AhoCorasick,
    counts: Vec<Counts>,
}

impl Scanner {
    /// Collects the words. A draft has only those of our own statements: its sessions work on real tables.
    pub(super) fn new(edition: &SnapshotEdition) -> Result<Self, aho_corasick::BuildError> {
        let mut words: Vec<(String, Counts)> = Vec::new();
        let mut add = |word: &str, counts| words.push((word.to_owned(), counts));
        add("edition", Counts::Word);
        add("editions", Counts::Word);
        if edition.state != EditionState::Draft {
            for word in ["create", "alter", "drop", "import"] {
                add(word, Counts::Word);
            }
            add("into", Counts::SelectInto);
            // also where no path is rewritten: what a session made of its path counts when an edition with views comes
            for word in ["search_path", "schema"] {
                add(word, Counts::Word);
            }
            add("discard", Counts::Word);
            for word in ["reset", "default"] {
                add(word, Counts::WhenSwitched);
            }
            add_names(edition, &mut add);
        }
        Self::of(words)
    }

    /// The words by which a text may be judged otherwise in another epoch: names that are qualified by an editioned schema, what
    /// PostgreSQL does not take on a view, and search paths.
    pub(super) fn for_changes(schemas: &[Name]) -> Result<Self, aho_corasick::BuildError> {
        let qualifiers = schemas.iter().map(|schema| (in_quotes(schema), Counts::Qualifier));
        let statements =
            ["copy", "truncate", "search_path", "schema"].map(|word| (word.to_owned(), Counts::Word));
        Self::of(qualifiers.chain(statements).chain([("u&\"".to_owned(), Counts::Anywhere)]).collect())
    }

    fn of(words: Vec<(String, Counts)>) -> Result<Self, aho_corasick::BuildError> {
        let counts = words.iter().map(|(_, counts)| *counts).collect();
        let words = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(words.into_iter().map(|(word, _)| word))?;
        Ok(Self { words, counts })
    }

    /// Whether `sql` holds a word that counts.
    pub(super) fn hits(&self, sql: &[u8], switched: bool) -> bool {
        let mut state = OverlappingState::start();
        loop {
            self.words.find_overlapping(sql, &mut state);
            let Some(found) = state.get_match() else { return false };
            let counts = self.counts.get(found.pattern().as_usize()).copied().unwrap_or(Counts::Anywhere);
            let before = sql.get(..found.start()).unwrap_or_default();
            let after = sql.get(found.end()..).unwrap_or_default();
            let whole = !before.last().is_some_and(|byte| is_word(*byte))
                && (found.len() >= CUT_NAME_BYTES || !after.first().is_some_and(|byte| is_word(*byte)));
            let hit = match counts {
                Counts::Anywhere => true,
                Counts::Word => whole,
                Counts::Qualifier => whole && may_be_qualifier(after),
                Counts::WhenSwitched => switched && whole,
                Counts::SelectInto => whole && !follows_insert_or_merge(before),
            };
            if hit {
                return true;
            }
        }
    }
}

/// Names that do not mean `schema.name` as it stands, and the statements that PostgreSQL does not take on a view.
fn add_names(edition: &SnapshotEdition, add: &mut impl FnMut(&str, Counts)) {
    let names = &edition.names;
    if names.is_empty() {
        return;
    }
    add("u&\"", Counts::Anywhere);
    let schemas = names.relations.keys().chain(names.functions.keys()).chain(names.types.keys());
    let mut schemas: Vec<&Name> = schemas.map(|(schema, _)| schema).collect();
    schemas.sort_unstable();
    schemas.dedup();
    for schema in schemas {
        add(&in_quotes(schema), Counts::Qualifier);
    }
    for ((_, name), relation) in &names.relations {
        if *relation == Relation::Tombstone {
            add(&in_quotes(name), Counts::Word);
        }
    }
    if names.relations.values().any(|relation| matches!(relation, Relation::View(_))) {
        add("copy", Counts::Word);
        add("truncate", Counts::Word);
    }
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

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}
