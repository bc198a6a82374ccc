//! Memory of a process, as the kernel sums it: shared pages divided among their users, and pages that are its own.

use std::fs;

use anyhow::Context;

/// In kilobytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// Its share of everything.
    pub(super) pss_kb: u64,
    /// What only it has and has written.
    pub(super) private_dirty_kb: u64,
}

impl Memory {
    pub(super) fn of(pid: u32) -> anyhow::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))
            .with_context(|| format!("read the memory of process {pid}"))?;
        Ok(Self::read(&text))
    }

    fn read(text: &str) -> Self {
        let value = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
        };
        Self { pss_kb: value("Pss:"), private_dirty_kb: value("Private_Dirty:") }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            pss_kb: self.pss_kb + other.pss_kb,
            private_dirty_kb: self.private_dirty_kb + other.private_dirty_kb,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_sums_are_read() {
        let text = "5555-7fff ---p 00000000 00:00 0 [rollup]\nRss: 2500 kB\nPss:    321 kB\nPss_Dirty: 200 kB\nPrivate_Dirty:  150 kB\n";
        assert_eq!(Memory::read(text), Memory { pss_kb: 321, private_dirty_kb: 150 });
    }
}
