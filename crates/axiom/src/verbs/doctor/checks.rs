//! The single checks. Each looks at one thing and says what it found; none fails.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use axiom_holder::{cgroup, priority};
use axiom_proto::api::ServerStatus;
use axiom_server::{ChildPriority, Options};
use rustix::fs::{Access, access, statvfs};
use rustix::process::geteuid;

use super::Finding;
use crate::here::Here;
use crate::quantities::{counted, shown_bytes};

/// The least free disk where no server says: as the server chooses by itself.
const DISK_MIN_FREE: u64 = 1 << 30;

/// With less than this no server starts, whatever it was told.
const START_BYTES_MIN: u64 = 256 * 1024;

/// Session folders that are looked at for dead sockets.
const SESSIONS_MAX: usize = 10_000;

pub(super) fn home(here: &Here) -> Finding {
    const WHAT: &str = "home";
    const REMEDY: &str = "set AXIOM_HOME to a folder of your own";
    let path = here.home.path();
    let shown = path.display();
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Finding::good(WHAT, format!("{shown} is made by the first task"));
        }
        Err(error) => return Finding::problem(WHAT, format!("{shown}: {error}"), REMEDY),
    };
    if !meta.is_dir() {
        return Finding::problem(WHAT, format!("{shown} is no folder"), REMEDY);
    }
    if meta.uid() != geteuid().as_raw() {
        let text =
            format!("{shown} belongs to user {}, and you are {}", meta.uid(), geteuid().as_raw());
        let remedy =
            "a home is one user's: become that user, or set AXIOM_HOME to a folder of your own";
        return Finding::problem(WHAT, text, remedy);
    }
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o022 != 0 {
        let text = format!("{shown} may be written by others (mode {mode:o})");
        return Finding::problem(WHAT, text, "chmod 700 it");
    }
    if mode & 0o055 != 0 {
        let text = format!("{shown} may be read by others (mode {mode:o})");
        return Finding::note(WHAT, text, "chmod 700 it: output is kept in it");
    }
    match access(path, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::good(WHAT, shown.to_string()),
        Err(errno) => Finding::problem(WHAT, format!("{shown}: {errno}"), "make it writable"),
    }
}

/// What a server would be told.
pub(super) fn settings() -> Finding {
    const WHAT: &str = "settings";
    match Options::load(None, None) {
        Ok(_) => Finding::good(WHAT, "config.toml and AXIOM_* are understood"),
        Err(error) => {
            Finding::problem(WHAT, error.to_string(), "mend it: no server starts with it")
        }
    }
}

pub(super) fn trees(here: &Here, status: Option<&ServerStatus>) -> Finding {
    const WHAT: &str = "trees";
    const WALKED: &str = "processes are followed by walking /proc, which needs nothing";
    if let Some(status) = status {
        return Finding::good(WHAT, format!("process trees: {}", status.tree));
    }
    match cgroup::find(here.home.path()) {
        Ok(root) => {
            // Only the probe made it: a cgroup with tasks in it cannot be removed.
            drop(fs::remove_dir(root.path()));
            Finding::good(WHAT, format!("a cgroup for each task, in {}", root.path().display()))
        }
        Err(why) => Finding::note(WHAT, format!("no cgroups: {why}"), WALKED),
    }
}

/// By what means tasks are kept from slowing down what watches them.
pub(super) fn priority(here: &Here, status: Option<&ServerStatus>) -> Finding {
    const WHAT: &str = "priority";
    const REMEDY: &str = "child_priority = \"lower\" in config.toml keeps them below";
    let told = match status {
        Some(status) if status.child_priority.is_empty() => {
            return Finding::note(WHAT, "this server leaves tasks at its own", "restart it");
        }
        Some(status) => status.child_priority.clone(),
        None => match Options::load(None, None).map(|options| options.child_priority) {
            Ok(ChildPriority::Same) => "same".to_owned(),
            Ok(ChildPriority::Lower) | Err(_) => {
                let root = cgroup::find(here.home.path()).ok();
                let means = priority::means(root.as_ref());
                // Only the probe made it, as above.
                root.into_iter().for_each(|root| drop(fs::remove_dir(root.path())));
                format!("lower: {}", means.sentence())
            }
        },
    };
    let text = format!("tasks, when processors are short: {told}");
    if told.starts_with("same") {
        return Finding::note(WHAT, text, REMEDY);
    }
    Finding::good(WHAT, text)
}

pub(super) fn disk(here: &Here, status: Option<&ServerStatus>) -> Finding {
    const WHAT: &str = "disk";
    const REMEDY: &str = "make room: axiom prune removes ended tasks";
    let (free, least) = match status {
        Some(status) => (status.disk_free_bytes, status.disk_min_free_bytes),
        None => {
            let there = here.home.path().ancestors().find(|path| path.exists());
            match statvfs(there.unwrap_or(Path::new("/"))) {
                Ok(disk) => {
                    let (free, all) =
                        (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
                    // What a server would be told by file and environment.
                    let home = Some(here.home.path().to_owned());
                    let asked = axiom_server::Options::load(home, None).ok();
                    let asked = asked.and_then(|options| options.disk_min_free_bytes);
                    (free, asked.unwrap_or(DISK_MIN_FREE.max(all / 20)))
                }
                Err(errno) => return Finding::problem(WHAT, errno.to_string(), REMEDY),
            }
        }
    };
    let text = format!("{} free; below {} output pauses", shown_bytes(free), shown_bytes(least));
    if free < least.max(START_BYTES_MIN) {
        return Finding::problem(WHAT, text, REMEDY);
    }
    Finding::good(WHAT, text)
}

/// The home's token opens every door of it.
pub(super) fn token(here: &Here) -> Finding {
    const WHAT: &str = "token";
    let path = here.home.path().join("token");
    let meta = match fs::symlink_metadata(&path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Finding::good(WHAT, "the first server makes it");
        }
        Err(error) => {
            return Finding::problem(
                WHAT,
                format!("{}: {error}", path.display()),
                "chmod 700 the home",
            );
        }
    };
    let mode = meta.permissions().mode() & 0o777;
    if !meta.is_file() || meta.uid() != geteuid().as_raw() {
        let text = format!("{} is no file of yours", path.display());
        return Finding::problem(
            WHAT,
            text,
            "remove it, then `axiom shutdown`: a server makes another",
        );
    }
    if mode & 0o077 != 0 {
        let text = format!("others may read {} (mode {mode:o})", path.display());
        let remedy = "remove it, then `axiom shutdown`: who has read it could use it for ever";
        return Finding::problem(WHAT, text, remedy);
    }
    Finding::good(WHAT, "only you can read it")
}

/// Sockets that nobody listens on any more.
pub(super) fn sockets(here: &Here, server_runs: bool) -> Finding {
    const WHAT: &str = "sockets";
    let stale_server = !server_runs && here.home.socket().exists();
    let dead = session_sockets(here).into_iter().filter(|socket| is_dead(socket)).count();
    match (dead, stale_server) {
        (0, false) => Finding::good(WHAT, "none is left over"),
        (0, true) => {
            Finding::note(WHAT, "a server left its socket behind", "the next one replaces it")
        }
        (dead, _) => {
            let text = format!("{} without holder and worker", counted(dead as u64, "session"));
            Finding::problem(WHAT, text, "a server closes them when it starts: axiom ps")
        }
    }
}

fn session_sockets(here: &Here) -> Vec<PathBuf> {
    let folders = |path: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).take(SESSIONS_MAX).collect()
    };
    let tasks = folders(&here.home.path().join("tasks"));
    let sessions = tasks.iter().flat_map(|task| folders(task));
    sessions.map(|session| session.join("link.sock")).filter(|socket| socket.exists()).collect()
}

fn is_dead(socket: &Path) -> bool {
    match UnixStream::connect(socket) {
        Ok(_) => false,
        // Any other failure, as a path too long for an address, says nothing about who listens.
        Err(error) => error.kind() == io::ErrorKind::ConnectionRefused,
    }
}
