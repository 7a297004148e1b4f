//! editiond
