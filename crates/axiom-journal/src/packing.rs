//! Turns closed segments into packed ones, and back where a writer must go on in one. Owner of the order that keeps every
//! byte on disk throughout: written beside, synced, renamed, and only then is the other removed. Never touches the newest segment, nor one
//! that is damaged: what is wrong with it is found in the bytes as they were written.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::folder::{self, JournalError};
use crate::lock::SegmentsLock;
use crate::packed::{self, Packed};
use crate::scan::{Head, Verdict, scan};
use crate::segment::{self, SEGMENT_HEADER_BYTES};
use crate::trimming::remove_file;

/// What packing a journal came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PackReport {
    /// Segments that are packed now and were not before.
    pub segments: u32,
    /// Their bytes before.
    pub plain_bytes: u64,
    /// Their bytes now.
    pub packed_bytes: u64,
}

/// Packs every closed segment of the journal in `folder`, one after the other, until `go_on` says no. Takes no lock: a closed
/// segment has no writer. One packer at a time: whoever calls sees to it.
///
/// # Errors
/// [`JournalError::Missing`] if there is no journal; what a failing disk says. What was packed by then stays packed, and no byte is
/// lost.
pub fn pack(folder: &Path, go_on: impl Fn() -> bool) -> Result<PackReport, JournalError> {
    let mut report = PackReport::default();
    let numbers = folder::segments(folder)?;
    for pair in numbers.windows(2) {
        let &[number, next] = pair else { continue };
        if !go_on() {
            break;
        }
        let _nobody_removes = SegmentsLock::take(folder)?;
        remove_half_packed(folder, number)?;
        let plain = folder::path_of(folder, number);
        let bytes = match fs::read(&plain) {
            Ok(bytes) => bytes,
            // Packed already, or no longer kept.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(JournalError::io("read", &plain)(error)),
        };
        if !is_whole(folder, (number, &bytes), next)? {
            continue;
        }
        let packed_path = folder.join(segment::packed_name(number));
        let packed = packed::pack(&bytes).map_err(JournalError::io("pack", &plain))?;
        replace(folder, &packed_path, &packed)?;
        check(&packed_path, &bytes)?;
        remove_file(&plain)?;
        report.segments += 1;
        report.plain_bytes += bytes.len() as u64;
        report.packed_bytes += packed.len() as u64;
    }
    Ok(report)
}

/// Gives a packed segment back as it was written, if it is packed.
pub(crate) fn unpack(folder: &Path, number: u32) -> Result<(), JournalError> {
    let plain = folder::path_of(folder, number);
    let packed_path = folder.join(segment::packed_name(number));
    if plain.exists() || !packed_path.exists() {
        return Ok(());
    }
    let _nobody_packs = SegmentsLock::take(folder)?;
    let whole = || {
        let packed = Packed::open(&packed_path)?;
        let len = usize::try_from(packed.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let mut bytes = vec![0; len];
        packed.read_up_to(&mut bytes, 0)?;
        Ok(bytes)
    };
    let bytes = whole().map_err(JournalError::io("unpack", &packed_path))?;
    replace(folder, &plain, &bytes)?;
    remove_file(&packed_path)
}

/// True if these are whole frames up to where the next segment begins.
fn is_whole(folder: &Path, (number, bytes): (u32, &[u8]), next: u32) -> Result<bool, JournalError> {
    let Some(after) = folder::open_segment(folder, next)? else { return Ok(false) };
    let Ok(header) = folder::HeaderProblem::check(bytes, number) else { return Ok(false) };
    let scan = scan(&bytes[SEGMENT_HEADER_BYTES..], Head::at_start_of(&header));
    let start = Head::at_start_of(&after.header);
    let joined = scan.head.seq == start.seq && scan.head.offset == start.offset;
    Ok(scan.verdict == Verdict::Whole && joined && number + 1 == next)
}

/// Reads back what was packed: nothing is removed on the word of a compressor.
fn check(packed_path: &Path, bytes: &[u8]) -> Result<(), JournalError> {
    let read = || {
        let packed = Packed::open(packed_path)?;
        let mut again = vec![0; bytes.len()];
        let have = packed.read_up_to(&mut again, 0)?;
        Ok(have == bytes.len() && packed.len() == bytes.len() as u64 && again == bytes)
    };
    let io_error = JournalError::io("read back", packed_path);
    match read() {
        Ok(true) => Ok(()),
        Ok(false) => {
            remove_file(packed_path)?;
            Err(io_error(io::Error::new(io::ErrorKind::InvalidData, "it is not what was packed")))
        }
        Err(error) => {
            remove_file(packed_path)?;
            Err(io_error(error))
        }
    }
}

/// Writes a file under another name, syncs it, and gives it its name.
fn replace(folder: &Path, path: &Path, bytes: &[u8]) -> Result<(), JournalError> {
    let beside = path.with_extension("new");
    if let Err(error) = fs::remove_file(&beside)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(JournalError::io("remove", &beside)(error));
    }
    let write = || {
        let mut file = folder::create_file(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|error| {
        // What is half written helps nobody, on a full disk least.
        let _may_be_gone = fs::remove_file(&beside);
        JournalError::io("write", path)(error)
    })
}

/// Both are there where a packer was killed before it removed the plain one: then the plain one counts.
fn remove_half_packed(folder: &Path, number: u32) -> Result<(), JournalError> {
    let packed_path = folder.join(segment::packed_name(number));
    if folder::path_of(folder, number).exists() && packed_path.exists() {
        remove_file(&packed_path)?;
    }
    Ok(())
}
