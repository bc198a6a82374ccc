//! An asciicast file as events, line after line. Bounded by one line, which is bounded itself; version 1, which has no
//! lines, is read whole up to the same bound.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::vec;

use axiom_asciicast::{BadLine, Event, Header, LINE_BYTES_MAX, LineFault, Reader, events_of_whole};
use thiserror::Error;

/// Why a file gives no events.
#[derive(Debug, Error)]
pub(crate) enum CastError {
    /// It cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not what it should be.
    #[error("{}", path.display())]
    Bad {
        /// The file.
        path: PathBuf,
        /// Where and what.
        #[source]
        source: BadLine,
    },
}

/// An open recording. Its head is read and understood.
#[derive(Debug)]
pub(crate) struct CastFile {
    path: PathBuf,
    header: Header,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Lines { input: BufReader<File>, at: FilePoint },
    Whole(vec::IntoIter<Event>),
}

/// A place in a file, between two lines. What is read from there on is what would have come next.
#[derive(Debug, Clone, Default)]
pub(crate) struct FilePoint {
    /// Bytes before it.
    pub offset: u64,
    reader: Reader,
}

impl CastFile {
    /// Opens it and reads the head.
    ///
    /// # Errors
    /// [`CastError`] when it cannot be read, or is no recording.
    pub(crate) fn open(path: &Path) -> Result<Self, CastError> {
        let read = |source| CastError::Read { path: path.to_owned(), source };
        let bad = |source| CastError::Bad { path: path.to_owned(), source };
        let mut input = BufReader::new(File::open(path).map_err(read)?);
        let no_recording = BadLine { line: 1, fault: LineFault::NoRecording };
        // Whatever else it is, it is not read any further.
        if input.fill_buf().map_err(read)?.first() != Some(&b'{') {
            return Err(bad(no_recording));
        }
        let mut first = Vec::new();
        let ended = read_line(&mut input, &mut first).map_err(read)?;
        let mut reader = Reader::default();
        let begun = match ended {
            LineEnd::TooLong => Err(BadLine { line: 1, fault: LineFault::TooLong }),
            LineEnd::Newline | LineEnd::File => reader.line(&first).map(drop),
        };
        let offset = first.len() as u64 + u64::from(ended == LineEnd::Newline);
        match (begun, reader.header()) {
            (Ok(()), Some(header)) => {
                let body = Body::Lines { input, at: FilePoint { offset, reader } };
                Ok(Self { path: path.to_owned(), header, body })
            }
            (Err(error), _) if error != no_recording => Err(bad(error)),
            (Ok(()) | Err(_), _) => {
                let (header, events) = whole(first, &mut input).map_err(read)?.map_err(bad)?;
                Ok(Self { path: path.to_owned(), header, body: Body::Whole(events.into_iter()) })
            }
        }
    }

    /// Opens a recording that was opened before, at a place in it.
    ///
    /// # Errors
    /// [`CastError`] when it cannot be read any more.
    pub(crate) fn open_at(path: &Path, at: FilePoint) -> Result<Self, CastError> {
        let read = |source| CastError::Read { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(read)?;
        file.seek(SeekFrom::Start(at.offset)).map_err(read)?;
        let header = at.reader.header().expect("a place lies behind the head");
        let body = Body::Lines { input: BufReader::new(file), at };
        Ok(Self { path: path.to_owned(), header, body })
    }

    /// The place of the next event. None in a file without lines, which is small.
    #[must_use]
    pub(crate) fn point(&self) -> Option<FilePoint> {
        match &self.body {
            Body::Lines { at, .. } => Some(at.clone()),
            Body::Whole(_) => None,
        }
    }

    /// What its head says.
    #[must_use]
    pub(crate) fn header(&self) -> Header {
        self.header
    }

    /// True where the next event can be given without waiting for more of the file.
    #[must_use]
    pub(crate) fn has_more_at_hand(&self) -> bool {
        match &self.body {
            Body::Lines { input, .. } => input.buffer().contains(&b'\n'),
            Body::Whole(events) => events.len() > 0,
        }
    }

    /// The next event.
    ///
    /// # Errors
    /// [`CastError`], with the line. Nothing comes after it.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, CastError> {
        let Self { path, body, .. } = self;
        let (input, FilePoint { offset, reader }) = match body {
            Body::Whole(events) => return Ok(events.next()),
            Body::Lines { input, at } => (input, at),
        };
        let bad = |source| CastError::Bad { path: path.clone(), source };
        let mut line = Vec::new();
        loop {
            let ended = read_line(input, &mut line)
                .map_err(|source| CastError::Read { path: path.clone(), source })?;
            *offset += line.len() as u64 + u64::from(ended == LineEnd::Newline);
            let number = reader.next_line();
            let event = match ended {
                LineEnd::TooLong => {
                    return Err(bad(BadLine { line: number, fault: LineFault::TooLong }));
                }
                LineEnd::File if line.is_empty() => return Ok(None),
                LineEnd::Newline | LineEnd::File => reader.line(&line),
            };
            match event {
                Ok(Some(event)) => return Ok(Some(event)),
                Ok(None) => {}
                // A last line without an end is whole, or the recording was cut there.
                Err(BadLine { fault: LineFault::NoEvent { .. }, .. }) if ended == LineEnd::File => {
                    return Err(bad(BadLine { line: number, fault: LineFault::Cut }));
                }
                Err(error) => return Err(bad(error)),
            }
        }
    }

    /// Reads all of a file, and keeps nothing of it: what is wrong with it is known before anything of it is played.
    ///
    /// # Errors
    /// [`CastError`] for the first thing that is wrong.
    pub(crate) fn check(path: &Path) -> Result<Header, CastError> {
        let mut file = Self::open(path)?;
        while file.next()?.is_some() {}
        Ok(file.header)
    }
}

/// What a line ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    Newline,
    File,
    /// Nothing, so far; the rest of it is not read.
    TooLong,
}

fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<LineEnd> {
    line.clear();
    let len = input.take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(LineEnd::Newline);
    }
    Ok(if len > LINE_BYTES_MAX { LineEnd::TooLong } else { LineEnd::File })
}

type Whole = Result<(Header, Vec<Event>), BadLine>;

/// A file of version 1, of which one line is read.
fn whole(mut bytes: Vec<u8>, input: &mut impl BufRead) -> io::Result<Whole> {
    bytes.push(b'\n');
    let room = (LINE_BYTES_MAX + 1).saturating_sub(bytes.len());
    input.take(room as u64).read_to_end(&mut bytes)?;
    if bytes.len() > LINE_BYTES_MAX {
        return Ok(Err(BadLine { line: 1, fault: LineFault::TooLong }));
    }
    Ok(events_of_whole(&bytes))
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fs;

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("axiom-{name}-{}", std::process::id()));
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn check(&self, bytes: &[u8]) -> Result<Header, String> {
            let path = self.0.join("a.cast");
            fs::write(&path, bytes).unwrap();
            CastFile::check(&path).map_err(|error| error.source().unwrap().to_string())
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    const HEAD: &str = "{\"version\":2,\"width\":80,\"height\":24}\n";

    #[test]
    fn a_recording_that_is_cut_off_is_told_with_its_line_and_one_that_lacks_the_last_newline_is_whole()
     {
        let folder = Folder::new("cut");
        let whole = format!("{HEAD}[1,\"o\",\"a\"]\n[2,\"o\",\"b\"]");
        assert!(folder.check(whole.as_bytes()).is_ok());
        for cut in HEAD.len() + 14..whole.len() {
            let told = folder.check(&whole.as_bytes()[..cut]);
            assert_eq!(
                told.unwrap_err(),
                "line 3: the file ends inside it: the recording is cut off",
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn what_is_no_recording_is_not_read_to_its_end() {
        let folder = Folder::new("other");
        for bytes in [&b""[..], b"\x7fELF", b"plain\n", b"[1]", b"{", b"{}", b"{\"a\":1}\n"] {
            let told = folder.check(bytes).unwrap_err();
            assert!(told.starts_with("line 1: this is no asciicast"), "{bytes:?}: {told}");
        }
        assert!(CastFile::open(Path::new("/dev/zero")).is_err());
        assert!(matches!(CastFile::open(&folder.0), Err(CastError::Read { .. })));
        assert!(matches!(CastFile::open(&folder.0.join("no")), Err(CastError::Read { .. })));
    }

    #[test]
    fn a_line_without_end_is_refused_before_it_fills_the_memory() {
        let folder = Folder::new("long");
        let mut bytes = HEAD.as_bytes().to_vec();
        bytes.extend(b"[1,\"o\",\"");
        bytes.resize(bytes.len() + LINE_BYTES_MAX + 1, b'x');
        assert_eq!(folder.check(&bytes).unwrap_err(), "line 2: longer than 16 MiB");
        let mut bytes = b"{\"version\":1,".to_vec();
        bytes.resize(bytes.len() + LINE_BYTES_MAX + 1, b' ');
        assert_eq!(folder.check(&bytes).unwrap_err(), "line 1: longer than 16 MiB");
        bytes[20] = b'\n';
        assert_eq!(folder.check(&bytes).unwrap_err(), "line 1: longer than 16 MiB");
    }

    #[test]
    fn version_1_is_read_in_one_line_and_in_many() {
        let folder = Folder::new("one");
        let text = r#"{"version":1,"width":80,"height":24,"stdout":[[0.5,"a"]]}"#;
        assert!(folder.check(text.as_bytes()).is_ok());
        assert!(folder.check(text.replace(',', ",\n ").as_bytes()).is_ok());
        let told = folder.check(&text.as_bytes()[..text.len() - 3]).unwrap_err();
        assert!(told.ends_with("the recording is cut off"), "{told}");
    }
}
