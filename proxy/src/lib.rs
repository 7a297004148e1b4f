//! editiond

pub mod rewrite;
