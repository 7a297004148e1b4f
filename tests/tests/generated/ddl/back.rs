//! Going back on what an older edition of the chain had: what a younger one took away is made again, what it made is taken away, what it renamed gets
//! its former name. Chance alone hardly ever meets the same thing twice.

use std::collections::{BTreeMap, BTreeSet};

use edition_tests::{Dice, Session};

/// The kind of a step, for the tally. Partitions that are dropped are known by theirs.
pub(crate) fn kind(step: &str) -> &'static str {
    if step.starts_with("DROP TABLE ") { "drop partition" } else { "go back" }
}

/// What a database holds, so that another can be led back to it.
pub(crate) struct Former {
    /// What makes it, what takes it away.
    pairs: BTreeSet<(String, Option<String>)>,
    /// The beginning of a renaming and the name, by what it is the name of.
    names: BTreeMap<String, (String, String)>,
}

impl Former {
    /// Reads the database that the session is in.
    pub(crate) async fn read(session: &Session) -> Self {
        let pairs = session.ask(include_str!("back.sql")).await.concat();
        let names = session.ask(include_str!("names.sql")).await.concat();
        let names: Vec<(String, String, String)> = serde_json::from_str(&names).unwrap();
        Self {
            pairs: serde_json::from_str(&pairs).unwrap(),
            names: names.into_iter().map(|(key, rename, name)| (key, (rename, name))).collect(),
        }
    }

    /// One step from `now` to what was.
    pub(crate) fn step(&self, now: &Self, dice: &mut Dice) -> Option<String> {
        let made = self.pairs.difference(&now.pairs).map(|(make, _)| make.clone());
        let unmade = now.pairs.difference(&self.pairs).filter_map(|(_, unmake)| unmake.clone());
        let renamed = now.names.iter().filter_map(|(key, (rename, name))| {
            let (_, former) = self.names.get(key).filter(|(_, former)| former != name)?;
            Some(format!("{rename}{former}"))
        });
        let steps: Vec<String> = match dice.below(5) {
            0 => renamed.collect(),
            1 => unmade.collect(),
            2 | 3 => made.collect(),
            _ => made.chain(unmade).chain(renamed).collect(),
        };
        dice.pick(&steps).cloned()
    }
}
