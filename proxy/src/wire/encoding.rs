//! What a client's texts are encoded in. They are judged in UTF-8: those of a client that speaks something else are decoded for that, and what is put
//! in is encoded. What stays of a text must stay byte for byte, so one that would not come back as it was is not decoded.

use std::borrow::Cow;

use encoding_rs::Encoding;

/// The `client_encoding` of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ClientEncoding {
    /// UTF8; or SQL_ASCII, in which the server converts nothing.
    #[default]
    Utf8,
    /// Another that can be decoded.
    Other(&'static Encoding),
    /// One that cannot: of its texts only those in ASCII are understood.
    Unknown,
}

/// PostgreSQL's names, and the label by which the Web knows the same encoding or one that has all of it.
const LABELS: &[(&str, &str)] = &[
    ("LATIN1", "windows-1252"),
    ("LATIN2", "iso-8859-2"),
    ("LATIN3", "iso-8859-3"),
    ("LATIN4", "iso-8859-4"),
    ("LATIN5", "windows-1254"),
    ("LATIN6", "iso-8859-10"),
    ("LATIN7", "iso-8859-13"),
    ("LATIN8", "iso-8859-14"),
    ("LATIN9", "iso-8859-15"),
    ("LATIN10", "iso-8859-16"),
    ("ISO_8859_5", "iso-8859-5"),
    ("ISO_8859_6", "iso-8859-6"),
    ("ISO_8859_7", "iso-8859-7"),
    ("ISO_8859_8", "iso-8859-8"),
    ("WIN866", "ibm866"),
    ("WIN874", "windows-874"),
    ("WIN1250", "windows-1250"),
    ("WIN1251", "windows-1251"),
    ("WIN1252", "windows-1252"),
    ("WIN1253", "windows-1253"),
    ("WIN1254", "windows-1254"),
    ("WIN1255", "windows-1255"),
    ("WIN1256", "windows-1256"),
    ("WIN1257", "windows-1257"),
    ("WIN1258", "windows-1258"),
    ("KOI8R", "koi8-r"),
    ("KOI8U", "koi8-u"),
    ("EUC_JP", "euc-jp"),
    ("EUC_KR", "euc-kr"),
    ("EUC_CN", "gbk"),
    ("SJIS", "shift_jis"),
    ("GBK", "gbk"),
    ("GB18030", "gb18030"),
    ("BIG5", "big5"),
    ("UHC", "euc-kr"),
];

impl ClientEncoding {
    /// By the name that the server reports.
    pub(crate) fn named(name: &[u8]) -> Self {
        if matches!(name, b"UTF8" | b"SQL_ASCII") {
            return Self::Utf8;
        }
        let label = LABELS.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, label)| label);
        let encoding = label.and_then(|label| Encoding::for_label_no_replacement(label.as_bytes()));
        encoding.map_or(Self::Unknown, Self::Other)
    }

    /// The same in UTF-8. None: it is none of this encoding, or would not come back as it was.
    #[inline]
    pub(crate) fn decode(self, bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
        if self == Self::Utf8 || bytes.is_ascii() {
            return Some(Cow::Borrowed(bytes));
        }
        let Self::Other(encoding) = self else { return None };
        let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
        let comes_back = matches!(encoding.encode(&text), (back, _, false) if *back == *bytes);
        comes_back.then(|| Cow::Owned(text.into_owned().into_bytes()))
    }

    /// UTF-8 in this encoding. None: there is something in it that the encoding does not have.
    pub(crate) fn encode(self, text: Vec<u8>) -> Option<Vec<u8>> {
        if self == Self::Utf8 || text.is_ascii() {
            return Some(text);
        }
        let Self::Other(encoding) = self else { return None };
        match encoding.encode(std::str::from_utf8(&text).ok()?) {
            (bytes, _, false) => Some(bytes.into_owned()),
            _ => None,
        }
    }

    /// As [`encode`](Self::encode), for what is only read by people: a question mark for what the encoding does not have.
    pub(crate) fn encode_or_mark(self, text: &[u8]) -> Vec<u8> {
        self.encode(text.to_vec()).unwrap_or_else(|| {
            let text = String::from_utf8_lossy(text);
            let characters = text.chars().map(|one| self.encode(one.to_string().into_bytes()));
            characters.flat_map(|bytes| bytes.unwrap_or_else(|| b"?".to_vec())).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_that_of_an_encoding() {
        for (name, _) in LABELS {
            assert!(matches!(ClientEncoding::named(name.as_bytes()), ClientEncoding::Other(_)), "{name}");
        }
        assert_eq!(ClientEncoding::named(b"UTF8"), ClientEncoding::Utf8);
        assert_eq!(ClientEncoding::named(b"MULE_INTERNAL"), ClientEncoding::Unknown);
    }

    #[test]
    fn a_text_is_decoded_if_it_comes_back() {
        let latin = ClientEncoding::named(b"LATIN1");
        assert_eq!(latin.decode(b"caf\xe9").as_deref(), Some("café".as_bytes()));
        assert_eq!(latin.encode("café".into()).as_deref(), Some(&b"caf\xe9"[..]));
        assert_eq!(latin.encode("кафе".into()), None);
        assert_eq!(latin.encode_or_mark("é и".as_bytes()), b"\xe9 ?");
        // A character whose second byte is a backslash.
        let sjis = ClientEncoding::named(b"SJIS");
        assert_eq!(sjis.decode(b"'\x83\x5c'").as_deref(), Some("'ソ'".as_bytes()));
        assert_eq!(sjis.decode(b"'\xff'"), None);
        // Two byte sequences for one character: the second does not come back.
        assert_eq!(sjis.decode(b"\x81\xca").is_some(), sjis.decode(b"\xee\xf9").is_none());
        assert_eq!(ClientEncoding::Unknown.decode(b"SELECT 1").as_deref(), Some(&b"SELECT 1"[..]));
        assert_eq!(ClientEncoding::Unknown.decode(b"\xe9"), None);
        // Whatever it is, the server says so.
        assert_eq!(ClientEncoding::Utf8.decode(b"\xff").as_deref(), Some(&b"\xff"[..]));
    }
}
