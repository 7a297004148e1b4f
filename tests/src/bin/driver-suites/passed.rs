//! Which tests passed, from what a test runner printed.

use std::collections::BTreeSet;

/// Names of tests.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Passed(BTreeSet<String>);

impl Passed {
    /// Reads the lines of `pytest -rA` (`PASSED name`) and of Python's `unittest -v`: `name (class) ... ok`, or `name (class)` and on the
    /// next line the first of its description with the outcome.
    pub(crate) fn read(printed: &str) -> Self {
        let mut passed = BTreeSet::new();
        let mut before = "";
        for line in printed.lines() {
            if let Some(name) = line.strip_prefix("PASSED ") {
                passed.insert(name.trim().to_owned());
            } else if let Some((told, outcome)) = line.split_once(" ... ")
                // what a test prints itself may stand between
                && outcome.trim_end().ends_with("ok")
            {
                let named = [told, before]
                    .into_iter()
                    .find(|line| line.starts_with("test") && line.trim_end().ends_with(')'));
                passed.insert(named.unwrap_or(told).trim().to_owned());
            }
            before = line;
        }
        Self(passed)
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// What `other` lacks, and what only it has.
    pub(crate) fn against(&self, other: &Self) -> (Vec<String>, Vec<String>) {
        (self.0.difference(&other.0).cloned().collect(), other.0.difference(&self.0).cloned().collect())
    }
}

/// What the proxy says when it refuses DDL.
const REFUSED: &str = "its schema is frozen";

/// Tests whose report tells that DDL was refused: pytest heads a report with `___ Class.name ___`, with at least one `_` on either side, unittest with
/// `ERROR: name (class)`.
pub(crate) fn refused_as_frozen(printed: &str) -> BTreeSet<String> {
    let mut refused = BTreeSet::new();
    let mut test = None;
    for line in printed.lines() {
        let heading = line.strip_prefix("ERROR: ").or_else(|| line.strip_prefix("FAIL: ")).or_else(|| {
            let inner = line.trim_matches('_').strip_prefix(' ')?.strip_suffix(' ')?;
            (line.starts_with('_') && line.ends_with('_'))
                .then(|| inner.trim_start_matches("ERROR at setup of "))
        });
        if let Some(heading) = heading {
            // pytest names a test by `file::Class::name`
            test = Some(heading.trim().replace('.', if line.starts_with('_') { "::" } else { "." }));
        } else if line.contains(REFUSED)
            && let Some(test) = &test
        {
            refused.insert(test.clone());
        }
    }
    refused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_ddl_is_told_from_other_failures() {
        let printed = "____ OfIndexes.test_alter ____\nE cannot run ALTER TABLE in live edition \"v1\": its schema is frozen\n\
                       ____ test_other ____\nE something else\n\
                       ======\nERROR: test_view (a.tests.B.test_view)\n------\nerror: cannot run CREATE VIEW: its schema is frozen\n";
        let refused: Vec<String> = refused_as_frozen(printed).into_iter().collect();
        assert_eq!(refused, ["OfIndexes::test_alter", "test_view (a.tests.B.test_view)"]);
        let long = "_ ERROR at setup of Insert.test_from_select_with_defaults _\nE cannot run CREATE TABLE: its schema is frozen\n";
        assert_eq!(
            refused_as_frozen(long),
            BTreeSet::from(["Insert::test_from_select_with_defaults".to_owned()])
        );
    }

    #[test]
    fn both_runners_are_read() {
        let printed = "PASSED tests/test_a.py::A::test_x\nFAILED tests/test_a.py::A::test_y - boom\n\
                       test_z (basic.tests.B.test_z) ... ok\ntest_u (basic.tests.B.test_u) ... FAIL\n\
                       test_d (basic.tests.B.test_d)\nWhat it is about. ... ok\n";
        let passed = Passed::read(printed);
        assert_eq!(passed.count(), 3);
        let (lost, won) = passed.against(&Passed::read("PASSED other\nPASSED tests/test_a.py::A::test_x\n"));
        assert_eq!(lost, ["test_d (basic.tests.B.test_d)", "test_z (basic.tests.B.test_z)"]);
        assert_eq!(won, ["other"]);
    }
}
