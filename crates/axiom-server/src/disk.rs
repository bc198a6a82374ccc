//! The home's disk: how much is free, and how much is to stay free. Asked at the edge; the share is decided in values.

use std::io;
use std::path::Path;

/// What is kept free where nobody says: the larger of these two, so that neither a small nor a large disk fills up.
const MIN_FREE_BYTES: u64 = 1 << 30;
const MIN_FREE_SHARE: u64 = 20;

/// A file system's space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) total_bytes: u64,
    /// For us; what only root may use does not count.
    pub(crate) free_bytes: u64,
}

/// The space of the file system that a folder lies on.
pub(crate) fn space(folder: &Path) -> io::Result<Space> {
    let found = rustix::fs::statvfs(folder)?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Ok(Space { total_bytes: bytes(found.f_blocks), free_bytes: bytes(found.f_bavail) })
}

/// What is to stay free where nobody says.
pub(crate) fn default_min_free(space: Space) -> u64 {
    MIN_FREE_BYTES.max(space.total_bytes / MIN_FREE_SHARE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gibibyte_or_a_twentieth_stays_free() {
        let of = |total_bytes| default_min_free(Space { total_bytes, free_bytes: 0 });
        assert_eq!((of(1 << 20), of(100 << 30)), (1 << 30, 5 << 30));
        let found = space(Path::new("/")).unwrap();
        assert!(found.free_bytes <= found.total_bytes);
    }
}
