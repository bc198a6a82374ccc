//! What listeners see of the log: each event once, or a word that some are gone.

use axiom_proto::event::{Happening, ResetReason};

use super::*;

fn log() -> EventLogId {
    EventLogId::from_random([1; 10])
}

fn id(number: u64) -> EventId {
    EventId { log: log(), number }
}

fn events(numbers: std::ops::RangeInclusive<u64>) -> Vec<Event> {
    let queued = || Happening::TaskQueued { command: "true".to_owned(), index: 0 };
    let event = |number| Event { id: Some(id(number)), ..Event::new(0, queued()) };
    numbers.map(event).collect()
}

fn numbers(after: After) -> Vec<u64> {
    match after {
        After::Recent(events) => events.iter().map(|event| event.id.unwrap().number).collect(),
        After::NotOpen | After::Reset(..) | After::Nothing | After::Kept { .. } => Vec::new(),
    }
}

#[test]
fn from_any_place_the_next_events_come_or_it_is_said_where_they_are() {
    let seen = EventLog::default();
    assert!(matches!(seen.after(id(0), 9), After::NotOpen));
    let newest = 2 * RECENT_MAX as u64;
    let state = LogState { newest, floor: 5, ..LogState::new(log()) };
    seen.show(state, events(1..=newest));
    let first = newest - RECENT_MAX as u64;
    for number in first..newest {
        let expected: Vec<u64> = (number + 1..=newest).take(3).collect();
        assert_eq!(numbers(seen.after(id(number), 3)), expected, "after {number}");
    }
    for number in 5..first {
        assert!(matches!(seen.after(id(number), 3), After::Kept { until } if until == first));
    }
    for number in 0..5 {
        let after = seen.after(id(number), 3);
        assert!(matches!(after, After::Reset(ResetReason::TooOld, head) if head == id(newest)));
    }
    assert!(matches!(seen.after(id(newest), 3), After::Nothing));
    assert!(matches!(seen.after(id(newest + 1), 3), After::Reset(ResetReason::TooNew, _)));
    let other = EventId { log: EventLogId::from_random([2; 10]), number: 7 };
    assert!(matches!(seen.after(other, 3), After::Reset(ResetReason::OtherLog, _)));
}

#[test]
fn another_log_forgets_the_events_of_the_one_before() {
    let seen = EventLog::default();
    seen.show(LogState { newest: 3, ..LogState::new(log()) }, events(1..=3));
    seen.show(LogState::new(EventLogId::from_random([2; 10])), Vec::new());
    assert!(matches!(seen.after(id(3), 3), After::Reset(ResetReason::OtherLog, _)));
    assert_eq!(seen.head().map(|head| head.number), Some(0));
}
