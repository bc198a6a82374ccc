//! Places on the way through a file, each with the picture that stood there: a seek back begins at the last one before its
//! goal instead of at the start. Bounded by bytes: when they are full every other one goes, and the rest lies twice as far
//! apart. Pure.

use axiom_proto::task::Size;

use super::player::{Goal, Passed};
use crate::recording::FilePoint;

/// Bytes of a file from one to the next, at first: read and drawn anew in a few milliseconds.
const SPAN_BYTES: u64 = 1024 * 1024;

/// Bytes of all pictures: a screen of 80 by 24 has a few thousand, so a gigabyte has its thousand.
const PICTURES_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A place, and all that is needed to go on from it.
#[derive(Debug, Clone)]
pub(crate) struct Waypoint {
    /// Where in the file.
    pub point: FilePoint,
    /// What lies before it.
    pub passed: Passed,
    /// The recorded terminal's size.
    pub size: Size,
    /// What draws its picture.
    pub picture: Vec<u8>,
}

/// Those that are kept, in their order.
#[derive(Debug)]
pub(crate) struct Waypoints {
    kept: Vec<Waypoint>,
    bytes: usize,
    span: u64,
}

impl Default for Waypoints {
    fn default() -> Self {
        Self { kept: Vec::new(), bytes: 0, span: SPAN_BYTES }
    }
}

impl Waypoints {
    /// True where one is due.
    #[must_use]
    pub(crate) fn want(&self, point: &FilePoint) -> bool {
        let last = self.kept.last().map_or(0, |last| last.point.offset);
        point.offset >= last.saturating_add(self.span)
    }

    /// Keeps one.
    pub(crate) fn keep(&mut self, waypoint: Waypoint) {
        self.bytes += waypoint.picture.len();
        self.kept.push(waypoint);
        while self.bytes > PICTURES_BYTES_MAX {
            let mut goes = false;
            self.kept.retain(|_| {
                goes = !goes;
                !goes
            });
            self.bytes = self.kept.iter().map(|kept| kept.picture.len()).sum();
            self.span = self.span.saturating_mul(2);
        }
    }

    /// The last one before a goal; none where the start is the nearest place.
    #[must_use]
    pub(crate) fn before(&self, goal: Goal) -> Option<&Waypoint> {
        let is_before = |waypoint: &&Waypoint| match goal {
            Goal::Moment(at) => waypoint.passed.last <= at,
            Goal::Outputs(outputs) => waypoint.passed.outputs <= outputs,
            // It lies ahead, and nothing begins anew for it.
            Goal::Marker => false,
        };
        self.kept.iter().take_while(is_before).last()
    }
}

#[cfg(test)]
mod tests {
    use axiom_proto::frame::Micros;

    use super::*;

    fn waypoint(at: u64, picture: usize) -> Waypoint {
        let mut point = FilePoint::default();
        point.offset = at * SPAN_BYTES;
        Waypoint {
            point,
            passed: Passed { last: Micros(at * 10), outputs: i64::try_from(at).unwrap() },
            size: Size::default(),
            picture: vec![b'x'; picture],
        }
    }

    fn found(waypoints: &Waypoints, goal: Goal) -> Option<u64> {
        waypoints.before(goal).map(|found| found.point.offset / SPAN_BYTES)
    }

    #[test]
    fn a_seek_back_begins_at_the_last_place_before_its_goal() {
        let mut waypoints = Waypoints::default();
        for at in 1..=9 {
            waypoints.keep(waypoint(at, 10));
        }
        for at in 0..12u64 {
            let expected = (at > 0).then_some(at.min(9));
            for within in 0..10 {
                let goal = Goal::Moment(Micros(at * 10 + within));
                assert_eq!(found(&waypoints, goal), expected, "{goal:?}");
            }
            let goal = Goal::Outputs(i64::try_from(at).unwrap());
            assert_eq!(found(&waypoints, goal), expected, "{goal:?}");
        }
    }

    #[test]
    fn pictures_take_so_much_memory_and_no_more_and_lie_evenly() {
        for picture in [1000, 100_000, PICTURES_BYTES_MAX / 2, PICTURES_BYTES_MAX + 1] {
            let mut waypoints = Waypoints::default();
            for at in 1..5000 {
                let next = waypoint(at, picture);
                if waypoints.want(&next.point) {
                    waypoints.keep(next);
                }
                assert!(waypoints.bytes <= PICTURES_BYTES_MAX, "{} bytes", waypoints.bytes);
                let held: usize = waypoints.kept.iter().map(|kept| kept.picture.len()).sum();
                assert_eq!(held, waypoints.bytes);
            }
            let ends = [0, 5000 * SPAN_BYTES];
            let places = waypoints.kept.iter().map(|kept| kept.point.offset);
            let places: Vec<u64> = [ends[0]].into_iter().chain(places).chain([ends[1]]).collect();
            let far = places.windows(2).all(|two| two[1] - two[0] <= 2 * waypoints.span);
            assert!(far || picture > PICTURES_BYTES_MAX, "{} apart: {places:?}", waypoints.span);
        }
    }
}
