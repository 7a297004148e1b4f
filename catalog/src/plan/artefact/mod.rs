//! The plan as an artefact: the document that `edition plan --json` and `--out` give and `edition publish --plan` takes. Its form is
//! described by `docs/plan.schema.json`.
//!
//! It is never executed: publish plans anew and goes on only if the new plan says the same. So a file that was edited, or that was made
//! from another state of things, can do no harm; [`Artefact::refuse_unless_same`] tells what differs.

mod compare;
mod cost;

pub use cost::Work;

use serde::{Deserialize, Serialize};

use super::{Bindings, Finding, Plan, Severity, Step, StepKind, drift::hash};
use crate::{
    error::{Error, ErrorKind, Result},
    model::{EditionName, QualifiedName, Transform},
    sql,
    sql::join,
};

/// The number of the document's form; a reader refuses any other.
const FORMAT: u32 = 1;

/// A plan as a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artefact {
    /// The form of this document.
    pub format: u32,
    /// The draft.
    pub edition: EditionName,
    /// Its parent.
    pub parent: EditionName,
    /// Over all else in the document: tells an edited file from an outdated one.
    pub digest: String,
    /// What the plan was made from.
    pub bound_to: Bindings,
    /// Whether publish refuses it as it stands.
    pub refused: bool,
    /// What there is to say, gravest first.
    pub findings: Vec<Finding>,
    /// Every transform that will be used.
    pub transforms: Vec<Transform>,
    /// How long all steps take together, by estimate; see [`Work`].
    pub estimate_ms: u64,
    /// In order.
    pub steps: Vec<PlannedStep>,
}

/// A step as a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedStep {
    /// 1-based.
    pub number: usize,
    /// For people.
    pub title: String,
    /// What it does to data, and so what it costs.
    pub work: Work,
    /// The strongest lock, as the PostgreSQL manual names it; `none` for no lock on a table of the user's.
    pub lock: String,
    /// What is locked.
    pub relations: Vec<String>,
    /// Rows read or written, by estimate.
    pub rows: u64,
    /// Bytes read or written, by estimate.
    pub bytes: u64,
    /// How long it takes, by estimate.
    pub estimate_ms: u64,
    /// Whether the statements are one transaction.
    pub one_transaction: bool,
    /// What it runs.
    pub statements: Vec<String>,
    /// Whether it can be undone.
    pub reversible: bool,
    /// What undoes it; empty if there is nothing to undo.
    pub undone_by: Vec<String>,
}

impl Artefact {
    /// The document of a plan.
    pub fn of(plan: &Plan) -> Result<Self> {
        let steps: Vec<PlannedStep> =
            plan.steps.iter().enumerate().map(|(index, step)| PlannedStep::of(index + 1, step)).collect();
        let mut artefact = Self {
            format: FORMAT,
            edition: plan.edition.clone(),
            parent: plan.parent.clone(),
            digest: String::new(),
            bound_to: plan.bound_to.clone(),
            refused: plan.findings.iter().any(|finding| finding.severity == Severity::Refused),
            findings: plan.findings.clone(),
            transforms: plan.transforms.clone(),
            estimate_ms: steps.iter().map(|step| step.estimate_ms).sum(),
            steps,
        };
        artefact.digest = artefact.computed_digest()?;
        Ok(artefact)
    }

    /// Reads a document that [`Artefact::of`] made and something wrote to a file.
    pub fn read(text: &str) -> Result<Self> {
        let unreadable = |why: String| {
            Error::new(ErrorKind::Usage, format!("this is not a plan file: {why}"))
                .with_hint("edition plan NAME --out FILE writes one")
        };
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(format) => {
                return Err(unreadable(format!("its format is {format}, this program reads {FORMAT}")));
            }
            None => return Err(unreadable("it has no \"format\"".to_owned())),
        }
        serde_json::from_value(value).map_err(|error| unreadable(error.to_string()))
    }

    fn computed_digest(&self) -> Result<String> {
        hash(&Self { digest: String::new(), ..self.clone() })
    }
}

impl PlannedStep {
    fn of(number: usize, step: &Step) -> Self {
        let work = Work::of(&step.kind);
        Self {
            number,
            title: step.title.clone(),
            work,
            lock: step.lock.as_str().to_owned(),
            relations: step.relations.iter().map(QualifiedName::pretty).collect(),
            rows: step.rows,
            bytes: step.bytes,
            estimate_ms: work.estimate_ms(step.rows, step.bytes),
            one_transaction: matches!(step.kind, StepKind::Transaction { .. }),
            statements: statements(step),
            reversible: !matches!(step.kind, StepKind::DropBlueprint { .. }),
            undone_by: step.inverse.iter().map(ToString::to_string).collect(),
        }
    }
}

/// What a step runs; a backfill as the one statement that its ranges of blocks come to.
fn statements(step: &Step) -> Vec<String> {
    match &step.kind {
        StepKind::Backfill { table, assignments, pending, .. } => {
            let set = join(assignments.iter().map(|(column, value)| sql!("{} = {}", column, value)), ", ");
            vec![sql!("UPDATE {} AS edition_row SET {} WHERE {}", table, set, pending).to_string()]
        }
        _ => step.statements().into_iter().map(ToString::to_string).collect(),
    }
}
