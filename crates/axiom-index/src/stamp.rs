//! What tells one state of a journal from another without reading it.
//! A stamp that differs means: read the journal. It decides nothing else.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The size and time of a session's newest segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The newest one's number: older ones may be packed, or gone, and say nothing new by that.
    pub segment: u32,
    /// The newest one's bytes.
    pub bytes: i64,
    /// When it was last written, in nanoseconds since 1970.
    pub modified_ns: i64,
}

impl Stamp {
    /// The stamp of the journal in a session's folder; `None` if there is none.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn of(folder: &Path) -> io::Result<Option<Self>> {
        let listing = match fs::read_dir(folder) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut newest = None;
        for entry in listing {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".journal")?.parse().ok());
            newest = newest.max(number.map(|number: u32| (number, name)));
        }
        let Some((segment, newest)) = newest else { return Ok(None) };
        let meta = fs::metadata(folder.join(newest))?;
        let modified_ns = meta.mtime().saturating_mul(1_000_000_000) + meta.mtime_nsec();
        let bytes = i64::try_from(meta.len()).unwrap_or(i64::MAX);
        Ok(Some(Self { segment, bytes, modified_ns }))
    }
}
