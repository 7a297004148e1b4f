//! What becomes of one SQL text of a client: forwarded, rewritten, refused, or answered by ourselves. Pure: no I/O, no
//! clock, no runtime. One [`Rewriter`] serves all sessions of one edition in one epoch of the catalogue.
//!
//! The way of a text, each step only if the one before says so:
//! 1. [`scanner`]: does it hold a word that can matter here? Most texts end here, untouched and uncopied.
//! 2. [`own`]: is it a statement of our own?
//! 3. [`skeleton`] and [`cache`]: is the same text, other literals aside, known?
//! 4. [`analysis`]: parse it, and ask the rules: [`names`], [`literals`], [`search_path`], [`copy`], [`truncate`], [`ddl`],
//!    [`skipped`], [`maintenance`], [`constraints`], [`temporary`], [`stored`] (over [`scope`], which tells what the names in a query mean), [`introspection`], [`grouped`], [`computed`].
//!    A rule for another thing that a view lacks is one more file, and one more arm in the analysis.

mod analysis;
mod cache;
mod command;
mod computed;
mod constraints;
mod copy;
mod ddl;
mod edits;
mod grouped;
mod home;
mod indexes;
mod introspection;
mod like;
mod literals;
mod maintenance;
mod names;
mod own;
mod resets;
#[doc(hidden)]
pub mod sample;
mod scanner;
mod scope;
mod search_path;
mod skeleton;
mod skipped;
mod stored;
mod temporaries;
mod temporary;
#[cfg(test)]
mod tests;
mod truncate;
mod verdict;

use std::{
    cell::RefCell,
    sync::{Arc, LazyLock},
};

use catalog::{
    model::EditionId,
    snapshot::{Snapshot, SnapshotEdition},
    sql::{lexer::Token, parser::Tree},
};

pub use self::{
    cache::VerdictCache,
    command::{Command, Substitute},
    edits::{Edits, Rewritten},
    verdict::{Refusal, SessionTraits, Statement, Verdict, Wanted},
};
use self::{
    cache::{Entry, Judgement, KEY_BYTES_MAX, PathEffect},
    home::Home,
    scanner::{Asked, Scanner},
};

/// A longer text is forwarded unlooked-at.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// What the scratch of a thread may keep between texts.
const SCRATCH_KEPT: usize = 64 << 10;

/// Judges the texts of the sessions of one edition. Built once per epoch and edition, shared by `Arc`.
#[derive(Debug)]
pub struct Rewriter {
    snapshot: Arc<Snapshot>,
    edition: EditionId,
    /// `None` if the snapshot does not have the edition: then everything is forwarded.
    scanner: Option<Scanner>,
}

/// What one judgement needs for a moment; kept per thread, so that a cache hit allocates nothing but its result.
#[derive(Default)]
struct Scratch {
    tokens: Vec<Token>,
    key: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Rewriter {
    /// For the sessions of `edition` while `snapshot` holds.
    pub fn new(snapshot: Arc<Snapshot>, edition: EditionId) -> Self {
        let scanner = snapshot.edition_by_id(edition).map(|edition| Scanner::new(edition, &snapshot));
        Self { snapshot, edition, scanner }
    }

    /// The edition that this serves; `None` if the snapshot does not have it.
    pub fn edition(&self) -> Option<&SnapshotEdition> {
        self.snapshot.edition_by_id(self.edition)
    }

    /// Judges the SQL text of one `Query` or `Parse` message (without its terminating zero). What it learns of the session
    /// (temporary tables made) it keeps in `session`.
    ///
    /// Forwarded unlooked-at are texts over [`TEXT_BYTES_MAX`], those that are not UTF-8, those that PostgreSQL's grammar does
    /// not take, and, with `standard_conforming_strings` off, those that hold a backslash.
    pub fn judge(&self, sql: &[u8], cache: &VerdictCache, session: &mut SessionTraits) -> Verdict {
        let found = self.scan(sql, session, Asked { judged: true, may_change: false });
        let verdict =
            if found.judged { self.judge_hit(sql, cache, session, false) } else { Verdict::Forward };
        session.whence.clear();
        verdict
    }

    /// As [`judge`](Self::judge), for a text that stays. `has_name`: as a prepared statement that later ones do not replace. With it:
    /// whether another epoch may judge it otherwise, so that whoever keeps it has to ask again.
    pub fn judge_to_keep(
        &self,
        sql: &[u8],
        has_name: bool,
        cache: &VerdictCache,
        session: &mut SessionTraits,
    ) -> (Verdict, bool) {
        let found = self.scan(sql, session, Asked { judged: true, may_change: true });
        let verdict =
            if found.judged { self.judge_hit(sql, cache, session, has_name) } else { Verdict::Forward };
        session.whence.clear();
        (verdict, found.may_change)
    }

    /// Whether any text may be one that the server has to be asked for: where names lead is not known, they may lead to temporary tables,
    /// or into an editioned schema past others.
    #[inline]
    pub fn may_want(&self, session: &SessionTraits) -> bool {
        let is_past_others =
            |home: &Home| home.further.iter().any(|schema| self.snapshot.schemas.contains(schema));
        session.is_path_lost()
            || session.temporaries.are_any()
            || session.whereabouts.home().is_some_and(is_past_others)
    }

    /// What the server has to be asked for before a text is judged; nothing where [it never has to](Self::may_want).
    pub fn wants(&self, sql: &[u8], cache: &VerdictCache, session: &SessionTraits) -> Wanted {
        if !self.scan(sql, session, Asked { judged: true, may_change: false }).judged {
            return Wanted::Nothing;
        }
        let wanted = self.with_tokens(sql, session, |edition, text, scratch| {
            if own::recognise(text, &scratch.tokens).is_some() {
                return Wanted::Nothing;
            }
            let judgement = self.judgement(edition, text, cache, session, scratch);
            match &*judgement.wants_whence {
                _ if judgement.wants_path => Wanted::Path,
                [] => Wanted::Nothing,
                names => Wanted::Whence(names.to_vec()),
            }
        });
        wanted.unwrap_or(Wanted::Nothing)
    }

    #[inline]
    fn scan(&self, sql: &[u8], session: &SessionTraits, wanted: Asked) -> Asked {
        match &self.scanner {
            Some(scanner) if sql.len() <= TEXT_BYTES_MAX => {
                let is_astray = session.switched || !session.whereabouts.stays_at_first();
                scanner.scan(sql, is_astray, wanted)
            }
            _ => Asked::default(),
        }
    }

    /// Judges a text that the scan has not let go.
    fn judge_hit(
        &self,
        sql: &[u8],
        cache: &VerdictCache,
        session: &mut SessionTraits,
        is_kept: bool,
    ) -> Verdict {
        let judged = self.with_tokens(sql, session, |edition, text, scratch| {
            if let Some(statement) = own::recognise(text, &scratch.tokens) {
                return (Verdict::Own(statement), None);
            }
            let judgement = self.judgement(edition, text, cache, session, scratch);
            (judgement.outcome.apply(text, &scratch.tokens), Some(judgement))
        });
        let Some((verdict, judgement)) = judged else { return Verdict::Forward };
        if let Some(judgement) = judgement {
            session.temporaries.extend(&judgement.temporaries);
            session.whereabouts.move_on();
            match judgement.path {
                PathEffect::Stays if is_kept => session.whereabouts.loosen(),
                PathEffect::Keeps | PathEffect::Stays if judgement.temporaries.is_empty() => return verdict,
                PathEffect::Keeps | PathEffect::Stays => {}
                PathEffect::Changes => session.whereabouts.lose(is_kept),
            }
            session.moves += 1;
        }
        verdict
    }

    /// `None` for what is not looked at.
    fn with_tokens<R>(
        &self,
        sql: &[u8],
        session: &SessionTraits,
        look: impl FnOnce(&SnapshotEdition, &str, &mut Scratch) -> R,
    ) -> Option<R> {
        let (edition, text) = (self.edition()?, str::from_utf8(sql).ok()?);
        if !session.standard_strings && sql.contains(&b'\\') {
            return None;
        }
        SCRATCH.with_borrow_mut(|scratch| {
            self.key_prefix(session, &mut scratch.key);
            let is_whole = skeleton::skeleton(text.as_bytes(), &mut scratch.tokens, &mut scratch.key);
            session.temporaries.add_to_key(text, &scratch.tokens, &mut scratch.key);
            let result = is_whole.then(|| look(edition, text, scratch));
            scratch.tokens.shrink_to(SCRATCH_KEPT / size_of::<Token>());
            scratch.key.shrink_to(SCRATCH_KEPT);
            result
        })
    }

    /// The judgement from the cache, or a new one.
    fn judgement(
        &self,
        edition: &SnapshotEdition,
        text: &str,
        cache: &VerdictCache,
        session: &SessionTraits,
        scratch: &mut Scratch,
    ) -> Arc<Judgement> {
        let cacheable = scratch.key.len() <= KEY_BYTES_MAX;
        let known = if cacheable { cache.get(&scratch.key) } else { None };
        let skeleton_known = known.is_some();
        match known {
            Some(Entry::Known(judgement)) => return judgement,
            Some(Entry::ByLiterals) => {
                self.literal_key(session, text, &mut scratch.key);
                if let Some(Entry::Known(judgement)) = cache.get(&scratch.key) {
                    return judgement;
                }
            }
            None => {}
        }
        let judged = analysis::judge(text, &scratch.tokens, edition, &self.snapshot, session);
        let judgement = Arc::new(judged.judgement);
        if cacheable {
            if judged.reads_literals && !skeleton_known {
                cache.insert(&scratch.key, Entry::ByLiterals);
                self.literal_key(session, text, &mut scratch.key);
            }
            cache.insert(&scratch.key, Entry::Known(Arc::clone(&judgement)));
        }
        judgement
    }

    /// What a judgement hangs on besides the text, but for the temporary tables that it names.
    fn key_prefix(&self, session: &SessionTraits, key: &mut Vec<u8>) {
        key.clear();
        key.extend_from_slice(&self.snapshot.epoch.get().to_le_bytes());
        key.extend_from_slice(&self.edition.get().to_le_bytes());
        key.push(u8::from(session.switched));
        session.whereabouts.add_to_key(key);
        session.whence.add_to_key(key);
    }

    /// The key of a text whose judgement hangs on its literals. No skeleton begins with the mark.
    fn literal_key(&self, session: &SessionTraits, text: &str, key: &mut Vec<u8>) {
        const WHOLE_TEXT: u8 = 0xff;
        self.key_prefix(session, key);
        key.push(WHOLE_TEXT);
        key.extend_from_slice(text.as_bytes());
        session.temporaries.add_all_to_key(key);
    }
}

/// The entry of the fuzzer: any bytes as a text, in sessions of both editions. Judged twice, since what the cache gives
/// back must be what it was given. What is rewritten must be SQL still.
#[doc(hidden)]
pub fn fuzz_entry(data: &[u8]) {
    static REWRITERS: LazyLock<Vec<Rewriter>> = LazyLock::new(|| {
        let snapshot = Arc::new(
            sample::snapshot().unwrap_or_else(|error| unreachable!("a name of the sample: {error}")),
        );
        [sample::PLAIN, sample::VIEWED]
            .into_iter()
            .map(|edition| Rewriter::new(Arc::clone(&snapshot), edition))
            .collect()
    });
    let usual = SessionTraits::default();
    let switched = SessionTraits { switched: true, ..usual.clone() };
    let mut lost = usual.clone();
    lost.whereabouts.lose(false);
    for rewriter in REWRITERS.iter() {
        for session in [&usual, &switched, &lost] {
            let cache = VerdictCache::with_capacity(1 << 16);
            let first = rewriter.judge(data, &cache, &mut session.clone());
            let second = rewriter.judge(data, &cache, &mut session.clone());
            assert_eq!(first, second);
            if let Verdict::Rewrite(new) = &first {
                assert!(Tree::parse(&new.text).is_ok(), "{}", new.text);
            }
        }
        let _ = rewriter.wants(data, &VerdictCache::with_capacity(1 << 16), &lost);
    }
}
