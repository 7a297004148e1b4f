//! Which tests passed, from what a test runner printed.

use std::collections::BTreeSet;

/// Names of tests.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Passed(BTreeSet<String>);

impl Passed {
    /// Reads the lines of `pytest -rA` (`PASSED name`) and of Python's `unittest -v` (`name (class) ... ok`).
    pub(crate) fn read(printed: &str) -> Self {
        let of_pytest = |line: &str| line.strip_prefix("PASSED ").map(|name| name.trim().to_owned());
        let of_unittest = |line: &str| {
            let (name, outcome) = line.split_once(" ... ")?;
            // what a test prints itself may stand between
            outcome.trim_end().ends_with("ok").then(|| name.trim().to_owned())
        };
        Self(printed.lines().filter_map(|line| of_pytest(line).or_else(|| of_unittest(line))).collect())
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
                       test_z (basic.tests.B.test_z) ... ok\ntest_u (basic.tests.B.test_u) ... FAIL\n";
        let passed = Passed::read(printed);
        assert_eq!(passed.count(), 2);
        let (lost, won) = passed.against(&Passed::read("PASSED other\nPASSED tests/test_a.py::A::test_x\n"));
        assert_eq!((lost, won), (vec!["test_z (basic.tests.B.test_z)".to_owned()], vec!["other".to_owned()]));
    }
}
