//! A keyframe's payload: a note, the bytes that draw the screen, and what a later version adds behind them.
//! docs/journal.md has each byte. It draws nothing itself.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::frame::{Micros, Offset, Seq};
use crate::mixed::{self, MixedError};
use crate::task::Size;

/// The largest dump that is kept. A screen of 120 columns and 40 rows takes some 10 KB, one of the largest size with every
/// cell in its own colour over 10 MB: of such a screen there is no keyframe, and readers begin earlier.
pub const DUMP_BYTES_MAX: usize = 1 << 20;

/// What is said of a keyframe's screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyframeNote {
    /// The screen's size.
    pub size: Size,
    /// The first frame that is not in the screen. It lies before the keyframe's own: the screen is made beside the writing.
    pub next: Seq,
    /// The first byte of output that is not in the screen.
    pub offset: Offset,
    /// When the newest frame that is in it happened.
    pub time: Micros,
    /// The terminal handed its input over line by line, as the keyframe was written.
    #[serde(default)]
    pub line_mode: bool,
    /// It showed what was typed.
    #[serde(default)]
    pub echo: bool,
    /// Lines of the transcript so far; 0 where none was made.
    #[serde(default)]
    pub lines: u64,
    /// How many of the bytes after this note are the dump.
    pub dump_bytes: u64,
}

/// A keyframe, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyframe<'a> {
    /// What is said of it.
    pub note: KeyframeNote,
    /// Bytes that draw the screen in a fresh terminal of its size.
    pub dump: &'a [u8],
    /// Behind the dump: of other versions, or empty.
    pub rest: &'a [u8],
}

/// Why a payload is no keyframe.
#[derive(Debug, Error)]
pub enum KeyframeError {
    /// Its note cannot be read.
    #[error(transparent)]
    Note(#[from] MixedError),
    /// The dump is longer than what there is.
    #[error("a keyframe's dump should have {said} bytes, and has {have}")]
    Cut {
        /// What the note says.
        said: u64,
        /// What is there.
        have: usize,
    },
}

impl<'a> Keyframe<'a> {
    /// The payload of a `Keyframe` frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let note = KeyframeNote { dump_bytes: self.dump.len() as u64, ..self.note.clone() };
        let mut payload = mixed::encode(&note, self.dump);
        payload.extend_from_slice(self.rest);
        payload
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// [`KeyframeError`] when it is cut or its note is something else.
    pub fn decode(payload: &'a [u8]) -> Result<Self, KeyframeError> {
        let (note, bytes) = mixed::decode::<KeyframeNote>(payload)?;
        let cut = KeyframeError::Cut { said: note.dump_bytes, have: bytes.len() };
        let parts =
            usize::try_from(note.dump_bytes).ok().and_then(|len| bytes.split_at_checked(len));
        let (dump, rest) = parts.ok_or(cut)?;
        Ok(Self { note, dump, rest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note() -> KeyframeNote {
        KeyframeNote {
            size: Size { cols: 80, rows: 24 },
            next: Seq(9),
            offset: Offset(4000),
            time: Micros(5),
            line_mode: true,
            echo: false,
            lines: 0,
            dump_bytes: 4,
        }
    }

    #[test]
    fn note_dump_and_rest_come_back() {
        let keyframe = Keyframe { note: note(), dump: b"dump", rest: b"rest" };
        assert_eq!(Keyframe::decode(&keyframe.encode()).unwrap(), keyframe);
    }

    #[test]
    fn a_cut_keyframe_is_an_error() {
        let payload = Keyframe { note: note(), dump: b"dump", rest: b"" }.encode();
        for len in 0..payload.len() {
            assert!(Keyframe::decode(&payload[..len]).is_err(), "{len}");
        }
    }
}
