//! What is held back in a flood: never a line that stands alone, never long, never much.

use axiom_proto::frame::Micros;
use axiom_session::{Flood, HOLD, HOLD_BYTES_MAX, READ_BYTES_MAX};
use proptest::prelude::*;

#[test]
fn lines_are_shown_at_once_however_fast_they_come() {
    let mut flood = Flood::default();
    for time in 0..10_000 {
        assert!(!flood.holds(Micros(time), 80));
    }
    assert_eq!(flood.due(), None);
}

#[test]
fn a_full_read_is_held_only_right_after_another_and_the_end_of_a_flood_shows_all() {
    let mut flood = Flood::default();
    assert!(!flood.holds(Micros(0), READ_BYTES_MAX), "the first one");
    assert!(flood.holds(Micros(50), READ_BYTES_MAX));
    assert_eq!(flood.due(), Some(Micros(50 + HOLD)));
    assert!(flood.holds(Micros(100), READ_BYTES_MAX));
    assert!(!flood.holds(Micros(150), 17), "a short one is the end");
    assert_eq!(flood.due(), None);
    assert!(!flood.holds(Micros(200), READ_BYTES_MAX));
    assert!(!flood.holds(Micros(9_000), READ_BYTES_MAX), "long after the last one");
}

proptest! {
    #[test]
    fn nothing_is_held_longer_or_in_greater_number_than_promised(
        reads in proptest::collection::vec((0..600_u64, 1..=READ_BYTES_MAX), 1..300),
    ) {
        let (mut flood, mut now) = (Flood::default(), 0);
        let mut held: Option<(u64, usize)> = None;
        for (pause, bytes) in reads {
            now += pause;
            if flood.due().is_some_and(|due| due.0 <= now) {
                flood.shown();
                held = None;
            }
            if flood.holds(Micros(now), bytes) {
                let (since, before) = held.unwrap_or((now, 0));
                held = Some((since, before + bytes));
                prop_assert_eq!(flood.due(), Some(Micros(since + HOLD)));
            } else {
                held = None;
                prop_assert_eq!(flood.due(), None);
            }
            prop_assert!(held.is_none_or(|(_, bytes)| bytes + READ_BYTES_MAX <= HOLD_BYTES_MAX));
        }
    }
}
