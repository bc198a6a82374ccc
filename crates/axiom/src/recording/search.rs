//! Which frame is the first one after a time: found by halving, as frames' times never go back. Pure: it says which frame
//! to look at, and is told what was seen there.

use axiom_proto::frame::{Header, Micros, Seq};

/// One search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Search {
    time: Micros,
    /// Every frame before this one is no later than the time.
    low: Seq,
    /// This one, and every one after it, is later, or does not belong to the recording.
    high: Seq,
}

impl Search {
    /// Among the frames from `first` on, and before `end`.
    pub(super) fn new(time: Micros, first: Seq, end: Seq) -> Self {
        Self { time, low: first.min(end), high: end }
    }

    /// The frame to look at, or what was sought.
    pub(super) fn next(&self) -> Result<Seq, Seq> {
        if self.low >= self.high {
            return Err(self.low);
        }
        Ok(Seq(self.low.0 + (self.high.0 - self.low.0) / 2))
    }

    /// What stands at the frame `asked`, or, where that is no longer kept, the first one after it.
    pub(super) fn saw(&mut self, asked: Seq, seen: &Header) {
        if seen.time > self.time || seen.seq >= self.high {
            self.high = asked;
        } else {
            self.low = seen.seq.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use axiom_proto::frame::{FrameKind, Offset};

    use super::*;

    /// Searches frames with these times, of which the first ones may be gone. Gives what was found, and how many were looked at.
    fn search(times: &[u64], gone: usize, time: u64) -> (u64, u32) {
        let mut search = Search::new(Micros(time), Seq(0), Seq(times.len() as u64));
        let mut looks = 0;
        loop {
            let asked = match search.next() {
                Ok(asked) => asked,
                Err(found) => return (found.0, looks),
            };
            looks += 1;
            let kept = asked.0.max(gone as u64);
            let at = Micros(times[usize::try_from(kept).unwrap()]);
            search.saw(asked, &Header::of(FrameKind::Output, Seq(kept), Offset(0), at, b""));
        }
    }

    #[test]
    fn the_first_frame_after_any_time_is_found_with_few_looks() {
        for len in 0..40u64 {
            // Some frames share a time.
            let times: Vec<u64> = (0..len).map(|seq| 10 * (seq / 3)).collect();
            for time in 0..150 {
                let expected = times.iter().filter(|at| **at <= time).count() as u64;
                let (found, looks) = search(&times, 0, time);
                assert_eq!(found, expected, "{time} in {times:?}");
                assert!(looks <= 6, "{looks} looks in {len} frames");
            }
        }
    }

    #[test]
    fn what_is_gone_meanwhile_is_passed_over() {
        let times: Vec<u64> = (0..20).map(|seq| 10 * seq).collect();
        for gone in 0..20 {
            for time in 0..250 {
                let (found, _) = search(&times, gone, time);
                let expected = times.iter().filter(|at| **at <= time).count() as u64;
                // Of what is gone, any place is as good as the first one that is kept.
                assert!(found == expected || found <= gone as u64, "{time}, {gone} gone: {found}");
            }
        }
    }
}
