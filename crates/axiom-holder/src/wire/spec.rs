//! The launch specification: what a server writes into a holder's standard input. Records `u8 tag,
//! u32 length, bytes`, the version first, the end last, so that a torn one is never taken for a
//! short one. A reader skips tags it does not know, unless their high bit says that the launch is
//! wrong without them. Refuses everything that `execve` could not take, before anything is made.

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::octets::{Reader, Writer};
use super::{
    Mode, OPTIONS_BYTES_MAX, PATH_BYTES_MAX, SPEC_BYTES_MAX, TASK_BYTES_MAX, VERSION, WireError,
};

/// Everything a holder must know to start a session.
#[derive(Clone, PartialEq, Eq)]
pub struct LaunchSpec {
    /// The task's id: ASCII letters, digits, `-` and `_`.
    pub task: String,
    /// The session's folder. It exists; the holder makes its files in it.
    pub folder: PathBuf,
    /// The worker's program.
    pub worker: PathBuf,
    /// The command, its name first. Looked up in the `PATH` of `env` unless it has a slash.
    pub args: Vec<Vec<u8>>,
    /// The child's whole environment, `NAME=value` each, as it is to be.
    pub env: Vec<Vec<u8>>,
    pub cwd: PathBuf,
    pub mode: Mode,
    pub umask: u32,
    /// A leaf cgroup (v2) for the child's tree. The holder makes it, and removes it when it is
    /// empty at the end.
    pub cgroup: Option<PathBuf>,
    /// How the child is kept below others.
    pub priority: Priority,
    /// Handed to each worker unread.
    pub options: Vec<u8>,
}

/// What a holder does to a child's share of the processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Priority {
    /// Nothing: it is as the holder's.
    #[default]
    Same,
    /// Its nice value is raised.
    Nice,
    /// That of its autogroup is set.
    Autogroup,
    /// The weight of the cgroup above its leaf is set.
    Cgroup,
}

impl Priority {
    fn code(self) -> u8 {
        match self {
            Self::Same => 0,
            Self::Nice => 1,
            Self::Autogroup => 2,
            Self::Cgroup => 3,
        }
    }

    /// One that is not known changes nothing.
    fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Nice,
            2 => Self::Autogroup,
            3 => Self::Cgroup,
            _later => Self::Same,
        }
    }
}

/// Why bytes are not a launch specification.
#[derive(Debug, Error)]
pub enum SpecError {
    #[error("read the specification")]
    Read(#[source] io::Error),
    #[error("read the specification: it ends without its end record")]
    Torn,
    #[error("use the specification: it is longer than {SPEC_BYTES_MAX} bytes")]
    TooLong,
    #[error("read the specification: it does not begin with its version")]
    NoVersion,
    #[error("read the specification: record {tag} is needed, and this holder is too old for it")]
    Needed { tag: u8 },
    #[error("read the specification: no record for {what}")]
    Missing { what: &'static str },
    #[error("read the specification: two records for {what}")]
    Twice { what: &'static str },
    #[error("use the specification: {what} is not allowed")]
    Invalid { what: &'static str },
    #[error(transparent)]
    Field(#[from] WireError),
}

const TAG_VERSION: u8 = 1;
const TAG_TASK: u8 = 2;
const TAG_FOLDER: u8 = 3;
const TAG_WORKER: u8 = 4;
const TAG_ARG: u8 = 5;
const TAG_ENV: u8 = 6;
const TAG_CWD: u8 = 7;
const TAG_MODE: u8 = 8;
const TAG_UMASK: u8 = 9;
const TAG_CGROUP: u8 = 10;
const TAG_OPTIONS: u8 = 11;
const TAG_PRIORITY: u8 = 12;
/// Tags with this bit must be understood, or the launch refused.
const TAG_NEEDED: u8 = 0x80;
const TAG_END: u8 = 0xff;

impl LaunchSpec {
    /// Writes the records. What a holder would refuse is refused here already.
    pub fn encode(&self) -> Result<Vec<u8>, SpecError> {
        self.check()?;
        let mut to = Writer::empty();
        let mut record = |tag: u8, bytes: &[u8]| {
            to.u8(tag).bytes(bytes);
        };
        record(TAG_VERSION, &VERSION.to_le_bytes());
        record(TAG_TASK, self.task.as_bytes());
        record(TAG_FOLDER, self.folder.as_os_str().as_bytes());
        record(TAG_WORKER, self.worker.as_os_str().as_bytes());
        self.args.iter().for_each(|arg| record(TAG_ARG, arg));
        self.env.iter().for_each(|entry| record(TAG_ENV, entry));
        record(TAG_CWD, self.cwd.as_os_str().as_bytes());
        let mut mode = Writer::empty();
        mode.mode(self.mode);
        record(TAG_MODE, &mode.finish());
        record(TAG_UMASK, &self.umask.to_le_bytes());
        if let Some(cgroup) = &self.cgroup {
            record(TAG_CGROUP, cgroup.as_os_str().as_bytes());
        }
        record(TAG_OPTIONS, &self.options);
        record(TAG_PRIORITY, &[self.priority.code()]);
        record(TAG_END, &[]);
        let bytes = to.finish();
        if bytes.len() > SPEC_BYTES_MAX {
            return Err(SpecError::TooLong);
        }
        Ok(bytes)
    }

    /// Reads one from bytes that hold it all.
    pub fn decode(bytes: &[u8]) -> Result<Self, SpecError> {
        Self::read(bytes)
    }

    /// Reads records up to the end record, and nothing after it.
    pub fn read(from: impl Read) -> Result<Self, SpecError> {
        let mut from = from.take(SPEC_BYTES_MAX as u64);
        let (tag, bytes) = record(&mut from)?;
        if tag != TAG_VERSION {
            return Err(SpecError::NoVersion);
        }
        if Reader::new(&bytes).u16("version")? == 0 {
            return Err(SpecError::Invalid { what: "version 0" });
        }
        let mut draft = Draft::default();
        loop {
            let (tag, bytes) = record(&mut from)?;
            if tag == TAG_END {
                return draft.finish();
            }
            draft.take(tag, bytes)?;
        }
    }

    fn check(&self) -> Result<(), SpecError> {
        let invalid = |what| Err(SpecError::Invalid { what });
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if self.task.is_empty() || !self.task.bytes().all(word) {
            return invalid("the task's id");
        }
        bounded("task", self.task.len(), TASK_BYTES_MAX)?;
        check_path("folder", &self.folder)?;
        check_path("worker", &self.worker)?;
        check_path("working directory", &self.cwd)?;
        self.cgroup.as_deref().map_or(Ok(()), |path| check_path("cgroup", path))?;
        bounded("options", self.options.len(), OPTIONS_BYTES_MAX)?;
        if self.args.first().is_none_or(Vec::is_empty) {
            return invalid("an empty command");
        }
        if self.args.iter().chain(&self.env).any(|text| text.contains(&0)) {
            return invalid("a zero byte in the command or its environment");
        }
        if self.umask > 0o777 {
            return invalid("the umask");
        }
        Ok(())
    }
}

/// Shows sizes in place of the command and its environment: they hold secrets, and logs are kept.
impl fmt::Debug for LaunchSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaunchSpec")
            .field("task", &self.task)
            .field("folder", &self.folder)
            .field("worker", &self.worker)
            .field("args", &self.args.len())
            .field("env", &self.env.len())
            .field("cwd", &self.cwd)
            .field("mode", &self.mode)
            .field("umask", &self.umask)
            .field("cgroup", &self.cgroup)
            .field("priority", &self.priority)
            .field("options", &self.options.len())
            .finish()
    }
}

/// The records seen so far.
#[derive(Default)]
struct Draft {
    task: Option<String>,
    folder: Option<PathBuf>,
    worker: Option<PathBuf>,
    args: Vec<Vec<u8>>,
    env: Vec<Vec<u8>>,
    cwd: Option<PathBuf>,
    mode: Option<Mode>,
    umask: Option<u32>,
    cgroup: Option<PathBuf>,
    options: Option<Vec<u8>>,
    priority: Option<Priority>,
}

impl Draft {
    fn take(&mut self, tag: u8, bytes: Vec<u8>) -> Result<(), SpecError> {
        match tag {
            TAG_TASK => {
                let text = String::from_utf8(bytes);
                let text = text.map_err(|_| WireError::NotText { what: "task" })?;
                once("task", &mut self.task, text)
            }
            TAG_FOLDER => once("folder", &mut self.folder, path(&bytes)),
            TAG_WORKER => once("worker", &mut self.worker, path(&bytes)),
            TAG_ARG => {
                self.args.push(bytes);
                Ok(())
            }
            TAG_ENV => {
                self.env.push(bytes);
                Ok(())
            }
            TAG_CWD => once("working directory", &mut self.cwd, path(&bytes)),
            TAG_MODE => once("mode", &mut self.mode, Reader::new(&bytes).mode()?),
            TAG_UMASK => once("umask", &mut self.umask, Reader::new(&bytes).u32("umask")?),
            TAG_CGROUP => once("cgroup", &mut self.cgroup, path(&bytes)),
            TAG_OPTIONS => once("options", &mut self.options, bytes),
            TAG_PRIORITY => {
                let priority = Priority::from_code(Reader::new(&bytes).u8("priority")?);
                once("priority", &mut self.priority, priority)
            }
            TAG_VERSION => Err(SpecError::Twice { what: "version" }),
            tag if tag & TAG_NEEDED != 0 => Err(SpecError::Needed { tag }),
            _later => Ok(()),
        }
    }

    fn finish(self) -> Result<LaunchSpec, SpecError> {
        let missing = |what| SpecError::Missing { what };
        let spec = LaunchSpec {
            task: self.task.ok_or(missing("task"))?,
            folder: self.folder.ok_or(missing("folder"))?,
            worker: self.worker.ok_or(missing("worker"))?,
            args: self.args,
            env: self.env,
            cwd: self.cwd.ok_or(missing("working directory"))?,
            mode: self.mode.ok_or(missing("mode"))?,
            umask: self.umask.ok_or(missing("umask"))?,
            cgroup: self.cgroup,
            priority: self.priority.unwrap_or_default(),
            options: self.options.unwrap_or_default(),
        };
        spec.check()?;
        Ok(spec)
    }
}

fn once<T>(what: &'static str, slot: &mut Option<T>, value: T) -> Result<(), SpecError> {
    if slot.is_some() {
        return Err(SpecError::Twice { what });
    }
    *slot = Some(value);
    Ok(())
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

fn bounded(what: &'static str, len: usize, max: usize) -> Result<(), SpecError> {
    if len > max {
        return Err(WireError::TooLong { what, len, max }.into());
    }
    Ok(())
}

fn check_path(what: &'static str, path: &Path) -> Result<(), SpecError> {
    bounded(what, path.as_os_str().len(), PATH_BYTES_MAX)?;
    if !path.is_absolute() || path.as_os_str().as_bytes().contains(&0) {
        return Err(SpecError::Invalid { what });
    }
    Ok(())
}

/// Reads one record. The reader is bounded, so a length that lies costs no memory: it reads what is
/// there.
fn record(from: &mut io::Take<impl Read>) -> Result<(u8, Vec<u8>), SpecError> {
    let mut head = [0; 5];
    fill(from, &mut head)?;
    let [tag, len @ ..] = head;
    let len = u64::from(u32::from_le_bytes(len));
    if len > from.limit() {
        return Err(SpecError::TooLong);
    }
    let mut bytes = Vec::new();
    from.by_ref().take(len).read_to_end(&mut bytes).map_err(SpecError::Read)?;
    if bytes.len() as u64 != len {
        return Err(SpecError::Torn);
    }
    Ok((tag, bytes))
}

fn fill(from: &mut io::Take<impl Read>, head: &mut [u8]) -> Result<(), SpecError> {
    if from.limit() < head.len() as u64 {
        return Err(SpecError::TooLong);
    }
    match from.read_exact(head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(SpecError::Torn),
        other => other.map_err(SpecError::Read),
    }
}
