//! Which task a process belongs to, from what the kernel says of it: a token in its environment or an ancestor's, its cgroup, or the
//! holder that took it in. So a program that clears its environment is still its task's. Changes nothing.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use axiom_proto::id::TaskId;
use thiserror::Error;

use crate::evidence::holder_pid;
use crate::fleet::Fleet;
use crate::task_tokens::TASK_TOKEN_VARIABLE;

/// Processes above one that are looked at: shells in shells are a handful.
const ANCESTORS_MAX: usize = 64;

/// Of an environment: a kernel takes about so much.
const ENVIRONMENT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A holder's name, as the kernel shows it.
const HOLDER_NAME: &str = "axiom-holder";

/// The process has ended, so that nobody can tell whose it was.
#[derive(Debug, Error)]
#[error("process {pid} has ended, so nobody can tell from where it asks")]
pub(crate) struct Gone {
    pid: u32,
}

/// A process as it stands in `/proc`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    name: String,
    parent: u32,
}

/// The task that a process belongs to; none where it runs outside of all of this home's.
///
/// # Errors
/// It has ended.
pub(crate) fn task_of(fleet: &Fleet, pid: u32) -> Result<Option<TaskId>, Gone> {
    let mut process = (pid, stat_of(pid).ok_or(Gone { pid })?);
    if let Some(task) = of_cgroup(fleet, pid) {
        return Ok(Some(task));
    }
    for _generation in 0..ANCESTORS_MAX {
        let (pid, Stat { name, parent }) = process;
        if let Some(task) = of_environment(fleet, pid) {
            return Ok(Some(task));
        }
        // Any process may call itself so.
        if let Some(task) = (name == HOLDER_NAME).then(|| of_holder(fleet, pid)).flatten() {
            return Ok(Some(task));
        }
        let Some(above) = stat_of(parent) else { break };
        process = (parent, above);
    }
    Ok(None)
}

fn stat_of(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// The name, in parentheses, may hold anything.
fn parse_stat(stat: &[u8]) -> Option<Stat> {
    let begin = stat.iter().position(|byte| *byte == b'(')? + 1;
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let name = String::from_utf8_lossy(stat.get(begin..end)?).into_owned();
    let parent = stat.get(end + 2..)?.split(|byte| *byte == b' ').nth(1)?;
    Some(Stat { name, parent: str::from_utf8(parent).ok()?.parse().ok()? })
}

/// By the token that it was started with. What cannot be read says nothing: its parent may.
fn of_environment(fleet: &Fleet, pid: u32) -> Option<TaskId> {
    let read = || -> io::Result<Vec<u8>> {
        let mut environment = Vec::new();
        let file = File::open(format!("/proc/{pid}/environ"))?;
        file.take(ENVIRONMENT_BYTES_MAX).read_to_end(&mut environment)?;
        Ok(environment)
    };
    let environment = read().ok()?;
    let mut variables = environment.split(|byte| *byte == 0);
    let shown = variables.find_map(|variable| {
        variable.strip_prefix(TASK_TOKEN_VARIABLE.as_bytes())?.strip_prefix(b"=")
    })?;
    fleet.task_tokens.task_of(shown)
}

/// By its cgroup, where tasks have one: `<id>-<session>` below ours.
fn of_cgroup(fleet: &Fleet, pid: u32) -> Option<TaskId> {
    let root = fleet.cgroup.as_ref().ok()?.path().file_name()?.to_str()?.to_owned();
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mut folders = Path::new(path).iter().map(|folder| folder.to_str().unwrap_or_default());
    folders.find(|folder| *folder == root)?;
    let (id, _session) = folders.next()?.split_once('-')?;
    let id: TaskId = id.parse().ok()?;
    fleet.task(id).map(|task| task.id())
}

/// By the holder that it was left to. Rare enough to look at every task that runs.
fn of_holder(fleet: &Fleet, pid: u32) -> Option<TaskId> {
    let tasks = fleet.tasks().into_iter();
    let mut live = tasks.filter(|task| !task.announced().over);
    live.find(|task| holder_pid(&task.folder) == Some(pid)).map(|task| task.id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_any_name() {
        let parsed = parse_stat(b"42 (a) R (b) S 7 42 42 0 -1").unwrap();
        assert_eq!(parsed, Stat { name: "a) R (b".to_owned(), parent: 7 });
        assert_eq!(parse_stat(b"42 (cut"), None);
        assert_eq!(
            stat_of(std::process::id()).unwrap().parent,
            std::os::unix::process::parent_id()
        );
    }
}
