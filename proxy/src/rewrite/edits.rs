//! Where a rewritten text differs from the client's own, so that a position in the one can be told in the other.

use std::ops::Range;

use catalog::model::Name;

use super::command::Substitute;

/// A text in the place of the client's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// What the server gets.
    pub text: String,
    /// Where it differs from what the client sent.
    pub edits: Edits,
    /// Its statements whose command is not the client's.
    pub substitutes: Vec<Substitute>,
}

/// The places of a text that were replaced, in its order. Counted in characters, as the protocol counts positions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    edits: Vec<Edit>,
    /// Everything that was put in, one after the other.
    put: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Edit {
    given: Range<usize>,
    written: Range<usize>,
}

impl Edits {
    /// Notes the next replacement: `kept` stands between the one before it and this one.
    pub(super) fn note(&mut self, kept: &str, given: &str, written: &str) {
        let (given_end, written_end) =
            self.edits.last().map_or((0, 0), |edit| (edit.given.end, edit.written.end));
        let kept = kept.chars().count();
        let from = |end: usize, text: &str| end + kept..end + kept + text.chars().count();
        self.edits.push(Edit { given: from(given_end, given), written: from(written_end, written) });
        self.put.push_str(written);
        self.put.push('\n');
    }

    /// Whether this identifier, in quotes, was put in: then an error that names it may not be in the client's words.
    pub(crate) fn put_in(&self, name: &Name) -> bool {
        self.put.contains(&name.quoted().to_string())
    }

    /// The position in the client's text that belongs to one (from 1) in the rewritten text; for words that only the
    /// latter has, where what they stand for begins.
    pub fn position(&self, written: usize) -> usize {
        let Some(at) = written.checked_sub(1) else { return written };
        let before = self.edits.iter().take_while(|edit| edit.written.start <= at).last();
        match before {
            None => written,
            Some(edit) if at < edit.written.end => edit.given.start + 1,
            Some(edit) => at - edit.written.end + edit.given.end + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_told_in_the_clients_own_text() {
        // é public.users, öffentlich.x  →  é "public$v2".users, x.x
        let mut edits = Edits::default();
        edits.note("é ", "public", "\"public$v2\"");
        edits.note(".users, ", "öffentlich", "x");
        let positions =
            [(1, 1), (2, 2), (3, 3), (7, 3), (13, 3), (14, 9), (21, 16), (22, 17), (23, 27), (24, 28)];
        for (written, given) in positions {
            assert_eq!(edits.position(written), given, "{written}");
        }
        assert!(edits.put_in(&Name::new("public$v2").unwrap()) && !edits.put_in(&Name::new("x").unwrap()));
        assert_eq!(edits.position(0), 0);
        assert_eq!(Edits::default().position(7), 7);
    }
}
