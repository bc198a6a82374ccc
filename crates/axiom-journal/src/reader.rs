//! Reads a journal that may be growing, and follows its writer from segment to segment.
//! Takes no lock and never writes. Gives whole, checked, contiguous frames only.

use std::path::{Path, PathBuf};

use axiom_proto::frame::{HEADER_BYTES, Header, Seq};
use bytes::Bytes;

use crate::folder::{self, JournalError, OpenSegment};
use crate::scan::{Head, walk};
use crate::seek::{self, SeekTo};
use crate::segment::SegmentHeader;
use crate::writer::FIRST_FRAME_AT;

/// A cursor in a session's journal.
#[derive(Debug)]
pub struct Reader {
    folder: PathBuf,
    place: Place,
}

/// A place between two frames.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) segment: OpenSegment,
    /// The byte in the segment's file.
    pub(crate) at: u64,
    /// What the next frame must be.
    pub(crate) head: Head,
}

/// What lies at a place.
enum Look {
    /// Valid frames.
    Frames { bytes: Bytes, head: Head },
    /// Nothing.
    End,
    /// The last bytes of the file are no valid frame: the writer may be in the middle of it.
    Unfinished,
    /// No valid frame, though more bytes follow it.
    Bad,
}

impl Reader {
    /// Opens the journal in `folder`, at its oldest frame.
    ///
    /// # Errors
    /// [`JournalError::Missing`] before a writer has begun it.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        Ok(Self { folder: folder.to_owned(), place: seek::first(folder)? })
    }

    /// Moves to another place. On an error the reader stays where it is.
    ///
    /// # Errors
    /// [`JournalError::Gone`] before the oldest frame, [`JournalError::Beyond`] after the newest.
    pub fn seek(&mut self, to: SeekTo) -> Result<(), JournalError> {
        loop {
            match seek::find(&self.folder, to) {
                // The oldest segments went while we looked: what is asked for is still there.
                Err(JournalError::Gone { first_kept }) if !to.is_gone(first_kept) => {}
                found => {
                    self.place = found?;
                    return Ok(());
                }
            }
        }
    }

    /// Moves to the last keyframe before the frame `before`, at bounded cost: headers of a few segments are walked over.
    /// False where there is none near; then, and on an error, the reader stays where it is.
    ///
    /// # Errors
    /// [`JournalError::Missing`] where there is no journal any more; what a failing disk says.
    pub fn seek_to_keyframe(&mut self, before: Seq) -> Result<bool, JournalError> {
        let found = seek::keyframe_before(&self.folder, before)?;
        let Some(place) = found else { return Ok(false) };
        self.place = place;
        Ok(true)
    }

    /// Moves on to the next keyframe, past so much output at most. Where there is none, the reader stays.
    ///
    /// # Errors
    /// What a failing disk says.
    pub fn seek_to_next_keyframe(&mut self, bytes_max: u64) -> Result<bool, JournalError> {
        let here = self.place.head.seq;
        let found = seek::keyframe_after(&self.folder, &mut self.place, bytes_max)?;
        if !found {
            self.seek(SeekTo::Seq(here))?;
        }
        Ok(found)
    }

    /// The next whole frames, back to back: about `bytes_max` at most, but at least one, and none from `until`
    /// on, which is the head that a writer has announced. Empty at the end for now.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] for a frame that cannot be one that is still being written;
    /// [`JournalError::Gone`] when retention took the segments that follow.
    pub fn read(&mut self, bytes_max: usize, until: Option<Seq>) -> Result<Bytes, JournalError> {
        while until.is_none_or(|until| self.place.head.seq < until) {
            let look = self.look(bytes_max, until)?;
            if let Look::Frames { bytes, head } = look {
                return Ok(self.pass(bytes, head));
            }
            let Some(next) = self.place.next_segment(&self.folder)? else {
                return self.at_the_end(&look, bytes_max, until);
            };
            // The writer has left this segment: only now is what it holds final.
            match self.look(bytes_max, until)? {
                Look::Frames { bytes, head } => return Ok(self.pass(bytes, head)),
                Look::End if self.place.continues_in(&next.header) => {
                    self.place = Place::at_start_of(next);
                }
                Look::End | Look::Unfinished | Look::Bad => return Err(self.place.damaged()),
            }
        }
        Ok(Bytes::new())
    }

    /// The number of the oldest frame that is kept now.
    ///
    /// # Errors
    /// [`JournalError::Missing`] where there is no journal any more; what a failing disk says.
    pub fn first_kept(&self) -> Result<Seq, JournalError> {
        Ok(seek::first(&self.folder)?.head.seq)
    }

    /// The number of the next frame.
    #[must_use]
    pub fn position(&self) -> Seq {
        self.place.head.seq
    }

    /// The next frame's number and offset.
    #[must_use]
    pub fn head(&self) -> Head {
        self.place.head
    }

    /// The header of the segment that is read now: whose journal it is, and since when.
    #[must_use]
    pub fn segment(&self) -> &SegmentHeader {
        &self.place.segment.header
    }

    fn pass(&mut self, bytes: Bytes, head: Head) -> Bytes {
        self.place.at += bytes.len() as u64;
        self.place.head = head;
        bytes
    }

    /// No frame, and no next segment: the end for now, unless the bytes here can become no frame any more.
    fn at_the_end(
        &mut self,
        first_look: &Look,
        bytes_max: usize,
        until: Option<Seq>,
    ) -> Result<Bytes, JournalError> {
        self.place.check_is_last(&self.folder)?;
        // A second look: the writer may have replaced a failed append while we took the first.
        match (self.look(bytes_max, until)?, first_look) {
            (Look::Frames { bytes, head }, _) => Ok(self.pass(bytes, head)),
            (Look::Bad, Look::Bad) => Err(self.place.damaged()),
            // A writer announces whole frames only.
            (Look::Bad | Look::Unfinished, _) if until.is_some() => Err(self.place.damaged()),
            (Look::End | Look::Unfinished | Look::Bad, _) => Ok(Bytes::new()),
        }
    }

    fn look(&self, bytes_max: usize, until: Option<Seq>) -> Result<Look, JournalError> {
        let looked = self.place.look(bytes_max, until);
        looked.map_err(|error| {
            // A packed segment whose bytes are not those that were packed.
            if error.kind() == std::io::ErrorKind::InvalidData {
                return self.place.damaged();
            }
            let number = self.place.segment.header.segment;
            JournalError::io("read", &folder::path_of(&self.folder, number))(error)
        })
    }
}

impl Place {
    pub(crate) fn at_start_of(segment: OpenSegment) -> Self {
        let head = Head::at_start_of(&segment.header);
        Self { segment, at: FIRST_FRAME_AT, head }
    }

    /// True if `next` begins where this place is.
    pub(crate) fn continues_in(&self, next: &SegmentHeader) -> bool {
        next.session == self.segment.header.session
            && next.first_seq == self.head.seq
            && next.first_offset == self.head.offset
    }

    pub(crate) fn damaged(&self) -> JournalError {
        JournalError::Damaged {
            segment: self.segment.header.segment,
            at: self.at,
            seq: self.head.seq,
        }
    }

    /// The next segment, if its header is written.
    pub(crate) fn next_segment(&self, folder: &Path) -> Result<Option<OpenSegment>, JournalError> {
        folder::open_segment(folder, self.segment.header.segment + 1)
    }

    /// Refuses when the end of this segment cannot be the end of the journal.
    pub(crate) fn check_is_last(&self, folder: &Path) -> Result<(), JournalError> {
        let number = self.segment.header.segment;
        let numbers = folder::segments(folder)?;
        let (Some(&oldest), Some(&newest)) = (numbers.first(), numbers.last()) else {
            return Err(JournalError::Missing { folder: folder.to_owned() });
        };
        if number < oldest {
            let first_kept = seek::first(folder)?.head;
            return Err(JournalError::Gone { first_kept });
        }
        // The next may be half begun, if it is the newest.
        let skips = newest > number + 1 && self.next_segment(folder)?.is_none();
        if skips || !numbers.contains(&number) {
            return Err(self.damaged());
        }
        Ok(())
    }

    fn look(&self, bytes_max: usize, until: Option<Seq>) -> std::io::Result<Look> {
        let len = self.segment.source.len()?;
        let Some(rest) = len.checked_sub(self.at) else {
            // Cut below a frame that was given already.
            return Ok(Look::Bad);
        };
        if rest == 0 {
            return Ok(Look::End);
        }
        let rest = usize::try_from(rest).unwrap_or(usize::MAX);
        let mut bytes = self.read_part(bytes_max.max(HEADER_BYTES).min(rest))?;
        let Ok(header) = Header::decode(&bytes) else {
            return Ok(Look::Unfinished);
        };
        if header.frame_bytes() > bytes.len() && header.frame_bytes() <= rest {
            bytes = self.read_part(header.frame_bytes())?;
        }
        let (good, head) = walk(&bytes, self.head, until);
        if good > 0 {
            bytes.truncate(good);
            return Ok(Look::Frames { bytes: bytes.into(), head });
        }
        Ok(if header.frame_bytes() < rest { Look::Bad } else { Look::Unfinished })
    }

    fn read_part(&self, bytes: usize) -> std::io::Result<Vec<u8>> {
        self.segment.source.read_part(self.at, bytes)
    }
}
