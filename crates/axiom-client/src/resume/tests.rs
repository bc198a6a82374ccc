//! The memory under every order of deaths that a few messages allow.

use axiom_proto::cursor::Cursor;
use axiom_proto::fault::ErrorCode;
use axiom_proto::frame::{FrameKind, Micros, Offset, Seq};
use axiom_proto::record::Verdict;

use super::*;

fn task() -> TaskId {
    TaskId::from_random([7; 10])
}

fn id(number: u8) -> CommandId {
    CommandId::from_random([number; 10])
}

/// A session of frames with payloads `0`, `1`, `2`…: frame n is at offset n.
fn frame(number: u64) -> Vec<u8> {
    let payload = [b'0' + u8::try_from(number % 10).unwrap()];
    let header =
        Header::of(FrameKind::Output, Seq(number), Offset(number), Micros(number), &payload);
    Frame { header, payload: &payload }.to_vec()
}

fn message(subscription: u32, numbers: std::ops::Range<u64>) -> Bytes {
    let mut bytes = subscription.to_le_bytes().to_vec();
    numbers.for_each(|number| bytes.extend_from_slice(&frame(number)));
    bytes.into()
}

fn cursor(seq: u64) -> Cursor {
    Cursor { session: 1, offset: Offset(seq), seq: Some(Seq(seq)), line: None }
}

fn subscribed(seq: u64) -> Tell {
    Tell::Subscribed { subscription: 1, task: task(), cursor: cursor(seq), gone: None }
}

fn hello() -> Tell {
    Tell::Hello {
        version: "1".to_owned(),
        tasks: std::collections::BTreeMap::new(),
        fleet: axiom_proto::live::FleetStats::default(),
    }
}

fn order(number: u8) -> Order {
    Order { task: task(), id: id(number), action: Action::Type, data: Bytes::from_static(b"x") }
}

fn asks(resume: &mut Resume) -> Vec<Ask> {
    std::iter::from_fn(|| resume.ask()).collect()
}

fn events(resume: &mut Resume) -> Vec<Event> {
    std::iter::from_fn(|| resume.event()).collect()
}

fn seqs(resume: &mut Resume) -> Vec<u64> {
    let seq = |event| match event {
        Event::Frame { header, .. } => Some(header.seq.0),
        Event::Connected { .. }
        | Event::Away { .. }
        | Event::Gone(..)
        | Event::Ended(_)
        | Event::Task(_)
        | Event::Outcome(..)
        | Event::CommandRefused { .. }
        | Event::SubscriptionRefused { .. }
        | Event::Silent
        | Event::Answers
        | Event::Removed(_)
        | Event::Refused(_) => None,
    };
    events(resume).into_iter().filter_map(seq).collect()
}

/// A server as it should be: answers a subscription from its cursor with frames in messages of `batch`, and dies after `life` of them.
fn live_once(resume: &mut Resume, total: u64, batch: u64, life: u64) {
    resume.connected();
    resume.said(hello()).unwrap();
    for ask in asks(resume) {
        let Ask::Subscribe { subscription, start, .. } = ask else { continue };
        let from = match start {
            StartAt::Start => 0,
            StartAt::Head => total,
            StartAt::Cursor(cursor) => cursor.seq.unwrap().0,
        };
        let cursor = cursor(from);
        resume.said(Tell::Subscribed { subscription, task: task(), cursor, gone: None }).unwrap();
        let end = total.min(from + life);
        let mut at = from;
        while at < end {
            let next = end.min(at + batch);
            resume.frames(&message(subscription, at..next)).unwrap();
            at = next;
        }
        if end == total {
            resume.said(Tell::Ended { subscription }).unwrap();
        }
    }
    resume.lost();
}

#[test]
fn however_often_servers_die_each_frame_comes_once_and_in_order() {
    for total in 0..8 {
        for batch in 1..4 {
            for life in 1..6 {
                let mut resume = Resume::default();
                resume.subscribe(task(), StartAt::Start);
                for _ in 0..=total {
                    live_once(&mut resume, total, batch, life);
                }
                let all = events(&mut resume);
                let ends = all.iter().filter(|event| **event == Event::Ended(task())).count();
                let mut again = Resume { events: all.into(), ..Resume::default() };
                assert_eq!(seqs(&mut again), (0..total).collect::<Vec<u64>>());
                assert_eq!(ends, 1, "total {total}, batch {batch}, life {life}");
            }
        }
    }
}

#[test]
fn a_gap_a_double_and_another_offset_are_errors() {
    for (first, then) in [(0..2, 3..4), (0..2, 1..2), (0..1, 0..1), (0..1, 2..3)] {
        let mut resume = Resume::default();
        resume.subscribe(task(), StartAt::Start);
        resume.connected();
        resume.said(subscribed(0)).unwrap();
        resume.frames(&message(1, first)).unwrap();
        let error = resume.frames(&message(1, then)).unwrap_err();
        assert!(matches!(error, ResumeError::Place { source: PlaceError::Frame { .. }, .. }));
    }
    let mut resume = Resume::default();
    resume.subscribe(task(), StartAt::Start);
    resume.connected();
    let elsewhere = Cursor { session: 1, offset: Offset(5), seq: Some(Seq(0)), line: None };
    resume
        .said(Tell::Subscribed { subscription: 1, task: task(), cursor: elsewhere, gone: None })
        .unwrap();
    let error = resume.frames(&message(1, 0..1)).unwrap_err();
    assert!(matches!(error, ResumeError::Place { source: PlaceError::Offset { .. }, .. }));
}

#[test]
fn a_server_that_goes_on_elsewhere_is_refused() {
    let other_session = Cursor { session: 2, ..cursor(2) };
    for found in [cursor(1), cursor(3), other_session] {
        let mut resume = Resume::default();
        resume.subscribe(task(), StartAt::Start);
        live_once(&mut resume, 9, 1, 2);
        resume.connected();
        let error = resume
            .said(Tell::Subscribed { subscription: 1, task: task(), cursor: found, gone: None })
            .unwrap_err();
        assert!(matches!(error, ResumeError::Place { source: PlaceError::Cursor { .. }, .. }));
    }
}

#[test]
fn what_is_gone_is_told_and_the_next_frame_is_the_one_after_it() {
    let gone = |from, to| Some(Gone { from: Offset(from), to: Offset(to) });
    let went_on = |cursor, gone| Tell::Subscribed { subscription: 1, task: task(), cursor, gone };
    let mut resume = Resume::default();
    resume.subscribe(task(), StartAt::Start);
    live_once(&mut resume, 9, 1, 2);
    while resume.event().is_some() {}
    let here = cursor(2);
    let there = cursor(5);
    let told = gone(here.offset.0, there.offset.0);
    for wrong in [gone(here.offset.0 + 1, there.offset.0), gone(here.offset.0, 1 << 40), None] {
        let mut resume = Resume::default();
        resume.subscribe(task(), StartAt::Start);
        live_once(&mut resume, 9, 1, 2);
        assert!(resume.said(went_on(there, wrong)).is_err(), "{wrong:?}");
    }
    resume.said(went_on(there, told)).unwrap();
    assert_eq!(resume.event(), told.map(|gone| Event::Gone(task(), gone)));
    resume.frames(&message(1, 5..6)).unwrap();
    assert!(matches!(resume.event(), Some(Event::Frame { header, .. }) if header.seq == Seq(5)));
    resume.connected();
    assert!(
        matches!(resume.ask(), Some(Ask::Subscribe { start: StartAt::Cursor(at), .. }) if at == cursor(6))
    );
}

#[test]
fn broken_messages_are_errors_at_every_byte() {
    let whole = message(1, 0..2);
    for cut in 0..whole.len() {
        let mut resume = Resume::default();
        resume.subscribe(task(), StartAt::Start);
        resume.connected();
        resume.said(subscribed(0)).unwrap();
        let good = [4, 4 + frame(0).len()].contains(&cut);
        assert_eq!(resume.frames(&whole.slice(..cut)).is_ok(), good, "cut at {cut}");
    }
    for at in 4..whole.len() {
        let mut damaged = whole.to_vec();
        damaged[at] ^= 1;
        let mut resume = Resume::default();
        resume.subscribe(task(), StartAt::Start);
        resume.connected();
        resume.said(subscribed(0)).unwrap();
        assert!(resume.frames(&damaged.into()).is_err(), "damaged at {at}");
    }
}

#[test]
fn frames_before_the_subscription_begins_are_an_error() {
    let mut resume = Resume::default();
    resume.subscribe(task(), StartAt::Start);
    resume.connected();
    let error = resume.frames(&message(1, 0..1)).unwrap_err();
    assert!(matches!(error, ResumeError::Place { source: PlaceError::Early { .. }, .. }));
}

#[test]
fn an_unanswered_command_is_asked_again_under_its_id_and_an_answered_one_is_not() {
    let mut resume = Resume::default();
    resume.order(order(1));
    assert_eq!(asks(&mut resume), []);
    resume.connected();
    resume.order(order(2));
    assert_eq!(asks(&mut resume), [ask_of(&order(1)), ask_of(&order(2))]);
    let outcome = Outcome::applied(id(1));
    resume.said(Tell::Outcome { task: task(), outcome: outcome.clone() }).unwrap();
    resume.lost();
    resume.connected();
    assert_eq!(asks(&mut resume), [ask_of(&order(2))]);
    let told = [Event::Outcome(task(), outcome.clone()), Event::Away { goodbye: false }];
    assert_eq!(events(&mut resume), told);
    // The second answer to a command that was asked twice tells nothing new.
    resume.said(Tell::Outcome { task: task(), outcome }).unwrap();
    assert_eq!(events(&mut resume), []);
}

#[test]
fn a_death_between_any_two_of_asking_and_answering_gives_one_outcome() {
    for deaths in 0..4 {
        for answers_heard_by in 0..=deaths {
            let mut resume = Resume::default();
            resume.order(order(1));
            let mut outcomes = 0;
            for life in 0..=deaths {
                resume.connected();
                let asked = asks(&mut resume).len();
                assert_eq!(asked, usize::from(life <= answers_heard_by));
                if life >= answers_heard_by {
                    let outcome = Outcome { verdict: Verdict::Applied, ..Outcome::applied(id(1)) };
                    resume.said(Tell::Outcome { task: task(), outcome }).unwrap();
                }
                resume.lost();
                let told = events(&mut resume);
                outcomes += told.iter().filter(|event| matches!(event, Event::Outcome(..))).count();
            }
            assert_eq!(outcomes, 1);
        }
    }
}

#[test]
fn refusals_name_what_they_are_about_and_are_not_asked_again() {
    let error = Fault::new(ErrorCode::TaskNotFound, "no task", "");
    let refused =
        |subscription, command| Tell::Refused { subscription, command, error: error.clone() };
    let mut resume = Resume::default();
    resume.subscribe(task(), StartAt::Start);
    resume.order(order(1));
    resume.connected();
    resume.said(refused(Some(1), None)).unwrap();
    resume.said(refused(None, Some(id(1)))).unwrap();
    resume.said(refused(None, Some(id(9)))).unwrap();
    resume.said(refused(None, None)).unwrap();
    let told = [
        Event::SubscriptionRefused { task: task(), error: error.clone() },
        Event::CommandRefused { order: order(1), error: error.clone() },
        Event::Refused(error.clone()),
    ];
    assert_eq!(events(&mut resume), told);
    resume.lost();
    resume.connected();
    assert_eq!(asks(&mut resume), []);
}

#[test]
fn goodbye_is_remembered_until_the_next_server_speaks() {
    let mut resume = Resume::default();
    resume.watch(Vec::new());
    resume.connected();
    resume.said(Tell::Goodbye).unwrap();
    resume.lost();
    assert!(resume.goodbye());
    assert_eq!(events(&mut resume), [Event::Away { goodbye: true }]);
    // Tries that fail meanwhile are not told.
    resume.lost();
    assert_eq!(events(&mut resume), []);
    resume.connected();
    assert!(resume.goodbye());
    resume.said(hello()).unwrap();
    assert!(!resume.goodbye());
    assert_eq!(asks(&mut resume), [Ask::Watch { tasks: Vec::new() }]);
}

#[test]
fn what_was_given_up_is_neither_told_nor_asked_again() {
    let mut resume = Resume::default();
    resume.subscribe(task(), StartAt::Start);
    resume.connected();
    resume.said(subscribed(0)).unwrap();
    assert_eq!(asks(&mut resume).len(), 1);
    resume.unsubscribe(task());
    assert_eq!(asks(&mut resume), [Ask::Unsubscribe { subscription: 1 }]);
    resume.frames(&message(1, 0..2)).unwrap();
    resume.said(Tell::Ended { subscription: 1 }).unwrap();
    resume.lost();
    resume.connected();
    assert_eq!(asks(&mut resume), []);
    assert_eq!(events(&mut resume), [Event::Away { goodbye: false }]);
}
