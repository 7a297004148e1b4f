//! GENERATED … AS IDENTITY of one column.

use super::others::is_narrower;
use crate::model::{Column, Identity};

/// What became of it.
pub(super) enum IdentityChange {
    None,
    /// In words.
    Supported {
        from: Option<String>,
        to: Option<String>,
    },
    /// To a column that older editions number themselves.
    Added,
    Unsupported(String),
}

/// `has_counter`: a sequence belongs to the older column. The numbers of all editions come from one counter: that of the stored column.
pub(super) fn compare(old: &Column, new: &Column, has_counter: bool) -> IdentityChange {
    let counts = has_counter && old.draws_numbers();
    let (before, after) = match (options(&old.identity), options(&new.identity)) {
        (None, None) => return IdentityChange::None,
        (None, Some(_)) if counts => return supported(old, new),
        (None, Some(_)) if old.default.is_none() => return IdentityChange::Added,
        (None, Some(_)) => {
            let what = "identity was added to a column that has a default in older editions";
            return IdentityChange::Unsupported(what.to_owned());
        }
        (Some(_), None) if new.default.is_none() => return supported(old, new),
        (Some(_), None) => {
            let what =
                "a default took the place of its identity, from which the numbers of older editions come";
            return IdentityChange::Unsupported(what.to_owned());
        }
        // ALTER TYPE also changes the bounds of a sequence that stood at those of its type: that is no change of its own.
        (Some(before), Some(after)) => {
            (with_type_bounds(before, &old.type_name), with_type_bounds(after, &new.type_name))
        }
    };
    if is_narrower(&before, &after) {
        return IdentityChange::Unsupported(format!("the bounds of its identity became narrower: {after}"));
    }
    let same_kind = std::mem::discriminant(&old.identity) == std::mem::discriminant(&new.identity);
    if same_kind && before == after { IdentityChange::None } else { supported(old, new) }
}

fn supported(old: &Column, new: &Column) -> IdentityChange {
    IdentityChange::Supported { from: shown(&old.identity), to: shown(&new.identity) }
}

fn options(identity: &Identity) -> Option<&str> {
    match identity {
        Identity::None => None,
        Identity::Always(options) | Identity::ByDefault(options) => Some(options),
    }
}

/// Sequence options in which bounds that are those of the type are replaced by a word.
fn with_type_bounds(options: &str, type_name: &str) -> String {
    let (least, most) = match type_name {
        "smallint" => (i64::from(i16::MIN), i64::from(i16::MAX)),
        "integer" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    let mut previous = "";
    let words = options.split(' ').map(|word| {
        let is_type_bound = match previous {
            "MINVALUE" => word == least.to_string(),
            "MAXVALUE" => word == most.to_string(),
            _ => false,
        };
        previous = word;
        if is_type_bound { "of-type" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn shown(identity: &Identity) -> Option<String> {
    match identity {
        Identity::None => None,
        Identity::Always(options) => Some(format!("always ({options})")),
        Identity::ByDefault(options) => Some(format!("by default ({options})")),
    }
}
