//! Enums, domains, composite and range types.

use serde::{Deserialize, Serialize};

use super::{ColumnId, Grant, Name, QualifiedName};

/// Which kind of type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeKind {
    /// CREATE TYPE … AS ENUM
    Enum,
    /// CREATE DOMAIN
    Domain,
    /// CREATE TYPE … AS (…)
    Composite,
    /// CREATE TYPE … AS RANGE
    Range,
}

/// A free-standing type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeDef {
    /// `pg_type.oid` in the blueprint.
    pub id: u32,
    /// Name in this edition.
    pub name: QualifiedName,
    /// What kind.
    pub kind: TypeKind,
    /// Types and functions that it is made of, by blueprint id.
    #[serde(default)]
    pub uses: Vec<u32>,
    /// What its values are.
    #[serde(default)]
    pub body: TypeBody,
    /// The CREATE statements that make it (a domain's constraints included), without owner and grants.
    pub definition: String,
    /// Owner role.
    pub owner: Name,
    /// Privileges.
    pub grants: Vec<Grant>,
    /// Comment.
    pub properties: Vec<String>,
}

/// What the values of a type are, as far as one edition's must become another's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeBody {
    /// An enum's values in their order.
    Labels(Vec<Label>),
    /// A composite's attributes in their order.
    Attributes(Vec<Attribute>),
    /// A domain's.
    Base {
        /// What it is over.
        of: TypeUse,
        /// `NOT NULL` and the definitions of its checks.
        rules: Vec<String>,
        /// What a column of it gets that has no default of its own.
        #[serde(default)]
        default: Option<String>,
    },
    /// Nothing that its editions could have in common.
    #[default]
    Opaque,
}

/// One value of an enum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// `pg_enum.oid`, which renaming leaves as it is.
    pub id: u32,
    /// The value.
    pub text: String,
}

/// One attribute of a composite type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Identity within the type.
    pub id: ColumnId,
    /// Name in this edition.
    pub name: Name,
    /// Its type.
    pub of: TypeUse,
}

/// A type where it is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeUse {
    /// `format_type` under an empty search_path.
    pub type_name: String,
    /// The type, or what it is an array of, by blueprint id; `None` for built-in ones.
    pub type_id: Option<u32>,
}
