//! The judgement of one text that the cache does not know: parse it, let each rule look at each statement, collect what
//! they want changed. A rule is a function over this context; [`Analysis::statement`] is the table of them.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashSet},
    ffi::c_int,
    ops::Range,
};

use catalog::{
    model::Name,
    snapshot::{Relation, Snapshot, SnapshotEdition, ViewRelation},
    sql::{
        lexer::{Token, TokenKind},
        parser::{Node, Tree, nodes, offset},
    },
};

use super::{
    cache::{Judgement, Outcome, PathEffect, Splice},
    command::{Command, Substitute},
    constraints, copy, ddl, grouped,
    home::{Found, Home, Whence},
    maintenance, names,
    resets::Resets,
    search_path, stored, temporary, truncate,
    verdict::{Refusal, SessionTraits},
};

/// Whether a statement neither makes, renames nor drops anything that has a name. What a function does is not seen.
fn is_harmless(statement: Node<'_>) -> bool {
    matches!(
        statement,
        Node::SelectStmt(_)
            | Node::InsertStmt(_)
            | Node::UpdateStmt(_)
            | Node::DeleteStmt(_)
            | Node::MergeStmt(_)
            | Node::LockStmt(_)
            | Node::ExplainStmt(_)
            | Node::DeclareCursorStmt(_)
            | Node::FetchStmt(_)
            | Node::VacuumStmt(_)
    )
}

/// What the rules know and what they have said so far.
pub(super) struct Analysis<'t> {
    pub(super) text: &'t str,
    pub(super) tokens: &'t [Token],
    pub(super) edition: &'t SnapshotEdition,
    pub(super) snapshot: &'t Snapshot,
    pub(super) session: &'t SessionTraits,
    splices: Vec<Splice>,
    /// Which statement of the text is looked at.
    number: usize,
    /// Its tokens, without the semicolon.
    place: Range<usize>,
    substitutes: Vec<Substitute>,
    /// First tokens of names that a rule has dealt with.
    claimed: HashSet<usize>,
    refusal: Option<(Refusal, Option<usize>)>,
    resets: Resets,
    reads_literals: bool,
    temporaries: Vec<Name>,
    path: PathEffect,
    /// After the statements that have been looked at.
    here: Here,
    wants_path: Cell<bool>,
    /// Names of which only the server knows where they lead, and where they would to be of account.
    wants_whence: RefCell<BTreeMap<Name, Name>>,
    /// A statement of the text may have to come before its transaction's snapshot, which a question would take.
    precedes_snapshot: bool,
    /// After the statements that have been looked at, names may lead elsewhere than the server says.
    outdates_answers: bool,
}

/// Where the names of the next statement of the text lead.
enum Here {
    /// As before the text.
    Session,
    /// The text has set it.
    Set(Option<Home>),
    Unknown,
}

/// A judgement, and whether it holds only for texts with the very same literals.
pub(super) struct Judged {
    pub(super) judgement: Judgement,
    pub(super) reads_literals: bool,
}

/// Judges `text`. What does not parse is forwarded: the server is the judge.
pub(super) fn judge(
    text: &str,
    tokens: &[Token],
    edition: &SnapshotEdition,
    snapshot: &Snapshot,
    session: &SessionTraits,
) -> Judged {
    let unknown = || Judged { judgement: Judgement::default(), reads_literals: true };
    let Ok(tree) = Tree::parse(text) else { return unknown() };
    let judge_as = |session: &SessionTraits| judge_tree(&tree, text, tokens, edition, snapshot, session);
    let Some((judged, wanted)) = judge_as(session) else { return unknown() };
    if wanted.is_empty() {
        return judged;
    }
    // Only those names count without which the text would be judged otherwise.
    let found = Whence::of(wanted.iter().map(|(name, schema)| (name.clone(), Some(schema.clone()))));
    let known = judge_as(&SessionTraits { whence: found, ..session.clone() });
    let matters = known.is_none_or(|(known, _)| known.judgement.outcome != judged.judgement.outcome);
    let whence = if matters { wanted.into_keys().collect() } else { Vec::new() };
    Judged { judgement: Judgement { wants_whence: whence, ..judged.judgement }, ..judged }
}

/// With the names of which it must be known where they lead, and where they would to be of account.
fn judge_tree(
    tree: &Tree,
    text: &str,
    tokens: &[Token],
    edition: &SnapshotEdition,
    snapshot: &Snapshot,
    session: &SessionTraits,
) -> Option<(Judged, BTreeMap<Name, Name>)> {
    let judged = tree.read(|tree| {
        let mut analysis = Analysis {
            text,
            tokens,
            edition,
            snapshot,
            session,
            splices: Vec::new(),
            number: 0,
            place: 0..0,
            substitutes: Vec::new(),
            claimed: HashSet::new(),
            refusal: None,
            resets: Resets::Nothing,
            // what U&"…" means hangs on the literal after UESCAPE
            reads_literals: tokens.iter().any(|token| token.kind == TokenKind::UnicodeQuoted),
            temporaries: Vec::new(),
            path: PathEffect::Keeps,
            here: Here::Session,
            wants_path: Cell::new(false),
            wants_whence: RefCell::default(),
            precedes_snapshot: false,
            outdates_answers: false,
        };
        for (number, (statement, bytes)) in tree.places().enumerate() {
            let at = |byte: usize| tokens.partition_point(|token| token.start < byte);
            (analysis.number, analysis.place) = (number, at(bytes.start)..at(bytes.end));
            analysis.statement(statement);
        }
        let wanted = analysis.wants_whence.take();
        let wanted = if analysis.precedes_snapshot { BTreeMap::new() } else { wanted };
        (analysis.judged(), wanted)
    });
    judged.ok()
}

impl<'t> Analysis<'t> {
    /// Which rule looks at which statement. Statement families that need the physical table have their own file; all
    /// others are searched for names.
    fn statement(&mut self, statement: Node<'t>) {
        self.resets.statement(statement);
        self.precedes_snapshot |= match statement {
            Node::LockStmt(_) => true,
            Node::VariableSetStmt(set) => {
                set.name().is_some_and(|name| name.to_ascii_lowercase().starts_with("transaction"))
            }
            _ => false,
        };
        match statement {
            Node::CopyStmt(copy) => copy::rewrite(self, copy),
            Node::TruncateStmt(truncate) => truncate::rewrite(self, truncate),
            Node::VariableSetStmt(set) => search_path::rewrite_set(self, set),
            Node::VariableShowStmt(show) => search_path::rewrite_show(self, show),
            Node::DiscardStmt(discard) => search_path::discard(self, discard),
            Node::ConstraintsSetStmt(set) => constraints::rewrite(self, set),
            Node::TransactionStmt(end) => self.ends_transaction(end),
            statement if ddl::guard(self, statement) => self.outdates_answers = true,
            statement => {
                stored::rewrite(self, statement);
                maintenance::rewrite(self, statement);
                temporary::rewrite(self, statement);
                names::resolve(self, statement);
                grouped::rewrite(self, statement);
                self.outdates_answers |= !is_harmless(statement);
            }
        }
    }

    /// It may take back what the text has set, and, but for BEGIN, what the server has been asked about.
    fn ends_transaction(&mut self, end: &nodes::TransactionStmt) {
        use nodes::TransactionStmtKind as Kind;
        if matches!(end.kind, Kind::TRANS_STMT_BEGIN | Kind::TRANS_STMT_START) {
            if matches!(self.here, Here::Set(_)) {
                self.here = Here::Unknown;
            }
            return;
        }
        self.outdates_answers = true;
        if matches!(self.here, Here::Set(_)) || !self.session.whereabouts.is_lasting() {
            self.here = Here::Unknown;
        }
    }

    fn judged(mut self) -> Judged {
        self.splices.sort_by_key(|splice| (splice.tokens.start, splice.tokens.end));
        self.splices.dedup();
        let overlap = self.splices.windows(2).any(|pair| match pair {
            [left, right] => left.tokens.end > right.tokens.start,
            _ => false,
        });
        let outcome = match self.refusal {
            Some((refusal, token)) => Outcome::Refuse(refusal, token),
            None if let Some(outcome) = self.resets.outcome(!self.splices.is_empty()) => outcome,
            None if self.splices.is_empty() => Outcome::Forward,
            None if overlap => {
                tracing::error!(edition = %self.edition.name.as_str(), "two rules want to change the same words; text forwarded");
                Outcome::Forward
            }
            None => Outcome::Rewrite(self.splices, self.substitutes),
        };
        Judged {
            judgement: Judgement {
                outcome,
                temporaries: self.temporaries,
                path: self.path,
                wants_path: self.wants_path.get(),
                wants_whence: Vec::new(),
            },
            reads_literals: self.reads_literals,
        }
    }

    /// Puts `text` in the place of the tokens.
    pub(super) fn splice(&mut self, tokens: Range<usize>, text: impl Into<String>) {
        self.splices.push(Splice { tokens, text: text.into() });
    }

    /// Notes that the statement is carried out by another command.
    pub(super) fn stands_for(&mut self, command: Command) {
        self.substitutes.push(Substitute { statement: self.number, command });
    }

    /// The tokens of the statement that is looked at, without the semicolon.
    pub(super) fn statement_tokens(&self) -> Range<usize> {
        self.place.clone()
    }

    /// Takes over the splices of a rule, and the names (by their first tokens) that no other rule shall look at.
    pub(super) fn adopt(&mut self, splices: Vec<Splice>, claims: Vec<usize>) {
        self.splices.extend(splices);
        self.claimed.extend(claims);
    }

    /// Takes the name that begins at this token from the rules that come later.
    pub(super) fn claim(&mut self, token: usize) {
        self.claimed.insert(token);
    }

    /// Whether the name that begins at this token has been dealt with.
    pub(super) fn is_claimed(&self, token: Option<usize>) -> bool {
        token.is_some_and(|token| self.claimed.contains(&token))
    }

    /// Refuses the text. Of several refusals that stands which comes first in the text, as far as they say where they are.
    pub(super) fn refuse(
        &mut self,
        sqlstate: &'static str,
        message: String,
        hint: Option<String>,
        token: Option<usize>,
    ) {
        let is_first = match (&self.refusal, token) {
            (None, _) => true,
            (Some((_, Some(earlier))), Some(token)) => token < *earlier,
            (Some(_), _) => false,
        };
        if is_first {
            self.refusal = Some((Refusal { sqlstate, message, hint, position: None }, token));
        }
    }

    /// The error that PostgreSQL gives for a relation that does not exist.
    pub(super) fn refuse_tombstone(&mut self, schema: Option<&str>, name: &str, token: Option<usize>) {
        let pretty = schema.map_or_else(|| name.to_owned(), |schema| format!("{schema}.{name}"));
        self.refuse("42P01", format!("relation \"{pretty}\" does not exist"), None, token);
    }

    /// Notes that the value of a literal was looked at.
    pub(super) fn reads_literals(&mut self) {
        self.reads_literals = true;
    }

    /// Notes that settings may fall back to those of the session's start.
    pub(super) fn restores(&mut self) {
        if self.session.switched {
            self.resets.note();
        }
    }

    /// Notes that the search path, perhaps among others, does.
    pub(super) fn restores_path(&mut self) {
        self.restores();
        let first = self.session.whereabouts.first().cloned();
        if self.leaves_for(first.as_ref()) {
            self.here = Here::Set(first);
        }
    }

    /// Notes a temporary table.
    pub(super) fn makes_temporary(&mut self, name: &str) {
        self.temporaries.extend(Name::new(name).ok());
    }

    /// Notes a new search path for the statements that follow.
    pub(super) fn sets_path<'p>(&mut self, path: impl IntoIterator<Item = &'p str>) {
        let home = self.home_in(path);
        if self.leaves_for(home.as_ref()) {
            self.here = Here::Set(home);
        }
    }

    /// Notes a search path that may be set by an expression, wherever and how often it is computed.
    pub(super) fn may_set_path<'p>(&mut self, path: impl IntoIterator<Item = &'p str>) {
        let home = self.home_in(path);
        if self.leaves_for(home.as_ref()) {
            self.here = Here::Unknown;
        }
    }

    /// Whether a path that leads there is another, which is noted.
    fn leaves_for(&mut self, home: Option<&Home>) -> bool {
        let leaves = self.path == PathEffect::Changes || !self.session.whereabouts.stays_at(home);
        self.path = if leaves { PathEffect::Changes } else { PathEffect::Stays };
        leaves
    }

    /// Notes that the search path becomes another, and that it is not said which.
    pub(super) fn loses_path(&mut self) {
        self.path = PathEffect::Changes;
        self.here = Here::Unknown;
    }

    fn home_in<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> Option<Home> {
        let ours = |schema: &str| {
            self.edition.path.iter().flat_map(|(_, before)| before).any(|name| name.as_str() == schema)
        };
        Home::of(path.into_iter().filter(|schema| !ours(schema)))
    }

    /// Whether unqualified names lead to a schema that is not editioned, and nowhere else.
    pub(super) fn is_elsewhere(&self) -> bool {
        let home = self.home().filter(Home::is_all);
        home.is_some_and(|home| !self.is_editioned_schema(home.schema.as_str()))
    }

    /// Whether a schema is an editioned one, or one that holds what an edition has of its own.
    pub(super) fn is_editioned_schema(&self, schema: &str) -> bool {
        let paths = self.snapshot.editions.iter().flat_map(|edition| &edition.path);
        let mut schemas = self.snapshot.schemas.iter().chain(paths.flat_map(|(_, before)| before));
        schemas.any(|editioned| editioned.as_str() == schema)
    }

    /// Whether an unqualified name may mean a temporary table of this session.
    pub(super) fn is_temporary(&self, name: &str) -> bool {
        self.session.temporaries.may_have(name) || self.has_made_temporary(name)
    }

    /// Whether it means one, or nothing, for all that is known: where there was one, the server is asked whether it still is.
    pub(super) fn is_known_temporary(&self, name: &str) -> bool {
        if self.has_made_temporary(name) || !self.session.temporaries.has(name) {
            return self.has_made_temporary(name);
        }
        match self.session.whence.get(name) {
            Found::In(schema) => !self.is_editioned_schema(schema.as_str()),
            Found::Nowhere => true,
            Found::NotAsked => {
                if let (Ok(name), Some(place)) = (Name::new(name), self.snapshot.schemas.first()) {
                    self.wants_whence.borrow_mut().insert(name, place.clone());
                }
                true
            }
        }
    }

    fn has_made_temporary(&self, name: &str) -> bool {
        self.temporaries.iter().any(|temporary| temporary.as_str() == name)
    }

    /// The index of the token at a position that the parser gave.
    pub(super) fn token_at(&self, location: c_int) -> Option<usize> {
        let start = offset(location)?;
        self.tokens.binary_search_by_key(&start, |token| token.start).ok()
    }

    /// The tokens of each part of the dotted name of `parts` parts that begins at token `first`.
    pub(super) fn name_tokens(&self, first: usize, parts: usize) -> Option<Vec<Range<usize>>> {
        let mut at = first;
        let mut ranges = Vec::with_capacity(parts);
        for part in 0..parts {
            if part > 0 {
                self.symbol_at(at, b'.').then_some(())?;
                at += 1;
            }
            let start = at;
            let token = self.tokens.get(at)?;
            if !token.is_name() && !self.symbol_at(at, b'*') {
                return None;
            }
            at += 1;
            if token.kind == TokenKind::UnicodeQuoted && self.word_at(at, "uescape") {
                at += 2;
            }
            ranges.push(start..at);
        }
        Some(ranges)
    }

    /// Whether this token is that punctuation.
    pub(super) fn symbol_at(&self, at: usize, symbol: u8) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_symbol(self.text.as_bytes(), symbol))
    }

    /// Whether this token is that key word.
    pub(super) fn word_at(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_word(self.text.as_bytes(), word))
    }

    /// Some tokens and what is between them as they stand in the text.
    pub(super) fn tokens_as_written(&self, tokens: &Range<usize>) -> Option<&'t str> {
        let (first, last) = (self.tokens.get(tokens.start)?, self.tokens.get(tokens.end.checked_sub(1)?)?);
        self.text.get(first.start..last.end)
    }

    /// A token as it stands in the text.
    pub(super) fn written(&self, at: usize) -> Option<&'t str> {
        self.text.get(self.tokens.get(at)?.range())
    }

    /// One past the last token of the entry of a target list that begins at token `start`.
    pub(super) fn end_of_output(&self, start: usize) -> Option<usize> {
        const AFTER: [&str; 14] = [
            "from",
            "into",
            "where",
            "group",
            "having",
            "window",
            "union",
            "intersect",
            "except",
            "order",
            "limit",
            "offset",
            "fetch",
            "for",
        ];
        let mut depth = 0_usize;
        let end = (start..self.tokens.len()).find(|at| {
            let symbol = |symbol| self.symbol_at(*at, symbol);
            if symbol(b'(') || symbol(b'[') || self.word_at(*at, "case") {
                depth += 1;
            } else if depth > 0 {
                depth -= usize::from(symbol(b')') || symbol(b']') || self.word_at(*at, "end"));
            } else {
                let distinct = at.checked_sub(1).is_some_and(|before| self.word_at(before, "distinct"));
                let word = !distinct && AFTER.iter().any(|word| self.word_at(*at, word));
                return symbol(b',') || symbol(b')') || symbol(b';') || word;
            }
            false
        });
        Some(end.unwrap_or(self.tokens.len())).filter(|end| *end > start)
    }

    /// The first token of each entry of the list in the brackets that open at token `open`.
    pub(super) fn entries(&self, open: usize) -> Vec<usize> {
        let mut depth = 0_usize;
        let mut entries = vec![open + 1];
        for at in open..self.tokens.len() {
            if self.symbol_at(at, b'(') || self.symbol_at(at, b'[') {
                depth += 1;
            } else if self.symbol_at(at, b')') || self.symbol_at(at, b']') {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            } else if depth == 1 && self.symbol_at(at, b',') {
                entries.push(at + 1);
            }
        }
        entries
    }

    /// What a qualified relation name is in this edition, if it needs care.
    pub(super) fn qualified(&self, schema: &str, name: &str) -> Option<&'t Relation> {
        self.edition.names.relations.get(&(Name::new(schema).ok()?, Name::new(name).ok()?))
    }

    /// Where unqualified names lead, if that is known.
    pub(super) fn home(&self) -> Option<Home> {
        match &self.here {
            Here::Session => {
                let whereabouts = &self.session.whereabouts;
                self.wants_path.set(self.wants_path.get() || whereabouts.is_lost());
                whereabouts.home().cloned()
            }
            Here::Set(home) => home.clone(),
            Here::Unknown => None,
        }
    }

    /// What an unqualified relation name is, if it is one of the schema that the session looks into first. Where there may be a temporary
    /// table of the name, and where a later schema has a view of it, it is what the server has said.
    pub(super) fn unqualified(&self, name: &str) -> Option<&'t Relation> {
        let is_in = |schema: &Name| self.qualified(schema.as_str(), name).is_some();
        if self.has_made_temporary(name) || !self.snapshot.schemas.iter().any(is_in) {
            return None;
        }
        let home = self.home()?;
        if self.session.temporaries.may_have(name) {
            return self.as_the_server_says(name, [&home.schema].into_iter().chain(&home.further));
        }
        let first = self.qualified(home.schema.as_str(), name);
        first.or_else(|| self.as_the_server_says(name, &home.further))
    }

    /// Which of what needs care under this name in these schemas the server finds, if it has been asked.
    fn as_the_server_says<'s>(
        &self,
        name: &str,
        schemas: impl IntoIterator<Item = &'s Name>,
    ) -> Option<&'t Relation> {
        // It was asked before the text, whose own changes it did not know.
        (matches!(self.here, Here::Session) && !self.outdates_answers).then_some(())?;
        let mut known = schemas
            .into_iter()
            .filter_map(|schema| Some((schema, self.qualified(schema.as_str(), name)?)))
            // What has moved the server finds by itself.
            .filter(|(_, relation)| !matches!(relation, Relation::Moved { .. }))
            .peekable();
        let (schema, first) = known.peek()?;
        let found = match self.session.whence.get(name) {
            Found::In(found) => found,
            Found::Nowhere => return None,
            Found::NotAsked => {
                let place = if let Relation::View(view) = first { &view.schema } else { *schema };
                self.wants_whence.borrow_mut().insert(Name::new(name).ok()?, place.clone());
                return None;
            }
        };
        let is_there = |schema: &Name, relation: &Relation| match relation {
            // Its table, where the view is announced and not made yet.
            Relation::View(view) => {
                *found == view.schema || *found == view.physical_schema && view.physical_name.as_str() == name
            }
            Relation::Tombstone | Relation::Moved { .. } => {
                let mut own = self.edition.path.iter().filter(|(editioned, _)| editioned == schema);
                found == schema || own.any(|(_, before)| before.contains(found))
            }
        };
        known.find(|(schema, relation)| is_there(schema, relation)).map(|(_, relation)| relation)
    }

    /// What the relation is that a statement names.
    pub(super) fn relation(&self, named: &nodes::RangeVar) -> Option<&'t Relation> {
        let name = named.relname()?;
        match named.schemaname() {
            Some(schema) => self.qualified(schema, name),
            None => self.unqualified(name),
        }
    }

    /// The editioning view that a statement names.
    pub(super) fn view(&self, named: &nodes::RangeVar) -> Option<&'t ViewRelation> {
        match self.relation(named)? {
            Relation::View(view) => Some(view),
            Relation::Tombstone | Relation::Moved { .. } => None,
        }
    }

    /// The tokens of the name of a relation.
    pub(super) fn relation_tokens(&self, named: &nodes::RangeVar) -> Option<Range<usize>> {
        let parts = self.relation_parts(named)?;
        Some(parts.first()?.start..parts.last()?.end)
    }

    /// The tokens of each part of the name of a relation.
    pub(super) fn relation_parts(&self, named: &nodes::RangeVar) -> Option<Vec<Range<usize>>> {
        let parts =
            1 + usize::from(named.schemaname().is_some()) + usize::from(named.catalogname().is_some());
        self.name_tokens(self.token_at(named.location)?, parts)
    }

    /// Where this edition's version of a function is.
    pub(super) fn function_schema(&self, schema: &str, name: &str) -> Option<&'t Name> {
        self.edition.names.functions.get(&(Name::new(schema).ok()?, Name::new(name).ok()?))
    }

    /// Where this edition's version of an operator is.
    pub(super) fn operator_schema(&self, schema: &str, sign: &str) -> Option<&'t Name> {
        self.edition.names.operators.get(&(Name::new(schema).ok()?, Name::new(sign).ok()?))
    }

    /// Where this edition's version of a type is.
    pub(super) fn type_schema(&self, schema: &str, name: &str) -> Option<&'t Name> {
        self.edition.names.types.get(&(Name::new(schema).ok()?, Name::new(name).ok()?))
    }
}
