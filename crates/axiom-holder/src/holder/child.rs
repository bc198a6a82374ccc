//! The child: its terminal or pipes, its surroundings, its start. Owner of our ends of what it
//! reads and writes. A command that cannot start is no error of the session's: it is what the
//! session then tells.

use std::ffi::CString;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{InputModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

use crate::cgroup::Cgroup;
use crate::priority::{CGROUP_WEIGHT, NICE_STEPS};
use crate::wire::{Ends, LaunchSpec, Mode, Priority, Stage};

use super::log;
use super::start::{NewSession, Refusal, Start, start};

/// Where a command is looked for if its environment has no `PATH`, as the C library does.
const DEFAULT_PATH: &[u8] = b"/bin:/usr/bin";

/// A child that runs.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) pid: u32,
    pub(super) pidfd: OwnedFd,
    pub(super) ends: Ends,
    /// It runs in the cgroup that the specification names.
    pub(super) in_cgroup: bool,
}

/// The child's own ends.
struct Stdio {
    stdin: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
}

/// Starts the command. Its ends are closed here before this returns.
pub(super) fn launch(spec: &LaunchSpec) -> Result<Child, Refusal> {
    let (ends, stdio) = open_ends(spec.mode).map_err(Refusal::at(Stage::Pty))?;
    let entrance = spec.cgroup.as_deref().and_then(|path| {
        let entrance = Cgroup::make(path).and_then(Cgroup::entrance);
        if spec.priority == Priority::Cgroup {
            lower_all(path);
        }
        let refused = |error: &_| log(&format!("make the cgroup {}: {error}", path.display()));
        entrance.inspect_err(refused).ok()
    });
    let session = match spec.mode {
        Mode::Terminal { .. } => NewSession::WithTerminal,
        Mode::Pipes => NewSession::Yes,
    };
    let nice = match spec.priority {
        Priority::Nice => NICE_STEPS,
        Priority::Same | Priority::Autogroup | Priority::Cgroup => 0,
    };
    let started = start(&Start {
        programs: &candidates(&spec.args[0], &spec.env),
        args: &c_strings(&spec.args),
        env: &c_strings(&spec.env),
        cwd: Some(c_string(spec.cwd.as_os_str().as_bytes())),
        umask: Some(spec.umask),
        stdio: [stdio.stdin.as_fd(), stdio.stdout.as_fd(), stdio.stderr.as_fd()],
        session,
        nice,
        cgroup: entrance.as_ref(),
    })?;
    if let Some(errno) = started.cgroup_refused {
        log(&format!("the child does not enter its cgroup: error {errno}"));
    }
    let in_cgroup = entrance.is_some() && started.cgroup_refused.is_none();
    Ok(Child { pid: started.pid, pidfd: started.pidfd, ends, in_cgroup })
}

/// Sets the weight of the cgroup that holds all tasks' leaves. Each time: the last session took the directory along.
fn lower_all(leaf: &Path) {
    let Some(above) = leaf.parent() else { return };
    if let Err(error) = fs::write(above.join("cpu.weight"), CGROUP_WEIGHT.to_string()) {
        log(&format!("lower the tasks' cgroup: {error}; they run as they are"));
    }
}

fn open_ends(mode: Mode) -> rustix::io::Result<(Ends, Stdio)> {
    match mode {
        Mode::Terminal { cols, rows } => open_terminal(cols, rows),
        Mode::Pipes => open_pipes(),
    }
}

fn open_terminal(cols: u16, rows: u16) -> rustix::io::Result<(Ends, Stdio)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let slave = ioctl_tiocgptpeer(&master, flags)?;
    let mut settings = tcgetattr(&slave)?;
    // The line editor then deletes characters, not bytes.
    settings.input_modes |= InputModes::IUTF8;
    tcsetattr(&slave, OptionalActions::Now, &settings)?;
    tcsetwinsize(&slave, Winsize { ws_col: cols, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 })?;
    rustix::io::ioctl_fionbio(&master, true)?;
    let again = || rustix::io::fcntl_dupfd_cloexec(&slave, 3);
    let stdio = Stdio { stdin: again()?, stdout: again()?, stderr: slave };
    Ok((Ends::Terminal { master }, stdio))
}

fn open_pipes() -> rustix::io::Result<(Ends, Stdio)> {
    let (child_in, stdin) = pipe_with(PipeFlags::CLOEXEC)?;
    let (stdout, child_out) = pipe_with(PipeFlags::CLOEXEC)?;
    let (stderr, child_err) = pipe_with(PipeFlags::CLOEXEC)?;
    // Ours only: each end of a pipe has its own flag.
    for ours in [&stdin, &stdout, &stderr] {
        rustix::io::ioctl_fionbio(ours, true)?;
    }
    let ends = Ends::Pipes { stdin: Some(stdin), stdout, stderr };
    Ok((ends, Stdio { stdin: child_in, stdout: child_out, stderr: child_err }))
}

/// The paths that a command's name stands for: itself if it has a slash, else one in each directory
/// of the `PATH`.
fn candidates(name: &[u8], env: &[Vec<u8>]) -> Vec<CString> {
    if name.contains(&b'/') {
        return vec![c_string(name)];
    }
    let path = env.iter().find_map(|entry| entry.strip_prefix(b"PATH=")).unwrap_or(DEFAULT_PATH);
    let directories = path.split(|byte| *byte == b':');
    directories
        .map(|directory| match directory {
            // An empty entry is the working directory.
            [] => c_string(&[b"./", name].concat()),
            some => c_string(&[some, b"/", name].concat()),
        })
        .collect()
}

fn c_strings(texts: &[Vec<u8>]) -> Vec<CString> {
    texts.iter().map(|text| c_string(text)).collect()
}

fn c_string(text: &[u8]) -> CString {
    CString::new(text).expect("the specification was checked for zero bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(name: &str, env: &[&str]) -> Vec<String> {
        let env: Vec<Vec<u8>> = env.iter().map(|entry| entry.as_bytes().to_vec()).collect();
        let found = candidates(name.as_bytes(), &env);
        found.into_iter().map(|path| path.into_string().unwrap()).collect()
    }

    #[test]
    fn a_name_with_a_slash_is_not_looked_up() {
        assert_eq!(paths("./make", &["PATH=/bin"]), ["./make"]);
    }

    #[test]
    fn a_name_is_looked_up_in_the_childs_own_path() {
        assert_eq!(paths("make", &["X=1", "PATH=/a::/b"]), ["/a/make", "./make", "/b/make"]);
        assert_eq!(paths("make", &["XPATH=/a"]), ["/bin/make", "/usr/bin/make"]);
    }
}
