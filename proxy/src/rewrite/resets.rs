//! Settings that fall back to what they were when a session began that has changed its edition since: they are set again behind the text.

use catalog::sql::parser::{Node, name_parts, nodes};

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
        if *self == Self::Settings && !names_nothing(statement) {
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

/// Whether a statement means the same in every edition, as those of poolers and drivers do that reset a session (Npgsql, Odyssey).
fn names_nothing(statement: Node<'_>) -> bool {
    match statement {
        Node::VariableSetStmt(_)
        | Node::DiscardStmt(_)
        | Node::TransactionStmt(_)
        | Node::DeallocateStmt(_)
        | Node::ClosePortalStmt(_)
        | Node::UnlistenStmt(_) => true,
        Node::SelectStmt(select) => is_unlock(select),
        _ => false,
    }
}

/// `SELECT pg_advisory_unlock_all()`, and nothing else.
fn is_unlock(select: &nodes::SelectStmt) -> bool {
    let mut targets = select.target_list().iter();
    let (Some(target), None) = (targets.next(), targets.next()) else { return false };
    let Node::FuncCall(call) = target.val() else { return false };
    let is_bare = select.from_clause().iter().next().is_none()
        && [select.where_clause(), select.limit_count(), select.limit_offset()]
            .iter()
            .all(|clause| matches!(clause, Node::None))
        && select.sort_clause().iter().next().is_none()
        && select.with_clause().is_none()
        && call.args().iter().next().is_none();
    is_bare && name_parts(call.funcname()).last() == Some(&"pg_advisory_unlock_all")
}
