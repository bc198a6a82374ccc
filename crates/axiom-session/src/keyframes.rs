//! When a keyframe is made: often enough that a reader starts anywhere at bounded cost, seldom enough that it costs nothing
//! beside the output. Decides in values: the screen is somebody else's.

use axiom_proto::frame::Micros;

/// Output since the last keyframe that makes the next one due. With [`PATIENCE_BYTES`] a reader never goes through more
/// than 4 MiB, which takes some ten milliseconds.
const EVERY_BYTES: u64 = (4 << 20) - PATIENCE_BYTES;

/// Output that may come while a due keyframe waits for the screen to be between sequences and updates.
const PATIENCE_BYTES: u64 = 256 << 10;

/// Quiet this long, the screen has settled.
const QUIET: u64 = 1_000_000;

/// A settled screen is kept after so much output: a session with less is read from its start at no cost.
const SETTLED_BYTES_MIN: u64 = 64 << 10;

/// … and after so many times the last keyframe's own size, so that keyframes stay a small part of a journal.
const SETTLED_TIMES: u64 = 4;

/// How the output since the last keyframe came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cadence {
    /// Output since then.
    since: u64,
    /// How large the last keyframe was.
    last_bytes: u64,
    /// What `since` was as one became due.
    due_at: Option<u64>,
    output_time: Micros,
}

impl Cadence {
    /// So much output came.
    pub fn output(&mut self, bytes: usize, time: Micros) {
        self.since += bytes as u64;
        self.output_time = time;
        if self.since >= EVERY_BYTES {
            self.due_at.get_or_insert(self.since);
        }
    }

    /// A segment of the journal begins: it is to have one of its own as soon as can be, for those before it may go.
    pub fn segment_begun(&mut self) {
        self.due_at.get_or_insert(self.since);
    }

    /// Ask between any two frames: true if the screen is to be kept now. `settled`: it is in the middle of nothing.
    #[must_use]
    pub fn is_due(&self, settled: bool) -> bool {
        self.due_at.is_some_and(|at| settled || self.since - at >= PATIENCE_BYTES)
    }

    /// When the screen will have settled, if it is to be kept then and nothing comes before.
    #[must_use]
    pub fn settles_at(&self) -> Option<Micros> {
        let enough = self.since >= SETTLED_BYTES_MIN.max(SETTLED_TIMES * self.last_bytes);
        enough.then(|| self.output_time.plus(QUIET))
    }

    /// It was kept, in so many bytes; or was too large to be.
    pub fn kept(&mut self, bytes: usize) {
        *self = Self { last_bytes: bytes as u64, output_time: self.output_time, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(bytes: u64) -> Cadence {
        let mut cadence = Cadence::default();
        cadence.output(usize::try_from(bytes).unwrap(), Micros(7));
        cadence
    }

    #[test]
    fn small_sessions_have_none() {
        let cadence = after(SETTLED_BYTES_MIN - 1);
        assert_eq!((cadence.is_due(true), cadence.settles_at()), (false, None));
    }

    #[test]
    fn a_screen_settles_a_second_after_its_last_output() {
        let mut cadence = after(SETTLED_BYTES_MIN);
        assert_eq!(cadence.settles_at(), Some(Micros(1_000_007)));
        cadence.output(1, Micros(500));
        assert_eq!(cadence.settles_at(), Some(Micros(1_000_500)));
        assert!(!cadence.is_due(true), "before that it is not due");
    }

    #[test]
    fn the_next_settled_one_waits_for_four_times_the_last_ones_size() {
        let mut cadence = after(SETTLED_BYTES_MIN);
        cadence.kept(50_000);
        cadence.output(199_999, Micros(9));
        assert_eq!(cadence.settles_at(), None);
        cadence.output(1, Micros(9));
        assert_eq!(cadence.settles_at(), Some(Micros(1_000_009)));
    }

    #[test]
    fn one_is_due_within_four_mebibytes_whatever_is_unfinished() {
        assert!(!after(EVERY_BYTES - 1).is_due(true));
        let mut cadence = after(EVERY_BYTES);
        assert_eq!((cadence.is_due(true), cadence.is_due(false)), (true, false));
        cadence.output((4 << 20) - usize::try_from(EVERY_BYTES).unwrap(), Micros(9));
        assert!(cadence.is_due(false));
        cadence.kept(10);
        assert!(!cadence.is_due(true));
    }

    #[test]
    fn a_new_segment_is_to_have_one_at_once() {
        let mut cadence = after(5);
        cadence.segment_begun();
        assert_eq!((cadence.is_due(true), cadence.is_due(false)), (true, false));
    }
}
