//! A plan: the ordered steps of one operation, and what there is to say about them before anything is done. Pure.

mod accessories;
mod allowances;
mod archived;
mod artefact;
mod bound;
mod cautions;
mod chain;
mod class;
mod code;
mod code_objects;
mod contract;
mod drift;
mod expand;
mod finding;
mod foreign;
mod function_body;
mod infer;
mod introduce;
mod names;
mod needs_table;
mod own;
mod partitions;
mod policies;
mod properties;
mod rows;
mod rules;
mod run;
mod seeds;
mod share;
mod step;
mod take_back;
mod tighten;
mod transforms;
mod trigger_places;
mod triggers;
mod unsupported;
mod whole_rows;

pub use allowances::Allowances;
pub use archived::{Archived, stored_by_leaf};
pub use artefact::{Artefact, PlannedStep, Work};
pub use cautions::{changes_nothing, made_anew};
pub use chain::{Chain, Facts, Member, path_along};
pub use class::{Class, class_of};
pub use code::Code;
pub use contract::{ContractInput, End, contract};
pub use drift::{Bindings, bindings, draft_fingerprint, drift, drift_of_rules, fingerprint};
pub use expand::{ExpandInput, expand, viewed_tables};
pub use finding::{Finding, Severity};
pub use foreign::equivalent_ddl;
pub use infer::{AddedConstant, AddedWith, Agreement, DataStep, InferInput, Inferred, agreements, infer};
pub use own::{own_objects, own_types, searching_functions};
pub use properties::property_findings;
pub use seeds::leave_out_doubtful;
pub use step::{Lock, Parts, Step, StepKind, WantedPart};
pub use take_back::{TakeBackInput, take_back};
pub(crate) use tighten::BYTES_BUILT_AT_ONCE;
pub use transforms::{
    Candidate, Ends, Fill, FilledBy, Fit, Hop, TransformInput, assemble, candidates, next_number, probes,
};
pub use unsupported::refusals;

use serde::{Deserialize, Serialize};

use crate::model::{EditionName, Transform};

/// What publishing a draft does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The draft.
    pub edition: EditionName,
    /// Its parent.
    pub parent: EditionName,
    /// What it was made from, each part for itself.
    #[serde(default)]
    pub bound_to: Bindings,
    /// Of the live schema and both blueprints: publish refuses when it no longer fits.
    pub fingerprint: String,
    /// Of the draft's schema alone: it must not change while the publication is under way.
    pub draft_fingerprint: String,
    /// In order.
    pub steps: Vec<Step>,
    /// Refusals, things that need a word, notices.
    pub findings: Vec<Finding>,
    /// Every transform that will be used, given or inferred.
    pub transforms: Vec<Transform>,
}
