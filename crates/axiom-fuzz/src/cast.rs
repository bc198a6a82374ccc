//! Any bytes as a recording: events in order or an error with its line, no more of them than there are bytes; and what was
//! read is read again once it was written.

use axiom_asciicast::{Event, Form, Opening, Reader, What, Writer, events_of_whole};
use axiom_proto::task::{Mode, Size};

/// Runs one input.
pub(crate) fn run(bytes: &[u8]) {
    let (header_size, events) = lines(bytes);
    if let Some(size) = header_size {
        check(size, &events, bytes.len());
    }
    if let Ok((header, events)) = events_of_whole(bytes) {
        check(header.size, &events, bytes.len());
    }
}

/// Events up to the first bad line, and the size in the head.
fn lines(bytes: &[u8]) -> (Option<Size>, Vec<Event>) {
    let mut reader = Reader::default();
    let mut events = Vec::new();
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        match reader.line(line) {
            Ok(event) => events.extend(event),
            Err(error) => {
                assert_eq!(error.line, number, "{error}");
                assert!(
                    error.to_string().len() < 1024,
                    "an error of {} bytes",
                    error.to_string().len()
                );
                break;
            }
        }
    }
    (reader.header().map(|header| header.size), events)
}

fn check(size: Size, events: &[Event], bytes: usize) {
    assert!(size.cols > 0 && size.rows > 0, "{size:?}");
    assert!(events.len() <= bytes, "{} events of {bytes} bytes", events.len());
    let data: usize = events.iter().map(|event| data_of(&event.what).len()).sum();
    assert!(data <= bytes, "{data} bytes of data in a file of {bytes}");
    assert!(events.is_sorted_by_key(|event| event.at), "times go back");
    for form in [Form::Two, Form::Three] {
        let text = written(form, size, events);
        assert!(!text.contains(|acts: char| acts.is_control() && acts != '\n'), "{text:?}");
        let (again_size, again) = lines(text.as_bytes());
        assert_eq!(again_size, Some(size), "the size, written and read");
        assert_eq!(told(form, &again), told(form, events), "{form:?}, written and read");
    }
}

fn written(form: Form, size: Size, events: &[Event]) -> String {
    let mut text = String::new();
    let mut writer = Writer::new(form, Mode::Terminal);
    writer.header(&Opening { size, ..Opening::default() }, &mut text);
    events.iter().for_each(|event| writer.event(event, &mut text));
    writer.finish(&mut text);
    text
}

fn data_of(what: &What) -> &[u8] {
    match what {
        What::Output(bytes) | What::ErrorOutput(bytes) | What::Input(bytes) => bytes,
        What::Marker(text) => text.as_bytes(),
        What::Resized(_) | What::Exited(_) => &[],
    }
}

/// What a recording of this form tells of them: nothing of what has no data, and an exit as the form has it.
fn told(form: Form, events: &[Event]) -> Vec<Event> {
    let told = |event: &Event| match (&event.what, form) {
        (What::Output(bytes) | What::ErrorOutput(bytes) | What::Input(bytes), _) => {
            (!bytes.is_empty()).then(|| event.clone())
        }
        (What::Exited(code), Form::Two) => {
            Some(Event { at: event.at, what: What::Marker(format!("exit {code}")) })
        }
        (What::Exited(_), Form::Three) | (What::Marker(_) | What::Resized(_), _) => {
            Some(event.clone())
        }
    };
    events.iter().filter_map(told).collect()
}
