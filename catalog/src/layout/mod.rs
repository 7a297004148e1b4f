//! Which physical table and column an edition's names mean. Pure: built from the blueprints' schemas and from the rows of
//! `edition.tables` and `edition.columns`, which list only what differs; all else means itself.

mod child;
mod mapping;
mod naming;
mod search_path;
mod shape;

pub use child::{ChildLayout, ColumnFate, InheritedTable, LayoutInput, lay_out_child, object_ids};
pub use mapping::{Mapping, TableMapping, renamed_sequences};
pub use naming::{TakenNames, interim_counter, not_null_check};
pub use search_path::{Ancestry, reads_editioned};
pub use shape::{Shape, ShapeColumn, is_plain};
