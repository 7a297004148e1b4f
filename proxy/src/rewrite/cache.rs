//! Judgements by skeleton, so that a text is parsed once however often it comes with other literals.

use std::{fmt, ops::Range, sync::Arc};

use catalog::{model::Name, sql::lexer::Token};
use quick_cache::{Weighter, sync::Cache};

use super::{
    command::Substitute,
    edits::{Edits, Rewritten},
    verdict::{Refusal, Verdict},
};

/// Bytes of keys and judgements that one cache keeps unless told otherwise.
const DEFAULT_CAPACITY_BYTES: usize = 8 << 20;
/// A text whose key is longer is judged anew each time.
pub(super) const KEY_BYTES_MAX: usize = 64 << 10;
/// What an entry costs besides its bytes, about.
const ENTRY_OVERHEAD_BYTES: usize = 128;

/// What is known of a text, in terms of its tokens: so it holds for each text of the same skeleton.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) outcome: Outcome,
    /// Temporary tables that the text makes.
    pub(super) temporaries: Vec<Name>,
    /// What it does to the search path.
    pub(super) path: PathEffect,
    /// It would be another if the search path were known.
    pub(super) wants_path: bool,
    /// It would be another if it were known where the server finds these names.
    pub(super) wants_whence: Vec<Name>,
}

/// What a text does to the schema that unqualified names are looked up in first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum PathEffect {
    /// It stays.
    #[default]
    Keeps,
    /// It is set to what it is.
    Stays,
    /// It may be another from now on.
    Changes,
}

/// The verdict, not yet applied to a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Outcome {
    #[default]
    Forward,
    ForwardAndRestore,
    /// In the order of the text, not overlapping, at least one.
    Rewrite(Vec<Splice>, Vec<Substitute>),
    /// The position is that of a token.
    Refuse(Refusal, Option<usize>),
}

/// New text in the place of some tokens, or of none, before the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Splice {
    pub(super) tokens: Range<usize>,
    pub(super) text: String,
}

impl Outcome {
    /// The verdict for this very text.
    pub(super) fn apply(&self, text: &str, tokens: &[Token]) -> Verdict {
        match self {
            Self::Forward => Verdict::Forward,
            Self::ForwardAndRestore => Verdict::ForwardAndRestore,
            Self::Rewrite(splices, substitutes) => spliced(text, tokens, splices)
                .map(|(text, edits)| Rewritten { text, edits, substitutes: substitutes.clone() })
                .map_or(Verdict::Forward, Verdict::Rewrite),
            Self::Refuse(refusal, token) => {
                let start = token.and_then(|at| tokens.get(at)).map(|token| token.start);
                let position =
                    start.and_then(|start| text.get(..start)).map(|before| before.chars().count() + 1);
                Verdict::Refuse(Refusal { position, ..refusal.clone() })
            }
        }
    }
}

fn spliced(text: &str, tokens: &[Token], splices: &[Splice]) -> Option<(String, Edits)> {
    let added: usize = splices.iter().map(|splice| splice.text.len()).sum();
    let mut result = String::with_capacity(text.len() + added);
    let mut edits = Edits::default();
    let mut copied = 0;
    for splice in splices {
        let start = tokens.get(splice.tokens.start)?.start;
        let end =
            if splice.tokens.is_empty() { start } else { tokens.get(splice.tokens.end.checked_sub(1)?)?.end };
        let kept = text.get(copied..start)?;
        result.push_str(kept);
        result.push_str(&splice.text);
        edits.note(kept, text.get(start..end)?, &splice.text);
        copied = end;
    }
    result.push_str(text.get(copied..)?);
    Some((result, edits))
}

/// An entry of the cache.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// The judgement of each text with this key.
    Known(Arc<Judgement>),
    /// It hangs on the literals: look under the whole text.
    ByLiterals,
}

/// Judgements of all editions and epochs of one database, bounded in bytes: numbers of editions and epochs repeat among databases. Cheap to share
/// among threads; the sessions of one database should share one.
pub struct VerdictCache(Cache<Box<[u8]>, Entry, Bytes>);

impl VerdictCache {
    /// A cache that keeps about `bytes` bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Cache::with_weighter(bytes / 512, bytes as u64, Bytes))
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<Entry> {
        self.0.get(key)
    }

    pub(super) fn insert(&self, key: &[u8], entry: Entry) {
        if key.len() <= KEY_BYTES_MAX {
            self.0.insert(key.into(), entry);
        }
    }

    /// How many entries there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Default for VerdictCache {
    fn default() -> Self {
        Self::with_capacity(DEFAULT_CAPACITY_BYTES)
    }
}

impl fmt::Debug for VerdictCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerdictCache").field("entries", &self.0.len()).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug)]
struct Bytes;

impl Weighter<Box<[u8]>, Entry> for Bytes {
    fn weight(&self, key: &Box<[u8]>, entry: &Entry) -> u64 {
        let judgement = match entry {
            Entry::ByLiterals => 0,
            Entry::Known(judgement) => match &judgement.outcome {
                Outcome::Rewrite(splices, substitutes) => {
                    let splices = splices.iter().map(|splice| size_of::<Splice>() + splice.text.len());
                    splices.sum::<usize>() + size_of_val(substitutes.as_slice())
                }
                Outcome::Refuse(refusal, _) => refusal.message.len(),
                Outcome::Forward | Outcome::ForwardAndRestore => 0,
            },
        };
        (key.len() + judgement + ENTRY_OVERHEAD_BYTES) as u64
    }
}
