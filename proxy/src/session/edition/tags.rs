//! Statements that are carried out by another command ([`Command`]): their command tags are told as if the client's own had run. A tag comes with
//! CommandComplete, which names nothing, so it is found by counting: of the statements of a Query, or of the Executes of a batch, whose portals are
//! followed from Parse over Bind. Nothing is followed in sessions that send no such statement.

use std::collections::{HashMap, VecDeque};

use crate::{
    rewrite::{Command, Substitute},
    wire::message::{self, server},
};

/// Statements, portals and answers of each kind that one session can have; what is beyond keeps the tag that the server gives.
const FOLLOWED_MAX: usize = 1024;

/// What one session has sent of them. Names are as the protocol has them, with their NUL.
#[derive(Debug, Default)]
pub(super) struct Tags {
    statements: HashMap<Vec<u8>, Command>,
    portals: HashMap<Vec<u8>, Command>,
    awaited: VecDeque<Awaited>,
}

/// An answer to come.
#[derive(Debug)]
struct Awaited {
    batch: u64,
    /// Which of the batch's completions, from 1.
    number: u64,
    command: Command,
}

impl Tags {
    /// Whether Bind and Execute must be looked at.
    #[inline]
    pub(super) fn follows(&self) -> bool {
        !self.statements.is_empty() || !self.portals.is_empty()
    }

    /// Whether a CommandComplete must be looked at.
    #[inline]
    pub(super) fn awaits(&self) -> bool {
        !self.awaited.is_empty()
    }

    /// A Query goes to the server.
    pub(super) fn query(&mut self, batch: u64, substitutes: &[Substitute]) {
        for substitute in substitutes {
            self.expect(batch, substitute.statement as u64 + 1, substitute.command);
        }
    }

    /// A Parse goes to the server, of the client's or of ours.
    #[inline]
    pub(super) fn parse(&mut self, name: &[u8], command: Option<Command>) {
        note(&mut self.statements, name, command);
    }

    /// A Parse that was too long to look at goes to the server. One with a name cannot take another's place.
    pub(super) fn long_parse(&mut self) {
        self.statements.remove(&b"\0"[..]);
    }

    /// A Bind goes to the server.
    pub(super) fn bind(&mut self, portal: &[u8], statement: &[u8]) {
        let command = self.statements.get(statement).copied();
        note(&mut self.portals, portal, command);
    }

    /// A Bind that was too long to look at goes to the server.
    pub(super) fn long_bind(&mut self) {
        self.portals.clear();
    }

    /// An Execute goes to the server, the `number`th of its batch, from 1.
    pub(super) fn execute(&mut self, batch: u64, number: u64, portal: &[u8]) {
        if let Some(command) = self.portals.get(portal) {
            self.expect(batch, number, *command);
        }
    }

    /// A Close goes to the server.
    pub(super) fn close(&mut self, statement: Option<&[u8]>, portal: Option<&[u8]>) {
        if let Some(name) = statement {
            note(&mut self.statements, name, None);
        }
        if let Some(name) = portal {
            note(&mut self.portals, name, None);
        }
    }

    /// The `number`th completion of a batch, from 1: what the client gets in its place, if another command has run than it sent.
    pub(super) fn completed(&mut self, batch: u64, number: u64) -> Option<Vec<u8>> {
        while self.awaited.front().is_some_and(|awaited| (awaited.batch, awaited.number) < (batch, number)) {
            self.awaited.pop_front();
        }
        let front = self.awaited.front()?;
        let is_meant = (front.batch, front.number) == (batch, number);
        let command = is_meant.then_some(front.command)?;
        self.awaited.pop_front();
        Some(message::frame(server::COMMAND_COMPLETE, format!("{}\0", command.tag()).as_bytes()))
    }

    /// Forgets the answers of batches before `batch`: an error has taken their place.
    #[inline]
    pub(super) fn forget_before(&mut self, batch: u64) {
        while self.awaited.front().is_some_and(|awaited| awaited.batch < batch) {
            self.awaited.pop_front();
        }
    }

    /// Nothing is prepared any longer.
    pub(super) fn clear(&mut self) {
        self.statements.clear();
        self.portals.clear();
    }

    fn expect(&mut self, batch: u64, number: u64, command: Command) {
        if self.awaited.len() < FOLLOWED_MAX {
            self.awaited.push_back(Awaited { batch, number, command });
        }
    }
}

fn note(known: &mut HashMap<Vec<u8>, Command>, name: &[u8], command: Option<Command>) {
    match command {
        Some(command) if known.len() < FOLLOWED_MAX || known.contains_key(name) => {
            known.insert(name.to_vec(), command);
        }
        _ if known.is_empty() => {}
        _ => drop(known.remove(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOW: [Substitute; 1] = [Substitute { statement: 0, command: Command::Show }];

    #[test]
    fn the_statements_of_a_query_are_counted() {
        let mut tags = Tags::default();
        tags.query(4, &[Substitute { statement: 1, command: Command::SetConstraints }]);
        assert_eq!(tags.completed(3, 2), None);
        assert_eq!(tags.completed(4, 1), None);
        assert_eq!(tags.completed(4, 2).as_deref(), Some(&b"C\0\0\0\x14SET CONSTRAINTS\0"[..]));
        assert!(!tags.awaits());
    }

    #[test]
    fn a_portal_is_followed_from_its_statement_until_it_is_another_one() {
        let mut tags = Tags::default();
        tags.parse(b"s\0", Some(Command::Show));
        tags.bind(b"p\0", b"s\0");
        tags.bind(b"\0", b"other\0");
        tags.execute(0, 1, b"\0");
        tags.execute(0, 2, b"p\0");
        assert_eq!(tags.completed(0, 1), None);
        assert!(tags.completed(0, 2).is_some());
        tags.bind(b"p\0", b"other\0");
        tags.execute(1, 1, b"p\0");
        assert!(!tags.awaits());
        tags.parse(b"s\0", None);
        assert!(!tags.follows());
    }

    #[test]
    fn what_an_error_took_the_place_of_is_not_awaited_in_the_next_batch() {
        let mut tags = Tags::default();
        tags.query(0, &SHOW);
        tags.query(1, &SHOW);
        tags.forget_before(1);
        assert!(tags.completed(1, 1).is_some());
        assert!(!tags.awaits());
    }

    #[test]
    fn a_bind_that_nobody_saw_may_have_been_about_any_portal() {
        let mut tags = Tags::default();
        tags.parse(b"\0", Some(Command::Show));
        tags.bind(b"\0", b"\0");
        tags.long_bind();
        tags.execute(0, 1, b"\0");
        assert!(!tags.awaits());
        tags.bind(b"\0", b"\0");
        tags.close(None, Some(b"\0"));
        tags.close(Some(b"\0"), None);
        assert!(!tags.follows());
    }
}
