//! A session's life in an edition: its statements are judged, some are replaced, a few are our own. Everything
//! is done by sending the server something else than the client sent, at the same place, so that server and
//! client stay in step by the protocol itself:
//! - a refusal becomes a statement that fails in the same way, whose error is replaced by ours when it comes back ([`refusals`]);
//! - an error or a notice is told in the words of the edition, its position in the client's own text ([`positions`]);
//! - a prepared statement that has come to read differently is prepared again before it is used ([`prepared`], [`sql_prepared`]);
//! - `SHOW EDITION` becomes a SELECT, `SET edition` a DO block that tells us when it has really run ([`statements`]).

mod positions;
mod prepared;
mod refusals;
mod sql_prepared;
mod statements;

use std::sync::Arc;

use catalog::{
    model::{EditionId, EditionState},
    snapshot::SnapshotEdition,
};

use super::roster::Place;
use crate::{
    catalogue::{Database, Reading},
    report::{self, Vocabulary},
    rewrite::{Refusal, Rewriter, SessionTraits, Statement, Verdict},
    route,
    wire::message::{self, Report, client, server},
};
use positions::Positions;
use prepared::{Prepared, Text};
use refusals::Refusals;
use sql_prepared::{SqlPrepared, prepared_name};
use statements::Mark;

/// Statements of a client that are longer are passed on unlooked-at.
pub(super) const STATEMENT_BYTES_MAX: usize = crate::rewrite::TEXT_BYTES_MAX + 1024;
/// Errors and notices that are longer are passed on unlooked-at; they can quote a statement.
const REPORT_BYTES_MAX: usize = STATEMENT_BYTES_MAX;
/// Prepared statements that change the edition; nobody needs more than one.
const SWITCHES_MAX: usize = 16;

/// What becomes of a client's message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    /// It goes as it came.
    Forward,
    /// This goes instead.
    Replace(Vec<u8>),
    /// This goes first.
    Precede(Vec<u8>),
}

/// When the client's next messages may be looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Hold {
    /// At once.
    #[default]
    Free,
    /// After the next Sync has been passed on and everything is answered.
    AfterSync,
    /// When everything is answered.
    UntilAnswered,
}

/// What becomes of a server's message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes as it came.
    Forward,
    /// This goes instead.
    Replace(Vec<u8>),
    /// It was for us.
    Swallow,
    /// The session cannot go on.
    End(Report),
}

/// A session that is in a live edition.
pub(super) struct InEdition {
    database: Arc<Database>,
    user: String,
    /// The `search_path` that the session has apart from its edition.
    own_path: String,
    started_in: EditionId,
    edition: EditionId,
    generation: u64,
    rewriter: Option<Arc<Rewriter>>,
    vocabulary: Option<Arc<Vocabulary>>,
    positions: Positions,
    traits: SessionTraits,
    mark: Mark,
    refusals: Refusals,
    prepared: Prepared,
    sql_prepared: SqlPrepared,
    /// Names of prepared statements that change the edition.
    switches: Vec<Vec<u8>>,
    /// A statement that changes the edition runs in the present batch.
    switching: bool,
    hold: Hold,
    /// After the present batch `search_path` and marker must be set again.
    restore: Restore,
    /// A statement of our own runs, whose answer is not the client's.
    interlude: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Restore {
    #[default]
    NotNeeded,
    Once,
    /// A prepared statement may reset at any time.
    Always,
}

impl InEdition {
    /// A session that begins in `place`, which is not a draft. `standard_strings` is what the server reported
    /// at login.
    pub(super) fn new(place: &Place, user: &str, own_path: &str, standard_strings: bool) -> Self {
        let path = route::split(own_path).unwrap_or_default();
        let mut traits = SessionTraits::starting_with(path.iter().map(String::as_str));
        traits.standard_strings = standard_strings;
        let mut session = Self {
            database: place.database.clone(),
            user: user.to_owned(),
            own_path: own_path.to_owned(),
            started_in: place.edition,
            edition: place.edition,
            generation: 0,
            rewriter: None,
            vocabulary: None,
            positions: Positions::default(),
            traits,
            mark: Mark::random(),
            refusals: Refusals::default(),
            prepared: Prepared::default(),
            sql_prepared: SqlPrepared::default(),
            switches: Vec::new(),
            switching: false,
            hold: Hold::Free,
            restore: Restore::NotNeeded,
            interlude: false,
        };
        session.take_up(session.database.generation());
        session
    }

    #[cold]
    fn take_up(&mut self, generation: u64) {
        self.generation = generation;
        let reading = self.database.reading();
        self.rewriter = reading.rewriters.get(&self.edition).cloned();
        self.vocabulary = reading.vocabularies.get(&self.edition).cloned();
        let Self { prepared, sql_prepared, rewriter: Some(rewriter), database, traits, .. } = self else {
            return;
        };
        let judge = |sql: &[u8]| match rewriter.judge(sql, database.verdicts(), &mut traits.clone()) {
            Verdict::Forward => Some(Text::AsGiven),
            Verdict::Rewrite(new) => Some(Text::Rewritten(new.text.into_bytes().into())),
            Verdict::ForwardAndRestore | Verdict::Refuse(_) | Verdict::Own(_) => None,
        };
        prepared.judge_again(judge);
        sql_prepared.judge_again(judge);
    }

    #[inline]
    fn keep_up(&mut self) {
        let newest = self.database.generation();
        if newest != self.generation {
            self.take_up(newest);
        }
    }

    /// Judges a Query. `batch` counts what the server answers by ReadyForQuery.
    #[inline]
    pub(super) fn query(&mut self, frame: &[u8], batch: u64) -> Treatment {
        let Some(sql) = message::query_text(frame) else { return Treatment::Forward };
        let (verdict, may_change) = self.judge(sql);
        self.note_prepare(sql, &verdict, may_change);
        match verdict {
            Verdict::Forward => Treatment::Forward,
            Verdict::ForwardAndRestore => {
                self.restore = self.restore.max_of(Restore::Once);
                self.hold = Hold::UntilAnswered;
                Treatment::Forward
            }
            verdict => Treatment::Replace(message::query(&self.replacement(verdict, (batch, 0), None))),
        }
    }

    /// Judges a Parse.
    #[inline]
    pub(super) fn parse(&mut self, frame: &[u8], batch: u64) -> Treatment {
        let Some((name, sql, types)) = message::parse_parts(frame) else { return Treatment::Forward };
        self.switches.retain(|switch| switch != name);
        if self.switching {
            // It would be judged by the old edition and run in the new one.
            self.prepared.parse(batch, name, None);
            let refusal = statements::behind_a_switch();
            return Treatment::Replace(message::parse(name, &self.refusals.add(batch, refusal), types));
        }
        let (verdict, may_change) = self.judge_to_keep(sql);
        self.note_prepare(sql, &verdict, may_change);
        let text = match &verdict {
            Verdict::Forward if may_change => Some(Text::AsGiven),
            Verdict::Rewrite(new) if may_change => Some(Text::Rewritten(new.text.as_bytes().into())),
            _ => None,
        };
        let place = (batch, self.prepared.sent(batch));
        self.prepared.parse(batch, name, text.map(|text| (sql, types, text)));
        match verdict {
            Verdict::Forward => Treatment::Forward,
            Verdict::ForwardAndRestore => {
                let lasting = if name == b"\0" { Restore::Once } else { Restore::Always };
                self.restore = self.restore.max_of(lasting);
                self.hold = Hold::AfterSync;
                Treatment::Forward
            }
            verdict => {
                Treatment::Replace(message::parse(name, &self.replacement(verdict, place, Some(name)), types))
            }
        }
    }

    /// The verdict, and of a text that stays whether another epoch may judge it otherwise.
    #[inline]
    fn judge(&mut self, sql: &[u8]) -> (Verdict, bool) {
        if prepared_name(sql).is_some() {
            return self.judge_to_keep(sql);
        }
        self.keep_up();
        let verdict = match &self.rewriter {
            Some(rewriter) => rewriter.judge(sql, self.database.verdicts(), &mut self.traits),
            None => Verdict::Forward,
        };
        (verdict, false)
    }

    #[inline]
    fn judge_to_keep(&mut self, sql: &[u8]) -> (Verdict, bool) {
        self.keep_up();
        match &self.rewriter {
            Some(rewriter) => rewriter.judge_to_keep(sql, self.database.verdicts(), &mut self.traits),
            None => (Verdict::Forward, false),
        }
    }

    /// Remembers what a text prepares by SQL if another epoch may judge it otherwise.
    #[inline]
    fn note_prepare(&mut self, sql: &[u8], verdict: &Verdict, may_change: bool) {
        let Some(name) = prepared_name(sql) else { return };
        let text = match verdict {
            Verdict::Forward => std::str::from_utf8(sql).ok(),
            Verdict::Rewrite(new) => Some(new.text.as_str()),
            Verdict::ForwardAndRestore | Verdict::Refuse(_) | Verdict::Own(_) => return,
        };
        match (may_change, std::str::from_utf8(sql), text) {
            (true, Ok(given), Some(text)) => self.sql_prepared.remember(name, given, text),
            _ => self.sql_prepared.forget(&name),
        }
    }

    /// The text that the server gets instead, at which Parse of which batch. `prepared` is the statement's name if it is only
    /// parsed now.
    fn replacement(
        &mut self,
        verdict: Verdict,
        (batch, number): (u64, u64),
        prepared: Option<&[u8]>,
    ) -> Vec<u8> {
        let text = match verdict {
            Verdict::Rewrite(new) => {
                self.positions.add(batch, number, new.edits);
                Ok(new.text)
            }
            Verdict::Refuse(refusal) => Err(refused(refusal)),
            Verdict::Own(Statement::ShowEdition) => {
                Ok(statements::show_edition(&self.reading(), self.edition))
            }
            Verdict::Own(Statement::ShowEditions) => {
                Ok(statements::show_editions(&self.reading(), self.edition))
            }
            Verdict::Own(Statement::SetEdition(name)) => self.set_edition(&name, prepared),
            // Not reached: both callers have dealt with them.
            Verdict::Forward | Verdict::ForwardAndRestore => Ok(String::new()),
        };
        match text {
            Ok(text) => text.into_bytes(),
            Err(report) => self.refusals.add(batch, report),
        }
    }

    fn set_edition(&mut self, name: &str, prepared: Option<&[u8]>) -> Result<String, Report> {
        let reading = self.reading();
        let target = reading.snapshot.edition(name).filter(|edition| edition.state == EditionState::Live);
        let target = target
            .ok_or_else(|| Report { severity: message::Severity::Error, ..route::no_such_edition(name) })?;
        let path = self.path_in(target)?;
        match prepared {
            Some(_) if self.switches.len() >= SWITCHES_MAX => {
                return Err(Report::error("54000", "too many prepared statements that change the edition"));
            }
            Some(name) => self.switches.push(name.to_vec()),
            None => self.hold = Hold::UntilAnswered,
        }
        Ok(statements::switch(&self.mark, target.id, &path))
    }

    fn path_in(&self, edition: &SnapshotEdition) -> Result<String, Report> {
        route::with_edition(&self.own_path, edition, &self.user)
            .ok_or_else(|| Report::error("22023", "search_path of the session is not valid"))
    }

    fn reading(&self) -> Arc<Reading> {
        self.database.reading()
    }

    /// Whether a Bind or Describe must be looked at: it may use a statement that changes the edition, or one that has come to
    /// read differently.
    #[inline]
    pub(super) fn looks_at_uses(&self) -> bool {
        !self.switches.is_empty() || self.prepared.any_due() || self.generation != self.database.generation()
    }

    /// Looks at a Bind. `amid`: something has been executed in the same batch, which a change of the edition would commit.
    pub(super) fn bind(&mut self, frame: &[u8], batch: u64, amid: bool) -> Treatment {
        let Some(name) = message::bound_statement(frame) else { return Treatment::Forward };
        if self.switches.iter().any(|switch| switch == name) {
            if amid {
                self.prepared.parse(batch, b"", None);
                let refused = self.refusals.add(batch, statements::amid_a_pipeline());
                return Treatment::Replace(message::parse(b"editiond\0", &refused, &[0, 0]));
            }
            self.switching = true;
            self.hold = Hold::AfterSync;
        }
        self.renewal(name, batch)
    }

    /// Looks at a Describe.
    pub(super) fn describe(&mut self, frame: &[u8], batch: u64) -> Treatment {
        message::named_statement(frame).map_or(Treatment::Forward, |name| self.renewal(name, batch))
    }

    fn renewal(&mut self, name: &[u8], batch: u64) -> Treatment {
        self.keep_up();
        self.prepared.renewal(batch, name).map_or(Treatment::Forward, Treatment::Precede)
    }

    /// Looks at a Close.
    pub(super) fn close(&mut self, frame: &[u8], batch: u64) {
        let name = message::named_statement(frame);
        self.prepared.close(batch, name);
        if let Some(name) = name {
            self.switches.retain(|switch| switch != name);
        }
    }

    /// A Parse that was too long to look at is passed on.
    pub(super) fn long_parse(&mut self, batch: u64) {
        self.prepared.parse(batch, b"", None);
    }

    /// A Sync is passed on.
    #[inline]
    pub(super) fn sync(&mut self) {
        self.switching = false;
        if self.hold == Hold::AfterSync || self.restore == Restore::Always {
            self.hold = Hold::UntilAnswered;
        }
    }

    /// Whether the client has to wait until everything is answered.
    #[inline]
    pub(super) fn holds(&self) -> bool {
        self.hold == Hold::UntilAnswered || self.interlude
    }

    /// Everything is answered: the client may go on, unless there is something to send to the server first. Its
    /// tag is that of the message that the server answers by ReadyForQuery.
    pub(super) fn release(&mut self, in_failed_transaction: bool) -> Option<(u8, Vec<u8>)> {
        self.hold = Hold::Free;
        let due =
            self.restore != Restore::NotNeeded && !in_failed_transaction && self.edition != self.started_in;
        if !due {
            return None;
        }
        if self.restore == Restore::Once {
            self.restore = Restore::NotNeeded;
        }
        let reading = self.reading();
        // An edition that is gone has no path to go back to; the session's statements fail as its names are
        // gone too.
        let edition = reading.snapshot.edition_by_id(self.edition)?;
        let path = self.path_in(edition).ok()?;
        self.interlude = true;
        Some((client::QUERY, message::query(statements::restore(edition.id, &path).as_bytes())))
    }

    /// Nothing is under way and the client is free: what the server must get before anything else of the client, if the epoch has changed what
    /// was prepared. Its tag is as in [`release`](Self::release).
    #[inline]
    pub(super) fn between_messages(&mut self, in_failed_transaction: bool) -> Option<(u8, Vec<u8>)> {
        if !self.sql_prepared.any() || in_failed_transaction {
            return None;
        }
        self.keep_up();
        let renewal = self.sql_prepared.renewal()?;
        self.interlude = true;
        Some((client::QUERY, message::query(renewal.as_bytes())))
    }

    /// Which of the server's messages must be whole.
    #[inline]
    pub(super) fn wants(&self, tag: u8, len: usize) -> bool {
        match tag {
            server::PARAMETER_STATUS => len <= REPORT_BYTES_MAX,
            server::ERROR => {
                (self.interlude || self.refusals.any() || self.may_switch() || self.rewords())
                    && len <= REPORT_BYTES_MAX
            }
            server::NOTICE => (self.may_switch() || self.rewords()) && len <= REPORT_BYTES_MAX,
            server::PARSE_COMPLETE | server::CLOSE_COMPLETE => true,
            server::COMMAND_COMPLETE | server::ROW_DESCRIPTION | server::DATA_ROW => self.interlude,
            _ => false,
        }
    }

    /// Whether errors and notices may read otherwise in this edition.
    #[inline]
    fn rewords(&self) -> bool {
        self.vocabulary.is_some() || self.positions.any()
    }

    fn may_switch(&self) -> bool {
        !self.switches.is_empty() || self.hold == Hold::UntilAnswered
    }

    /// Looks at a message of the server that was [wanted](Self::wants). An edition in the answer: the session
    /// is there now.
    pub(super) fn server_message(&mut self, tag: u8, frame: &[u8], batch: u64) -> (Fate, Option<EditionId>) {
        match tag {
            server::PARSE_COMPLETE => {
                let ours = self.prepared.parse_complete(batch);
                self.positions.forget_before(batch, self.prepared.taken(batch));
                (swallow_if(ours), None)
            }
            server::CLOSE_COMPLETE => (swallow_if(self.prepared.close_complete(batch)), None),
            server::PARAMETER_STATUS => {
                if let Some(on) = message::standard_strings(frame) {
                    self.traits.standard_strings = on;
                }
                (Fate::Forward, None)
            }
            server::NOTICE => match self.mark.read(frame) {
                Some(edition) => {
                    self.moved_to(edition);
                    (Fate::Swallow, Some(edition))
                }
                None => (self.reworded(frame, batch), None),
            },
            server::ERROR if self.interlude => {
                let report = Report::fatal(
                    "57P01",
                    "terminating connection because it could not be kept in its edition",
                );
                (Fate::End(report), None)
            }
            server::ERROR => match self.refusals.take(frame) {
                Some(report) => (Fate::Replace(report.encode()), None),
                None if self.may_switch() && statements::failed_in_transaction(frame) => {
                    (Fate::Replace(statements::in_transaction().encode()), None)
                }
                None => match statements::kept_by_a_view(frame).filter(|_| self.may_switch()) {
                    Some(report) => (Fate::Replace(report.encode()), None),
                    None => (self.reworded(frame, batch), None),
                },
            },
            _ => (Fate::Swallow, None),
        }
    }

    /// An error or a notice in the words of the edition.
    #[cold]
    fn reworded(&mut self, frame: &[u8], batch: u64) -> Fate {
        let edits = self.positions.at(batch, self.prepared.taken(batch));
        match report::translate(frame, self.vocabulary.as_deref(), edits) {
            Some(report) => Fate::Replace(report),
            None => Fate::Forward,
        }
    }

    /// The server is ready. True: that was the answer to a statement of our own.
    #[inline]
    pub(super) fn ready(&mut self, batch: u64) -> bool {
        self.refusals.forget_before(batch);
        self.prepared.forget_before(batch);
        self.positions.forget_before(batch, 0);
        std::mem::take(&mut self.interlude)
    }

    fn moved_to(&mut self, edition: EditionId) {
        self.edition = edition;
        self.traits.switched = edition != self.started_in;
        self.restore = Restore::NotNeeded;
        // The switch has deallocated them.
        self.switches.clear();
        self.prepared.clear();
        self.sql_prepared.clear();
        self.take_up(self.database.generation());
    }
}

impl Restore {
    fn max_of(self, other: Self) -> Self {
        if self == Self::Always { self } else { other }
    }
}

fn swallow_if(ours: bool) -> Fate {
    if ours { Fate::Swallow } else { Fate::Forward }
}

fn refused(refusal: Refusal) -> Report {
    let Refusal { sqlstate, message, hint, position } = refusal;
    Report { hint, position, ..Report::error(sqlstate, message) }
}
