//! What becomes of texts in an edition that has something of everything: [`sample`].

mod computed;
mod constraints;
mod gate;
mod moved;
mod properties;
mod rules;
mod sessions;
mod skipped;
mod stored;
mod temporary;

use super::{
    sample::{PLAIN, VIEWED},
    *,
};

pub(super) fn rewriter(edition: EditionId) -> Rewriter {
    Rewriter::new(Arc::new(sample::snapshot().unwrap()), edition)
}

pub(super) fn shown(verdict: Verdict) -> String {
    match verdict {
        Verdict::Forward => "=".to_owned(),
        Verdict::ForwardAndRestore => "= and restore".to_owned(),
        Verdict::Rewrite(rewritten) => rewritten.text,
        Verdict::Refuse(refusal) => {
            let position = refusal.position.map(|at| format!(" at {at}")).unwrap_or_default();
            format!("! {}{position}: {}", refusal.sqlstate, refusal.message)
        }
        Verdict::Own(statement) => format!("{statement:?}"),
    }
}

/// Judges twice, without and with the cache, and wants the same.
pub(super) fn judged(rewriter: &Rewriter, sql: &str, session: &SessionTraits) -> String {
    let cache = VerdictCache::default();
    let first = shown(rewriter.judge(sql.as_bytes(), &cache, &mut session.clone()));
    let second = shown(rewriter.judge(sql.as_bytes(), &cache, &mut session.clone()));
    assert_eq!(first, second, "the cache changes the verdict of {sql}");
    first
}

#[track_caller]
pub(super) fn check(cases: &[(&str, &str)]) {
    let rewriter = rewriter(VIEWED);
    for (sql, expected) in cases {
        assert_eq!(judged(&rewriter, sql, &SessionTraits::default()), *expected, "{sql}");
    }
}
