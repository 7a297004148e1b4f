//! What in a database would go around an edition: names that `search_path` does not resolve, objects that are bound to tables as they stand,
//! connections and copies that no proxy sees. Reads only; works before `init` as well as after.

mod bodies;
mod code;
mod read;

#[cfg(test)]
mod tests;

use serde::Serialize;

pub use code::{Code, Gravity};

use crate::{
    error::{Error, Result},
    model::Name,
    store,
    target::Target,
};
use bodies::Known;

/// What was looked at and what was found.
#[derive(Clone, Debug, Serialize)]
pub struct Examination {
    /// Whether the database is under management.
    pub adopted: bool,
    /// The editioned schemas, or those that would be.
    pub schemas: Vec<Name>,
    /// By code, then by subject.
    pub findings: Vec<Finding>,
}

impl Examination {
    /// Whether anything goes around an edition as things are.
    pub fn is_healthy(&self) -> bool {
        self.findings.iter().all(|finding| finding.gravity == Gravity::Notice)
    }
}

/// One thing that goes around an edition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// What it is an instance of.
    pub code: Code,
    /// How grave: that of the code.
    pub gravity: Gravity,
    /// The object: `function public.total(integer)`.
    pub subject: String,
    /// Where in it, and what stands there: `line 3: public.orders`.
    pub place: Option<String>,
    /// Why it matters: that of the code.
    pub why: &'static str,
    /// What helps.
    pub fix: String,
}

impl Finding {
    fn new(code: Code, subject: impl Into<String>, place: Option<String>) -> Self {
        let fix = code.fix().to_owned();
        Self { code, gravity: code.gravity(), subject: subject.into(), place, why: code.why(), fix }
    }
}

/// Examines the target's database. `schemas`: those that would be editioned, if it is not adopted yet.
///
/// # Errors
/// As any query; [`Refused`](crate::ErrorKind::Refused) if one of the schemas does not exist.
pub async fn examine(target: &Target, schemas: &[Name]) -> Result<Examination> {
    let connection = target.connect().await?;
    let adopted = store::is_adopted(&*connection).await?;
    let schemas = if adopted { store::schemas(&*connection).await? } else { schemas.to_vec() };
    let facts = read::facts(&connection, &schemas, adopted).await?;
    if let Some(missing) = schemas.iter().find(|schema| !facts.schemas.contains(schema)) {
        return Err(Error::refused(format!("schema \"{}\" does not exist", missing.as_str())));
    }
    let known = Known::new(&facts);
    let mut findings: Vec<Finding> =
        facts.routines.iter().flat_map(|routine| bodies::examine(routine, &known)).collect();
    findings.extend(facts.found);
    findings.sort();
    Ok(Examination { adopted, schemas, findings })
}
