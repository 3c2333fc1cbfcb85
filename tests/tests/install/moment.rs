//! Random moments that can be had again: from a seed, by the generator SplitMix64 (Steele, Lea, Flood 2014).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A source of random numbers.
pub struct Random(u64);

impl Random {
    /// From `HOMEPORT_SEED`, else from the clock; the seed, too, to be printed.
    pub fn seeded() -> (Random, u64) {
        let given = std::env::var("HOMEPORT_SEED").ok();
        let clock = || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            now.as_secs()
        };
        let seed = given.map_or_else(clock, |text| text.parse().expect("a seed is a number"));
        (Random(seed), seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A moment between these two, in milliseconds.
    pub fn between(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.next() % (to - from))
    }
}
