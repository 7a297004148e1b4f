//! The fields of an ErrorResponse or NoticeResponse.

use std::borrow::Cow;

use crate::wire::{frame::HEADER_BYTES, message};

/// A report, field by field, in its order.
pub(super) struct Fields<'a> {
    fields: Vec<(u8, Cow<'a, [u8]>)>,
    changed: bool,
}

impl<'a> Fields<'a> {
    /// Takes a whole frame apart; `None` if it is not made of fields.
    pub(super) fn parse(frame: &'a [u8]) -> Option<Self> {
        let mut rest = frame.get(HEADER_BYTES..)?;
        let mut fields = Vec::with_capacity(16);
        loop {
            let (code, after) = rest.split_first()?;
            if *code == 0 {
                return Some(Self { fields, changed: false });
            }
            let end = after.iter().position(|byte| *byte == 0)?;
            let (text, after) = after.split_at_checked(end)?;
            fields.push((*code, Cow::Borrowed(text)));
            rest = after.get(1..)?;
        }
    }

    /// A field's text; what is not UTF-8 is in another client encoding, and none of our business.
    pub(super) fn get(&self, code: u8) -> Option<&str> {
        let (_, text) = self.fields.iter().find(|(known, _)| *known == code)?;
        std::str::from_utf8(text).ok()
    }

    /// Puts `text` into a field that the report has.
    pub(super) fn set(&mut self, code: u8, text: String) {
        if let Some((_, old)) = self.fields.iter_mut().find(|(known, _)| *known == code)
            && old.as_ref() != text.as_bytes()
        {
            *old = Cow::Owned(text.into_bytes());
            self.changed = true;
        }
    }

    /// Puts what `new` makes of its text into a field, if it has and makes one.
    pub(super) fn replace(&mut self, code: u8, new: impl FnOnce(&str) -> Option<String>) {
        if let Some(text) = self.get(code).and_then(new) {
            self.set(code, text);
        }
    }

    /// Makes one field another.
    pub(super) fn rename(&mut self, code: u8, new: u8) {
        if let Some((known, _)) = self.fields.iter_mut().find(|(known, _)| *known == code) {
            *known = new;
            self.changed = true;
        }
    }

    /// Leaves a field out.
    pub(super) fn remove(&mut self, code: u8) {
        let before = self.fields.len();
        self.fields.retain(|(known, _)| *known != code);
        self.changed |= self.fields.len() != before;
    }

    /// Whether it is not what it was.
    pub(super) fn changed(&self) -> bool {
        self.changed
    }

    /// The frame.
    pub(super) fn encode(&self, tag: u8) -> Vec<u8> {
        let mut body = Vec::new();
        for (code, text) in &self.fields {
            body.push(*code);
            body.extend_from_slice(text);
            body.push(0);
        }
        body.push(0);
        message::frame(tag, &body)
    }
}
