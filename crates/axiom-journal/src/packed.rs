//! A closed segment, compressed: the same bytes in the zstd seekable format, so that `zstd -d` gives the segment back and a
//! reader starts anywhere. docs/journal.md has the layout. Refuses what is larger than our own blocks: it is not ours.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use zeekstd::{DecodeOptions, EncodeOptions, FrameSizePolicy, SeekTable};

use crate::segment::SEGMENT_HEADER_BYTES;

/// Bytes of a segment that are compressed together: a reader that starts anywhere takes as many for one frame, in a
/// millisecond. Smaller ones cost a fiftieth of the room.
const BLOCK_BYTES: usize = 1 << 20;

/// The fastest that still finds what repeats; higher levels win a twentieth on terminal output and cost a fifth.
const LEVEL: i32 = 1;

/// A packed segment, open for reading.
#[derive(Debug)]
pub(crate) struct Packed {
    file: File,
    table: SeekTable,
    /// The block that was read last: what follows is mostly in it.
    last: RefCell<Option<Block>>,
}

#[derive(Debug)]
struct Block {
    index: u32,
    bytes: Vec<u8>,
}

impl Packed {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let table = SeekTable::from_seekable(&mut file).map_err(not_ours)?;
        Ok(Self { file, table, last: RefCell::new(None) })
    }

    /// The segment's length.
    pub(crate) fn len(&self) -> u64 {
        self.table.size_decomp()
    }

    /// Fills `bytes` from the segment at `at`, as far as it goes.
    pub(crate) fn read_up_to(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        let mut have = 0;
        while have < bytes.len() {
            let from = at.saturating_add(have as u64);
            if from >= self.len() {
                break;
            }
            have += self.read_in_block(&mut bytes[have..], from)?;
        }
        Ok(have)
    }

    fn read_in_block(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        let index = self.table.frame_index_decomp(at);
        let start = self.table.frame_start_decomp(index).map_err(not_ours)?;
        let mut last = self.last.borrow_mut();
        if last.as_ref().is_none_or(|block| block.index != index) {
            *last = Some(Block { index, bytes: self.unpack_block(index)? });
        }
        let block = last.as_ref().map_or(&[][..], |block| &block.bytes);
        let inside = usize::try_from(at - start).unwrap_or(usize::MAX);
        let rest = block.get(inside..).filter(|rest| !rest.is_empty());
        let rest = rest.ok_or_else(|| not_ours("a block is shorter than its table says"))?;
        let len = rest.len().min(bytes.len());
        bytes[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn unpack_block(&self, index: u32) -> io::Result<Vec<u8>> {
        let len = self.table.frame_size_decomp(index).map_err(not_ours)?;
        let len = usize::try_from(len).ok().filter(|len| *len <= BLOCK_BYTES);
        let len = len.ok_or_else(|| not_ours("a block is too large"))?;
        let options = DecodeOptions::new(&self.file).seek_table(self.table.clone());
        let options = options.lower_frame(index).upper_frame(index);
        let mut decoder = options.into_decoder().map_err(not_ours)?;
        let mut bytes = vec![0; len];
        let mut have = 0;
        while have < len {
            match decoder.decompress(&mut bytes[have..]).map_err(not_ours)? {
                0 => return Err(not_ours("a block is shorter than its table says")),
                count => have += count,
            }
        }
        Ok(bytes)
    }
}

/// The segment's bytes, compressed. The header is a block of its own, so that it is read without more.
pub(crate) fn pack(segment: &[u8]) -> io::Result<Vec<u8>> {
    let whole_blocks = FrameSizePolicy::Uncompressed(u32::MAX);
    let options = EncodeOptions::new().compression_level(LEVEL).checksum_flag(true);
    let mut packed = Vec::new();
    let mut encoder = options
        .frame_size_policy(whole_blocks)
        .into_encoder(&mut packed as &mut dyn Write)
        .map_err(io::Error::other)?;
    let (header, frames) = segment.split_at(segment.len().min(SEGMENT_HEADER_BYTES));
    for block in std::iter::once(header).chain(frames.chunks(BLOCK_BYTES)) {
        encoder.compress(block).map_err(io::Error::other)?;
        encoder.end_frame().map_err(io::Error::other)?;
    }
    encoder.finish().map_err(io::Error::other)?;
    Ok(packed)
}

fn not_ours(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
