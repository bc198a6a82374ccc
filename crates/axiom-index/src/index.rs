//! The table of ended tasks. What it loses costs nothing but reading journals again.

use std::path::Path;

use axiom_proto::id::TaskId;
use axiom_proto::task::TaskView;
use rusqlite::{Transaction, params};

use crate::file::{DatabaseFile, IndexError, OpenedAs, Table};
use crate::stamp::Stamp;

/// One ended task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The task.
    pub id: TaskId,
    /// The journal that the view was derived from.
    pub stamp: Stamp,
    /// How the task is shown.
    pub view: TaskView,
}

const ENDED: &str = "CREATE TABLE IF NOT EXISTS ended (id TEXT PRIMARY KEY, segments INTEGER NOT NULL, \
     bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL, view TEXT NOT NULL) WITHOUT ROWID";

/// The open index.
#[derive(Debug)]
pub struct Index {
    file: DatabaseFile,
}

impl Index {
    /// Opens the index at `path`, or makes it. What is wrong with the file is set aside as `<path>.broken`.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn open(path: &Path) -> Result<(Self, OpenedAs), IndexError> {
        let (file, opened) = DatabaseFile::open(path, Table { name: "ended", create: ENDED })?;
        Ok((Self { file }, opened))
    }

    /// False once the file was deleted or replaced under us: open it anew, and put everything again.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.file.is_current()
    }

    /// Every entry that can be read; one that cannot is left out, so that its journal is read instead.
    ///
    /// # Errors
    /// The file is broken.
    pub fn entries(&self) -> Result<Vec<Entry>, IndexError> {
        self.read_entries().map_err(|source| self.file.refusal(source))
    }

    fn read_entries(&self) -> rusqlite::Result<Vec<Entry>> {
        let mut select = self
            .file
            .connection
            .prepare("SELECT id, segments, bytes, modified_ns, view FROM ended")?;
        let mut rows = select.query([])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            let id: String = row.get(0)?;
            let stamp =
                Stamp { segment: row.get(1)?, bytes: row.get(2)?, modified_ns: row.get(3)? };
            let view: String = row.get(4)?;
            let (Ok(id), Ok(view)) = (id.parse(), serde_json::from_str::<TaskView>(&view)) else {
                continue;
            };
            if view.id == id {
                entries.push(Entry { id, stamp, view });
            }
        }
        Ok(entries)
    }

    /// Puts entries, all or none.
    ///
    /// # Errors
    /// The file is broken, or the disk is full.
    pub fn put(&mut self, entries: &[Entry]) -> Result<(), IndexError> {
        self.file.write(|transaction| put(transaction, entries))
    }

    /// Forgets tasks that were removed.
    ///
    /// # Errors
    /// The file is broken, or the disk is full.
    pub fn forget(&mut self, tasks: &[TaskId]) -> Result<(), IndexError> {
        self.file.write(|transaction| {
            let mut delete = transaction.prepare("DELETE FROM ended WHERE id = ?1")?;
            tasks.iter().try_for_each(|task| delete.execute([task.as_str()]).map(drop))
        })
    }
}

fn put(transaction: &Transaction<'_>, entries: &[Entry]) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare(
        "INSERT OR REPLACE INTO ended (id, segments, bytes, modified_ns, view) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for Entry { id, stamp, view } in entries {
        let view = serde_json::to_string(view).expect("a view is always JSON");
        let Stamp { segment, bytes, modified_ns } = stamp;
        insert.execute(params![id.as_str(), segment, bytes, modified_ns, view])?;
    }
    Ok(())
}
