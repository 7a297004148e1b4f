//! Placeholder crate head; the first slice that needs it fills it.
