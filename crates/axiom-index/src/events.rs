//! The event log as it is kept: the newest events, and of each session how far its frames were made into events.
//! Both are written in one transaction, so that after any death no event is missing and none is made twice.

use std::path::{Path, PathBuf};

use axiom_proto::event::{Event, EventId};
use axiom_proto::id::{EventLogId, TaskId};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, params};

use crate::file::{DatabaseFile, IndexError, OpenedAs, Table};

/// Events kept, at least: a night of a busy fleet, some 40 MB.
pub const EVENTS_KEPT_MAX: u64 = 100_000;

/// The oldest are removed so many at a time: a commit each would be slower.
const REMOVED_AT_ONCE: u64 = 1000;

const EVENTS: &str = "CREATE TABLE IF NOT EXISTS event_log (log TEXT PRIMARY KEY, newest INTEGER NOT NULL, \
     floor INTEGER NOT NULL, ended INTEGER NOT NULL) WITHOUT ROWID; \
     CREATE TABLE IF NOT EXISTS events (number INTEGER PRIMARY KEY, task TEXT, event TEXT NOT NULL); \
     CREATE INDEX IF NOT EXISTS events_of_task ON events (task); \
     CREATE TABLE IF NOT EXISTS trails (task TEXT PRIMARY KEY, trail TEXT NOT NULL) WITHOUT ROWID";

/// Where a log stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogState {
    /// Its name: another log, another name.
    pub log: EventLogId,
    /// The newest event's number; 0 before the first.
    pub newest: u64,
    /// Events up to this number are not all there any more.
    pub floor: u64,
    /// Tasks that ended since all had ended.
    pub ended: u64,
}

impl LogState {
    /// A log without an event.
    #[must_use]
    pub fn new(log: EventLogId) -> Self {
        Self { log, newest: 0, floor: 0, ended: 0 }
    }

    /// The newest event's id.
    #[must_use]
    pub fn head(&self) -> EventId {
        EventId { log: self.log, number: self.newest }
    }
}

/// What was found in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundLog {
    /// Where the log stands.
    pub state: LogState,
    /// True if there was none before.
    pub is_new: bool,
    /// How far each session is, as its maker wrote it.
    pub trails: Vec<(TaskId, String)>,
}

/// What is written at once: all of it, or nothing.
#[derive(Debug, Default)]
pub struct EventBatch {
    /// The next events, with their ids, in order.
    pub events: Vec<Event>,
    /// How far sessions are with them.
    pub trails: Vec<(TaskId, String)>,
    /// Tasks that were removed: their events and trails go too.
    pub removed: Vec<TaskId>,
}

/// The open log. One writer; readers have connections of their own: [`EventReader`].
#[derive(Debug)]
pub struct EventStore {
    file: DatabaseFile,
}

impl EventStore {
    /// Opens the log in the file at `path`, or begins one with this name, which is there from its first batch on. A broken
    /// file is set aside.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn open(path: &Path, name: EventLogId) -> Result<(Self, FoundLog, OpenedAs), IndexError> {
        let (file, opened) = DatabaseFile::open(path, Table { name: "events", create: EVENTS })?;
        let mut store = Self { file };
        let found = store.find(name).map_err(|source| store.file.refusal(source))?;
        if found.is_new {
            let clear = "DELETE FROM event_log; DELETE FROM events; DELETE FROM trails";
            store.file.write(|transaction| transaction.execute_batch(clear))?;
        }
        Ok((store, found, opened))
    }

    fn find(&self, name: EventLogId) -> rusqlite::Result<FoundLog> {
        let connection = &self.file.connection;
        let mut select = connection.prepare("SELECT task, trail FROM trails")?;
        let mut rows = select.query([])?;
        let mut trails = Vec::new();
        while let Some(row) = rows.next()? {
            let (task, trail): (String, String) = (row.get(0)?, row.get(1)?);
            if let Ok(task) = task.parse() {
                trails.push((task, trail));
            }
        }
        let state = "SELECT log, newest, floor, ended FROM event_log";
        let state = connection.query_row(state, [], |row| {
            let log: String = row.get(0)?;
            Ok((log, row.get(1)?, row.get(2)?, row.get(3)?))
        });
        let known = state.optional()?.and_then(|(log, newest, floor, ended)| {
            Some(LogState { log: log.parse().ok()?, newest, floor, ended })
        });
        let is_new = known.is_none();
        let state = known.unwrap_or(LogState::new(name));
        if is_new {
            trails.clear();
        }
        Ok(FoundLog { state, is_new, trails })
    }

    /// False once the file was deleted or replaced under us: open it anew, and begin another log.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.file.is_current()
    }

    /// Writes a batch and where the log stands after it; gives that, with the floor that removing has left.
    ///
    /// # Errors
    /// The file is broken, or the disk is full; then nothing of it is written.
    pub fn write(&mut self, state: LogState, batch: &EventBatch) -> Result<LogState, IndexError> {
        self.file.write(|transaction| write_batch(transaction, state, batch))
    }
}

fn write_batch(
    transaction: &Transaction<'_>,
    state: LogState,
    batch: &EventBatch,
) -> rusqlite::Result<LogState> {
    write_events(transaction, &batch.events)?;
    let put = "INSERT OR REPLACE INTO trails (task, trail) VALUES (?1, ?2)";
    let mut put = transaction.prepare_cached(put)?;
    for (task, trail) in &batch.trails {
        put.execute(params![task.as_str(), trail])?;
    }
    let mut floor = state.floor;
    for task in &batch.removed {
        floor = floor.max(remove_task(transaction, *task)?);
    }
    let kept_from = state.newest.saturating_sub(EVENTS_KEPT_MAX);
    if kept_from >= floor + REMOVED_AT_ONCE {
        transaction.execute("DELETE FROM events WHERE number <= ?1", [kept_from])?;
        floor = kept_from;
    }
    let state = LogState { floor, ..state };
    write_state(transaction, &state)?;
    Ok(state)
}

fn write_state(connection: &Connection, state: &LogState) -> rusqlite::Result<()> {
    let LogState { log, newest, floor, ended } = state;
    let put =
        "INSERT OR REPLACE INTO event_log (log, newest, floor, ended) VALUES (?1, ?2, ?3, ?4)";
    connection.execute(put, params![log.as_str(), newest, floor, ended])?;
    Ok(())
}

fn write_events(transaction: &Transaction<'_>, events: &[Event]) -> rusqlite::Result<()> {
    let put = "INSERT INTO events (number, task, event) VALUES (?1, ?2, ?3)";
    let mut put = transaction.prepare_cached(put)?;
    for event in events {
        let number = event.id.expect("a kept event has an id").number;
        let task = event.task.as_ref().map(TaskId::as_str);
        let json = serde_json::to_string(event).expect("an event is always JSON");
        put.execute(params![number, task, json])?;
    }
    Ok(())
}

/// The number of the newest event that went with it; 0 where there was none.
fn remove_task(transaction: &Transaction<'_>, task: TaskId) -> rusqlite::Result<u64> {
    let newest = "SELECT coalesce(max(number), 0) FROM events WHERE task = ?1";
    let newest = transaction.query_row(newest, [task.as_str()], |row| row.get(0))?;
    transaction.execute("DELETE FROM events WHERE task = ?1", [task.as_str()])?;
    transaction.execute("DELETE FROM trails WHERE task = ?1", [task.as_str()])?;
    Ok(newest)
}

/// Reads events that were kept, beside the writer.
#[derive(Debug)]
pub struct EventReader {
    connection: Connection,
    path: PathBuf,
}

impl EventReader {
    /// Opens the log in the file at `path` for reading.
    ///
    /// # Errors
    /// There is no such file, or it is broken.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let refusal = |source| IndexError::Database { path: path.to_owned(), source };
        let connection = Connection::open_with_flags(path, flags).map_err(refusal)?;
        connection.busy_timeout(crate::file::BUSY_WAIT).map_err(refusal)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// The events after this one, up to that number, at most so many. Empty if this is another log by now, or its floor
    /// has risen above `after`: what is given is complete.
    ///
    /// # Errors
    /// The file is broken.
    pub fn read(&self, after: EventId, until: u64, limit: u32) -> Result<Vec<Event>, IndexError> {
        let read = self.read_rows(after, until, limit);
        read.map_err(|source| IndexError::Database { path: self.path.clone(), source })
    }

    fn read_rows(&self, after: EventId, until: u64, limit: u32) -> rusqlite::Result<Vec<Event>> {
        // The floor is read in the same statement: removing cannot come between.
        let select = "SELECT event FROM events WHERE number > ?1 AND number <= ?2 AND EXISTS \
             (SELECT 1 FROM event_log WHERE log = ?3 AND floor <= ?1) ORDER BY number LIMIT ?4";
        let mut select = self.connection.prepare_cached(select)?;
        let mut rows = select.query(params![after.number, until, after.log.as_str(), limit])?;
        let mut events = Vec::new();
        while let Some(row) = rows.next()? {
            let json: String = row.get(0)?;
            let event = serde_json::from_str(&json).map_err(|_| rusqlite::Error::InvalidQuery)?;
            events.push(event);
        }
        Ok(events)
    }
}
