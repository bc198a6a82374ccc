//! Power safety: a thread beside the hot one syncs the journal, at most about twice a second, and only after appends.

use std::fs::File;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;

use axiom_proto::frame::Micros;

use crate::notes::note;

/// Appended bytes wait at most this long for their sync: with the sync itself, within the promised second.
const SYNC_AFTER: u64 = 400_000;

/// Hands files to the syncing thread.
#[derive(Debug)]
pub(crate) struct Syncer {
    files: SyncSender<Vec<File>>,
    due: Option<Micros>,
}

impl Syncer {
    /// Starts the thread. It ends with the sender.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (files, taken) = sync_channel::<Vec<File>>(1);
        thread::Builder::new().name("sync".to_owned()).stack_size(64 * 1024).spawn(move || {
            while let Ok(files) = taken.recv() {
                for error in files.iter().filter_map(|file| file.sync_data().err()) {
                    note(&format!("the journal is not power-safe: sync failed: {error}"));
                }
            }
        })?;
        Ok(Self { files, due: None })
    }

    /// Something was appended.
    pub(crate) fn touched(&mut self, now: Micros) {
        self.due.get_or_insert(now.plus(SYNC_AFTER));
    }

    /// When [`Self::sync`] is to be called.
    pub(crate) fn due(&self) -> Option<Micros> {
        self.due
    }

    /// Hands over what is to be synced. While the thread is still busy with the last round, later.
    pub(crate) fn sync(&mut self, now: Micros, take: impl FnOnce() -> std::io::Result<Vec<File>>) {
        self.due = None;
        let files = match take() {
            Ok(files) => files,
            Err(error) => {
                note(&format!("sync is put off: {error}"));
                self.due = Some(now.plus(SYNC_AFTER));
                return;
            }
        };
        if let Err(TrySendError::Full(_later)) = self.files.try_send(files) {
            self.due = Some(now.plus(SYNC_AFTER));
        }
    }
}
