//! Cgroups (version 2) for the children's trees: whether this machine lets us have them, and where.
//! Owner of detection; [`leaf::Cgroup`] is one in use. Refuses to believe a mount: it makes a
//! probe, freezes and thaws it, and says why not.

pub(crate) mod leaf;

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use leaf::{Cgroup, FREEZE_WAIT_MAX_MS};

/// A cgroup directory of our own, with room for one leaf per session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CgroupRoot {
    path: PathBuf,
}

/// Why there are no cgroups for us.
#[derive(Debug, Error)]
pub enum Why {
    #[error("read {path}")]
    Read {
        path: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("find a cgroup2 mount: there is none; mount one, or go on without")]
    NoMount,
    #[error("find our own cgroup below {mount}: it lies outside of what is mounted there")]
    Outside { mount: PathBuf },
    #[error("make a cgroup at {path}; have it delegated, or go on without")]
    NotWritable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("freeze a cgroup at {path}: the kernel offers no freezer there")]
    NoFreezer { path: PathBuf },
}

impl CgroupRoot {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the directory if no session has a leaf in it any more; else `ResourceBusy`, and
    /// nothing is done.
    pub fn remove(&self) -> io::Result<()> {
        fs::remove_dir(&self.path)
    }

    /// The place for one session's leaf. The holder makes it.
    pub fn leaf(&self, task: &str, session: u32) -> PathBuf {
        self.path.join(format!("{task}-{session}"))
    }
}

/// Finds and verifies the cgroup directory for one home, below our own cgroup.
pub fn find(home: &Path) -> Result<CgroupRoot, Why> {
    let mounts = read("/proc/self/mountinfo")?;
    let ours = read("/proc/self/cgroup")?;
    let (mount, root) = mount_of(&mounts).ok_or(Why::NoMount)?;
    let ours = own_path(&ours).ok_or(Why::NoMount)?;
    let below = ours.strip_prefix(&root).map_err(|_| Why::Outside { mount: mount.clone() })?;
    let base = if below.as_os_str().is_empty() { mount } else { mount.join(below) };
    let path = base.join(format!("axiom-{:016x}", fingerprint(home)));
    verify(&base, &path)?;
    Ok(CgroupRoot { path })
}

/// Whether we are in a cgroup that has a share of the processors of its own, of either version.
pub(crate) fn has_cpu_share() -> bool {
    let Ok(ours) = read("/proc/self/cgroup") else { return false };
    let by_version_1 = cpu_path(&ours).is_some_and(|path| path != Path::new("/"));
    by_version_1 || read("/proc/self/mountinfo").is_ok_and(|mounts| is_weighted(&mounts, &ours))
}

/// Whether our cgroup of version 2, or one above it, has a weight.
fn is_weighted(mounts: &[u8], ours: &[u8]) -> bool {
    let Some((mount, root)) = mount_of(mounts) else { return false };
    let Some(ours) = own_path(ours) else { return false };
    let below = ours.strip_prefix(&root).unwrap_or(Path::new("")).to_owned();
    below.ancestors().any(|folder| mount.join(folder).join("cpu.weight").exists())
}

fn read(path: &'static str) -> Result<Vec<u8>, Why> {
    fs::read(path).map_err(|source| Why::Read { path, source })
}

/// The mount point of the first cgroup2 file system, and which of its directories is mounted there.
fn mount_of(mountinfo: &[u8]) -> Option<(PathBuf, PathBuf)> {
    mountinfo.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b' ');
        let root = fields.nth(3)?;
        let mount = fields.next()?;
        let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
        (kind == b"cgroup2").then(|| (unescape(mount), unescape(root)))
    })
}

/// Our own path in the version 2 hierarchy.
fn own_path(cgroups: &[u8]) -> Option<PathBuf> {
    let line = cgroups.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"0::"))?;
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(line)))
}

/// Our own path in the version 1 hierarchy that divides processors.
fn cpu_path(cgroups: &[u8]) -> Option<PathBuf> {
    cgroups.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.splitn(3, |byte| *byte == b':');
        let controllers = fields.nth(1)?;
        let path = fields.next()?;
        let divides = controllers.split(|byte| *byte == b',').any(|name| name == b"cpu");
        divides.then(|| PathBuf::from(std::ffi::OsStr::from_bytes(path)))
    })
}

/// mountinfo writes blanks, newlines and backslashes as three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                plain.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                after
            }
            (byte, after) => {
                plain.push(*byte);
                after
            }
        };
    }
    PathBuf::from(std::ffi::OsString::from_vec(plain))
}

/// FNV-1a: two homes get two directories, and the same home the same one in each server's life.
fn fingerprint(home: &Path) -> u64 {
    home.as_os_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Makes the directory, then a probe in it, freezes and thaws the probe, and removes it.
fn verify(base: &Path, path: &Path) -> Result<(), Why> {
    let refused = |source| Why::NotWritable { path: path.to_owned(), source };
    // To move a process into a leaf one must be able to write here too: it is the nearest common
    // ancestor.
    OpenOptions::new().write(true).open(base.join("cgroup.procs")).map_err(refused)?;
    make(path).map_err(refused)?;
    let probe = path.join(format!("probe-{}", std::process::id()));
    make(&probe).map_err(refused)?;
    let freezes = Cgroup::open(&probe)
        .and_then(|cgroup| cgroup.freeze().and_then(|()| cgroup.thaw()))
        .is_ok();
    fs::remove_dir(&probe).map_err(refused)?;
    if freezes { Ok(()) } else { Err(Why::NoFreezer { path: path.to_owned() }) }
}

fn make(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hybrid_mount_is_found_among_others() {
        let mountinfo = b"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
            32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu\n\
            41 31 0:38 /a /sys/fs/with\\040blank rw,relatime shared:1 master:2 - cgroup2 none rw\n";
        let found = mount_of(mountinfo);
        assert_eq!(found, Some((PathBuf::from("/sys/fs/with blank"), PathBuf::from("/a"))));
        assert_eq!(mount_of(b"1 2 0:1 / / rw - ext4 /dev/vda rw\n"), None);
    }

    #[test]
    fn our_own_cgroup_is_the_line_without_controllers() {
        let cgroups = b"9:name=systemd:/\n4:memory:/x\n0::/user.slice/a b\n";
        assert_eq!(own_path(cgroups), Some(PathBuf::from("/user.slice/a b")));
        assert_eq!(own_path(b"9:name=systemd:/\n"), None);
    }

    #[test]
    fn a_share_of_our_own_is_seen_in_version_1() {
        let cgroups = b"9:name=systemd:/\n4:memory:/m\n3:cpu,cpuacct:/x:y\n0::/\n";
        assert_eq!(cpu_path(cgroups), Some(PathBuf::from("/x:y")));
        assert_eq!(cpu_path(b"9:cpuset:/a\n0::/user.slice\n"), None);
    }

    #[test]
    fn two_homes_have_two_directories() {
        assert_ne!(fingerprint(Path::new("/home/a")), fingerprint(Path::new("/home/b")));
    }
}
