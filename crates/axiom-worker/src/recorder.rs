//! The recorder: appends frames, folds them into the session, shows them to the links. In this order, always.
//! When the disk has no room, what happened is owed: kept in memory, in order, and appended when there is room;
//! reading stands still meanwhile, so what is owed is bounded.

use std::collections::VecDeque;

use axiom_journal::{AppendError, Writer};
use axiom_proto::frame::{Frame, FrameKind, Header, Micros};
use axiom_proto::keyframe::Keyframe;
use axiom_proto::mixed;
use axiom_proto::record::{InputNote, Record};
use axiom_session::{Flood, Session};

use crate::clock::Clock;
use crate::disk::{Disk, Reserve};
use crate::links::Links;
use crate::notes::note;
use crate::picture::Picture;
use crate::syncing::Syncer;

/// Frames that may be owed. One read, and what a few commands and an ending say; then commands wait too.
pub(crate) const OWED_MAX: usize = 256;

#[derive(Debug)]
struct Owed {
    kind: FrameKind,
    time: Micros,
    payload: Vec<u8>,
}

/// Everything that stands behind an append.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) writer: Writer,
    pub(crate) session: Session,
    pub(crate) syncer: Syncer,
    pub(crate) disk: Disk,
    pub(crate) clock: Clock,
    pub(crate) links: Links,
    pub(crate) picture: Picture,
    flood: Flood,
    owed: VecDeque<Owed>,
    shortage: Option<String>,
    /// Room kept back for what must be said on a full disk, while it is kept.
    reserve: Option<Reserve>,
    /// This disk can promise room at all.
    keeps_reserve: bool,
}

impl Recorder {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { writer, session, syncer, disk, clock, links, picture } = parts;
        let reserve = disk.reserve();
        Self {
            writer,
            session,
            syncer,
            disk,
            clock,
            links,
            picture,
            flood: Flood::default(),
            owed: VecDeque::new(),
            shortage: None,
            keeps_reserve: reserve.is_some(),
            reserve,
        }
    }

    /// Appends a frame now, or as soon as there is room.
    pub(crate) fn append(&mut self, kind: FrameKind, payload: &[u8]) {
        let time = self.clock.now();
        if !self.owed.is_empty() || !self.append_or_give_up_reserve(kind, time, payload) {
            self.owed.push_back(Owed { kind, time, payload: payload.to_vec() });
        }
    }

    /// Appends a record.
    pub(crate) fn record(&mut self, record: &Record) {
        self.append(FrameKind::Record, &record.encode());
    }

    /// Appends what is about to be typed; of a secret only its length.
    pub(crate) fn input(&mut self, note: &InputNote, bytes: &[u8]) {
        let kept = if note.hidden { &[] } else { bytes };
        self.append(FrameKind::Input, &mixed::encode(note, kept));
    }

    /// Appends a keyframe now or never: it can be made anew, so nothing is owed of it.
    pub(crate) fn keyframe(&mut self, keyframe: &Keyframe<'_>) {
        if self.owed.is_empty() && self.shortage.is_none() {
            let time = self.clock.now();
            self.try_append(FrameKind::Keyframe, time, &keyframe.encode());
        }
    }

    fn append_or_give_up_reserve(&mut self, kind: FrameKind, time: Micros, payload: &[u8]) -> bool {
        if self.try_append(kind, time, payload) {
            return true;
        }
        let Some(reserve) = self.reserve.take() else { return false };
        self.disk.give_up(reserve);
        self.try_append(kind, time, payload)
    }

    fn try_append(&mut self, kind: FrameKind, time: Micros, payload: &[u8]) -> bool {
        let fits = !self.writer.segment_is_full() && self.writer.has_room_for(payload.len());
        if !fits && !self.start_segment(time) {
            return false;
        }
        let header = match self.writer.append(kind, time, payload) {
            Ok(header) => header,
            Err(error) => {
                self.no_room(&error);
                return false;
            }
        };
        self.session.appended(&Frame { header, payload });
        self.show(&header, payload);
        self.syncer.touched(time);
        if let Some(shortage) = self.disk.shortage_after(header.frame_bytes(), time) {
            self.shortage.get_or_insert(shortage);
        }
        true
    }

    fn show(&mut self, header: &Header, payload: &[u8]) {
        let holds = match header.kind {
            FrameKind::Output | FrameKind::ErrorOutput => {
                self.flood.holds(header.time, payload.len())
            }
            FrameKind::Input
            | FrameKind::Record
            | FrameKind::Keyframe
            | FrameKind::Control
            | FrameKind::Other(_) => {
                self.flood.shown();
                false
            }
        };
        self.links.show(header, payload, holds);
    }

    /// When what is held back in a flood must be shown.
    pub(crate) fn show_due(&self) -> Option<Micros> {
        self.flood.due()
    }

    /// Shows what is held back.
    pub(crate) fn show_held(&mut self) {
        self.flood.shown();
        self.links.release();
    }

    /// A new segment begins with everything derived so far, so that recovery reads one segment.
    fn start_segment(&mut self, time: Micros) -> bool {
        let summary = Record::Summary(Box::new(self.session.summary().clone())).encode();
        let begun = self
            .writer
            .rotate()
            .and_then(|()| self.writer.append(FrameKind::Record, time, &summary));
        match begun {
            Ok(header) => {
                self.session.appended(&Frame { header, payload: &summary });
                self.show(&header, &summary);
                true
            }
            Err(error) => {
                self.no_room(&error);
                false
            }
        }
    }

    fn no_room(&mut self, error: &AppendError) {
        if self.shortage.is_some() {
            return;
        }
        // The journal's own words name a path through our descriptor, which tells a person nothing.
        let reason = match error {
            AppendError::NoSpace { folder, .. } => {
                let folder = self.disk.shown(folder);
                format!("disk_full: no space left for the journal in {folder}; free some space")
            }
            AppendError::Io { folder, source } => {
                let folder = self.disk.shown(folder);
                format!("failed to append to the journal in {folder}: {source}")
            }
        };
        note(&reason);
        self.shortage = Some(reason);
    }

    /// Why reading must stand still.
    pub(crate) fn shortage(&self) -> Option<&str> {
        self.shortage.as_deref()
    }

    /// Appends what is owed, if there is room again. True once nothing hinders reading any more.
    pub(crate) fn retry(&mut self) -> bool {
        while let Some(owed) = self.owed.pop_front() {
            if !self.try_append(owed.kind, owed.time, &owed.payload) {
                self.owed.push_front(owed);
                return false;
            }
        }
        let still = self.disk.shortage();
        if still.is_none() && self.keeps_reserve && self.reserve.is_none() {
            self.reserve = self.disk.reserve();
            // Not enough for the reserve is not enough to go on reading.
            if self.reserve.is_none() {
                return false;
            }
        }
        let over = still.is_none();
        self.shortage = still;
        over
    }

    /// True while no more commands can be taken: their intents could not be kept.
    pub(crate) fn owes_too_much(&self) -> bool {
        self.owed.len() >= OWED_MAX
    }

    /// True while something is not in the journal yet.
    pub(crate) fn owes(&self) -> bool {
        !self.owed.is_empty()
    }

    /// The session is over: nothing needs the reserve any more.
    pub(crate) fn free_reserve(&mut self) {
        if let Some(reserve) = self.reserve.take() {
            self.disk.give_up(reserve);
        }
    }

    /// Hands the journal to the syncing thread.
    pub(crate) fn sync(&mut self, now: Micros) {
        self.syncer.sync(now, || self.writer.files_to_sync());
    }
}

/// What a recorder is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) writer: Writer,
    pub(crate) session: Session,
    pub(crate) syncer: Syncer,
    pub(crate) disk: Disk,
    pub(crate) clock: Clock,
    pub(crate) links: Links,
    pub(crate) picture: Picture,
}
