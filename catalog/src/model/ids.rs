//! Number newtypes, so that one kind of id cannot be passed for another.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name($inner);

        impl $name {
            /// Wraps a number that came from the catalogue.
            pub const fn new(value: $inner) -> Self {
                Self(value)
            }

            /// The number, for the catalogue and for SQL.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// An edition. Grows along the chain: a child's id is greater than its parent's, so that triggers can compare
    /// positions as numbers. Also the value of the session setting `edition.id`. Never reused.
    EditionId(i32)
}
id! {
    /// A logical table through all editions: its OID in the blueprints. `CREATE DATABASE … TEMPLATE` keeps OIDs, so
    /// a table that is inherited has the same id in parent and child; one that is dropped and made anew has another.
    TableId(u32)
}
id! {
    /// A logical column within its table: `attnum` in the blueprints, kept by renames and by ALTER TYPE.
    ColumnId(i16)
}
id! {
    /// Grows with every change of the catalogue that a proxy must know of.
    Epoch(i64)
}
id! {
    /// One run of publish, rollback or retire, from its first step to its last, over any number of resumptions.
    OperationId(i64)
}
