//! Reading of a journal whose oldest segments may go at any moment: what was asked for, else the oldest that is kept, said as such.

use axiom_journal::{Head, JournalError, Reader, SeekTo};

/// Moves to a place; where retention took it, to the oldest frame that is kept, whose place is given.
pub(crate) fn seek(reader: &mut Reader, to: SeekTo) -> Result<Option<Head>, JournalError> {
    match reader.seek(to) {
        Ok(()) => Ok(None),
        Err(JournalError::Gone { .. }) => {
            reader.seek(SeekTo::Start)?;
            Ok(Some(reader.head()))
        }
        Err(error) => Err(error),
    }
}

/// Reads anew where retention took the next segment while one was read: then it is known where what is kept begins. It ends,
/// since each time something more has gone.
pub(crate) fn read<A>(
    mut read: impl FnMut() -> Result<A, JournalError>,
) -> Result<A, JournalError> {
    loop {
        match read() {
            Err(JournalError::Gone { .. }) => {}
            answer => return answer,
        }
    }
}
