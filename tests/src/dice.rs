//! Chance that can be repeated: the same seed gives the same throws with every version of every library.

/// A generator of random numbers (SplitMix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Throws that depend on the seed only.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub const fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.throw() % bound as u64).unwrap()
    }

    /// Yes in `percent` of 100 throws.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of them; None of none.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        if list.is_empty() { None } else { list.get(self.below(list.len())) }
    }

    /// One of some words.
    pub fn word(&mut self, words: &[&'static str]) -> &'static str {
        self.pick(words).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_promise() {
        let mut dice = Dice::new(7);
        let throws: Vec<usize> = (0..5).map(|_| dice.below(100)).collect();
        let mut again = Dice::new(7);
        assert_eq!(throws, (0..5).map(|_| again.below(100)).collect::<Vec<_>>());
        assert_ne!(throws, (0..5).map(|_| dice.below(100)).collect::<Vec<_>>());
    }
}
