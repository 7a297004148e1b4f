//! `editiond`, the proxy: it stands between clients and PostgreSQL and gives each session the edition of the
//! schema that it asks for. This library runs it inside another program; the binary adds flags, signals and
//! logs.
//!
//! Map:
//! - [`Config`], [`Flags`]: what it can be told
//! - [`Proxy`]: starting, draining and stopping it
//! - `settings`: the configuration with the contents of its files
//! - `listen`: accepting connections; worker threads
//! - `route`: from a startup packet to an edition
//! - `session`: login, and the hot path
//! - `catalogue`: the databases' catalogues as last read, and our lease in them
//! - [`rewrite`]: what becomes of a statement in an edition, no I/O
//! - `report`: errors and notices in the words of an edition, no I/O
//! - `row_origins`: row descriptions in the terms of an edition, no I/O
//! - `wire`: bytes of the protocol, no I/O
//!
//! The proxy holds no state that a restart may lose. A frame that it did not change leaves byte-identical.

mod catalogue;
mod config;
#[doc(hidden)]
pub mod fuzz;
mod listen;
mod proxy;
mod report;
pub mod rewrite;
mod route;
mod row_origins;
mod session;
mod settings;
mod wire;

pub use config::{
    Address, AddressError, ClientCertificate, ClientTls, Config, ConfigError, Control, Flags, LogFormat,
    Replication, SessionAttributes, TlsVersion,
};
pub use proxy::{Proxy, StartError};
