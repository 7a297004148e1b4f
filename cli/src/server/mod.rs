//! PostgreSQL servers that belong to this process: found, made, started and stopped without asking anybody.
//!
//! ```no_run
//! # async fn example() -> catalog::Result<()> {
//! let server = edition_cli::server::PrivateServer::builder().start().await?;
//! let (client, connection) = server.config("postgres").connect(tokio_postgres::NoTls).await?;
//! # drop((client, connection));
//! server.stop().await
//! # }
//! ```
//!
//! A server ends with its value. Should this process be killed, a watcher that holds nothing but a pipe to it stops the
//! server and removes what was temporary, so that no run leaves anything behind; that also makes a server in a `static` safe.

mod account;
mod cluster;
mod installation;
mod postmaster;
mod private;
mod programs;

pub use installation::{Installation, OLDEST_MAJOR, Version};
pub use private::{Builder, PrivateServer};
pub use programs::find_programs;
