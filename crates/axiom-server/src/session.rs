//! The live state of one session: what its frames say, its newest frames, its link, its unanswered commands.
//! Plain values behind the task's lock; the link's loop feeds it. Refuses frames that do not continue the newest one.

use axiom_hub::{Place, PushError, Pushed, Ring};
use axiom_proto::frame::{Frame, FrameKind, Seq};
use axiom_proto::link::Hello;
use axiom_proto::summary::Summary;
use axiom_proto::task::LinkView;
use bytes::Bytes;

use crate::changes::Weight;
use crate::events::{Note, Notes};
use crate::history::Folded;
use crate::pending::Pending;

/// The live state of one session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) summary: Summary,
    /// None until a worker or the journal has said where the session stands.
    pub(crate) ring: Option<Ring>,
    pub(crate) started_unix_us: Option<u64>,
    pub(crate) link: Link,
    pub(crate) pending: Pending,
    /// Why the worker does not read, where its journal cannot say it.
    pub(crate) paused: Option<String>,
    /// What is wrong with it, for `status`.
    pub(crate) problem: Option<Problem>,
    /// True while the holder is asked for another worker.
    pub(crate) is_being_replaced: bool,
    /// What its newest frames say, for events.
    pub(crate) notes: Notes,
    /// True while its link is lost, or was expected and did not come: not while its worker is only being started.
    pub(crate) is_missed: bool,
    /// True once its silence was told: the next output begins another.
    pub(crate) is_silent: bool,
}

/// The link as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Link {
    Away { since_ms: u64 },
    Connected { worker_pid: u32, holder_pid: u32 },
}

/// What is wrong with a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// Worker and server have no link protocol in common; commands are refused.
    Version(String),
    /// Anything else that somebody should look at.
    Other(String),
}

impl Problem {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Version(text) | Self::Other(text) => text,
        }
    }
}

impl Session {
    /// A session that has just been asked for, or that was found and not heard of yet.
    pub(crate) fn starting(now_ms: u64) -> Self {
        Self {
            summary: Summary::default(),
            ring: None,
            started_unix_us: None,
            link: Link::Away { since_ms: now_ms },
            pending: Pending::default(),
            paused: None,
            problem: None,
            is_being_replaced: false,
            notes: Notes::starting_at(Seq(0)),
            is_missed: false,
            is_silent: false,
        }
    }

    /// A worker has said hello: gives the first frame to ask it for.
    pub(crate) fn linked(&mut self, hello: Hello) -> Seq {
        self.link = Link::Connected { worker_pid: hello.worker_pid, holder_pid: hello.holder_pid };
        self.started_unix_us = Some(hello.started_unix_us);
        self.is_missed = false;
        self.paused = None;
        self.problem = None;
        self.pending.relink(&hello.summary);
        let theirs = Place { seq: hello.summary.next_seq, offset: hello.summary.offset };
        match &self.ring {
            // What we have is what their journal says, as far as it goes: the rest comes over the link.
            Some(ring) if ring.head().seq <= theirs.seq => ring.head().seq,
            // Nothing yet; or they lost what we were shown, which only a power cut can do: their journal is the truth.
            Some(_) | None => {
                self.ring = Some(Ring::starting_at(theirs));
                self.notes = Notes::starting_at(theirs.seq);
                self.summary = hello.summary;
                theirs.seq
            }
        }
    }

    /// The link is gone.
    pub(crate) fn unlinked(&mut self, now_ms: u64) {
        if let Link::Connected { .. } = self.link {
            self.link = Link::Away { since_ms: now_ms };
            self.is_missed = true;
        }
    }

    /// Takes a frame in; `bytes` is the whole of it. Says how much it matters, or nothing for one seen before.
    pub(crate) fn take(
        &mut self,
        frame: &Frame<'_>,
        bytes: Bytes,
    ) -> Result<Option<Weight>, PushError> {
        let start = Place { seq: self.summary.next_seq, offset: self.summary.offset };
        let ring = self.ring.get_or_insert_with(|| Ring::starting_at(start));
        match ring.push(&frame.header, bytes)? {
            Pushed::Duplicate => Ok(None),
            Pushed::New => {
                let before = self.summary.status;
                self.summary.fold(frame);
                if let Some(note) = Note::of(frame, before, &self.summary) {
                    self.notes.push(note);
                }
                let kind = frame.header.kind;
                let breaks_silence = kind.is_output() && std::mem::take(&mut self.is_silent);
                Ok(Some(if breaks_silence { Weight::Status } else { weight_of(kind) }))
            }
        }
    }

    /// Answers commands whose outcome has come. Once per batch of frames.
    pub(crate) fn answer(&mut self) {
        self.pending.resolve(&self.summary);
    }

    /// Takes over what the journal says, where it says more: readers find the frames there.
    pub(crate) fn adopt(&mut self, folded: Folded) {
        let theirs = Place { seq: folded.summary.next_seq, offset: folded.summary.offset };
        if self.ring.as_ref().is_some_and(|ring| ring.head().seq >= theirs.seq) {
            return;
        }
        self.ring = Some(Ring::starting_at(theirs));
        self.notes = Notes::starting_at(theirs.seq);
        self.started_unix_us = Some(folded.started_unix_us);
        self.summary = folded.summary;
        self.answer();
    }

    /// The head, once it is known.
    pub(crate) fn head(&self) -> Option<Place> {
        self.ring.as_ref().map(Ring::head)
    }

    /// Why the output stands still, where it does.
    pub(crate) fn paused(&self) -> Option<&str> {
        let paused = self.summary.paused.as_deref().or(self.paused.as_deref());
        paused.filter(|_| !self.summary.status.is_ended())
    }

    pub(crate) fn link_view(&self) -> LinkView {
        match self.link {
            Link::Away { since_ms } => LinkView::Away { since_ms },
            Link::Connected { .. } => LinkView::Connected,
        }
    }
}

/// Output only moves counters; everything else may be what somebody waits for.
fn weight_of(kind: FrameKind) -> Weight {
    match kind {
        FrameKind::Output | FrameKind::ErrorOutput | FrameKind::Input | FrameKind::Keyframe => {
            Weight::Counters
        }
        FrameKind::Record | FrameKind::Control | FrameKind::Other(_) => Weight::Status,
    }
}

#[cfg(test)]
mod tests {
    use axiom_proto::frame::{Header, Micros, Offset};
    use axiom_proto::id::{SessionId, TaskId};
    use axiom_proto::record::{Exit, Record};
    use axiom_proto::task::Status;

    use super::*;

    fn hello(summary: Summary) -> Hello {
        let session = SessionId { task: TaskId::from_random([0; 10]), number: 1 };
        Hello {
            protocol: 1,
            protocol_oldest: 1,
            version: "0".to_owned(),
            session,
            epoch: 1,
            worker_pid: 2,
            holder_pid: 3,
            started_unix_us: 4,
            summary,
        }
    }

    fn take(session: &mut Session, seq: u64, record: &Record) -> Result<Option<Weight>, PushError> {
        let payload = record.encode();
        let header = Header::of(FrameKind::Record, Seq(seq), Offset(0), Micros(seq), &payload);
        let frame = Frame { header, payload: &payload };
        session.take(&frame, frame.to_vec().into())
    }

    #[test]
    fn a_first_hello_is_believed_and_frames_are_asked_for_from_its_head() {
        let mut session = Session::starting(0);
        let summary = Summary { next_seq: Seq(9), status: Status::Running, ..Summary::default() };
        assert_eq!(session.linked(hello(summary.clone())), Seq(9));
        assert_eq!(session.summary, summary);
        assert_eq!(session.link_view(), LinkView::Connected);
        session.unlinked(7);
        assert_eq!(session.link_view(), LinkView::Away { since_ms: 7 });
    }

    #[test]
    fn after_a_lost_link_frames_go_on_where_they_stopped() {
        let mut session = Session::starting(0);
        session.linked(hello(Summary::default()));
        let exited = Record::Exited { exit: Exit::Code(0) };
        assert_eq!(take(&mut session, 0, &exited), Ok(Some(Weight::Status)));
        let ahead = Summary { next_seq: Seq(5), ..Summary::default() };
        assert_eq!(session.linked(hello(ahead)), Seq(1));
        assert_eq!(take(&mut session, 0, &exited), Ok(None));
        assert!(take(&mut session, 2, &exited).is_err());
        assert_eq!(session.summary.status, Status::Succeeded);
    }

    #[test]
    fn a_worker_whose_journal_is_shorter_is_right() {
        let mut session = Session::starting(0);
        session.linked(hello(Summary { next_seq: Seq(5), ..Summary::default() }));
        let shorter = Summary { next_seq: Seq(3), ..Summary::default() };
        assert_eq!(session.linked(hello(shorter)), Seq(3));
        assert_eq!(session.head().map(|head| head.seq), Some(Seq(3)));
    }
}
