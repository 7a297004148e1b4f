//! Plain data of the domain. Nothing here does I/O or knows a connection.

mod bound;
mod code;
mod conversion;
mod edition;
mod ids;
mod names;
mod partition;
mod policy;
mod schema;
mod table;
mod transform;
mod types;
mod whole_row;

pub use bound::{Bound, User};
pub use code::{ColumnDetail, Function, FunctionKind, Rule, Trigger, View};
pub use conversion::{Conversion, hangs_on_time_zone, integer_range, text_limit, whole_digits, widens};
pub use edition::{Edition, EditionState};
pub use ids::{ColumnId, EditionId, Epoch, OperationId, TableId};
pub use names::{EditionName, Name, NameError, QualifiedName};
pub use partition::{Partition, Partitioning};
pub use policy::{Policy, RowSecurity};
pub use schema::{Accessory, Grant, NewSchema, OtherObject, Pointer, Schema, Sequence};
pub use table::{Column, Constraint, ConstraintKind, Generated, Identity, Index, Table, Volatility};
pub use transform::{Direction, OnError, Origin, Transform};
pub use types::{Attribute, Label, TypeBody, TypeDef, TypeKind, TypeUse};
pub use whole_row::WholeRow;
