//! The table of events: what is sent, and what of a newer version is made of it.

use super::*;
use crate::frame::Offset;

fn log() -> EventLogId {
    EventLogId::from_random([7; 10])
}

fn stats() -> Stats {
    Stats { duration_ms: 5, bytes: Offset(3), lines: 1, interventions: 0 }
}

/// One of each, so that a new one asks for its line here.
fn all() -> Vec<Happening> {
    let cause = || "why".to_owned();
    let cursor = Cursor::start(1);
    vec![
        Happening::TaskQueued { command: "make -j4".to_owned(), index: 1 },
        Happening::TaskStarted { pid: 9, mode: Mode::Terminal, size: Some(Size::default()) },
        Happening::TaskSuspended,
        Happening::TaskResumed,
        Happening::TaskStopping { cause: cause() },
        Happening::TaskPaused { reason: cause() },
        Happening::TaskUnpaused,
        Happening::TaskIdle { idle_ms: 30_000 },
        Happening::TaskStats { stats: stats() },
        Happening::TaskProgress { percent: 50 },
        Happening::TaskEnded {
            status: Status::Failed,
            cause: cause(),
            exit: Some(Exit::Code(3)),
            failure: None,
            limit: Some(Limit::Timeout),
            stats: stats(),
        },
        Happening::TaskLost { cause: cause(), stats: stats() },
        Happening::TasksAllEnded { ended: 2 },
        Happening::Intervention {
            number: 1,
            action: "type".to_owned(),
            author: "me".to_owned(),
            cause: String::new(),
            verdict: Verdict::Applied,
            code: None,
            accepted: Some(4),
            detail: String::new(),
        },
        Happening::Gap { bytes_max: 4096, certain: false },
        Happening::LinkAway,
        Happening::LinkBack,
        Happening::TaskOutput { stream: OutputStream::Output, text: "hi".to_owned(), cursor },
        Happening::Error { error: Fault::new(ErrorCode::Internal, "broken", "") },
    ]
}

#[test]
fn every_event_survives_json_and_carries_its_name_and_class() {
    for happening in all() {
        let word = happening.word();
        let event = Event {
            id: Some(EventId { log: log(), number: 4 }),
            task: Some(TaskId::from_random([1; 10])),
            name: Some("n".to_owned()),
            session: Some(1),
            seq: Some(Seq(u64::MAX)),
            request_id: "r".to_owned(),
            ..Event::new(12, happening)
        };
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["event"], word);
        assert_eq!(json["type"], serde_json::to_value(event.happening.class()).unwrap(), "{word}");
        assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event, "{word}");
    }
}

#[test]
fn an_event_is_one_flat_object() {
    let event = Event::new(12, Happening::Gap { bytes_max: 5, certain: true });
    let json = r#"{"type":"status","time_ms":12,"event":"gap","bytes_max":5,"certain":true}"#;
    assert_eq!(serde_json::to_string(&event).unwrap(), json);
}

#[test]
fn an_older_versions_queued_task_says_no_command() {
    let json = r#"{"type":"status","time_ms":1,"event":"task.queued"}"#;
    let event: Event = serde_json::from_str(json).unwrap();
    let unsaid = Happening::TaskQueued { command: String::new(), index: 0 };
    assert_eq!(event.happening, unsaid);
}

#[test]
fn an_event_of_a_newer_version_is_kept_as_unknown() {
    let json = r#"{"type":"dance","time_ms":1,"event":"task.danced","steps":[1]}"#;
    let event: Event = serde_json::from_str(json).unwrap();
    assert_eq!((event.class, event.happening), (EventClass::Unknown, Happening::Unknown));
}

#[test]
fn an_events_id_comes_back_from_its_text_and_nonsense_is_refused() {
    let id = EventId { log: log(), number: 12 };
    assert_eq!(id.to_string().parse(), Ok(id));
    let log = log();
    for text in ["", "12", "-12", &format!("{log}"), &format!("{log}-"), &format!("{log}-+1")] {
        assert!(text.parse::<EventId>().is_err(), "{text:?}");
    }
}
