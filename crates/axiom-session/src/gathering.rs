//! When a program writes line by line and each line is read at once: whether the next read waits a moment, so that several of
//! its writes become one frame, and one wake-up. What waits is the kernel's, and outlives a worker.

use axiom_proto::frame::Micros;

use crate::opening::READ_BYTES_MAX;

/// A turn that read so much read nearly all that a terminal holds: more may be waiting behind it, and that waits for nothing.
const FULL_BYTES: usize = READ_BYTES_MAX / 2;

/// Small reads that come so soon after each other are of one stretch: some thousand lines a second.
const GAP: u64 = 200;

/// Small reads before the first one waits: what a person waits for is long there.
const STRETCH: u32 = 32;

/// How long a read waits. Nobody sees half a millisecond among thousands of lines a second.
pub const GATHER: u64 = 500;

/// One session's reads, as they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gathering {
    /// From when on the last read was possible.
    last: Micros,
    /// Small reads of this stretch, as far as they count.
    small: u32,
    /// The last read was a full one.
    full: bool,
}

impl Gathering {
    /// So much was read until nothing more was there. Until when the next read waits, if it does.
    pub fn read(&mut self, now: Micros, bytes: usize) -> Option<Micros> {
        if now.0.saturating_sub(self.last.0) > GAP {
            *self = Self::default();
        }
        self.last = now;
        if bytes >= FULL_BYTES {
            // One of them empties what gathered; two are a flood, which is read as it comes.
            self.small = if self.full { 0 } else { self.small };
            self.full = true;
            return None;
        }
        self.full = false;
        self.small = STRETCH.min(self.small + 1);
        if self.small < STRETCH {
            return None;
        }
        self.last = now.plus(GATHER);
        Some(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads so many bytes each, `gap` after the one before was possible; says which of them made the next one wait.
    fn waits(reads: &[usize], gap: u64) -> Vec<usize> {
        let (mut gathering, mut now) = (Gathering::default(), Micros(1_000_000));
        let mut waits = Vec::new();
        for (index, bytes) in reads.iter().enumerate() {
            let until = gathering.read(now, *bytes);
            waits.extend(until.map(|_| index));
            now = until.unwrap_or(now).plus(gap);
        }
        waits
    }

    #[test]
    fn lines_that_come_slowly_are_read_at_once() {
        assert!(waits(&[100; 1000], GAP + 1).is_empty());
        assert!(waits(&[100; 31], 20).is_empty());
    }

    #[test]
    fn a_long_stretch_of_lines_is_gathered_and_what_gathered_is_read_whole() {
        let mut reads = vec![100; 40];
        assert_eq!(waits(&reads, 20), (31..40).collect::<Vec<_>>());
        reads[35] = FULL_BYTES;
        let expected: Vec<usize> = (31..40).filter(|read| *read != 35).collect();
        assert_eq!(waits(&reads, 20), expected, "behind a full read nothing waits");
    }

    #[test]
    fn a_flood_is_read_as_it_comes() {
        assert!(waits(&[READ_BYTES_MAX; 1000], 20).is_empty());
        let mut reads = vec![100; 32];
        reads.extend([READ_BYTES_MAX, READ_BYTES_MAX]);
        reads.extend([100; 31]);
        assert_eq!(waits(&reads, 20), [31], "it begins anew");
    }

    #[test]
    fn a_pause_ends_a_stretch() {
        let mut gathering = Gathering::default();
        for read in 0..40 {
            gathering.read(Micros(read * 20), 100);
        }
        let later = Micros(40 * 20 + GATHER + GAP + 1);
        assert_eq!(gathering.read(later, 100), None);
    }
}
