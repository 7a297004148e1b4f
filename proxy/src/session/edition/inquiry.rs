//! What only the server knows. Once a session has changed its `search_path` (and might have it back by a rollback, or changed again by something
//! prepared), the server is asked for it before a statement that cannot be judged without it: by `SHOW`, which takes no snapshot, between two
//! messages of the client, when nothing is under way. Where a name can lead to a later schema of the path, past others, the server is asked, too.

use catalog::{
    model::Name,
    sql,
    sql::{Literal, join},
};

use super::{super::relay::Turn, Hold, InEdition, Purpose, sql_prepared::executed_name};
use crate::{
    rewrite::Wanted,
    route,
    wire::message::{self, Report, client},
};

const PATH: &str = "SHOW search_path";

/// In which schema each name is found, a row a name. By functions that look into the catalogues as they are now, whatever snapshot the
/// transaction has.
fn whence(names: &[Name]) -> String {
    let asked = names.iter().map(|name| sql!("{}", Literal(sql!("{}", name).as_str())));
    sql!(
        "SELECT (pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, \
         pg_catalog.to_regclass(asked.name), 0)).object_names[1] \
         FROM pg_catalog.unnest(ARRAY[{}]::pg_catalog.text[]) WITH ORDINALITY AS asked (name, place) ORDER BY place",
        join(asked, ", ")
    )
    .to_string()
}

/// What comes before a message of the client.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Question {
    None,
    /// There is one, when everything is answered.
    Later,
    /// This goes to the server, with a Sync at its end.
    Now(Vec<u8>),
}

impl InEdition {
    /// Whether a text may be one that cannot be judged unless the server is asked.
    #[inline]
    pub(in super::super) fn may_ask(&self) -> bool {
        self.rewriter.as_ref().is_some_and(|rewriter| rewriter.may_want(&self.traits))
    }

    /// What must be asked before this message is looked at. In the middle of a batch, or of a transaction that has failed, there is no asking.
    /// `begins_pipeline`: it is the first of several statements.
    pub(in super::super) fn question(
        &mut self,
        message: (u8, &[u8]),
        begins_pipeline: bool,
        turn: &Turn,
    ) -> Question {
        let failed = self.interrupted.is_some() || turn.is_failed() && !turn.is_busy();
        if failed || turn.is_amid_a_batch() {
            return Question::None;
        }
        let wanted = self.wanted(message, begins_pipeline && turn.is_idle());
        if wanted == Wanted::Nothing {
            return Question::None;
        }
        if turn.is_busy() {
            self.hold = Hold::BeforeQuestion;
            return Question::Later;
        }
        Question::Now(match wanted {
            Wanted::Whence(names) => {
                let text = whence(&names);
                self.begin(Purpose::AskWhence { names, schemas: Vec::new() }, text)
            }
            Wanted::Nothing | Wanted::Path => {
                self.begin(Purpose::AskPath { is_settled: turn.is_idle() }, PATH.to_owned())
            }
        })
    }

    fn wanted(&mut self, (tag, frame): (u8, &[u8]), begins_pipeline: bool) -> Wanted {
        if begins_pipeline && self.traits.is_path_lost() && self.traits.is_path_worth_asking() {
            // Nothing can be asked amid the pipeline.
            let edition = self.rewriter.as_ref().and_then(|rewriter| rewriter.edition());
            let has_names = edition.is_some_and(|edition| !edition.names.is_empty());
            return if has_names { Wanted::Path } else { Wanted::Nothing };
        }
        self.keep_up();
        let sql = match tag {
            client::QUERY => message::query_text(frame),
            client::PARSE => message::parse_parts(frame).map(|(_, sql, _)| sql),
            client::BIND => return self.wanted_for(message::bound(frame).map(|(_, name)| name)),
            client::DESCRIBE => return self.wanted_for(message::named_statement(frame)),
            _ => None,
        };
        let sql = sql.and_then(|sql| self.reported.encoding.decode(sql));
        if self.sql_prepared.any()
            && let Some(executed) = sql.as_deref().and_then(executed_name)
        {
            let (moves, is_settled) = (self.traits.moves(), self.traits.is_settled());
            let text = self.sql_prepared.text_to_judge(&executed, moves, is_settled);
            let wanted = text.map_or(Wanted::Nothing, |text| self.wanted_by(text.as_bytes()));
            if wanted != Wanted::Nothing {
                self.sql_prepared.must_be_judged();
                return wanted;
            }
        }
        sql.map_or(Wanted::Nothing, |sql| self.wanted_by(&sql))
    }

    /// What must be asked before a prepared statement is used.
    fn wanted_for(&self, name: Option<&[u8]>) -> Wanted {
        let judge = |name| self.prepared.to_judge(name, self.traits.moves(), self.traits.is_settled());
        name.and_then(judge).map_or(Wanted::Nothing, |given| self.wanted_by(given))
    }

    /// What the server must be asked for before a text is judged.
    pub(super) fn wanted_by(&self, sql: &[u8]) -> Wanted {
        let verdicts = self.database.verdicts();
        let wanted = self.rewriter.as_ref().map(|rewriter| rewriter.wants(sql, verdicts, &self.traits));
        wanted.unwrap_or(Wanted::Nothing)
    }

    /// Why the client's next statement must fail: something that had to come before it did.
    pub(super) fn interruption(&mut self) -> Option<Report> {
        let interrupted = self.interrupted.take();
        if interrupted.is_some() {
            // What was asked for this statement holds for no later one.
            self.traits.forget_found();
        }
        interrupted
    }

    /// A row of the server for us.
    pub(super) fn answer(&mut self, frame: &[u8]) {
        let said = message::first_value(frame).and_then(|said| self.reported.encoding.decode(said));
        let said = said.as_deref().and_then(|said| std::str::from_utf8(said).ok());
        match self.interlude.purpose_mut() {
            Some(Purpose::AskWhence { schemas, .. }) => {
                schemas.push(said.and_then(|said| Name::new(said).ok()));
            }
            Some(Purpose::AskPath { is_settled }) => {
                let (path, is_settled) = (said.and_then(route::split), *is_settled);
                self.path_is(&path.unwrap_or_default(), is_settled);
            }
            Some(Purpose::Restoring | Purpose::Renewal) | None => {}
        }
    }

    fn path_is(&mut self, path: &[String], is_settled: bool) {
        let reading = self.reading();
        let ours = |schema: &&str| {
            let mut schemas = reading.snapshot.editions.iter().flat_map(|edition| &edition.path);
            schemas.any(|(_, before)| before.iter().any(|name| name.as_str() == *schema))
        };
        self.traits.path_is(path.iter().map(String::as_str).filter(|schema| !ours(schema)), is_settled);
    }
}
