//! Where a home lies, and the places in it that a client needs.
//! Before a server is started it makes the two folders that this needs, in a home that is ours alone or nowhere.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// The socket's name in `run/`.
pub(crate) const SOCKET: &str = "axiom.sock";

/// One installation's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    path: PathBuf,
}

/// Why no home was found.
#[derive(Debug, Error)]
pub enum HomeError {
    /// Nothing says where it is.
    #[error("no home: none of AXIOM_HOME, XDG_STATE_HOME and HOME is set")]
    Unknown,
    /// The path cannot be made absolute.
    #[error("home {}: its path cannot be made absolute", path.display())]
    Relative {
        /// What was given.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Why a home cannot be used.
#[derive(Debug, Error)]
pub enum UnfitHome {
    /// Somebody else's.
    #[error("home {} belongs to user {owner}", path.display())]
    NotOurs {
        /// The home.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Others could change what is in it.
    #[error("home {} may be written by others (mode {mode:o})", path.display())]
    Open {
        /// The home.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file system refuses.
    #[error("prepare home {}", path.display())]
    Io {
        /// The home.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Home {
    /// The home that the environment names: `AXIOM_HOME`, else `XDG_STATE_HOME/axiom`, else `~/.local/state/axiom`.
    ///
    /// # Errors
    /// [`HomeError`] when nothing names one.
    pub fn of_environment(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, HomeError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(path) = set("AXIOM_HOME") {
            return Self::at(path);
        }
        // A relative XDG folder is to be ignored: so says its specification.
        if let Some(state) = set("XDG_STATE_HOME").filter(|path| path.is_absolute()) {
            return Self::at(state.join("axiom"));
        }
        let user = set("HOME").ok_or(HomeError::Unknown)?;
        Self::at(user.join(".local/state/axiom"))
    }

    /// The home at this path.
    ///
    /// # Errors
    /// [`HomeError::Relative`] when the path is relative and the working directory is gone.
    pub fn at(path: PathBuf) -> Result<Self, HomeError> {
        match std::path::absolute(&path) {
            Ok(absolute) => Ok(Self { path: absolute }),
            Err(source) => Err(HomeError::Relative { path, source }),
        }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where sockets and notes of a running server are.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.path.join("run")
    }

    /// The server's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.run().join(SOCKET)
    }

    /// Where a server that was started by a client writes its log.
    #[must_use]
    pub fn server_log(&self) -> PathBuf {
        self.run().join("server.log")
    }

    /// Makes the folders that a starting server's log and a watch on its socket need.
    /// Nothing is made in a home that is not ours alone.
    pub(crate) fn prepare(&self) -> Result<(), UnfitHome> {
        let path = self.path.clone();
        match fs::metadata(&self.path) {
            Ok(meta) if meta.uid() != rustix::process::geteuid().as_raw() => {
                return Err(UnfitHome::NotOurs { path, owner: meta.uid() });
            }
            Ok(meta) if meta.mode() & 0o022 != 0 => {
                return Err(UnfitHome::Open { path, mode: meta.mode() & 0o7777 });
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(UnfitHome::Io { path, source }),
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(self.run());
        made.map_err(|source| UnfitHome::Io { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(pairs: &[(&str, &str)]) -> Result<PathBuf, HomeError> {
        let find = |name: &str| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        };
        Home::of_environment(find).map(|home| home.path)
    }

    #[test]
    fn the_first_of_three_variables_names_the_home() {
        let all = [("AXIOM_HOME", "/a"), ("XDG_STATE_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(home(&all).unwrap(), PathBuf::from("/a"));
        assert_eq!(home(&all[1..]).unwrap(), PathBuf::from("/x/axiom"));
        assert_eq!(home(&all[2..]).unwrap(), PathBuf::from("/h/.local/state/axiom"));
        assert!(matches!(home(&[]), Err(HomeError::Unknown)));
    }

    #[test]
    fn nothing_is_made_in_a_home_that_others_may_write() {
        use std::os::unix::fs::PermissionsExt;
        let folder = std::env::temp_dir().join(format!("axiom-home-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        let home = Home::at(folder.clone()).unwrap();
        assert!(matches!(home.prepare(), Err(UnfitHome::Open { .. })));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        home.prepare().unwrap();
        assert!(home.run().is_dir());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn empty_variables_and_a_relative_state_folder_are_as_if_unset() {
        let odd = [("AXIOM_HOME", ""), ("XDG_STATE_HOME", "state"), ("HOME", "/h")];
        assert_eq!(home(&odd).unwrap(), PathBuf::from("/h/.local/state/axiom"));
    }
}
