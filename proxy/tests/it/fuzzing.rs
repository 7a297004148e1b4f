//! The fuzz targets over their corpora, and for a moment over what is like these; `FUZZ_SECONDS` makes it longer (`make fuzz`). What fails is kept in the
//! corpus, and is a test from then on.

#![expect(clippy::indexing_slicing, reason = "an index out of bounds is a failed test")]
#![expect(clippy::print_stdout, reason = "for those who run it for long")]

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    time::{Duration, Instant},
};

use editiond::fuzz::{TARGETS, Target};

/// Longer inputs find nothing that shorter ones do not.
const INPUT_BYTES_MAX: usize = 4096;

/// Pieces that mean something somewhere.
const WORDS: &[&[u8]] = &[
    b"public",
    b"\"public$v2\"",
    b"users",
    b"full_name",
    b"name",
    b"legacy",
    b"search_path",
    b"edition",
    b"SELECT ",
    b" FROM ",
    b"COPY ",
    b"TRUNCATE ",
    b"WITH a AS (",
    b"CREATE TEMP TABLE ",
    b"PREPARE p AS ",
    b"$1",
    b"$$",
    b"E'\\'",
    b"U&\"\\0061\"",
    b"UESCAPE '!'",
    b"/*",
    b"*/",
    b"--",
    b"''",
    b"\"",
    b"::regclass",
    b"(",
    b")",
    b";",
    b".",
    b", ",
    b"\0",
    b"\xff\xff\xff\xff",
    b"\0\0\0\x04",
    b"\0\x03\0\0",
    b"-c ",
    b"--edition=",
    b"\\ ",
    b"C23505\0",
    b"spublic\0",
    b"tusers\0",
    b"DKey (name)=(",
    b"DFailing row contains (",
    b"cname\0",
    b"Rexec_stmt_raise\0",
];

struct Chance(u64);

impl Chance {
    /// Below `bound`, which is at least 1.
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % bound.max(1)
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

fn corpus(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// Something like the inputs that are known.
fn another(known: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut input = known[chance.below(known.len())].clone();
    for _ in 0..=chance.below(4) {
        let (from, len) = (chance.below(input.len() + 1), chance.below(16));
        let to = (from + len).min(input.len());
        match chance.below(6) {
            0 => drop(input.drain(from..to)),
            1 => drop(input.splice(from..from, chance.one(WORDS).iter().copied())),
            2 => drop(input.splice(from..to, chance.one(WORDS).iter().copied())),
            3 => input.extend_from_within(from..to),
            4 if from < input.len() => input[from] ^= 1 << chance.below(8),
            _ => {
                let other = &known[chance.below(known.len())];
                let cut = chance.below(other.len() + 1);
                input.truncate(from);
                input.extend_from_slice(&other[cut..]);
            }
        }
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}

fn try_one(name: &str, target: Target, input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| target(input))).is_err() {
        let digest =
            input.iter().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)));
        let file = corpus(name).join(format!("found-{digest:08x}"));
        fs::write(&file, input).unwrap();
        panic!("{name}: {}; kept as {}", input.escape_ascii(), file.display());
    }
}

#[test]
fn whatever_bytes_come_nothing_breaks() {
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2.0);
    let began = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let mut chance = Chance(u64::try_from(began).unwrap() | 1);
    for (name, target) in TARGETS {
        let known: Vec<Vec<u8>> = fs::read_dir(corpus(name))
            .unwrap()
            .map(|entry| fs::read(entry.unwrap().path()).unwrap())
            .collect();
        assert!(!known.is_empty(), "{name} has no corpus");
        for input in &known {
            try_one(name, *target, input);
        }
        let end = Instant::now() + Duration::from_secs_f64(seconds);
        let mut tried = 0_u64;
        while Instant::now() < end {
            try_one(name, *target, &another(&known, &mut chance));
            tried += 1;
        }
        println!("{name}: {} known, {tried} tried", known.len());
    }
}
