//! What only the newer edition stored, kept in a file through a rollback (next slice).
