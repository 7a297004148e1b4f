//! What a session in an edition makes of its client's messages.

use catalog::model::{EditionState, Name};

use super::{
    super::interlude,
    Changing, Hold, InEdition, Restore, Treatment,
    endings::{Ending, Remembered},
    judge_kept,
    prepared::{self, Judged, Text, command},
    sql_prepared::{deallocated, executed_name, prepared_name},
    statements,
};
use crate::{
    rewrite::{Refusal, Statement, Substitute, Verdict, Wanted},
    route,
    wire::message::{self, Report},
};

/// Prepared statements that change the edition, and those that reset settings; nobody needs more than a few.
const SWITCHES_MAX: usize = 16;

impl InEdition {
    /// Judges a Query. `batch` counts what the server answers by ReadyForQuery.
    #[inline]
    pub(in super::super) fn query(&mut self, frame: &[u8], batch: u64) -> Treatment {
        if let Some(report) = self.interruption() {
            return Treatment::Replace(message::query(&self.refusals.interrupt(batch, report)));
        }
        if let Some(refusal) = self.behind_a_change() {
            self.changing = Changing::Nothing;
            return Treatment::Replace(message::query(&self.refusals.add(batch, refusal)));
        }
        let sql = message::query_text(frame).and_then(|sql| self.reported.encoding.decode(sql));
        let Some(sql) = sql else { return Treatment::Forward };
        let (verdict, may_change) = self.judge(&sql);
        self.note_prepare(batch, &sql, &verdict, may_change);
        match verdict {
            Verdict::Forward => Treatment::Forward,
            Verdict::ForwardAndRestore => {
                self.restore = self.restore.max_of(Restore::Once);
                self.hold = Hold::UntilAnswered;
                Treatment::Forward
            }
            verdict => {
                self.tags.query(batch, substitutes(&verdict));
                Treatment::Replace(message::query(&self.replacement(verdict, (batch, 0), None)))
            }
        }
    }

    /// Judges a Parse.
    #[inline]
    pub(in super::super) fn parse(&mut self, frame: &[u8], batch: u64) -> Treatment {
        let Some((name, sql, types)) = message::parse_parts(frame) else { return Treatment::Forward };
        self.switches.retain(|switch| switch != name);
        self.resets.retain(|reset| reset != name);
        if let Some(report) = self.interruption() {
            self.prepared.parse(batch, name, None);
            return Treatment::Replace(message::parse(name, &self.refusals.interrupt(batch, report), types));
        }
        if let Some(refusal) = self.behind_a_change() {
            self.prepared.parse(batch, name, None);
            return Treatment::Replace(message::parse(name, &self.refusals.add(batch, refusal), types));
        }
        let Some(sql) = self.reported.encoding.decode(sql) else {
            self.prepared.parse(batch, name, None);
            return Treatment::Forward;
        };
        let has_name = name != b"\0";
        let is_certain = !self.may_ask() || self.wanted_by(&sql) == Wanted::Nothing;
        let (verdict, may_change) = self.judge_to_keep(&sql, has_name);
        self.note_prepare(batch, &sql, &verdict, may_change);
        self.tags.parse(name, command(substitutes(&verdict)));
        let text = match &verdict {
            Verdict::Forward if may_change => Some(Text::AsGiven),
            Verdict::Rewrite(new) if may_change => Some(Text::from(new)),
            _ => None,
        };
        let place = (batch, self.prepared.sent(batch));
        let judged_after = is_certain.then_some(self.traits.moves());
        let remembered = text.map(|text| prepared::Remembered { given: &sql, types, text, judged_after });
        self.prepared.parse(batch, name, remembered);
        match verdict {
            Verdict::Forward => Treatment::Forward,
            Verdict::ForwardAndRestore => {
                if self.resets.len() >= SWITCHES_MAX {
                    // What follows one that is not known would run in the edition that the session began in.
                    let refused = self.refusals.add(batch, statements::too_many_resets());
                    return Treatment::Replace(message::parse(name, &refused, types));
                }
                self.resets.push(name.to_vec());
                let lasting = if has_name { Restore::Always } else { Restore::Once };
                self.restore = self.restore.max_of(lasting);
                self.hold = Hold::AfterSync;
                Treatment::Forward
            }
            verdict => {
                Treatment::Replace(message::parse(name, &self.replacement(verdict, place, Some(name)), types))
            }
        }
    }

    /// Looks at a Bind, of which the front may do. `amid`: something has been executed in the same batch, which a change of the edition would
    /// commit.
    pub(in super::super) fn bind(&mut self, frame: &[u8], batch: u64, amid: bool) -> Treatment {
        let Some((portal, name)) = message::bound(frame) else {
            self.tags.long_bind();
            return Treatment::Forward;
        };
        if let Some(report) = self.interruption() {
            let refused = self.refusals.interrupt(batch, report);
            return self.fail_before(batch, &refused);
        }
        if self.switches.iter().any(|switch| switch == name) {
            if amid {
                let refused = self.refusals.add(batch, statements::amid_a_pipeline());
                return self.fail_before(batch, &refused);
            }
            self.changing = Changing::Edition;
            self.hold = Hold::AfterSync;
        } else if self.resets.iter().any(|reset| reset == name) {
            self.changing = Changing::Settings;
            self.restore = self.restore.max_of(Restore::Once);
        } else if self.changing == Changing::Settings {
            let refused = self.refusals.add(batch, statements::behind_a_reset());
            return self.fail_before(batch, &refused);
        }
        let treatment = self.renewal(name, batch);
        self.tags.bind(portal, name);
        treatment
    }

    /// A Parse that fails comes first, so that the server skips the client's message.
    fn fail_before(&mut self, batch: u64, refused: &[u8]) -> Treatment {
        self.prepared.parse(batch, b"", None);
        self.traits.forget_found();
        Treatment::Precede(message::parse(interlude::NAME, refused, &[0, 0]))
    }

    /// Looks at an Execute, the `number`th of its batch, from 1.
    pub(in super::super) fn execute(&mut self, frame: &[u8], batch: u64, number: u64) {
        if let Some(portal) = message::executed_portal(frame) {
            self.tags.execute(batch, number, portal);
        }
    }

    /// Looks at a Describe.
    pub(in super::super) fn describe(&mut self, frame: &[u8], batch: u64) -> Treatment {
        let Some(name) = message::named_statement(frame) else { return Treatment::Forward };
        if let Some(report) = self.interruption() {
            let refused = self.refusals.interrupt(batch, report);
            return self.fail_before(batch, &refused);
        }
        self.renewal(name, batch)
    }

    /// Looks at a Close.
    pub(in super::super) fn close(&mut self, frame: &[u8], batch: u64) {
        let name = message::named_statement(frame);
        self.prepared.close(batch, name);
        self.tags.close(name, message::named_portal(frame));
        if let Some(name) = name {
            self.switches.retain(|switch| switch != name);
            self.resets.retain(|reset| reset != name);
        }
    }

    /// A Parse that was too long to look at is passed on.
    pub(in super::super) fn long_parse(&mut self, batch: u64) {
        // Whatever its name is: what was remembered of the unnamed statement must not take its place.
        const UNNAMED: &[u8] = b"\0";
        self.prepared.parse(batch, UNNAMED, None);
        self.switches.retain(|switch| switch != UNNAMED);
        self.resets.retain(|reset| reset != UNNAMED);
        self.tags.long_parse();
    }

    /// A Sync is passed on.
    #[inline]
    pub(in super::super) fn sync(&mut self) {
        self.changing = Changing::Nothing;
        if self.hold == Hold::AfterSync || self.restore != Restore::NotNeeded {
            self.hold = Hold::UntilAnswered;
        }
    }

    /// The server waits for the rows of a COPY, so the client must speak before all is answered.
    pub(in super::super) fn copies_in(&mut self) {
        if self.hold == Hold::UntilAnswered && !self.interlude.is_under_way() {
            self.hold = Hold::Free;
        }
    }

    /// A COPY that a Query began is at its end: what the Query has reset must be set again before anything else.
    pub(in super::super) fn copied(&mut self) {
        if self.restore != Restore::NotNeeded {
            self.hold = Hold::UntilAnswered;
        }
    }

    fn behind_a_change(&mut self) -> Option<Report> {
        let report = match self.changing {
            Changing::Nothing => return None,
            Changing::Edition => statements::behind_a_switch(),
            Changing::Settings => statements::behind_a_reset(),
        };
        // What was asked for this statement holds for no later one.
        self.traits.forget_found();
        Some(report)
    }

    /// Whether a Bind or Describe must be looked at: it may use a statement that changes the edition, or one that has come to
    /// read differently.
    #[inline]
    pub(in super::super) fn looks_at_uses(&self) -> bool {
        !self.switches.is_empty()
            || !self.resets.is_empty()
            || self.tags.follows()
            || self.interrupted.is_some()
            || self.prepared.any_due(self.traits.moves())
            || self.generation != self.database.generation()
    }

    /// Whether an Execute must be looked at.
    #[inline]
    pub(in super::super) fn looks_at_executions(&self) -> bool {
        self.tags.follows()
    }

    /// The verdict, and of a text that stays whether another epoch may judge it otherwise.
    #[inline]
    fn judge(&mut self, sql: &[u8]) -> (Verdict, bool) {
        if prepared_name(sql).is_some() {
            return self.judge_to_keep(sql, true);
        }
        self.keep_up();
        let verdict = match &self.rewriter {
            Some(rewriter) => rewriter.judge(sql, self.database.verdicts(), &mut self.traits),
            None => Verdict::Forward,
        };
        if self.sql_prepared.any() && executed_name(sql).is_some() {
            // It may have been asked for what it executes.
            self.traits.move_on();
        }
        (verdict, false)
    }

    #[inline]
    fn judge_to_keep(&mut self, sql: &[u8], has_name: bool) -> (Verdict, bool) {
        self.keep_up();
        match &self.rewriter {
            Some(rewriter) => {
                rewriter.judge_to_keep(sql, has_name, self.database.verdicts(), &mut self.traits)
            }
            None => (Verdict::Forward, false),
        }
    }

    /// Notes what a text will have prepared by SQL, or deallocated.
    #[inline]
    fn note_prepare(&mut self, batch: u64, sql: &[u8], verdict: &Verdict, may_change: bool) {
        if let Some(ending) = deallocated(sql) {
            self.endings.add(batch, ending);
        }
        let Some(name) = prepared_name(sql) else { return };
        let text = match verdict {
            Verdict::Forward => std::str::from_utf8(sql).ok(),
            Verdict::Rewrite(new) => Some(new.text.as_str()),
            Verdict::ForwardAndRestore | Verdict::Refuse(_) | Verdict::Own(_) => return,
        };
        let remembered = match (may_change, std::str::from_utf8(sql), text) {
            (true, Ok(given), Some(text)) => {
                Some(Remembered { given: given.into(), text: text.into(), generation: self.generation })
            }
            _ => None,
        };
        self.endings.add(batch, Ending::Prepared(name, remembered));
    }

    /// The server has carried out a statement of the client's.
    pub(super) fn end_statements(&mut self, complete: &[u8], batch: u64) {
        match self.endings.completed(batch, complete) {
            None => {}
            Some(Ending::All) => {
                self.prepared.clear();
                self.sql_prepared.clear();
            }
            Some(Ending::One(name)) => {
                self.prepared.forget(&with_nul(&name));
                self.sql_prepared.forget(&name);
            }
            Some(Ending::Prepared(name, remembered)) => {
                // Both ways to prepare share their names.
                self.prepared.forget(&with_nul(&name));
                self.sql_prepared.forget(&name);
                if let Some(Remembered { given, text, generation }) = remembered {
                    self.sql_prepared.remember(name, &given, &text);
                    if generation != self.generation {
                        // Judged by an older reading than the others.
                        self.take_up(self.generation);
                    }
                }
            }
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
                self.is_rewritten = true;
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
        let text = text.and_then(|text| {
            self.reported.encoding.encode(text.into_bytes()).ok_or_else(|| {
                let message = "a name of the edition has no equivalent in the client's encoding";
                Report::error("22P05", message).with_hint("SET client_encoding = 'UTF8'")
            })
        });
        text.unwrap_or_else(|report| self.refusals.add(batch, report))
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

    /// Judges a prepared statement again that names may lead elsewhere for; if the server could not be asked (amid a pipeline), it stays as it is.
    fn judge_kept(&mut self, name: &[u8]) {
        let (moves, is_settled) = (self.traits.moves(), self.traits.is_settled());
        let given = self.prepared.to_judge(name, moves, is_settled);
        let (Some(given), Some(rewriter)) = (given, &self.rewriter) else { return };
        let judged = judge_kept(given, rewriter, &self.database, &self.traits);
        self.traits.move_on();
        if !matches!(judged, Judged::Later) {
            self.prepared.judged(name, judged, moves);
        }
    }

    fn renewal(&mut self, name: &[u8], batch: u64) -> Treatment {
        self.keep_up();
        self.judge_kept(name);
        let Some((messages, command)) = self.prepared.renewal(batch, name, self.reported.encoding) else {
            return Treatment::Forward;
        };
        self.is_rewritten = true;
        self.tags.parse(name, command);
        Treatment::Precede(messages)
    }
}

/// A statement's name as messages have it.
fn with_nul(name: &Name) -> Vec<u8> {
    [name.as_str().as_bytes(), b"\0"].concat()
}

fn substitutes(verdict: &Verdict) -> &[Substitute] {
    match verdict {
        Verdict::Rewrite(new) => &new.substitutes,
        _ => &[],
    }
}

fn refused(refusal: Refusal) -> Report {
    let Refusal { sqlstate, message, hint, position } = refusal;
    Report { hint, position, ..Report::error(sqlstate, message) }
}
