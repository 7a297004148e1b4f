//! What an assignment makes of the values of one built-in type in a column of another (docs, chapters 8 and 10.4), told by the types' names as
//! `format_type` writes them.

/// What may become of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conversion {
    /// Digits, time or zone may be dropped without an error.
    pub rounds: bool,
    /// Some value is refused.
    pub may_fail: bool,
    /// Two values that differ may become equal.
    pub merges: bool,
}

/// All that is to be known of a built-in type here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// smallint, integer, bigint: decimal digits of the largest.
    Whole(i32),
    /// Precision and scale, if they are limited.
    Numeric(Option<(i32, i32)>),
    /// real, double precision: bits of the mantissa.
    Float(i32),
    /// text and varchar: the limit.
    Text(Option<i32>),
    /// char(n), which is filled up with blanks.
    Blanks(i32),
    /// bit and bit varying: the limit.
    Bits {
        limit: Option<i32>,
        varies: bool,
    },
    Boolean,
    Uuid,
    Date,
    /// timestamp, with the digits of a second.
    Timestamp {
        digits: i32,
        zone: bool,
    },
    /// time, with the digits of a second.
    Time {
        digits: i32,
        zone: bool,
    },
    /// interval, whether it is limited to some fields, with the digits of a second.
    Interval {
        limited: bool,
        digits: i32,
    },
    /// name and "char": how many bytes.
    Cut(i32),
}

const DIGITS_OF_SECONDS: i32 = 6;

impl Conversion {
    /// Every value stays itself.
    const KEEPS: Self = Self { rounds: false, may_fail: false, merges: false };
    /// Nothing is known, so anything may be.
    const UNKNOWN: Self = Self { rounds: false, may_fail: true, merges: true };

    /// From one type to another. Values at the very ends of time (`date` reaches further than `timestamp`) are not thought of.
    pub fn of(from: &str, to: &str) -> Self {
        if from == to {
            return Self::KEEPS;
        }
        match (from.strip_suffix("[]"), to.strip_suffix("[]")) {
            (Some(from), Some(to)) => return Self::of(from, to),
            (Some(_), None) | (None, Some(_)) => return Self::to_or_from_other(from, to),
            (None, None) => {}
        }
        match (Kind::parse(from), Kind::parse(to)) {
            (Some(from), Some(to)) => from.into(to),
            _ => Self::to_or_from_other(from, to),
        }
    }

    /// Whether every value is the same value afterwards.
    pub fn keeps(self) -> bool {
        self == Self::KEEPS
    }

    fn to_or_from_other(from: &str, to: &str) -> Self {
        match (from, to) {
            // Everything has a text.
            (_, "text" | "character varying") | ("cidr", "inet") | ("jsonb", "json") => Self::KEEPS,
            ("inet", "cidr") => Self::rounding(true, false),
            ("numeric", "money") => Self::rounding(true, true),
            _ => Self::UNKNOWN,
        }
    }

    const fn rounding(rounds: bool, may_fail: bool) -> Self {
        Self { rounds, may_fail, merges: rounds }
    }

    const fn failing(may_fail: bool) -> Self {
        Self::rounding(false, may_fail)
    }
}

/// Whether a cast goes by the TimeZone of the session (docs, Date/Time Types): what has a zone is stored as an instant, and told by the clock of whoever asks.
pub fn hangs_on_time_zone(from: &str, to: &str) -> bool {
    let kinds = (Kind::parse(from), Kind::parse(to));
    let (Some(from), Some(to)) = kinds else { return false };
    let is_instant = |kind| matches!(kind, Kind::Timestamp { zone: true, .. });
    let is_told = |kind| {
        matches!(
            kind,
            Kind::Date
                | Kind::Timestamp { zone: false, .. }
                | Kind::Time { .. }
                | Kind::Text(_)
                | Kind::Blanks(_)
        )
    };
    let begins_to_have_one =
        matches!((from, to), (Kind::Time { zone: false, .. }, Kind::Time { zone: true, .. }));
    is_instant(from) && is_told(to) || is_told(from) && is_instant(to) || begins_to_have_one
}

/// Whether each value of the one type is the same value of the other, and a wider type of its kind has room for more.
pub fn widens(from: &str, to: &str) -> bool {
    let family = |name: &str| {
        Some(match Kind::parse(name)? {
            Kind::Whole(_) | Kind::Numeric(_) | Kind::Float(_) => 0,
            Kind::Text(_) => 1,
            Kind::Blanks(_) => 2,
            Kind::Bits { .. } => 3,
            Kind::Timestamp { zone, .. } => 4 + u8::from(zone),
            Kind::Time { zone, .. } => 6 + u8::from(zone),
            Kind::Interval { .. } => 8,
            Kind::Boolean | Kind::Uuid | Kind::Date | Kind::Cut(_) => return None,
        })
    };
    let (before, after) = (family(from), family(to));
    from != to && before.is_some() && before == after && Conversion::of(from, to).keeps()
}

/// The smallest and largest value of an integer type.
pub fn integer_range(type_name: &str) -> Option<(i128, i128)> {
    Some(match type_name {
        "smallint" => (i16::MIN.into(), i16::MAX.into()),
        "integer" => (i32::MIN.into(), i32::MAX.into()),
        "bigint" => (i64::MIN.into(), i64::MAX.into()),
        _ => return None,
    })
}

/// How many digits before the point a numeric of limited precision has.
pub fn whole_digits(type_name: &str) -> Option<i32> {
    match Kind::parse(type_name)? {
        Kind::Numeric(Some((precision, scale))) => Some(precision - scale),
        _ => None,
    }
}

/// How many characters a value of a text type can have: `None` if it is none, `Some(None)` if as many as it likes.
pub fn text_limit(type_name: &str) -> Option<Option<i32>> {
    match Kind::parse(type_name)? {
        Kind::Text(limit) => Some(limit),
        Kind::Blanks(length) => Some(Some(length)),
        _ => None,
    }
}

impl Kind {
    fn parse(name: &str) -> Option<Self> {
        // `timestamp(3) with time zone`: the modifier stands in the middle.
        let (bare, modifiers) = match name.split_once('(') {
            Some((stem, rest)) => {
                let (inside, tail) = rest.split_once(')')?;
                let numbers: Option<Vec<i32>> =
                    inside.split(',').map(|number| number.trim().parse().ok()).collect();
                (format!("{stem}{tail}"), numbers?)
            }
            None => (name.to_owned(), Vec::new()),
        };
        let limit = modifiers.first().copied();
        let digits = limit.unwrap_or(DIGITS_OF_SECONDS);
        Some(match bare.as_str() {
            "smallint" => Self::Whole(5),
            "integer" => Self::Whole(10),
            "bigint" => Self::Whole(19),
            "numeric" => Self::Numeric(limit.map(|p| (p, modifiers.get(1).copied().unwrap_or(0)))),
            "real" => Self::Float(24),
            "double precision" => Self::Float(53),
            "text" | "character varying" => Self::Text(limit),
            "character" => Self::Blanks(limit.unwrap_or(1)),
            "bit" => Self::Bits { limit: Some(limit.unwrap_or(1)), varies: false },
            "bit varying" => Self::Bits { limit, varies: true },
            "boolean" => Self::Boolean,
            "uuid" => Self::Uuid,
            "date" => Self::Date,
            "timestamp without time zone" => Self::Timestamp { digits, zone: false },
            "timestamp with time zone" => Self::Timestamp { digits, zone: true },
            "time without time zone" => Self::Time { digits, zone: false },
            "time with time zone" => Self::Time { digits, zone: true },
            "interval" => Self::Interval { limited: false, digits },
            "name" => Self::Cut(63),
            "\"char\"" => Self::Cut(1),
            other if other.starts_with("interval ") => Self::Interval { limited: true, digits },
            _ => return None,
        })
    }

    /// What becomes of its values in another type.
    fn into(self, to: Self) -> Conversion {
        match (self, to) {
            (Self::Whole(before), Self::Whole(after)) => Conversion::failing(after < before),
            (Self::Whole(digits), Self::Numeric(Some((precision, scale)))) => {
                Conversion::rounding(scale < 0, precision - scale < digits)
            }
            // A third of the bits of a decimal digit more is on the safe side.
            (Self::Whole(digits), Self::Float(bits)) => Conversion::rounding(digits * 10 / 3 > bits, false),
            // NaN is a numeric of any precision, and no integer.
            (Self::Numeric(from), Self::Whole(_)) => {
                Conversion::rounding(from.is_none_or(|(_, scale)| scale > 0), true)
            }
            (Self::Numeric(None), Self::Numeric(Some(_))) | (Self::Float(_), Self::Whole(_)) => {
                Conversion::rounding(true, true)
            }
            (Self::Numeric(Some((p, s))), Self::Numeric(Some((precision, scale)))) => {
                // What is rounded up may have one digit more: 9.99 is 10.0.
                let whole = p - s + i32::from(scale < s);
                Conversion::rounding(scale < s, precision - scale < whole)
            }
            (Self::Numeric(limits), Self::Float(bits)) => {
                let (digits, largest) = if bits > 24 { (15, 308) } else { (6, 38) };
                let is_exact = limits.is_some_and(|(p, s)| s == 0 && p <= digits);
                Conversion::rounding(!is_exact, limits.is_none_or(|(p, s)| p - s >= largest))
            }
            (Self::Float(before), Self::Float(after)) => Conversion::rounding(after < before, after < before),
            (Self::Float(_), Self::Numeric(limits)) => Conversion::rounding(true, limits.is_some()),
            (Self::Text(before), Self::Text(after))
            | (Self::Bits { limit: before, varies: true }, Self::Bits { limit: after, varies: true }) => {
                Conversion::failing(after.is_some_and(|after| before.is_none_or(|before| before > after)))
            }
            (Self::Text(before), Self::Blanks(after)) => {
                Conversion { merges: true, ..Conversion::failing(before.is_none_or(|before| before > after)) }
            }
            (Self::Text(before), Self::Cut(bytes)) => {
                // A character has up to four bytes.
                Conversion::rounding(before.is_none_or(|before| before.saturating_mul(4) > bytes), false)
            }
            (Self::Blanks(before), Self::Blanks(after)) => Conversion::failing(before > after),
            (Self::Blanks(before), Self::Text(after)) => {
                Conversion::failing(after.is_some_and(|after| before > after))
            }
            (Self::Bits { limit: Some(before), varies: false }, Self::Bits { limit, varies }) => {
                Conversion::failing(
                    limit.is_some_and(|after| if varies { before > after } else { before != after }),
                )
            }
            (Self::Bits { .. }, Self::Bits { .. }) => Conversion::failing(true),
            (from, Self::Text(Some(limit))) => {
                Conversion::failing(from.longest_text().is_none_or(|longest| longest > limit))
            }
            // A boolean by an explicit cast only.
            (_, Self::Text(None))
            | (Self::Whole(_) | Self::Numeric(_), Self::Numeric(None))
            | (Self::Boolean, Self::Whole(10))
            | (Self::Date, Self::Timestamp { .. }) => Conversion::KEEPS,
            (Self::Timestamp { digits, zone }, Self::Timestamp { digits: after, zone: zoned }) => {
                Conversion {
                    // An hour is told twice, or not at all, where clocks are put back or forward.
                    merges: after < digits || zone != zoned,
                    ..Conversion::rounding(after < digits, false)
                }
            }
            (Self::Timestamp { .. }, Self::Date | Self::Time { .. })
            | (Self::Interval { .. }, Self::Time { .. }) => Conversion::rounding(true, false),
            (Self::Time { digits, zone }, Self::Time { digits: after, zone: zoned }) => {
                Conversion::rounding(after < digits || zone && !zoned, false)
            }
            (
                Self::Time { digits, zone: false } | Self::Interval { digits, .. },
                Self::Interval { limited, digits: after },
            ) => Conversion::rounding(limited || after < digits, false),
            _ => Conversion::UNKNOWN,
        }
    }

    /// The most characters that a value's text has.
    fn longest_text(self) -> Option<i32> {
        match self {
            Self::Whole(digits) => Some(digits + 1),
            Self::Boolean => Some(5),
            Self::Uuid => Some(36),
            Self::Numeric(_)
            | Self::Float(_)
            | Self::Text(_)
            | Self::Blanks(_)
            | Self::Bits { .. }
            | Self::Date
            | Self::Timestamp { .. }
            | Self::Time { .. }
            | Self::Interval { .. }
            | Self::Cut(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From, to, whether it rounds, whether it may fail.
    const PAIRS: &[(&str, &str, bool, bool)] = &[
        ("integer", "bigint", false, false),
        ("bigint", "integer", false, true),
        ("integer[]", "bigint[]", false, false),
        ("integer", "numeric", false, false),
        ("integer", "numeric(14,2)", false, false),
        ("integer", "numeric(11,2)", false, true),
        ("smallint", "real", false, false),
        ("integer", "real", true, false),
        ("integer", "double precision", false, false),
        ("bigint", "double precision", true, false),
        ("numeric(14,2)", "integer", true, true),
        ("numeric(4,0)", "integer", false, true),
        ("numeric(6,2)", "numeric(10,2)", false, false),
        ("numeric(6,2)", "numeric(10,4)", false, false),
        ("numeric(6,2)", "numeric(6,4)", false, true),
        ("numeric(10,2)", "numeric(6,2)", false, true),
        ("numeric(10,2)", "numeric(10,1)", true, false),
        ("numeric(10,2)", "numeric(9,1)", true, true),
        ("numeric(3,2)", "numeric(2,1)", true, true),
        ("numeric(3,2)", "numeric(3,1)", true, false),
        ("numeric(5,-2)", "numeric(7,0)", false, false),
        ("numeric(10,2)", "numeric", false, false),
        ("numeric", "numeric(10,2)", true, true),
        ("numeric(10,2)", "double precision", true, false),
        ("numeric(15,0)", "double precision", false, false),
        ("numeric", "real", true, true),
        ("real", "double precision", false, false),
        ("double precision", "real", true, true),
        ("double precision", "numeric", true, false),
        ("real", "numeric(6,2)", true, true),
        ("character varying(5)", "character varying(10)", false, false),
        ("character varying(10)", "character varying(5)", false, true),
        ("character varying(5)", "text", false, false),
        ("text", "character varying", false, false),
        ("text", "character varying(5)", false, true),
        ("text", "integer", false, true),
        ("character(3)", "character(5)", false, false),
        ("character(5)", "character(3)", false, true),
        ("character(5)", "text", false, false),
        ("character(5)", "character varying(4)", false, true),
        ("character varying(3)", "character(3)", false, false),
        ("integer", "character varying(11)", false, false),
        ("integer", "character varying(10)", false, true),
        ("uuid", "character varying(36)", false, false),
        ("numeric(3,1)", "text", false, false),
        ("text", "name", true, false),
        ("text", "\"char\"", true, false),
        ("bit(8)", "bit(4)", false, true),
        ("bit(4)", "bit(8)", false, true),
        ("bit(4)", "bit varying(8)", false, false),
        ("bit varying(4)", "bit varying(8)", false, false),
        ("bit varying(8)", "bit varying(4)", false, true),
        ("bit varying(8)", "bit varying", false, false),
        ("bit varying(8)", "bit(8)", false, true),
        ("timestamp without time zone", "date", true, false),
        ("date", "timestamp without time zone", false, false),
        ("timestamp(3) without time zone", "timestamp without time zone", false, false),
        ("timestamp(3) without time zone", "timestamp(6) without time zone", false, false),
        ("timestamp without time zone", "timestamp(3) without time zone", true, false),
        ("timestamp without time zone", "timestamp with time zone", false, false),
        ("timestamp with time zone", "timestamp(0) without time zone", true, false),
        ("timestamp with time zone", "time without time zone", true, false),
        ("time(3) without time zone", "time(6) without time zone", false, false),
        ("time without time zone", "time(3) without time zone", true, false),
        ("time with time zone", "time without time zone", true, false),
        ("time without time zone", "interval", false, false),
        ("interval", "time without time zone", true, false),
        ("interval(3)", "interval", false, false),
        ("interval", "interval(0)", true, false),
        ("interval", "interval year to month", true, false),
        ("interval day to second(3)", "interval", false, false),
        ("boolean", "integer", false, false),
        ("inet", "cidr", true, false),
        ("public.mood", "text", false, false),
        ("text", "public.mood", false, true),
        ("integer[]", "text", false, false),
        ("integer", "public.even", false, true),
    ];

    #[test]
    fn what_rounds_and_what_may_fail_is_told_by_the_names_of_types() {
        for (from, to, rounds, may_fail) in PAIRS {
            let found = Conversion::of(from, to);
            assert_eq!((found.rounds, found.may_fail), (*rounds, *may_fail), "{from} → {to}");
        }
    }

    #[test]
    fn what_has_a_zone_and_what_has_none_meet_by_the_sessions() {
        for (from, to, hangs) in [
            ("timestamp without time zone", "timestamp with time zone", true),
            ("timestamp(3) with time zone", "date", true),
            ("timestamp with time zone", "text", true),
            ("time without time zone", "time with time zone", true),
            ("time with time zone", "time without time zone", false),
            ("date", "timestamp without time zone", false),
            ("timestamp with time zone", "timestamp(0) with time zone", false),
            ("integer", "text", false),
        ] {
            assert_eq!(hangs_on_time_zone(from, to), hangs, "{from} to {to}");
        }
    }

    #[test]
    fn what_keeps_its_value_keeps_a_key() {
        for (from, to, merges) in [
            ("integer", "bigint", false),
            ("bigint", "integer", false),
            ("integer", "text", false),
            ("numeric(6,2)", "integer", true),
            ("text", "character(9)", true),
            ("text", "public.citext", true),
            ("timestamp with time zone", "timestamp without time zone", true),
        ] {
            assert_eq!(Conversion::of(from, to).merges, merges, "{from} → {to}");
        }
    }

    #[test]
    fn widening_is_told_from_narrowing() {
        for (from, to) in [
            ("integer", "bigint"),
            ("integer", "numeric"),
            ("character varying(9)", "character varying(10)"),
            ("character varying(9)", "text"),
            ("numeric(10,2)", "numeric"),
            ("real", "double precision"),
        ] {
            assert!(widens(from, to) && !widens(to, from), "{from} {to}");
        }
        assert!(!widens("text", "integer") && !widens("timestamp without time zone", "date"));
        assert!(!widens("integer", "text") && !widens("integer", "integer"));
    }
}
