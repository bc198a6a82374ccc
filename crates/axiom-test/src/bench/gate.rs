//! A FIFO that children wait at, so that they begin when whoever reads them is there.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use anyhow::Context;
use rustix::fs::{CWD, FileType, Mode};

/// Children wait until it is opened, and pass while it exists.
#[derive(Debug)]
pub(super) struct Gate {
    path: PathBuf,
    opened: Option<File>,
}

impl Gate {
    pub(super) fn shut(path: PathBuf) -> anyhow::Result<Self> {
        rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .with_context(|| format!("make gate {}", path.display()))?;
        Ok(Self { path, opened: None })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Lets everybody pass, now and later.
    pub(super) fn open(&mut self) -> anyhow::Result<()> {
        // For both: so it never waits for a child that is not there yet, and that one passes too.
        let file = OpenOptions::new().read(true).write(true).open(&self.path);
        self.opened = Some(file.with_context(|| format!("open gate {}", self.path.display()))?);
        Ok(())
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // The folder goes anyway; only the name must be free for the next gate.
        let _gone_already: std::io::Result<()> = std::fs::remove_file(&self.path);
    }
}
