//! What a draft may change, one story a change. Every story is told in the same way, whatever it changes, so that the promises about
//! schemas and data are asserted for each: see [`story::Story::tell`].

mod answers;
mod beside;
mod bound;
mod chains;
mod code;
mod columns;
mod combinations;
mod constraints;
mod errors;
mod identity;
mod inferred;
mod interrupted;
mod keys;
mod like;
mod living;
mod longer_chains;
mod maintenance;
mod moments;
mod names;
mod objects;
mod operators;
mod partitions;
mod paths;
mod policies;
mod postgresql18;
mod privileges;
mod properties;
mod seeds;
mod sequences;
mod several_schemas;
mod skipped;
mod story;
mod tables;
mod triggers;
mod types;
mod view_gap;

use story::story;
