//! What PostgreSQL allows on a table but not on a view: each text does over views what it does over tables, for the edition that
//! renamed a column and for the one that has not got another's columns, as a text of its own and prepared.

mod changes;
mod maintenance;
mod queries;

use crate::rewriting::{Pair, Side};

/// Runs every text from both sides, in both protocols where it is one statement.
async fn agree_on(texts: &[&str]) {
    for side in [Side::Child, Side::Parent] {
        let pair = Pair::of(side).await;
        for text in texts {
            let text = side.text(text);
            if !text.contains('$') {
                pair.agree(&text).await;
            }
            if !text.contains(';') {
                pair.agree_prepared(&text).await;
            }
        }
        pair.end().await;
    }
}
