//! What becomes of values on the way there and back: the class of an inferred transform.

use std::fmt;

use super::{Code, Finding};
use crate::{model::Transform, sql::Expression};

/// The class of an inferred transform; what would be refused is a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Both editions see the same value.
    Lossless,
    /// An edition may not be able to tell the other's value: the older one stays where nobody edits it.
    LossyButKept,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lossless => "lossless",
            Self::LossyButKept => "lossy but kept",
        })
    }
}

/// Lossless is what takes the other edition's value as it is (in another type, perhaps), unless a finding says otherwise.
pub fn class_of(transform: &Transform, findings: &[Finding]) -> Class {
    let subject = format!(
        "table {}.{}, column {},",
        transform.schema.as_str(),
        transform.table.as_str(),
        transform.column.as_str()
    );
    let lossy = [Code::LossyButKept, Code::LossyCast, Code::DoesNotUndo, Code::DependsOnTimeZone];
    let is_told =
        findings.iter().any(|finding| lossy.contains(&finding.code) && finding.subject.starts_with(&subject));
    let is_column = Expression::parse(&transform.expression).is_ok_and(|expression| {
        expression.columns().iter().any(|column| column.range == (0..expression.text().len()))
    });
    if is_told || !is_column { Class::LossyButKept } else { Class::Lossless }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Direction, Name, OnError, Origin};

    #[test]
    fn a_mere_column_is_lossless() {
        let class = |expression: &str| {
            let name = |text: &str| Name::new(text).unwrap();
            let transform = Transform {
                schema: name("public"),
                table: name("t"),
                direction: Direction::Forward,
                column: name("a"),
                expression: expression.to_owned(),
                on_error: OnError::Reject,
                origin: Origin::Inferred,
            };
            class_of(&transform, &[])
        };
        assert_eq!(class("\"a b\""), Class::Lossless);
        assert_eq!(class("lower(a)"), Class::LossyButKept);
        assert_eq!(class("now()"), Class::LossyButKept);
    }
}
