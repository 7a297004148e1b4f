//! A registry of codes: what can be found, each with a number and a name that are forever, because people write them into CI files.

/// Makes `Code`, an enum with one variant an entry, from a table of entries in the order of their numbers.
///
/// `letter` begins the printed number; `grade` and `reason` name the methods that tell how grave the finding is and what it means.
macro_rules! codes {
    (
        $(#[$about:meta])*
        letter: $letter:literal, grade: $grade:ident -> $grades:ident, reason: $reason:ident;
        $($variant:ident = $number:literal, $slug:literal, $value:ident: $explanation:literal, $fix:literal;)*
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $explanation] $variant,)*
        }

        impl Code {
            /// All codes by number.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The number without its letter.
            const fn digits(self) -> u16 {
                match self { $(Self::$variant => $number,)* }
            }

            /// The number as people write it.
            pub fn number(self) -> String {
                format!(concat!($letter, "{:03}"), self.digits())
            }

            /// The name that goes with the number.
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug,)* }
            }

            /// Reads a number, a slug, or both as they are printed.
            pub fn parse(text: &str) -> Option<Self> {
                let matches = |code: &&Self| {
                    text.eq_ignore_ascii_case(&code.number()) || text == code.slug() || text == code.to_string()
                };
                Self::ALL.iter().find(matches).copied()
            }

            /// How grave every finding with this code is.
            pub const fn $grade(self) -> $grades {
                match self { $(Self::$variant => $grades::$value,)* }
            }

            /// What it means, and why it matters.
            pub const fn $reason(self) -> &'static str {
                match self { $(Self::$variant => $explanation,)* }
            }

            /// What helps in general; a finding may name the command or change for its own case.
            pub const fn fix(self) -> &'static str {
                match self { $(Self::$variant => $fix,)* }
            }
        }

        impl std::fmt::Display for Code {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{} {}", self.number(), self.slug())
            }
        }
    };
}

pub(crate) use codes;
