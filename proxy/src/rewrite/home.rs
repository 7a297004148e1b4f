//! Where the unqualified names of a session lead, and how far that is known.

use catalog::model::Name;

/// Where unqualified names lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Home {
    /// The first schema of the path.
    pub(super) schema: Name,
    /// The others, in their order.
    pub(super) further: Vec<Name>,
}

impl Home {
    /// The schemas of a path that unqualified names may well be in. The schema named like the user, which the default path
    /// begins with, is taken not to exist.
    pub(super) fn of<'a>(path: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut schemas =
            path.into_iter().filter(|schema| !matches!(*schema, "$user" | "pg_catalog" | "pg_temp"));
        let schema = Name::new(schemas.next()?).ok()?;
        // What cannot be a name is no schema that exists.
        Some(Self { schema, further: schemas.filter_map(|schema| Name::new(schema).ok()).collect() })
    }

    /// Whether the path has one schema only.
    pub(super) fn is_all(&self) -> bool {
        self.further.is_empty()
    }
}

/// Where the server finds unqualified names of one text, as it said just before: in which schema, if anywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Whence(Vec<(Name, Option<Name>)>);

/// Where the server finds a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'w> {
    NotAsked,
    Nowhere,
    In(&'w Name),
}

impl Whence {
    pub(super) fn of(found: impl IntoIterator<Item = (Name, Option<Name>)>) -> Self {
        Self(found.into_iter().collect())
    }

    /// What the server says of more names.
    pub(super) fn learn(&mut self, found: impl IntoIterator<Item = (Name, Option<Name>)>) {
        for (name, schema) in found {
            self.0.retain(|(known, _)| *known != name);
            self.0.push((name, schema));
        }
    }

    /// What the server says of a name.
    pub(super) fn get(&self, name: &str) -> Found<'_> {
        match self.0.iter().find(|(asked, _)| asked.as_str() == name) {
            None => Found::NotAsked,
            Some((_, None)) => Found::Nowhere,
            Some((_, Some(schema))) => Found::In(schema),
        }
    }

    /// A text has been judged: the next one may come when names lead elsewhere.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// All of this that a judgement can hang on.
    pub(super) fn add_to_key(&self, key: &mut Vec<u8>) {
        for (name, schema) in &self.0 {
            for part in [Some(name), schema.as_ref()] {
                key.extend_from_slice(part.map_or("", Name::as_str).as_bytes());
                key.push(0);
            }
        }
        key.push(0);
    }
}

/// A session's home through its changes of `search_path`. What a change comes to is not foretold (a rollback may take it back, a failure keep
/// it from happening): the server is asked, when a text comes whose judgement hangs on it.
#[derive(Clone, Debug)]
pub(super) struct Whereabouts {
    home: Option<Home>,
    /// At the start of the session.
    first: Option<Home>,
    certainty: Certainty,
    /// A prepared statement can change the path at any time.
    is_loose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Certainty {
    /// Until a text changes the path.
    Lasting,
    /// For the next text that is judged.
    Passing,
    Lost,
}

impl Whereabouts {
    pub(super) fn starting_at(first: Option<Home>) -> Self {
        Self { home: first.clone(), first, certainty: Certainty::Lasting, is_loose: false }
    }

    /// The home, if it is known and there is one.
    pub(super) fn home(&self) -> Option<&Home> {
        self.home.as_ref().filter(|_| !self.is_lost())
    }

    /// The home at the start of the session.
    pub(super) fn first(&self) -> Option<&Home> {
        self.first.as_ref()
    }

    /// Whether no end of a transaction can change the home.
    pub(super) fn is_lasting(&self) -> bool {
        self.certainty == Certainty::Lasting
    }

    /// Whether the server would have to be asked.
    pub(super) fn is_lost(&self) -> bool {
        self.certainty == Certainty::Lost
    }

    /// Whether something prepared can change the path at any time.
    pub(super) fn is_loose(&self) -> bool {
        self.is_loose
    }

    /// Whether a path that leads there changes nothing, whatever becomes of it.
    pub(super) fn stays_at(&self, home: Option<&Home>) -> bool {
        self.certainty == Certainty::Lasting && self.home.as_ref() == home
    }

    /// Whether what the session began with changes nothing.
    pub(super) fn stays_at_first(&self) -> bool {
        self.stays_at(self.first.as_ref())
    }

    /// A text changes the path, or may. `is_kept`: it is executed again without being sent again.
    pub(super) fn lose(&mut self, is_kept: bool) {
        self.certainty = Certainty::Lost;
        self.is_loose |= is_kept;
    }

    /// Something is prepared that sets the path, to what it is now.
    pub(super) fn loosen(&mut self) {
        self.is_loose = true;
        if self.certainty == Certainty::Lasting {
            self.certainty = Certainty::Passing;
        }
    }

    /// All settings, and everything prepared, are those of the session's start again.
    pub(super) fn restart(&mut self) {
        *self = Self::starting_at(self.first.take());
    }

    /// The server has been asked. `is_settled`: outside a transaction, so that nothing can take it back.
    pub(super) fn learn(&mut self, home: Option<Home>, is_settled: bool) {
        self.home = home;
        let lasts = is_settled && !self.is_loose;
        self.certainty = if lasts { Certainty::Lasting } else { Certainty::Passing };
    }

    /// A text has been judged.
    pub(super) fn move_on(&mut self) {
        if self.certainty == Certainty::Passing {
            self.certainty = Certainty::Lost;
        }
    }

    /// All of this that a judgement can hang on.
    pub(super) fn add_to_key(&self, key: &mut Vec<u8>) {
        let certainty = match self.certainty {
            Certainty::Lasting => 0,
            Certainty::Passing => 1,
            Certainty::Lost => 2,
        };
        key.extend_from_slice(&[certainty, u8::from(self.stays_at_first())]);
        // The first counts for what follows a RESET in the same text.
        for home in [self.home(), self.first()] {
            if let Some(home) = home {
                for schema in [&home.schema].into_iter().chain(&home.further) {
                    key.extend_from_slice(schema.as_str().as_bytes());
                    key.push(0);
                }
            }
            key.push(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &[&str]) -> Option<Home> {
        Home::of(path.iter().copied())
    }

    #[test]
    fn the_first_schema_that_may_hold_names_is_the_home() {
        let home = at(&["$user", "pg_temp", "tenant", "public"]).unwrap();
        let further: Vec<&str> = home.further.iter().map(Name::as_str).collect();
        assert_eq!((home.schema.as_str(), further, home.is_all()), ("tenant", vec!["public"], false));
        assert!(at(&["tenant"]).unwrap().is_all());
        assert_eq!(at(&["pg_catalog"]), None);
    }

    #[test]
    fn what_the_server_says_holds_as_long_as_it_must() {
        let (public, tenant) = (at(&["public"]), at(&["tenant"]));
        let mut session = Whereabouts::starting_at(public.clone());
        session.lose(false);
        assert!(session.is_lost() && session.home().is_none() && !session.stays_at(public.as_ref()));
        // In a transaction: for one text.
        session.learn(tenant.clone(), false);
        assert_eq!(session.home(), tenant.as_ref());
        assert!(!session.stays_at(tenant.as_ref()));
        session.move_on();
        assert!(session.is_lost());
        // Outside: until the next change.
        session.learn(tenant.clone(), true);
        session.move_on();
        assert!(session.stays_at(tenant.as_ref()) && !session.stays_at_first());
        // A prepared statement can change it unseen.
        session.lose(true);
        session.learn(tenant.clone(), true);
        session.move_on();
        assert!(session.is_lost());
        session.restart();
        assert!(session.stays_at_first());
        session.learn(None, true);
        assert!(!session.is_lost() && session.home().is_none());
    }
}
