//! The cursor: where a reader stands, opaque to whoever carries it.
//! Inside: session number, offset, and the seq of the next frame, so that records between two outputs are neither missed nor doubled;
//! where text is read, the number of the next line as well.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::frame::{Offset, Seq};

/// A place in a session's frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cursor {
    /// The session's number.
    pub session: u32,
    /// Output bytes before this place.
    pub offset: Offset,
    /// The next frame, where the reader knows it; else the first one at the offset.
    pub seq: Option<Seq>,
    /// The next line of the transcript, for readers of text. The others pass over it.
    pub line: Option<u64>,
}

/// Output that is no longer kept: retention took the journal's oldest segments. Written `FROM-TO`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Gone {
    /// The first byte that was asked for.
    pub from: Offset,
    /// The first byte that is kept.
    pub to: Offset,
}

/// Why a text is not a cursor.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{text:?} is not a cursor: take one from an earlier answer, or an offset as SESSION:OFFSET"
)]
pub struct CursorError {
    /// What was given.
    pub text: String,
}

impl Cursor {
    /// The beginning of a session.
    #[must_use]
    pub fn start(session: u32) -> Self {
        Self { session, offset: Offset(0), seq: Some(Seq(0)), line: None }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.session, self.offset)?;
        match (self.seq, self.line) {
            (None, None) => Ok(()),
            (Some(seq), None) => write!(f, ":{seq}"),
            (Some(seq), Some(line)) => write!(f, ":{seq}:{line}"),
            (None, Some(line)) => write!(f, "::{line}"),
        }
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let refuse = || CursorError { text: text.chars().take(64).collect() };
        let parts: Vec<&str> = text.split(':').collect();
        let (session, offset, seq, line) = match parts[..] {
            [session, offset] => (session, offset, None, None),
            [session, offset, seq] => (session, offset, Some(seq), None),
            [session, offset, "", line] => (session, offset, None, Some(line)),
            [session, offset, seq, line] => (session, offset, Some(seq), Some(line)),
            _ => return Err(refuse()),
        };
        Ok(Self {
            session: session.parse().map_err(|_| refuse())?,
            offset: Offset(offset.parse().map_err(|_| refuse())?),
            seq: seq.map(|seq| seq.parse().map(Seq)).transpose().map_err(|_| refuse())?,
            line: line.map(str::parse).transpose().map_err(|_| refuse())?,
        })
    }
}

impl Gone {
    /// How many bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.to.0.saturating_sub(self.from.0)
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from, self.to)
    }
}

impl FromStr for Gone {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let offset = |text: &str| text.parse().map(Offset).ok();
        let places = text.split_once('-').and_then(|(from, to)| offset(from).zip(offset(to)));
        let (from, to) =
            places.ok_or_else(|| CursorError { text: text.chars().take(64).collect() })?;
        Ok(Self { from, to })
    }
}

impl TryFrom<String> for Cursor {
    type Error = CursorError;

    fn try_from(text: String) -> Result<Self, CursorError> {
        text.parse()
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_from_its_text() {
        for seq in [None, Some(Seq(9))] {
            for line in [None, Some(7)] {
                let cursor = Cursor { session: 2, offset: Offset(4096), seq, line };
                assert_eq!(cursor.to_string().parse(), Ok(cursor));
            }
        }
    }

    #[test]
    fn what_is_gone_comes_back_from_its_text() {
        let gone = Gone { from: Offset(7), to: Offset(4096) };
        assert_eq!((gone.to_string().parse(), gone.bytes()), (Ok(gone), 4089));
        for text in ["", "1", "1-", "-1", "1-2-3", "a-b"] {
            assert!(text.parse::<Gone>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "1",
            "1:",
            "a:1",
            "1:1:1:1:1",
            "1:1:1:",
            "1::",
            "1:1:",
            "-1:0",
            "1:99999999999999999999",
        ] {
            assert!(text.parse::<Cursor>().is_err(), "{text:?}");
        }
    }
}
