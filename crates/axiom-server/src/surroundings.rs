//! What a child gets where nobody says otherwise: the server's environment, working folder, umask and descriptor limit,
//! as they were when the server started. Owner of how a child's environment is put together.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use axiom_proto::task::{Mode, TaskRecord};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::task_tokens::TASK_TOKEN_VARIABLE;

/// Variables of ours: none is passed on but those that are set below.
const OURS: &[u8] = b"AXIOM_";

/// The terminal that we are towards the child, where its environment names none.
const TERM: &str = "xterm-256color";

/// The umask where `/proc` does not tell.
const UMASK: u32 = 0o022;

/// What the server was started with.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Its environment.
    pub env: Vec<(OsString, OsString)>,
    /// Its working folder.
    pub cwd: PathBuf,
    /// Its file mode mask.
    pub umask: u32,
    /// Its limit of open files, before it was raised.
    pub open_files: Rlimit,
}

impl Surroundings {
    /// Those of this process.
    ///
    /// # Errors
    /// `/proc/self` cannot be read.
    pub fn of_this_process() -> io::Result<Self> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        Ok(Self {
            env: std::env::vars_os().collect(),
            // A folder that was removed is none to start tasks in.
            cwd: std::env::current_dir().unwrap_or_else(|_removed| PathBuf::from("/")),
            umask: umask_of(&status).unwrap_or(UMASK),
            open_files: getrlimit(Resource::Nofile),
        })
    }

    /// Lets this process open as many files as it may. Its children get the old limit back.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn raise_open_files(&self) -> io::Result<()> {
        let maximum = self.open_files.maximum;
        Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
    }

    /// A child's whole environment, `NAME=value` each.
    pub(crate) fn child_env(&self, record: &TaskRecord, home: &Path, token: &str) -> Vec<Vec<u8>> {
        let mut env: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        if !record.spec.clear_env {
            let inherited = self.env.iter().filter(|(name, _)| !name.as_bytes().starts_with(OURS));
            env.extend(
                inherited.map(|(name, value)| (name.clone().into_vec(), value.clone().into_vec())),
            );
        }
        let asked = record.spec.env.iter();
        env.extend(asked.map(|(name, value)| (name.clone().into_bytes(), value.0.clone())));
        let mut set = |name: &str, value: &[u8]| env.insert(name.into(), value.to_vec());
        set("AXIOM_TASK", record.id.as_str().as_bytes());
        set("AXIOM_HOME", home.as_os_str().as_bytes());
        set(TASK_TOKEN_VARIABLE, token.as_bytes());
        if let Some(count) = record.spec.count {
            set("AXIOM_INDEX", record.index.to_string().as_bytes());
            set("AXIOM_COUNT", count.to_string().as_bytes());
        }
        // An environment that was given whole is the caller's, with a terminal's name or without.
        if record.spec.mode == Mode::Terminal && !record.spec.clear_env {
            env.entry(b"TERM".to_vec()).or_insert_with(|| TERM.into());
        }
        env.into_iter().map(|(name, value)| [name, value].join(&b'=')).collect()
    }
}

fn umask_of(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(line.trim(), 8).ok()
}

#[cfg(test)]
mod tests {
    use axiom_proto::id::TaskId;
    use axiom_proto::task::TaskSpec;

    use super::*;

    fn env_of(spec: TaskSpec) -> Vec<String> {
        let surroundings = Surroundings {
            env: vec![
                ("PATH".into(), "/bin".into()),
                ("AXIOM_TASK".into(), "theirs".into()),
                ("AXIOM_LOG".into(), "debug".into()),
            ],
            cwd: "/".into(),
            umask: 0o22,
            open_files: Rlimit { current: None, maximum: None },
        };
        let id = TaskId::from_random([0; 10]);
        let record = TaskRecord { id, index: 2, spec, ..crate::record::tests::record() };
        let env = surroundings.child_env(&record, Path::new("/home"), "proof");
        env.into_iter().map(|entry| String::from_utf8(entry).unwrap()).collect()
    }

    #[test]
    fn a_child_gets_the_servers_environment_without_our_own_variables() {
        let mode = Mode::Pipes;
        let env = env_of(TaskSpec { mode, ..TaskSpec::default() });
        let expected = [
            "AXIOM_HOME=/home",
            "AXIOM_TASK=0000000000000000",
            "AXIOM_TASK_TOKEN=proof",
            "PATH=/bin",
        ];
        assert_eq!(env, expected);
    }

    #[test]
    fn what_was_asked_for_wins_except_over_what_names_the_task() {
        let asked = [
            ("PATH", "/usr/bin"),
            ("AXIOM_TASK", "forged"),
            ("AXIOM_TASK_TOKEN", "forged"),
            ("TERM", "dumb"),
            ("E", ""),
        ];
        let env = asked.map(|(name, value)| (name.to_owned(), value.into())).into();
        let spec = TaskSpec { env, clear_env: true, count: Some(5), ..TaskSpec::default() };
        let expected = [
            "AXIOM_COUNT=5",
            "AXIOM_HOME=/home",
            "AXIOM_INDEX=2",
            "AXIOM_TASK=0000000000000000",
            "AXIOM_TASK_TOKEN=proof",
            "E=",
            "PATH=/usr/bin",
            "TERM=dumb",
        ];
        assert_eq!(env_of(spec), expected);
    }

    #[test]
    fn a_terminal_has_a_name() {
        assert!(env_of(TaskSpec::default()).contains(&"TERM=xterm-256color".to_owned()));
    }

    #[test]
    fn the_umask_is_read_from_proc() {
        assert_eq!(umask_of("Name:\tx\nUmask:\t0077\nState:\tR\n"), Some(0o77));
        assert!(Surroundings::of_this_process().unwrap().umask <= 0o777);
    }
}
