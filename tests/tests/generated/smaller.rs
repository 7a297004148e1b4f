//! Makes a bug smaller: fewer statements, then a smaller base, as long as the same goes wrong.

use edition_tests::{Dice, Pair, Shape};

use crate::{
    act::{Acts, Outcome, Script},
    bug::{Bug, sign},
};

/// How many trials a bug is worth.
const TRIALS: usize = 60;

/// The smallest bug with the same sign that was found.
pub(crate) async fn smaller(mut bug: Bug) -> Bug {
    let mut trials = TRIALS;
    if trial(&bug.base, &bug.script, &bug.sign()).await.is_none() {
        bug.what.push_str("\n(this does not happen again from a dump of the base: it needs the chain or the rows of before)");
        return bug;
    }
    let mut changed = true;
    while changed && trials > 0 {
        changed = false;
        for script in shorter(&bug.script) {
            trials = trials.saturating_sub(1);
            if let Some(what) = trial(&bug.base, &script, &bug.sign()).await {
                bug = Bug { script, what, ..bug };
                changed = true;
                break;
            }
        }
    }
    for drop in droppable(&bug).await {
        if trials == 0 {
            break;
        }
        trials -= 1;
        let base = format!("{}\nSET search_path = public;\n{drop};", bug.base);
        if let Some(what) = trial(&base, &bug.script, &bug.sign()).await {
            bug = Bug { base, what, ..bug };
        }
    }
    if let Ok(pair) = Pair::new(&bug.base).await {
        bug.base = pair.script().await;
        pair.end().await;
    }
    bug
}

/// All scripts with one statement less.
fn shorter(script: &Script) -> Vec<Script> {
    let mut all = Vec::new();
    for (index, draft) in script.drafts.iter().enumerate() {
        for statement in 0..draft.len() {
            let mut less = script.clone();
            less.drafts[index].remove(statement);
            less.drafts.retain(|draft| !draft.is_empty());
            all.push(less);
        }
    }
    all
}

/// Statements that take something away of the base that the script does not mention.
async fn droppable(bug: &Bug) -> Vec<String> {
    let Ok(pair) = Pair::new(&bug.base).await else { return Vec::new() };
    let shape = Shape::read(&pair.in_plain().await).await.unwrap();
    pair.end().await;
    let text: String = bug.script.drafts.iter().flatten().map(|(_, sql)| sql.as_str()).collect();
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let mut drops: Vec<(String, &String)> = Vec::new();
    for view in &shape.views {
        let kind = if view.materialized { "MATERIALIZED VIEW" } else { "VIEW" };
        drops.push((format!("DROP {kind} IF EXISTS {} CASCADE", quoted(&view.name)), &view.name));
    }
    for table in &shape.tables {
        drops.push((format!("DROP TABLE IF EXISTS {} CASCADE", quoted(&table.name)), &table.name));
    }
    for routine in &shape.routines {
        drops.push((format!("DROP ROUTINE IF EXISTS {} CASCADE", routine.signature), &routine.name));
    }
    drops.extend(
        shape
            .types
            .iter()
            .map(|found| (format!("DROP TYPE IF EXISTS {} CASCADE", quoted(&found.name)), &found.name)),
    );
    drops.extend(
        shape
            .sequences
            .iter()
            .map(|name| (format!("DROP SEQUENCE IF EXISTS {} CASCADE", quoted(name)), name)),
    );
    drops.into_iter().filter(|(_, name)| !text.contains(name.as_str())).map(|(sql, _)| sql).collect()
}

/// Plays the script on new databases; what went wrong, if it has the same sign.
async fn trial(base: &str, script: &Script, wanted: &str) -> Option<String> {
    let pair = Pair::new(base).await.ok()?;
    if pair.init("v1", &["public"]).await.is_err() {
        pair.end().await;
        return None;
    }
    let mut acts = Acts::new(pair);
    acts.fill(&mut Dice::new(3)).await;
    let outcome = acts.repeat(script).await;
    acts.pair.end().await;
    match outcome {
        Outcome::Bug(what) if sign(&what) == wanted => Some(what),
        _ => None,
    }
}
