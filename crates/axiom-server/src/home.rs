//! The home: where each file of an installation lies, and that the folders are ours alone.
//! Owner of paths and of their permissions. Refuses a home of another user, or one that others may write.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use axiom_proto::id::{SessionId, TaskId};
use thiserror::Error;

/// Why there is no home to work in.
#[derive(Debug, Error)]
pub enum HomeError {
    /// Nothing says where it is.
    #[error("no home: set AXIOM_HOME to an absolute path, or HOME")]
    Nowhere,
    /// Made by somebody else.
    #[error("home {} belongs to user {owner}, not to user {user}: set AXIOM_HOME to a folder of your own", path.display())]
    NotOurs {
        /// The home.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who we are.
        user: u32,
    },
    /// Others could change what is in it.
    #[error("home {} may be written by others (mode {mode:o}): run chmod 700 on it, or set AXIOM_HOME to a folder of its own", path.display())]
    Open {
        /// The home.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file system refused.
    #[error("failed to {action} {}: {source}; set AXIOM_HOME to a folder that you can write", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// One installation's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

/// The variables that say where the home is.
#[derive(Debug, Default)]
struct Variables {
    axiom_home: Option<OsString>,
    state_home: Option<OsString>,
    home: Option<OsString>,
}

impl Variables {
    /// `$AXIOM_HOME`, else `$XDG_STATE_HOME/axiom`, else `~/.local/state/axiom`. Empty means unset, and a relative state
    /// home is ignored, as its standard asks.
    fn locate(self) -> Option<PathBuf> {
        let set = |value: Option<OsString>| value.filter(|value| !value.is_empty());
        if let Some(home) = set(self.axiom_home) {
            return Some(home.into());
        }
        let state = set(self.state_home).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = state.or_else(|| Some(PathBuf::from(set(self.home)?).join(".local/state")));
        Some(state?.join("axiom"))
    }
}

impl Home {
    /// The home at a path, made absolute.
    ///
    /// # Errors
    /// The path is empty, or there is no working directory to complete it with.
    pub fn at(path: &Path) -> Result<Self, HomeError> {
        let refused = |source| HomeError::Io { action: "find", path: path.to_owned(), source };
        Ok(Self { root: std::path::absolute(path).map_err(refused)? })
    }

    /// The home that the environment names.
    ///
    /// # Errors
    /// [`HomeError::Nowhere`] if it names none.
    pub fn from_environment() -> Result<Self, HomeError> {
        let variables = Variables {
            axiom_home: std::env::var_os("AXIOM_HOME"),
            state_home: std::env::var_os("XDG_STATE_HOME"),
            home: std::env::var_os("HOME"),
        };
        Self::at(&variables.locate().ok_or(HomeError::Nowhere)?)
    }

    /// Makes the folders, or checks those that are there.
    ///
    /// # Errors
    /// [`HomeError`], with nothing made inside a home that is not ours.
    pub fn prepare(&self) -> Result<(), HomeError> {
        make_all(&self.root)?;
        check(&self.root)?;
        for folder in [self.run(), self.tasks()] {
            make(&folder)?;
            check(&folder)?;
        }
        Ok(())
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Sockets, lock and note of the server that runs now.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// Settings.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// The index.
    #[must_use]
    pub fn index(&self) -> PathBuf {
        self.root.join("axiom.db")
    }

    /// A folder for each task.
    #[must_use]
    pub fn tasks(&self) -> PathBuf {
        self.root.join("tasks")
    }

    /// A task's folder.
    #[must_use]
    pub fn task(&self, id: TaskId) -> PathBuf {
        self.tasks().join(id.as_str())
    }

    /// A session's folder.
    #[must_use]
    pub fn session(&self, id: SessionId) -> PathBuf {
        self.task(id.task).join(id.number.to_string())
    }
}

/// Makes a folder for us alone, unless it is there.
///
/// # Errors
/// [`HomeError::Io`].
pub(crate) fn make(path: &Path) -> Result<(), HomeError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
            Err(HomeError::Io { action: "make", path: path.to_owned(), source })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn make_all(path: &Path) -> Result<(), HomeError> {
    DirBuilder::new().mode(0o700).recursive(true).create(path).map_err(|source| HomeError::Io {
        action: "make",
        path: path.to_owned(),
        source,
    })
}

fn check(path: &Path) -> Result<(), HomeError> {
    let meta = fs::metadata(path).map_err(|source| HomeError::Io {
        action: "look at",
        path: path.to_owned(),
        source,
    })?;
    let (path, user) = (path.to_owned(), rustix::process::geteuid().as_raw());
    if meta.uid() != user {
        return Err(HomeError::NotOurs { path, owner: meta.uid(), user });
    }
    let mode = meta.mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(HomeError::Open { path, mode });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn located(axiom_home: &str, state_home: &str, home: &str) -> Option<PathBuf> {
        let variable = |text: &str| Some(OsString::from(text));
        let variables = Variables {
            axiom_home: variable(axiom_home),
            state_home: variable(state_home),
            home: variable(home),
        };
        variables.locate()
    }

    #[test]
    fn the_environment_names_the_home() {
        assert_eq!(located("/a", "/s", "/h"), Some("/a".into()));
        assert_eq!(located("", "/s", "/h"), Some("/s/axiom".into()));
        assert_eq!(located("", "relative", "/h"), Some("/h/.local/state/axiom".into()));
        assert_eq!(located("", "", ""), None);
        assert_eq!(Variables::default().locate(), None);
    }

    #[test]
    fn folders_are_made_for_us_alone() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("deep/er")).unwrap();
        home.prepare().unwrap();
        home.prepare().unwrap();
        for path in [home.root().to_owned(), home.run(), home.tasks()] {
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700, "{path:?}");
        }
    }

    #[test]
    fn a_home_that_others_may_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        let refused = Home::at(folder.path()).unwrap().prepare().unwrap_err();
        assert!(refused.to_string().contains("mode 1777"), "{refused}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is half made");
    }

    #[test]
    fn a_home_below_a_file_says_so() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), b"").unwrap();
        let refused = Home::at(&folder.path().join("file/home")).unwrap().prepare().unwrap_err();
        assert!(refused.to_string().contains("AXIOM_HOME"), "{refused}");
    }
}
