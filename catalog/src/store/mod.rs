//! The catalogue in schema `edition`: reading and writing its rows.
