//! What goes wrong, and what is said then: failing transforms, drafts that cannot be published, verbs at the wrong time, names that do
//! not fit. Nothing of it may harm an older edition.

mod codes;
mod failing;
mod mishaps;
mod refused;
mod verbs;

use catalog::plan::Severity;
use edition_tests::World;

/// The findings of the plan for a draft, without notices: code, subject, fix.
async fn findings(world: &World, draft: &str) -> Vec<(String, String, String)> {
    let plan = world.verbs.plan(draft).await;
    let grave = plan.findings.into_iter().filter(|finding| finding.severity != Severity::Notice);
    grave
        .map(|finding| (finding.code.slug().to_owned(), finding.subject, finding.fix.unwrap_or_default()))
        .collect()
}
