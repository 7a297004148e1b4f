//! Settings that fall back to what they were when a session began that has changed its edition since: they are set again behind the text.

use catalog::sql::parser::Node;

use super::{cache::Outcome, verdict::Refusal};

/// What a text resets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Resets {
    #[default]
    Nothing,
    Settings,
    /// Settings, and then it does something else.
    BeforeOthers,
}

impl Resets {
    /// A statement resets settings.
    pub(super) fn note(&mut self) {
        if *self == Self::Nothing {
            *self = Self::Settings;
        }
    }

    /// The next statement of the text.
    pub(super) fn statement(&mut self, statement: Node<'_>) {
        let is_setting =
            matches!(statement, Node::VariableSetStmt(_) | Node::DiscardStmt(_) | Node::TransactionStmt(_));
        if *self == Self::Settings && !is_setting {
            *self = Self::BeforeOthers;
        }
    }

    /// What becomes of the text for that reason. The message that goes on with a reset is that of the client: there is no place for a rewritten one. What
    /// follows in it would be carried out in the edition that the session began in.
    pub(super) fn outcome(self, is_rewritten: bool) -> Option<Outcome> {
        match self {
            Self::Nothing => None,
            Self::Settings if !is_rewritten => Some(Outcome::ForwardAndRestore),
            Self::Settings | Self::BeforeOthers => Some(Outcome::Refuse(
                Refusal {
                    sqlstate: "0A000",
                    message:
                        "a session that changed its edition cannot reset its settings among other statements"
                            .to_owned(),
                    hint: Some("Send RESET or DISCARD in a message of its own.".to_owned()),
                    position: None,
                },
                None,
            )),
        }
    }
}
