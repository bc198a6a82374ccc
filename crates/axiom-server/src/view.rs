//! How a task is shown: its record, its summary and its link in one shape. Pure.
//! Decides nothing; every face shows the same.

use axiom_proto::cursor::Cursor;
use axiom_proto::frame::{Micros, Offset};
use axiom_proto::summary::{Change, Summary};
use axiom_proto::task::{LinkView, Status, StatusChange, TaskRecord, TaskSpec, TaskView};

use crate::history::Folded;
use crate::session::{Link, Session};
use crate::task::{FIRST_SESSION, State};

/// The longest command that is shown; the whole of it is in task.json.
const COMMAND_CHARS_MAX: usize = 1000;

/// The view of a task.
pub(crate) fn of(record: &TaskRecord, state: &State) -> TaskView {
    match state {
        State::Queued => TaskView {
            status: Status::Queued,
            cause: "waits until fewer tasks run".to_owned(),
            ..blank(record)
        },
        State::Cancelled(cancelled) => TaskView {
            status: Status::Stopped,
            cause: cancelled.cause.clone(),
            ended_at_ms: Some(cancelled.at_ms),
            ..blank(record)
        },
        State::Live(session) => of_live(record, session),
        State::Ended(view) => TaskView { link: LinkView::None, ..(**view).clone() },
    }
}

/// The view of a task whose journal says that it is over.
pub(crate) fn of_ended(record: &TaskRecord, folded: &Folded) -> TaskView {
    of_summary(record, &folded.summary, Some(folded.started_unix_us))
}

/// A session's moment as Unix milliseconds.
pub(crate) fn unix_ms(started_unix_us: u64, at: Micros) -> u64 {
    started_unix_us.saturating_add(at.0) / 1000
}

/// A task's status changes, oldest first. Its creation is the first, after which it was queued or starting.
pub(crate) fn history(
    record: &TaskRecord,
    first: Status,
    folded: Option<&Folded>,
) -> Vec<StatusChange> {
    let cause = format!("asked for by {}", record.author);
    let created = StatusChange { at_ms: record.created_at_ms, status: first, cause };
    let changes = folded.into_iter().flat_map(|folded| {
        let at = |change: &Change| unix_ms(folded.started_unix_us, change.at);
        folded.summary.changes.iter().map(move |change| StatusChange {
            at_ms: at(change),
            status: change.status,
            cause: change.cause.clone(),
        })
    });
    std::iter::once(created).chain(changes).collect()
}

fn of_live(record: &TaskRecord, session: &Session) -> TaskView {
    let view = of_summary(record, &session.summary, session.started_unix_us);
    let (worker_pid, holder_pid) = match session.link {
        Link::Connected { worker_pid, holder_pid } => (Some(worker_pid), Some(holder_pid)),
        Link::Away { .. } => (None, None),
    };
    TaskView {
        session: FIRST_SESSION,
        link: session.link_view(),
        paused: session.paused().map(str::to_owned),
        worker_pid,
        holder_pid: holder_pid.filter(|_| session.summary.guarded),
        ..view
    }
}

fn of_summary(record: &TaskRecord, summary: &Summary, started_unix_us: Option<u64>) -> TaskView {
    let at = |moment: Option<Micros>| Some(unix_ms(started_unix_us?, moment?));
    let cause = summary.changes.last().map(|change| change.cause.clone()).unwrap_or_default();
    TaskView {
        status: summary.status,
        cause,
        mode: record.spec.mode,
        size: summary.size.or(record.spec.size),
        session: FIRST_SESSION,
        guarded: summary.guarded,
        paused: summary.paused.clone().filter(|_| !summary.status.is_ended()),
        pid: summary.pid,
        exit: summary.exit,
        failure: summary.failure.clone(),
        limit: summary.limit,
        started_at_ms: at(summary.started),
        ended_at_ms: at(summary.ended),
        bytes: summary.offset,
        lines: summary.printed_lines(),
        interventions: summary.interventions,
        gaps: summary.gaps,
        cursor: Some(Cursor {
            session: FIRST_SESSION,
            offset: summary.offset,
            seq: Some(summary.next_seq),
            line: None,
        }),
        ..blank(record)
    }
}

/// A task of which nothing is known but what was asked.
fn blank(record: &TaskRecord) -> TaskView {
    let TaskRecord { id, created_at_ms, index, group, request_id, spec, .. } = record;
    TaskView {
        id: *id,
        name: spec.name.clone(),
        status: Status::Starting,
        cause: String::new(),
        command: command_line(spec),
        cwd: spec.cwd.clone(),
        tags: spec.tags.clone(),
        parent: spec.parent,
        group: *group,
        index: *index,
        request_id: request_id.clone(),
        mode: spec.mode,
        size: spec.size,
        session: 0,
        link: LinkView::None,
        guarded: true,
        paused: None,
        pid: None,
        worker_pid: None,
        holder_pid: None,
        exit: None,
        failure: None,
        limit: None,
        created_at_ms: *created_at_ms,
        started_at_ms: None,
        ended_at_ms: None,
        bytes: Offset(0),
        lines: 0,
        interventions: 0,
        gaps: 0,
        cursor: None,
    }
}

/// The command as a person would type it, without anything that acts on a terminal.
pub(crate) fn command_line(spec: &TaskSpec) -> String {
    let line = match &spec.shell {
        Some(line) => line.clone(),
        None => {
            let words = spec.command.iter().map(|word| quoted(&word.to_shown()));
            words.collect::<Vec<_>>().join(" ")
        }
    };
    let shown: String = line.chars().take(COMMAND_CHARS_MAX).map(shown).collect();
    if line.chars().nth(COMMAND_CHARS_MAX).is_some() { format!("{shown}…") } else { shown }
}

fn shown(character: char) -> char {
    match character {
        '\n' | '\t' => ' ',
        control if control.is_control() => char::REPLACEMENT_CHARACTER,
        plain => plain,
    }
}

/// A word as a shell would read it back.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "_-./:=@%+,".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use axiom_proto::record::Exit;

    use super::*;
    use crate::record::Cancelled;

    fn record(command: &[&str]) -> TaskRecord {
        let command = command.iter().map(|word| (*word).into()).collect();
        let spec = TaskSpec { command, ..TaskSpec::default() };
        TaskRecord { spec, ..crate::record::tests::record() }
    }

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let shown = [
            (&["ls", "-l", "a b"][..], "ls -l 'a b'"),
            (&["echo", "it's", ""], "echo 'it'\\''s' ''"),
            (&["printf", "\x1b[31m\n"], "printf '\u{fffd}[31m '"),
            (&["env", "A=b", "$x"], "env A=b '$x'"),
        ];
        for (command, line) in shown {
            assert_eq!(command_line(&record(command).spec), line);
        }
        let long = "x".repeat(2 * COMMAND_CHARS_MAX);
        assert_eq!(command_line(&record(&[&long]).spec).chars().count(), COMMAND_CHARS_MAX + 1);
    }

    #[test]
    fn times_of_the_session_become_times_of_the_world() {
        let change = Change { at: Micros(3000), status: Status::Succeeded, cause: "done".into() };
        let summary = Summary {
            status: Status::Succeeded,
            started: Some(Micros(1000)),
            ended: Some(Micros(3000)),
            exit: Some(Exit::Code(0)),
            changes: vec![change],
            ..Summary::default()
        };
        let folded = Folded { summary, started_unix_us: 1_000_000 };
        let view = of_ended(&record(&["ls"]), &folded);
        assert_eq!((view.started_at_ms, view.ended_at_ms), (Some(1001), Some(1003)));
        assert_eq!((view.cause.as_str(), view.link), ("done", LinkView::None));
        let history = history(&record(&["ls"]), Status::Starting, Some(&folded));
        let times: Vec<u64> = history.iter().map(|change| change.at_ms).collect();
        assert_eq!((times, history[0].cause.as_str()), (vec![5, 1003], "asked for by me"));
    }

    #[test]
    fn a_task_that_never_started_is_stopped() {
        let state = State::Cancelled(Cancelled { at_ms: 9, cause: "asked".to_owned() });
        let view = of(&record(&["ls"]), &state);
        assert_eq!((view.status, view.ended_at_ms, view.session), (Status::Stopped, Some(9), 0));
    }
}
