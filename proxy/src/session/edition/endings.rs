//! What becomes of prepared statements by SQL: `DEALLOCATE`, `DISCARD ALL` and `PREPARE` count when the server has carried them out, which its command tags
//! tell; it may skip or refuse them.

use std::collections::VecDeque;

use catalog::model::Name;

use crate::wire::frame::HEADER_BYTES;

/// What waits for its answer at most; statements beyond are remembered as they were.
const WAITING_MAX: usize = 1024;

/// What a text does when it is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Nothing prepared is left.
    All,
    /// This is gone.
    One(Name),
    /// This is prepared.
    Prepared(Name, Option<Remembered>),
}

/// A text to be judged again at each epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remembered {
    /// The client's.
    pub(super) given: Box<str>,
    /// What the server gets.
    pub(super) text: Box<str>,
    /// The reading by which it was judged.
    pub(super) generation: u64,
}

impl Ending {
    fn has_tag(&self, tag: &[u8]) -> bool {
        match self {
            Self::All => matches!(tag, b"DEALLOCATE ALL" | b"DISCARD ALL"),
            Self::One(_) => tag == b"DEALLOCATE",
            Self::Prepared(..) => tag == b"PREPARE",
        }
    }
}

/// Those that the server has not answered yet, with their batches.
#[derive(Debug, Default)]
pub(super) struct Endings(VecDeque<(u64, Ending)>);

impl Endings {
    pub(super) fn add(&mut self, batch: u64, ending: Ending) {
        if self.0.len() < WAITING_MAX {
            self.0.push_back((batch, ending));
        }
    }

    /// Whether a CommandComplete must be looked at.
    #[inline]
    pub(super) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// What a CommandComplete frame of the batch tells.
    pub(super) fn completed(&mut self, batch: u64, frame: &[u8]) -> Option<Ending> {
        let tag = frame.get(HEADER_BYTES..)?.strip_suffix(b"\0")?;
        let at = self.0.iter().position(|(of, ending)| *of == batch && ending.has_tag(tag))?;
        Some(self.0.remove(at)?.1)
    }

    /// Forgets what belongs to batches before `batch`: the server has skipped it.
    #[inline]
    pub(super) fn forget_before(&mut self, batch: u64) {
        while self.0.front().is_some_and(|(of, _)| *of < batch) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::message;

    #[test]
    fn only_what_the_server_has_carried_out_counts() {
        let name = Name::new("a").unwrap();
        let tag = |tag: &str| message::frame(b'C', format!("{tag}\0").as_bytes());
        let mut endings = Endings::default();
        endings.add(1, Ending::All);
        endings.add(2, Ending::One(name.clone()));
        endings.add(2, Ending::Prepared(name.clone(), None));
        assert_eq!(endings.completed(2, &tag("SELECT 1")), None);
        assert_eq!(endings.completed(2, &tag("DEALLOCATE ALL")), None, "of another batch");
        assert_eq!(endings.completed(2, &tag("PREPARE")), Some(Ending::Prepared(name.clone(), None)));
        assert_eq!(endings.completed(2, &tag("DEALLOCATE")), Some(Ending::One(name)));
        assert_eq!(endings.completed(1, &tag("DISCARD ALL")), Some(Ending::All));
        endings.add(3, Ending::All);
        endings.forget_before(4);
        assert!(!endings.any());
    }
}
