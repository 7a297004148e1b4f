//! Plain data of the domain. Nothing here does I/O or knows a connection.

mod bound;
mod edition;
mod ids;
mod names;
mod policy;
mod schema;
mod transform;

pub use bound::{Bound, User};
pub use edition::{Edition, EditionState};
pub use ids::{ColumnId, EditionId, Epoch, OperationId, TableId};
pub use names::{EditionName, Name, NameError, QualifiedName};
pub use policy::{Policy, RowSecurity};
pub use schema::{
    Accessory, Attribute, Column, ColumnDetail, Constraint, ConstraintKind, Function, Generated, Grant,
    Identity, Index, Label, OtherObject, Pointer, Rule, Schema, Sequence, Table, Trigger, TypeBody, TypeDef,
    TypeKind, TypeUse, View, Volatility,
};
pub use transform::{Direction, OnError, Origin, Transform};
