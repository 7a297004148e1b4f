//! Schemas as `pg_dump --schema-only` writes them, and how two of them differ.

use std::collections::BTreeMap;

/// Objects by their heading in the dump; the order of objects, of a table's columns and of grants aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dump {
    objects: BTreeMap<String, Vec<String>>,
}

impl Dump {
    /// Reads the text of a dump.
    pub fn parse(text: &str) -> Self {
        let mut dump = Self::default();
        let mut heading = "settings".to_owned();
        let mut body: Vec<&str> = Vec::new();
        for line in text.lines() {
            if let Some(next) = line.strip_prefix("-- Name: ") {
                dump.put(&heading, &body);
                next.clone_into(&mut heading);
                body.clear();
            } else {
                body.push(line);
            }
        }
        dump.put(&heading, &body);
        dump
    }

    fn put(&mut self, heading: &str, body: &[&str]) {
        // Newer versions put a random key into \restrict lines; the heading of the dump has version numbers and a time.
        let meant = |line: &&&str| !line.is_empty() && !line.starts_with("--") && !line.starts_with('\\');
        let mut lines: Vec<String> = body.iter().filter(meant).map(|line| (*line).to_owned()).collect();
        let sorted = heading.contains("; Type: TABLE;") || heading.contains("; Type: ACL;");
        if sorted {
            for line in &mut lines {
                line.truncate(line.trim_end_matches(',').len());
            }
            lines.sort();
        }
        // Its columns are listed as they stand in the table.
        if heading.contains("; Type: STATISTICS;") {
            for line in &mut lines {
                sort_columns(line);
            }
        }
        self.objects.entry(heading.to_owned()).or_default().extend(lines);
    }

    /// The same without the moments that `'now'::timestamp` became when a definition was made: two databases never agree on them.
    #[must_use]
    pub fn without_moments(&self) -> Self {
        let line = |line: &String| {
            let mut masked = String::new();
            let mut rest = line.as_str();
            while let Some((before, after)) = rest.split_once('\'') {
                masked.push_str(before);
                masked.push('\'');
                rest = after;
                if let Some((_, more)) = after.split_once('\'').filter(|(text, _)| is_moment(text)) {
                    masked.push_str("a moment'");
                    rest = more;
                }
            }
            masked + rest
        };
        let masked =
            |(heading, lines): (&String, &Vec<String>)| (heading.clone(), lines.iter().map(line).collect());
        Self { objects: self.objects.iter().map(masked).collect() }
    }

    /// What only one of the two has, for people; empty if they are the same.
    pub fn difference(&self, other: &Self) -> String {
        let mut text = String::new();
        let headings =
            self.objects.keys().chain(other.objects.keys().filter(|key| !self.objects.contains_key(*key)));
        for heading in headings {
            let (left, right) = (self.objects.get(heading), other.objects.get(heading));
            if left != right {
                text.push_str(&format!("== {heading}\n"));
                let (left, right) = (left.cloned().unwrap_or_default(), right.cloned().unwrap_or_default());
                text.extend(
                    left.iter().filter(|line| !right.contains(line)).map(|line| format!("- {line}\n")),
                );
                text.extend(
                    right.iter().filter(|line| !left.contains(line)).map(|line| format!("+ {line}\n")),
                );
            }
        }
        text
    }
}

/// Puts the columns and expressions of a `CREATE STATISTICS` in order.
fn sort_columns(line: &mut String) {
    let Some((start, (columns, end))) =
        line.split_once(" ON ").and_then(|(start, rest)| Some((start, rest.rsplit_once(" FROM ")?)))
    else {
        return;
    };
    let mut columns: Vec<&str> = columns.split(", ").collect();
    columns.sort_unstable();
    *line = format!("{start} ON {} FROM {end}", columns.join(", "));
}

/// `2026-11-21 14:57:47.96133`: a time with a fraction of a second.
fn is_moment(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_digit() || matches!(c, '-' | ':' | ' ' | '.' | '+');
    text.len() > 19 && text.chars().all(fits) && text.as_bytes().get(19) == Some(&b'.')
}

/// Panics with the difference unless there is none. `-` is the first one's, `+` the second one's.
///
/// # Panics
/// If they differ.
#[track_caller]
pub fn assert_same_schema(what: &str, is: &Dump, should: &Dump) {
    let difference = is.difference(should);
    assert!(difference.is_empty(), "{what} (- is, + should be)\n{difference}");
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
--
-- Name: t; Type: TABLE; Schema: public; Owner: owner
--

CREATE TABLE public.t (
    a integer,
    b text NOT NULL
);
";

    #[test]
    fn the_order_of_columns_does_not_matter_but_everything_else_does() {
        let dump = Dump::parse(TABLE);
        let turned =
            TABLE.replace("    a integer,\n    b text NOT NULL\n", "    b text NOT NULL,\n    a integer\n");
        assert_ne!(turned, TABLE);
        assert_eq!(dump.difference(&Dump::parse(&turned)), "");
        for changed in [TABLE.replace(" NOT NULL", ""), TABLE.replace("owner", "other"), String::new()] {
            assert_ne!(dump.difference(&Dump::parse(&changed)), "");
            assert_ne!(Dump::parse(&changed).difference(&dump), "");
        }
    }

    #[test]
    fn nor_does_the_order_of_a_statistics_objects_columns() {
        let of = |text: &str| {
            Dump::parse(&format!(
                "-- Name: s; Type: STATISTICS; Schema: public; Owner: owner\nCREATE STATISTICS public.s {text} FROM public.t;"
            ))
        };
        assert_eq!(of("(ndistinct) ON a, b").difference(&of("(ndistinct) ON b, a")), "");
        assert_ne!(of("(ndistinct) ON a, b").difference(&of("ON a, b")), "");
        assert_ne!(of("ON a, b").difference(&of("ON a, c")), "");
    }

    #[test]
    fn moments_do_not_count_and_other_words_do() {
        let with = |value: &str| Dump::parse(&TABLE.replace("integer", value)).without_moments();
        let now = with("timestamp DEFAULT '2026-11-21 14:57:47.96133'::timestamp, b text DEFAULT 'x'");
        let later = with("timestamp DEFAULT '2026-11-21 14:58:01.3'::timestamp, b text DEFAULT 'x'");
        let other = with("timestamp DEFAULT '2026-11-21 14:58:01.3'::timestamp, b text DEFAULT 'y'");
        assert_eq!(now.difference(&later), "");
        assert_ne!(now.difference(&other), "");
    }
}
