//! An error in a text of the user's, with the place shown under it.

use crate::error::Error;

/// How much of a long line is shown on either side of the place.
const CONTEXT_CHARS: usize = 40;

/// `message`, the line of `text` that holds byte `offset`, and a caret below that place.
pub(super) fn refused_at(text: &str, offset: usize, message: &str) -> Error {
    let offset = (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (before, after) = text.split_at(offset);
    let before = before.rsplit('\n').next().unwrap_or_default();
    let after = after.split('\n').next().unwrap_or_default();
    let skipped = before.chars().count().saturating_sub(CONTEXT_CHARS);
    let before: String = before.chars().skip(skipped).map(blank_controls).collect();
    let after: String = after.chars().take(CONTEXT_CHARS).map(blank_controls).collect();
    let indent = " ".repeat(before.chars().count());
    Error::refused(format!("{message}\n  {before}{after}\n  {indent}^"))
}

fn blank_controls(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_below_the_place() {
        insta::assert_snapshot!(refused_at("a = 1,\nö = (SELECT 2)", 13, "no sub-selects").to_string(), @r"
        no sub-selects
          ö = (SELECT 2)
               ^
        ");
    }
}
