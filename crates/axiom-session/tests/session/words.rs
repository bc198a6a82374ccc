//! Effects in few words, so that a script reads as a table. Times and ids are short on purpose.

use axiom_proto::command::Action;
use axiom_proto::id::CommandId;
use axiom_proto::record::{Outcome, Record, Verdict};
use axiom_proto::task::ProcessNote;
use axiom_session::{Ask, Effect, Scope};

/// A command's id, named by one letter.
pub(crate) fn id(letter: char) -> CommandId {
    CommandId::from_random([u8::try_from(letter).expect("a letter of ASCII"); 10])
}

/// The letter of an id.
fn letter(of: CommandId) -> char {
    ('a'..='z').find(|letter| id(*letter) == of).unwrap_or('?')
}

/// An effect; nothing for a wish to be called again.
pub(crate) fn words(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Append(record) => record_words(record),
        Effect::AppendInput { id, bytes, .. } => {
            format!("input {}: {}", letter(*id), bytes.escape_ascii())
        }
        Effect::AppendAnswers { until, bytes } => {
            format!("answers until {until}: {}", bytes.escape_ascii())
        }
        Effect::Ask { request, ask } => format!("ask {request}: {}", ask_words(ask)),
        Effect::SignalForeground { id, signal } => {
            format!("signal the foreground with {signal} for {}", letter(*id))
        }
        Effect::Resize(size) => format!("resize to {}x{}", size.cols, size.rows),
        Effect::CloseInput => "close the input".to_owned(),
        Effect::ReleaseTerminal => "release the terminal".to_owned(),
        Effect::FindHolders(processes) => format!("find holders among {}", pids(processes)),
        Effect::CloseOutput => "close the output".to_owned(),
        Effect::WakeAt(_) => return None,
        Effect::Done => "done".to_owned(),
        Effect::Leave => "leave".to_owned(),
    })
}

fn ask_words(ask: &Ask) -> String {
    match ask {
        Ask::Signal { signal, scope: Scope::Tree } => format!("signal {signal} to the tree"),
        Ask::Signal { signal, scope: Scope::Child } => format!("signal {signal} to the child"),
        Ask::Freeze => "freeze".to_owned(),
        Ask::Thaw { keep_stopped } => format!("thaw all but {keep_stopped:?}"),
        Ask::Kill => "kill".to_owned(),
        Ask::Tree => "list".to_owned(),
    }
}

fn record_words(record: &Record) -> String {
    match record {
        Record::Opened { .. } => "opened".to_owned(),
        Record::Started { .. } => "started".to_owned(),
        Record::StartFailed(failure) => format!("start failed: {}", failure.message),
        Record::Unguarded => "unguarded".to_owned(),
        Record::Gap { .. } => "gap".to_owned(),
        Record::Resized { .. } => "resized".to_owned(),
        Record::Intent(intent) => format!("intent {}: {}", letter(intent.id), action(intent)),
        Record::Outcome(outcome) => outcome_words(outcome),
        Record::Stopping { cause } => format!("stopping: {cause}"),
        Record::Suspended { .. } => "suspended".to_owned(),
        Record::Resumed => "resumed".to_owned(),
        Record::LimitReached { limit } => format!("limit: {limit:?}"),
        Record::InputClosed => "input closed".to_owned(),
        Record::Paused { .. } => "paused".to_owned(),
        Record::Unpaused => "unpaused".to_owned(),
        Record::Exited { exit } => format!("exited: {exit:?}"),
        Record::OutputEnded { reason, held_by } if held_by.is_empty() => {
            format!("output ended: {reason:?}")
        }
        Record::OutputEnded { reason, held_by } => {
            format!("output ended: {reason:?} by {}", pids(held_by))
        }
        Record::Leftovers { processes, .. } => format!("leftovers: {}", pids(processes)),
        Record::TreeEmptied => "tree emptied".to_owned(),
        Record::Lost { .. } => "lost".to_owned(),
        Record::Closed { reason } => format!("closed: {reason:?}"),
        Record::Summary(_) => "summary".to_owned(),
        Record::Unknown => "unknown record".to_owned(),
    }
}

fn action(intent: &axiom_proto::record::Intent) -> &'static str {
    if matches!(intent.action, Action::Interrupt { then: Some(_), .. }) {
        return "interrupt then";
    }
    intent.action.word()
}

fn outcome_words(outcome: &Outcome) -> String {
    let verdict = match outcome.verdict {
        Verdict::Applied => "applied".to_owned(),
        Verdict::Refused => format!("refused as {:?}", outcome.code.expect("a refusal has a code")),
        Verdict::Unknown => "unknown".to_owned(),
    };
    let accepted = outcome.accepted.map(|bytes| format!(", {bytes} bytes")).unwrap_or_default();
    let left = match outcome.left.is_empty() {
        true => String::new(),
        false => format!(", left {}", pids(&outcome.left)),
    };
    format!("{} {verdict}{accepted}{left}", letter(outcome.id))
}

fn pids(processes: &[ProcessNote]) -> String {
    format!("{:?}", processes.iter().map(|process| process.pid).collect::<Vec<_>>())
}
