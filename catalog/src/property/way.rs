//! What becomes of objects that are made and unmade as a whole.

/// When an accessory that a draft adds is made; what it drops is always dropped at retire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Made at publish, before anything else: the edition's tables may need it, and an older edition cannot notice it. A change is refused.
    SharedAdditive,
    /// Made, or made anew, at retire: it changes no statement's result.
    DeferredToRetire,
}

/// The way of each kind of accessory.
pub const WAYS: &[(&str, Way)] = &[
    ("collation", Way::SharedAdditive),
    ("default privileges", Way::DeferredToRetire),
    ("extension", Way::SharedAdditive),
    ("publication", Way::DeferredToRetire),
    ("statistics object", Way::DeferredToRetire),
];

/// The way of one kind.
pub fn way(kind: &str) -> Option<Way> {
    WAYS.iter().find(|(known, _)| *known == kind).map(|(_, way)| *way)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_a_row_for_each_kind() {
        let text = include_str!("../../../docs/ddl.md");
        for (kind, way) in WAYS {
            let way = match way {
                Way::SharedAdditive => "shared and additive",
                Way::DeferredToRetire => "deferred to retire",
            };
            let row = format!("| {kind} | added | {way}");
            assert!(text.contains(&row), "docs/ddl.md lacks: {row}");
        }
    }
}
