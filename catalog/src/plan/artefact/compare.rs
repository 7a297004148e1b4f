//! Whether a plan file still says what a plan made now would say; and if not, what differs.

use super::{Artefact, PlannedStep};
use crate::{
    error::{Error, Result},
    plan::Finding,
};

/// How many differences are named.
const NAMED: usize = 10;

impl Artefact {
    /// Refuses unless this document, read from a file, says what `fresh`, made from the present state, says. Sizes and estimates may differ:
    /// they follow the table's statistics.
    pub fn refuse_unless_same(&self, fresh: &Self) -> Result<()> {
        let was_edited = self.computed_digest()? != self.digest;
        let mut differences = self.outdated(fresh);
        differences.extend(self.content_differences(fresh));
        if differences.is_empty() && !was_edited {
            return Ok(());
        }
        if differences.is_empty() {
            differences.push("its estimates, or its digest".to_owned());
        }
        let more = differences.len().saturating_sub(NAMED);
        differences.truncate(NAMED);
        if more > 0 {
            differences.push(format!("and {more} more"));
        }
        let what =
            if was_edited { "the plan file was edited by hand" } else { "the plan file is out of date" };
        Err(Error::refused(format!("{what}; what differs:\n  {}", differences.join("\n  ")))
            .with_hint(format!("plan again and review it: edition plan {} --out FILE", fresh.edition)))
    }

    /// What the plan was made from and is not so any more.
    fn outdated(&self, fresh: &Self) -> Vec<String> {
        let (then, now) = (&self.bound_to, &fresh.bound_to);
        [
            ("the edition", self.edition.as_str() == fresh.edition.as_str()),
            ("its parent", self.parent.as_str() == fresh.parent.as_str()),
            ("the live database's schema", then.live == now.live),
            ("the live editions", then.editions == now.editions),
            ("the draft's schema", then.draft == now.draft),
            ("the transforms given", then.transforms == now.transforms),
        ]
        .into_iter()
        .filter(|(_, same)| !same)
        .map(|(what, _)| format!("{what} changed since"))
        .collect()
    }

    fn content_differences(&self, fresh: &Self) -> Vec<String> {
        let mut differences = finding_differences(&self.findings, &fresh.findings);
        if self.transforms != fresh.transforms {
            differences.push("the transforms used".to_owned());
        }
        if self.refused != fresh.refused {
            differences.push("whether publish is refused".to_owned());
        }
        for (number, pair) in pairs(&self.steps, &fresh.steps) {
            match pair {
                (Some(planned), Some(now)) if planned.says_the_same_as(now) => {}
                (Some(planned), Some(now)) if planned.title == now.title => {
                    differences.push(format!("step {number}, {}: {}", now.title, planned.difference(now)));
                }
                (Some(planned), Some(now)) => {
                    differences.push(format!("step {number}: {}, now {}", planned.title, now.title));
                }
                (Some(planned), None) => {
                    differences.push(format!("step {number}, {}: not in the plan", planned.title));
                }
                (None, Some(now)) => {
                    differences.push(format!("step {number}, {}: not in the file", now.title));
                }
                (None, None) => {}
            }
        }
        differences
    }
}

type Pair<'a> = (Option<&'a PlannedStep>, Option<&'a PlannedStep>);

fn pairs<'a>(file: &'a [PlannedStep], now: &'a [PlannedStep]) -> impl Iterator<Item = (usize, Pair<'a>)> {
    (0..file.len().max(now.len())).map(|index| (index + 1, (file.get(index), now.get(index))))
}

fn finding_differences(file: &[Finding], now: &[Finding]) -> Vec<String> {
    let line = |finding: &Finding| format!("finding {}, {}", finding.code, finding.subject);
    let gone = file.iter().filter(|finding| !now.contains(finding));
    let new = now.iter().filter(|finding| !file.contains(finding));
    gone.map(|finding| format!("{}: not in the plan", line(finding)))
        .chain(new.map(|finding| format!("{}: not in the file", line(finding))))
        .collect()
}

impl PlannedStep {
    fn says_the_same_as(&self, other: &Self) -> bool {
        let Self { rows, bytes, estimate_ms, .. } = *self;
        *self == Self { rows, bytes, estimate_ms, ..other.clone() }
    }

    fn difference(&self, now: &Self) -> &'static str {
        if self.statements != now.statements {
            "its statements"
        } else if self.undone_by != now.undone_by {
            "what undoes it"
        } else if self.lock != now.lock || self.relations != now.relations {
            "its lock"
        } else {
            "its kind"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{EditionName, Name, QualifiedName},
        plan::{Bindings, Code, Lock, Plan, Step},
        sql::Sql,
    };

    fn plan(statement: &str) -> Plan {
        let table = QualifiedName::new(Name::new("public").unwrap(), Name::new("t").unwrap());
        let step = Step::transaction(
            "expand public.t",
            Lock::AccessExclusive,
            vec![table],
            vec![Sql::trusted(statement)],
        );
        Plan {
            edition: EditionName::new("v2").unwrap(),
            parent: EditionName::new("v1").unwrap(),
            bound_to: Bindings::default(),
            fingerprint: String::new(),
            draft_fingerprint: String::new(),
            steps: vec![step],
            findings: vec![Finding::new(Code::KeptUntilRetire, "table public.t, index i", "stays")],
            transforms: Vec::new(),
        }
    }

    fn refusal(file: &Artefact, fresh: &Plan) -> String {
        file.refuse_unless_same(&Artefact::of(fresh).unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn a_file_survives_writing_and_reading_and_new_statistics() {
        let planned = plan("ALTER TABLE t ADD a int");
        let file = serde_json::to_string_pretty(&Artefact::of(&planned).unwrap()).unwrap();
        let mut grown = planned.clone();
        for step in &mut grown.steps {
            (step.rows, step.bytes) = (1_000_000, 1 << 30);
        }
        Artefact::read(&file).unwrap().refuse_unless_same(&Artefact::of(&grown).unwrap()).unwrap();
    }

    #[test]
    fn an_edited_statement_is_found_and_told_from_an_outdated_one() {
        let planned = plan("ALTER TABLE t ADD a int");
        let text = serde_json::to_string(&Artefact::of(&planned).unwrap()).unwrap();
        let edited = Artefact::read(&text.replace("ADD a int", "ADD a bigint")).unwrap();
        let said = refusal(&edited, &planned);
        assert!(
            said.contains("edited by hand") && said.contains("step 1, expand public.t: its statements"),
            "{said}"
        );

        let mut later = planned.clone();
        later.bound_to.live = "other".to_owned();
        let said = refusal(&Artefact::read(&text).unwrap(), &later);
        assert!(
            said.contains("out of date") && said.contains("the live database's schema changed since"),
            "{said}"
        );
    }

    #[test]
    fn an_edited_estimate_or_a_removed_finding_is_an_edited_file() {
        let planned = plan("ALTER TABLE t ADD a int");
        let mut edited = Artefact::of(&planned).unwrap();
        edited.estimate_ms += 1;
        assert!(refusal(&edited, &planned).contains("edited by hand"));
        let mut edited = Artefact::of(&planned).unwrap();
        edited.findings.clear();
        assert!(refusal(&edited, &planned).contains("finding E021 kept-until-retire"));
    }

    #[test]
    fn what_is_no_plan_is_said_so() {
        for text in ["", "[]", "{}", r#"{"format": 2}"#, r#"{"format": 1, "steps": 3}"#] {
            let error = Artefact::read(text).unwrap_err();
            assert!(error.to_string().starts_with("this is not a plan file"), "{error}");
        }
    }
}
