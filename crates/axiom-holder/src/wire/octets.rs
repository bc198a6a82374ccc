//! Little-endian fields, written and read in order. Owner of the rule that reading never panics and
//! that what follows the known fields is ignored. Refuses lengths beyond the caller's bound before
//! it copies anything.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{Mode, PATH_BYTES_MAX, PIDS_MAX, WireError};

const MODE_TERMINAL: u8 = 1;
const MODE_PIPES: u8 = 2;

/// A packet in the making.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// Starts with nothing, for records.
    pub(super) fn empty() -> Self {
        Self(Vec::new())
    }

    /// Starts a packet: its kind and three zero bytes.
    pub(super) fn packet(kind: u8) -> Self {
        Self(vec![kind, 0, 0, 0])
    }

    pub(super) fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    pub(super) fn u16(&mut self, value: u16) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(super) fn i32(&mut self, value: i32) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(super) fn flag(&mut self, value: bool) -> &mut Self {
        self.u8(u8::from(value))
    }

    /// A length and that many bytes.
    pub(super) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        let len = u32::try_from(value.len()).expect("fields are bounded far below 4 GiB");
        self.u32(len);
        self.0.extend_from_slice(value);
        self
    }

    pub(super) fn mode(&mut self, mode: Mode) -> &mut Self {
        match mode {
            Mode::Terminal { cols, rows } => self.u8(MODE_TERMINAL).u16(cols).u16(rows),
            Mode::Pipes => self.u8(MODE_PIPES).u16(0).u16(0),
        }
    }

    /// A flag and the path's bytes; no path is an empty one.
    pub(super) fn optional_path(&mut self, path: Option<&Path>) -> &mut Self {
        self.flag(path.is_some());
        self.bytes(path.map_or(&[], |path| path.as_os_str().as_bytes()))
    }

    /// A flag and the number; no number is a zero.
    pub(super) fn optional_u32(&mut self, value: Option<u32>) -> &mut Self {
        self.flag(value.is_some()).u32(value.unwrap_or(0))
    }

    /// A count and that many process ids; what is beyond the bound is left out.
    pub(super) fn pids(&mut self, pids: &[u32]) -> &mut Self {
        let pids = &pids[..pids.len().min(PIDS_MAX)];
        self.u32(u32::try_from(pids.len()).expect("at most PIDS_MAX"));
        for pid in pids {
            self.u32(*pid);
        }
        self
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// What is left to read of a packet.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Reads a packet's head and returns its kind. The three bytes after it are for later versions.
    pub(super) fn packet(bytes: &'a [u8]) -> Result<(u8, Self), WireError> {
        let mut reader = Self::new(bytes);
        let head: [u8; 4] = reader.array("packet head")?;
        Ok((head[0], reader))
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], WireError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(WireError::Short { what })?;
        self.rest = rest;
        Ok(*head)
    }

    pub(super) fn u8(&mut self, what: &'static str) -> Result<u8, WireError> {
        Ok(u8::from_le_bytes(self.array(what)?))
    }

    pub(super) fn u16(&mut self, what: &'static str) -> Result<u16, WireError> {
        Ok(u16::from_le_bytes(self.array(what)?))
    }

    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, WireError> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    pub(super) fn i32(&mut self, what: &'static str) -> Result<i32, WireError> {
        Ok(i32::from_le_bytes(self.array(what)?))
    }

    pub(super) fn u64(&mut self, what: &'static str) -> Result<u64, WireError> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    pub(super) fn flag(&mut self, what: &'static str) -> Result<bool, WireError> {
        match self.u8(what)? {
            0 => Ok(false),
            1 => Ok(true),
            value => Err(WireError::Unknown { what, value }),
        }
    }

    pub(super) fn bytes(&mut self, what: &'static str, max: usize) -> Result<&'a [u8], WireError> {
        let len = self.count(what, max)?;
        let (head, rest) = self.rest.split_at_checked(len).ok_or(WireError::Short { what })?;
        self.rest = rest;
        Ok(head)
    }

    /// A number of things to follow, refused when it is beyond the bound.
    pub(super) fn count(&mut self, what: &'static str, max: usize) -> Result<usize, WireError> {
        let len = self.u32(what)? as usize;
        if len > max {
            return Err(WireError::TooLong { what, len, max });
        }
        Ok(len)
    }

    pub(super) fn text(&mut self, what: &'static str, max: usize) -> Result<String, WireError> {
        let bytes = self.bytes(what, max)?;
        let text = std::str::from_utf8(bytes).map_err(|_| WireError::NotText { what })?;
        Ok(text.to_owned())
    }

    pub(super) fn mode(&mut self) -> Result<Mode, WireError> {
        let kind = self.u8("mode")?;
        let (cols, rows) = (self.u16("columns")?, self.u16("rows")?);
        match kind {
            MODE_TERMINAL => Ok(Mode::Terminal { cols, rows }),
            MODE_PIPES => Ok(Mode::Pipes),
            value => Err(WireError::Unknown { what: "mode", value }),
        }
    }

    pub(super) fn optional_path(
        &mut self,
        what: &'static str,
    ) -> Result<Option<PathBuf>, WireError> {
        let there = self.flag(what)?;
        let path = self.bytes(what, PATH_BYTES_MAX)?;
        Ok(there.then(|| PathBuf::from(OsStr::from_bytes(path))))
    }

    pub(super) fn optional_u32(&mut self, what: &'static str) -> Result<Option<u32>, WireError> {
        let there = self.flag(what)?;
        let value = self.u32(what)?;
        Ok(there.then_some(value))
    }

    pub(super) fn pids(&mut self, what: &'static str) -> Result<Vec<u32>, WireError> {
        let count = self.count(what, PIDS_MAX)?;
        (0..count).map(|_| self.u32(what)).collect()
    }
}
