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

#[cfg(test)]
mod tests {
    use super::*;

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
