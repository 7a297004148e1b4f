//! A table of changes, each made in a fork of a real blueprint.
