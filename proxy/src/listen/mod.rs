//! Accepting connections, on one thread, and handing each to a worker thread.

mod acceptor;
mod listener;
mod workers;

pub(crate) use acceptor::Acceptor;
pub(crate) use listener::Listener;
pub(crate) use workers::{Accepted, WorkerThreads, Workers};
