//! What must hold of any recording, whatever its bytes: written and read again it is the same, its lines are harmless, and
//! what is damaged is an error or a recording, and never a panic.

use axiom_proto::frame::Micros;
use axiom_proto::task::{Mode, Size};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::{Event, Form, Opening, Reader, What, Writer, events_of_whole};

/// Bytes among which characters, halves of them, escapes and controls of both sets are frequent.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        Just(b"plain ".to_vec()),
        Just("é你🦀\u{9b}\u{202e}".as_bytes().to_vec()),
        Just(b"\x1b[31m\x1b]0;t\x07\"\\\r\n\x00\x7f".to_vec()),
        Just(b"\xe4\xbd".to_vec()),
        Just(b"\xa0\xff\xc3".to_vec()),
        vec(any::<u8>(), 0..6),
    ];
    vec(pieces, 0..6).prop_map(|pieces| pieces.concat())
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        4 => bytes().prop_map(|bytes| What::Output(bytes.into())),
        1 => bytes().prop_map(|bytes| What::Input(bytes.into())),
        1 => (1u16..10_000, 1u16..10_000)
            .prop_map(|(cols, rows)| What::Resized(Size { cols, rows })),
        1 => any::<String>().prop_map(What::Marker),
    ]
}

/// Events in order, with pauses from nothing to a week.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let pause = prop_oneof![Just(0u64), 0u64..2_000_000, 0u64..604_800_000_000];
    vec((pause, what()), 0..20).prop_map(|steps| {
        let mut at = Micros(0);
        let event = |(pause, what)| {
            at = at.plus(pause);
            Event { at, what }
        };
        steps.into_iter().map(event).collect()
    })
}

fn written(form: Form, events: &[Event]) -> String {
    let mut writer = Writer::new(form, Mode::Terminal);
    let mut lines = String::new();
    writer.header(&Opening::default(), &mut lines);
    events.iter().for_each(|event| writer.event(event, &mut lines));
    writer.finish(&mut lines);
    lines
}

/// All text of one kind, and each other event with its time.
fn told(events: &[Event]) -> (Vec<u8>, Vec<u8>, Vec<Event>) {
    let (mut output, mut input, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for event in events {
        match &event.what {
            What::Output(bytes) | What::ErrorOutput(bytes) => output.extend_from_slice(bytes),
            What::Input(bytes) => input.extend_from_slice(bytes),
            What::Resized(_) | What::Marker(_) | What::Exited(_) => others.push(event.clone()),
        }
    }
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned().into_bytes();
    (text(output), text(input), others)
}

fn read(bytes: &[u8]) -> Option<Vec<Event>> {
    let mut reader = Reader::default();
    let mut events = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        events.extend(reader.line(line).ok()?);
    }
    Some(events)
}

proptest! {
    #[test]
    fn any_recording_is_read_again_as_it_was(events in events()) {
        for form in [Form::Two, Form::Three] {
            let lines = written(form, &events);
            let read = read(lines.as_bytes()).expect("what we write can be read");
            prop_assert_eq!(told(&read), told(&events));
        }
    }

    #[test]
    fn the_lines_of_any_recording_are_harmless(events in events()) {
        let lines = written(Form::Three, &events);
        let harmful = lines.chars().find(|character| character.is_control() && *character != '\n');
        prop_assert_eq!(harmful, None);
        let turning = lines.contains('\u{202e}');
        prop_assert!(!turning);
    }

    #[test]
    fn a_damaged_recording_is_an_error_or_a_recording_in_order(
        events in events(),
        damages in vec((any::<Index>(), any::<u8>()), 1..4),
        form in prop_oneof![Just(Form::Two), Just(Form::Three)],
    ) {
        let mut bytes = written(form, &events).into_bytes();
        for (place, byte) in damages {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let read = read(&bytes).unwrap_or_default();
        prop_assert!(read.is_sorted_by_key(|event| event.at));
        drop(events_of_whole(&bytes));
    }

    #[test]
    fn a_damaged_recording_of_version_1_is_an_error_or_a_recording(
        place in any::<Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes =
            br#"{"version":1,"width":80,"height":24,"stdout":[[0.5,"a"],[1e3,"\u00e9"]]}"#.to_vec();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        drop(events_of_whole(&bytes));
        drop(events_of_whole(&bytes[..place]));
    }
}
