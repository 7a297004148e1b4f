//! Bytes of the protocol, and nothing but bytes: no sockets, no runtime, no clock.
//!
//! - [`startup`]: the packets before a session exists (they have no tag)
//! - [`options`]: the command line inside the startup parameter `options`
//! - [`encoding`]: what a client's texts are encoded in
//! - [`frame`]: stepping over tagged frames without decoding them
//! - [`message`]: the few messages that we write ourselves, and the few fields that we read

pub(crate) mod encoding;
pub(crate) mod frame;
pub(crate) mod message;
pub(crate) mod options;
pub(crate) mod startup;
