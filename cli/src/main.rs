//! The `edition` command.

fn main() {}
