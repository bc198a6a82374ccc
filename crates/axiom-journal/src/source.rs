//! Where a segment's bytes come from: a file as it was written, or a packed one. Owner of the one way to read both; the writer
//! and recovery change plain files only.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::packed::Packed;
use crate::segment;

/// A segment's bytes.
#[derive(Debug)]
pub(crate) enum Source {
    Plain(File),
    Packed(Packed),
}

impl Source {
    /// Opens a segment in either form.
    pub(crate) fn open(folder: &Path, number: u32) -> io::Result<Self> {
        match File::open(folder.join(segment::file_name(number))) {
            Ok(file) => Ok(Self::Plain(file)),
            // A packer removes the plain one only after the packed one has its name.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Packed::open(&folder.join(segment::packed_name(number))).map(Self::Packed)
            }
            Err(error) => Err(error),
        }
    }

    /// The segment's length, as far as it is written.
    pub(crate) fn len(&self) -> io::Result<u64> {
        match self {
            Self::Plain(file) => Ok(file.metadata()?.len()),
            Self::Packed(packed) => Ok(packed.len()),
        }
    }

    /// Fills `bytes` from the segment at `at`, as far as it goes.
    pub(crate) fn read_up_to(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        match self {
            Self::Plain(file) => read_up_to(file, bytes, at),
            Self::Packed(packed) => packed.read_up_to(bytes, at),
        }
    }

    /// At most `bytes` bytes of the segment from `at` on.
    pub(crate) fn read_part(&self, at: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let mut read = vec![0; bytes];
        let have = self.read_up_to(&mut read, at)?;
        read.truncate(have);
        Ok(read)
    }

    /// The whole segment.
    pub(crate) fn read_whole(&self) -> io::Result<Vec<u8>> {
        let bytes = usize::try_from(self.len()?)
            .map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
        self.read_part(0, bytes)
    }
}

/// The bytes that a segment takes on disk, in either form.
pub(crate) fn stored_bytes(folder: &Path, number: u32) -> io::Result<u64> {
    let plain = fs::metadata(folder.join(segment::file_name(number)));
    let packed = || fs::metadata(folder.join(segment::packed_name(number)));
    Ok(plain.or_else(|_| packed())?.len())
}

fn read_up_to(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    let mut have = 0;
    while have < bytes.len() {
        match file.read_at(&mut bytes[have..], at + have as u64) {
            Ok(0) => break,
            Ok(count) => have += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(have)
}
