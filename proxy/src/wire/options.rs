//! The startup parameter `options`: a command line for the server process. PostgreSQL splits it at white space,
//! where a backslash protects the next byte (`pg_split_opts`), and reads the words with getopt
//! (`process_postgres_switches`).

use std::ops::Range;

/// Letters of the server's switches that take a value, as of PostgreSQL 15–18.
const WITH_VALUE: &[u8] = b"BcCDdfhkprStvW-";

/// A run-time setting in `options`, by `-c name=value` or `--name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// The name as the server sees it: dashes are underscores; case is kept.
    pub(crate) name: String,
    /// The value, without the backslashes that protected it.
    pub(crate) value: Vec<u8>,
    /// The bytes of `options` that say it, with the white space before them; None if they also say something else.
    range: Option<Range<usize>>,
}

/// One word of the command line.
struct Word {
    range: Range<usize>,
    text: Vec<u8>,
}

/// All settings in `options`, in order; the last of a name counts.
pub(crate) fn settings(options: &[u8]) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut words = words(options).into_iter();
    while let Some(word) = words.next() {
        let Some(flags) = word.text.strip_prefix(b"-").filter(|flags| !matches!(*flags, b"" | b"-")) else {
            break;
        };
        let Some(at) = flags.iter().position(|flag| WITH_VALUE.contains(flag)) else { continue };
        let (flag, attached) = (flags.get(at).copied(), flags.get(at + 1..).unwrap_or_default());
        let (argument, end) = if attached.is_empty() {
            match words.next() {
                Some(next) => (next.text, next.range.end),
                None => break,
            }
        } else {
            (attached.to_vec(), word.range.end)
        };
        if !matches!(flag, Some(b'c' | b'-')) {
            continue;
        }
        let Some(equals) = argument.iter().position(|byte| *byte == b'=') else { continue };
        let (name, value) = argument.split_at(equals);
        settings.push(Setting {
            name: String::from_utf8_lossy(name).replace('-', "_"),
            value: value.get(1..).unwrap_or_default().to_vec(),
            range: (at == 0).then_some(word.range.start..end),
        });
    }
    settings
}

/// The value that the server would give the setting.
pub(crate) fn value_of(settings: &[Setting], name: &str) -> Option<Vec<u8>> {
    settings
        .iter()
        .rfind(|setting| setting.name.eq_ignore_ascii_case(name))
        .map(|setting| setting.value.clone())
}

/// `options` without the settings of that name; everything else byte for byte.
pub(crate) fn without(options: &[u8], settings: &[Setting], name: &str) -> Vec<u8> {
    let mut kept = Vec::with_capacity(options.len());
    let mut at = 0;
    for range in settings
        .iter()
        .filter(|setting| setting.name.eq_ignore_ascii_case(name))
        .filter_map(|s| s.range.clone())
    {
        kept.extend_from_slice(options.get(at..range.start).unwrap_or_default());
        at = range.end;
    }
    kept.extend_from_slice(options.get(at..).unwrap_or_default());
    kept
}

fn words(options: &[u8]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut bytes = options.iter().copied().enumerate().peekable();
    let mut start = 0;
    loop {
        while bytes.next_if(|(_, byte)| is_space(*byte)).is_some() {}
        if bytes.peek().is_none() {
            return words;
        }
        let mut text = Vec::new();
        while let Some((_, byte)) = bytes.next_if(|(_, byte)| !is_space(*byte)) {
            match byte {
                b'\\' => text.extend(bytes.next().map(|(_, protected)| protected)),
                other => text.push(other),
            }
        }
        let end = bytes.peek().map_or(options.len(), |(at, _)| *at);
        words.push(Word { range: start..end, text });
        start = end;
    }
}

/// C's `isspace` in the C locale.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(options: &str) -> Vec<(String, String)> {
        settings(options.as_bytes())
            .into_iter()
            .map(|s| (s.name, String::from_utf8(s.value).unwrap()))
            .collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn settings_are_read_as_the_server_reads_them() {
        for (options, expected) in [
            ("-c edition=v2", &[("edition", "v2")][..]),
            ("-cedition=v2", &[("edition", "v2")]),
            ("--edition=v2", &[("edition", "v2")]),
            ("-c search_path=a,\\ b  --work-mem=4MB", &[("search_path", "a, b"), ("work_mem", "4MB")]),
            ("-c a\\\\b=1", &[("a\\b", "1")]),
            ("-e -c x=1", &[("x", "1")]),
            ("-ec x=1", &[("x", "1")]),
            ("-S 64 -c x=1", &[("x", "1")]),
            ("-t -c x=1", &[]),
            ("-c", &[]),
            ("stray -c x=1", &[]),
            ("-- x=1", &[]),
            ("", &[]),
        ] {
            assert_eq!(found(options), pairs(expected), "{options}");
        }
    }

    #[test]
    fn taking_a_setting_out_keeps_every_other_byte() {
        for (options, expected) in [
            ("-c edition=v2", ""),
            ("-c edition=v2 -c a=b\\ c", " -c a=b\\ c"),
            ("-c a=b\\ c  --EDITION=v2\t-e", "-c a=b\\ c\t-e"),
            ("-c edition=v1 -c  edition=v2 ", " "),
            // Cannot be cut out of its word: stays, and the server refuses it.
            ("-ec edition=v2", "-ec edition=v2"),
        ] {
            let settings = settings(options.as_bytes());
            assert_eq!(
                String::from_utf8(without(options.as_bytes(), &settings, "edition")).unwrap(),
                expected,
                "{options}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_not_named_edition_survives(options in "[-ce a-c=\\\\\t]{0,40}") {
            let found = settings(options.as_bytes());
            prop_assert_eq!(without(options.as_bytes(), &found, "edition"), options.as_bytes());
        }
    }
}
