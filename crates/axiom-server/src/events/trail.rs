//! The trail of one task: how far its frames were made into events, and what the next events need to know of those before.
//! Pure. It is written together with the events, so that none is made twice or never.

use axiom_proto::event::Happening;
use axiom_proto::frame::{Offset, Seq};
use axiom_proto::id::CommandId;
use axiom_proto::record::{InputNote, Intent, Outcome};
use serde::{Deserialize, Serialize};

use super::note::{End, Note, Said};

/// Commands without an outcome that are remembered: more than a worker carries at once, over all its links.
const OPEN_MAX: usize = 256;

/// How far a task is in the event log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Trail {
    /// The first frame that was not made into events.
    pub(crate) next: Seq,
    /// Interventions so far, typing counted.
    pub(crate) interventions: u64,
    /// Commands that were begun.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) open: Vec<Opened>,
    /// Its end was told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) ended: bool,
    /// It was told that its link is lost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) away: bool,
    /// The output after which its silence was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) idle_at: Option<Offset>,
    /// It was there before the log was, and has not been heard of since: what it did before is not told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) stranger: bool,
    /// Nothing more will come.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) over: bool,
}

/// A command that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opened {
    id: CommandId,
    action: String,
    author: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    cause: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    request_id: String,
}

/// What happened, and by which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) request_id: String,
    pub(crate) happening: Happening,
}

impl Made {
    fn by_itself(happening: Happening) -> Self {
        Self { request_id: String::new(), happening }
    }
}

impl Trail {
    /// That of a session whose past is in no log: nothing of it is told, everything from here on is.
    pub(crate) fn from_here(next: Seq, interventions: u64, ended: bool) -> Self {
        Self { next, interventions, ended, ..Self::default() }
    }

    /// True for one that was told to have begun, and not to have ended.
    pub(crate) fn is_unfinished(&self) -> bool {
        !self.ended && !self.stranger
    }

    /// That of a task of which the log knows only that it is older.
    pub(crate) fn of_stranger() -> Self {
        Self { stranger: true, ..Self::default() }
    }

    /// Takes the next note, and gives the event it makes.
    pub(crate) fn take(&mut self, note: Note) -> Option<Made> {
        self.next = note.seq.next();
        let stats = note.stats;
        let happening = match note.said {
            Said::Typed(typed) => {
                self.open(Opened::of_typed(typed));
                return None;
            }
            Said::Intended(intent) => {
                self.open(Opened::of_intent(intent));
                return None;
            }
            Said::Concluded(outcome) => return self.conclude(outcome),
            Said::Started { pid, mode, size } => Happening::TaskStarted { pid, mode, size },
            Said::Suspended => Happening::TaskSuspended,
            Said::Resumed => Happening::TaskResumed,
            Said::Stopping { cause } => {
                let stop = self.open.iter().rfind(|opened| opened.action == "stop");
                let request_id = stop.map(|stop| stop.request_id.clone()).unwrap_or_default();
                return Some(Made { request_id, happening: Happening::TaskStopping { cause } });
            }
            Said::Paused { reason } => Happening::TaskPaused { reason },
            Said::Unpaused => Happening::TaskUnpaused,
            Said::Gap { bytes_max, certain } => Happening::Gap { bytes_max, certain },
            Said::Ended(End { status, cause, exit, failure, limit }) => {
                self.ended = true;
                Happening::TaskEnded { status, cause, exit, failure, limit, stats }
            }
            Said::Lost { cause } => {
                self.ended = true;
                Happening::TaskLost { cause, stats }
            }
        };
        Some(Made::by_itself(happening))
    }

    /// The text that follows an interrupt is typed under the interrupt's id: one command.
    fn open(&mut self, opened: Opened) {
        if self.open.iter().any(|known| known.id == opened.id) {
            return;
        }
        if self.open.len() == OPEN_MAX {
            self.open.remove(0);
        }
        self.open.push(opened);
    }

    /// One that was refused before it was begun touched nothing, and has no event; nor has a new size.
    fn conclude(&mut self, outcome: Outcome) -> Option<Made> {
        let at = self.open.iter().position(|opened| opened.id == outcome.id)?;
        let Opened { action, author, cause, request_id, .. } = self.open.remove(at);
        let Outcome { verdict, code, accepted, detail, .. } = outcome;
        self.interventions += 1;
        let number = self.interventions;
        let happening = Happening::Intervention {
            number,
            action,
            author,
            cause,
            verdict,
            code,
            accepted,
            detail,
        };
        Some(Made { request_id, happening })
    }
}

impl Opened {
    fn of_typed(typed: InputNote) -> Self {
        let InputNote { id, author, request_id, .. } = typed;
        Self { id, action: "type".to_owned(), author, cause: String::new(), request_id }
    }

    fn of_intent(intent: Intent) -> Self {
        let Intent { id, author, cause, request_id, action } = intent;
        Self { id, action: action.word().to_owned(), author, cause, request_id }
    }
}

#[cfg(test)]
mod tests {
    use axiom_proto::command::Action;
    use axiom_proto::event::Stats;
    use axiom_proto::frame::Micros;
    use axiom_proto::record::Verdict;

    use super::*;

    fn id(number: u8) -> CommandId {
        CommandId::from_random([number; 10])
    }

    fn note(seq: u64, said: Said) -> Note {
        Note { seq: Seq(seq), at: Micros(0), said, stats: Stats::default() }
    }

    fn intent(number: u8) -> Intent {
        let (author, cause) = ("ann".to_owned(), "because".to_owned());
        let (request_id, action) = ("r1".to_owned(), Action::Stop { grace_ms: None });
        Intent { id: id(number), author, cause, request_id, action }
    }

    #[test]
    fn an_outcome_tells_the_intervention_that_it_concludes_once() {
        let mut trail = Trail::default();
        assert_eq!(trail.take(note(3, Said::Intended(intent(1)))), None);
        // Written and read between the two, as by a server that dies there.
        let json = serde_json::to_string(&trail).unwrap();
        let mut trail: Trail = serde_json::from_str(&json).unwrap();
        let stopping = trail.take(note(4, Said::Stopping { cause: "x".into() })).unwrap();
        assert_eq!(stopping.request_id, "r1");
        let made = trail.take(note(5, Said::Concluded(Outcome::applied(id(1))))).unwrap();
        let Happening::Intervention { number, action, author, verdict, .. } = made.happening else {
            panic!("an intervention")
        };
        assert_eq!((number, &*action, &*author, verdict), (1, "stop", "ann", Verdict::Applied));
        assert_eq!((made.request_id.as_str(), trail.next), ("r1", Seq(6)));
        assert_eq!(trail.take(note(6, Said::Concluded(Outcome::applied(id(1))))), None);
    }

    #[test]
    fn text_after_an_interrupt_is_no_intervention_of_its_own() {
        let mut trail = Trail::default();
        assert_eq!(trail.take(note(0, Said::Intended(intent(1)))), None);
        let typed = InputNote {
            id: id(1),
            author: "ann".to_owned(),
            request_id: String::new(),
            len: 2,
            hidden: false,
            answers: None,
        };
        assert_eq!(trail.take(note(1, Said::Typed(typed.clone()))), None);
        assert_eq!(trail.take(note(2, Said::Typed(InputNote { id: id(2), ..typed }))), None);
        let made = [1, 2].map(|number| {
            trail.take(note(3, Said::Concluded(Outcome::applied(id(number))))).unwrap().happening
        });
        let told = made.map(|happening| {
            let Happening::Intervention { number, action, .. } = happening else {
                panic!("{happening:?}")
            };
            (number, action)
        });
        assert_eq!(told, [(1, "stop".to_owned()), (2, "type".to_owned())]);
    }
}
