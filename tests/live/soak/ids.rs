//! Sets of row numbers, one bit each: a long run has hundreds of millions.

#[derive(Default)]
pub struct Ids(Vec<u64>);

impl Ids {
    pub fn add(&mut self, from: u64, to: u64) {
        if self.0.len() <= (to / 64) as usize {
            self.0.resize(to as usize / 64 + 1, 0);
        }
        for id in from..=to {
            self.0[(id / 64) as usize] |= 1 << (id % 64);
        }
    }

    pub fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Some of those that the other one lacks.
    pub fn missing_in(&self, other: &Ids) -> Vec<u64> {
        let lacks = |at: usize, word: u64| word & !other.0.get(at).copied().unwrap_or(0);
        let words = self.0.iter().enumerate().map(|(at, word)| (at, lacks(at, *word)));
        let bits = |(at, word): (usize, u64)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at as u64 * 64 + bit)
        };
        words.flat_map(bits).take(10).collect()
    }
}
