//! A session's life in an edition: its statements are judged, some are replaced, a few are our own. Everything
//! is done by sending the server something else than the client sent, at the same place, so that server and
//! client stay in step by the protocol itself:
//! - a refusal becomes a statement that fails in the same way, whose error is replaced by ours when it comes back ([`refusals`]);
//! - an error or a notice is told in the words of the edition, its position in the client's own text ([`positions`]);
//! - a prepared statement that has come to read differently is prepared again before it is used ([`prepared`], [`sql_prepared`]);
//! - what another command carries out is told by the client's own command tag ([`tags`]);
//! - what cannot be judged without the server's help is asked of it first ([`inquiry`]);
//! - `SHOW EDITION` becomes a SELECT, `SET edition` a DO block that tells us when it has really run ([`statements`]).

mod endings;
mod from_client;
mod from_server;
mod inquiry;
mod positions;
mod prepared;
mod refusals;
mod sql_prepared;
mod statements;
mod tags;

use std::sync::Arc;

use catalog::{
    model::{EditionId, Name},
    snapshot::SnapshotEdition,
};

use super::{interlude::Interlude, reported::Reported, roster::Place};
use crate::{
    catalogue::{Database, Reading},
    report::Vocabulary,
    rewrite::{Rewriter, SessionTraits, Verdict, Wanted},
    route,
    row_origins::RowOrigins,
    wire::message::Report,
};
use endings::Endings;
pub(super) use inquiry::Question;
use positions::Positions;
use prepared::{Judged, Prepared, Text};
use refusals::Refusals;
use sql_prepared::SqlPrepared;
use statements::Mark;
use tags::Tags;

/// Statements of a client that are longer are passed on unlooked-at.
pub(super) const STATEMENT_BYTES_MAX: usize = crate::rewrite::TEXT_BYTES_MAX + 1024;

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
    /// The same; and then there is a question to the server.
    BeforeQuestion,
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
    row_origins: Option<Arc<RowOrigins>>,
    positions: Positions,
    tags: Tags,
    /// Some statement of the session has been changed, so it may read a stored table.
    is_rewritten: bool,
    traits: SessionTraits,
    reported: Reported,
    mark: Mark,
    refusals: Refusals,
    prepared: Prepared,
    sql_prepared: SqlPrepared,
    endings: Endings,
    /// Names of prepared statements that change the edition.
    switches: Vec<Vec<u8>>,
    /// Names of prepared statements that reset settings, in a session that has changed its edition.
    resets: Vec<Vec<u8>>,
    /// What a statement of the present batch changes.
    changing: Changing,
    hold: Hold,
    /// After the present batch `search_path` and marker must be set again.
    restore: Restore,
    interlude: Interlude<Purpose>,
    /// A statement of ours that had to come before the client's next one was cancelled, so that one fails.
    interrupted: Option<Report>,
    /// The edition that the session is in if the present batch comes to its end.
    moving_to: Option<EditionId>,
}

/// What a statement of our own is for.
#[derive(Debug, PartialEq, Eq)]
enum Purpose {
    /// The session's `search_path`. `is_settled`: it is asked for outside a transaction.
    AskPath { is_settled: bool },
    /// In which schemas names of the client's next statement lead; and what the server has answered so far, in their order.
    AskWhence { names: Vec<Name>, schemas: Vec<Option<Name>> },
    /// The edition's settings, which a statement of the client has reset.
    Restoring,
    /// What was prepared by SQL and reads differently now.
    Renewal,
}

/// What is behind it in the same batch would be judged by one edition and run in another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Changing {
    #[default]
    Nothing,
    /// The session's edition.
    Edition,
    /// Settings, to what they were when the session began, in another edition.
    Settings,
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
    /// A session that begins in `place`, which is not a draft. `reported` is what the server said
    /// at login.
    pub(super) fn new(place: &Place, user: &str, own_path: &str, reported: Reported) -> Self {
        let path = route::split(own_path).unwrap_or_default();
        let mut traits = SessionTraits::starting_with(path.iter().map(String::as_str));
        traits.standard_strings = reported.standard_strings;
        let mut session = Self {
            database: place.database.clone(),
            user: user.to_owned(),
            own_path: own_path.to_owned(),
            started_in: place.edition,
            edition: place.edition,
            generation: 0,
            rewriter: None,
            vocabulary: None,
            row_origins: None,
            positions: Positions::default(),
            tags: Tags::default(),
            is_rewritten: false,
            traits,
            reported,
            mark: Mark::random(),
            refusals: Refusals::default(),
            prepared: Prepared::default(),
            sql_prepared: SqlPrepared::default(),
            endings: Endings::default(),
            switches: Vec::new(),
            resets: Vec::new(),
            changing: Changing::Nothing,
            hold: Hold::Free,
            restore: Restore::NotNeeded,
            interlude: Interlude::default(),
            interrupted: None,
            moving_to: None,
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
        self.row_origins = reading.row_origins.get(&self.edition).cloned();
        let Self { prepared, sql_prepared, rewriter: Some(rewriter), database, traits, .. } = self else {
            return;
        };
        let judge = |sql: &[u8]| judge_kept(sql, rewriter, database, traits);
        prepared.judge_again(judge);
        sql_prepared.judge_again(traits.moves(), judge);
    }

    #[inline]
    fn keep_up(&mut self) {
        let newest = self.database.generation();
        if newest != self.generation {
            self.take_up(newest);
        }
    }

    fn path_in(&self, edition: &SnapshotEdition) -> Result<String, Report> {
        route::with_edition(&self.own_path, edition, &self.user)
            .ok_or_else(|| Report::error("22023", "search_path of the session is not valid"))
    }

    fn reading(&self) -> Arc<Reading> {
        self.database.reading()
    }

    /// Whether the client has to wait until everything is answered.
    #[inline]
    pub(super) fn holds(&self) -> bool {
        matches!(self.hold, Hold::UntilAnswered | Hold::BeforeQuestion) || self.interlude.is_under_way()
    }

    /// Everything is answered: the client may go on, unless there is something to send to the server first, with a Sync at its end.
    pub(super) fn release(&mut self, in_failed_transaction: bool) -> Option<Vec<u8>> {
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
        Some(self.begin(Purpose::Restoring, statements::restore(edition.id, &path)))
    }

    /// Nothing is under way and the client is free: what the server must get before anything else of the client, if the epoch has changed what
    /// was prepared, with a Sync at its end.
    #[inline]
    pub(super) fn between_messages(&mut self, in_failed_transaction: bool) -> Option<Vec<u8>> {
        if !self.sql_prepared.any() || in_failed_transaction || self.interrupted.is_some() {
            return None;
        }
        self.keep_up();
        if self.sql_prepared.to_judge(self.traits.moves()) {
            self.judge_sql_prepared();
        }
        let renewal = self.sql_prepared.renewal(self.traits.moves())?;
        self.is_rewritten = true;
        Some(self.begin(Purpose::Renewal, renewal))
    }

    /// Names may lead elsewhere.
    fn judge_sql_prepared(&mut self) {
        let Self { sql_prepared, rewriter: Some(rewriter), database, traits, .. } = self else { return };
        sql_prepared.judge_again(traits.moves(), |sql| judge_kept(sql, rewriter, database, traits));
    }

    /// A statement of our own. It fails if the client's encoding has not all of it.
    fn begin(&mut self, purpose: Purpose, text: String) -> Vec<u8> {
        const NOT_IN_THE_CLIENTS_ENCODING: &[u8] =
            b"SELECT \"editiond cannot say this in the client's encoding\"";
        let text = self.reported.encoding.encode(text.into_bytes());
        self.interlude.begin(purpose, text.as_deref().unwrap_or(NOT_IN_THE_CLIENTS_ENCODING))
    }

    /// How a statement of our own went.
    fn ended(&mut self, purpose: &Purpose, outcome: Result<(), Report>, in_failed_transaction: bool) {
        match (purpose, outcome) {
            (Purpose::Renewal, Ok(())) => self.sql_prepared.renewed(self.traits.moves()),
            (Purpose::AskWhence { names, schemas }, Ok(())) => {
                let schemas = schemas.iter().cloned().chain(std::iter::repeat(None));
                self.traits.found(names.iter().cloned().zip(schemas));
            }
            (_, Ok(())) => {}
            (Purpose::AskPath { .. } | Purpose::AskWhence { .. }, Err(report)) => {
                self.interrupted = Some(report);
            }
            // The settings came back with the transaction; and the client's next statement fails by it, unless it ends that.
            (_, Err(_)) if in_failed_transaction => {}
            (Purpose::Restoring, Err(_)) => {
                self.restore = self.restore.max_of(Restore::Once);
                self.hold = Hold::UntilAnswered;
            }
            (Purpose::Renewal, Err(report)) => self.interrupted = Some(report),
        }
    }
}

/// Judges again what is prepared.
fn judge_kept(sql: &[u8], rewriter: &Rewriter, database: &Database, traits: &SessionTraits) -> Judged {
    let verdicts = database.verdicts();
    if rewriter.may_want(traits) && rewriter.wants(sql, verdicts, traits) != Wanted::Nothing {
        return Judged::Later;
    }
    match rewriter.judge(sql, verdicts, &mut traits.clone()) {
        Verdict::Forward => Judged::As(Text::AsGiven),
        Verdict::Rewrite(new) => Judged::As(Text::from(&new)),
        Verdict::ForwardAndRestore | Verdict::Refuse(_) | Verdict::Own(_) => Judged::Left,
    }
}

impl Restore {
    fn max_of(self, other: Self) -> Self {
        if self == Self::Always { self } else { other }
    }
}
