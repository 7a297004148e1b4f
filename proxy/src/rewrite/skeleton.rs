//! What two texts that differ in their literals only have in common: the key of the verdict cache.

use catalog::sql::lexer::{Lexer, Token, TokenKind};

/// Cuts `text` into `tokens` and writes its skeleton to the end of `key`: literals replaced by a mark, comments left out, white
/// space reduced to "some" or "none" (`< =` is not `<=`). False if the text cannot be cut: then nothing is known of it.
pub(super) fn skeleton(text: &[u8], tokens: &mut Vec<Token>, key: &mut Vec<u8>) -> bool {
    const GAP: u8 = 0;
    const STRING: u8 = 1;
    const NUMBER: u8 = 2;
    tokens.clear();
    let mut end = 0;
    for token in Lexer::new(text) {
        if token.start > end {
            key.push(GAP);
        }
        end = token.end;
        match token.kind {
            TokenKind::Broken => return false,
            TokenKind::String => key.push(STRING),
            TokenKind::Number => key.push(NUMBER),
            _ => key.extend_from_slice(token.bytes(text)),
        }
        tokens.push(token);
    }
    true
}
