//! Text of the statements that make an edition. Pure: data in, [`Sql`](crate::sql::Sql) out.

mod code;
mod grant;
mod index;
mod maker;
mod shared;
mod table;
mod trigger;
mod types;
mod view;

pub use code::{
    create_function, create_user_view, drop_function, drop_user_view, function_in, function_object,
    replace_user_view, signature, view_object, view_subject, view_triggers,
};
pub use grant::{grant_columns, grant_function, grant_relation, grant_schema, grant_sequence, grant_type};
pub(crate) use grant::{grantee, option, privilege};
pub use index::{concurrent_index, index_body, index_keys};
pub use maker::Maker;
pub use shared::{SharedObject, shared_objects};
pub use table::{
    add_column, add_constraint, add_empty_column, attach_partition, create_sequence, create_table, owner_of,
};
pub use trigger::{
    Assignment, AssignmentKind, HopTriggers, Numbered, TriggerMode, drop_forward, drop_hop,
    forward_statements, moved_hop, moved_statements, refuse_failures, renamed_hop, reverse_statements,
    rewritten_functions,
};
pub use types::{create_type, drop_type, move_type};
pub use view::{create_view, view_default, view_defaults};
