//! Where an export goes: standard output, or a file that is there once it is whole. A file that was begun and not
//! finished leaves nothing behind, and what had its name before is as it was.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::printing::print_bytes;

/// Where the bytes go.
#[derive(Debug)]
pub(super) enum Target {
    /// Standard output.
    Output,
    /// Something that cannot be replaced: a device, a pipe with a name.
    Stream(File, PathBuf),
    /// A file beside the one that it will be.
    Beside(Draft),
}

/// A file that is not whole yet.
#[derive(Debug)]
pub(super) struct Draft {
    file: File,
    path: PathBuf,
    goal: PathBuf,
    kept: bool,
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed is named so that a person sees what it is.
            drop(fs::remove_file(&self.path));
        }
    }
}

impl Target {
    /// Opens it; nothing, and `-`, is standard output.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Self::Output);
        };
        let failed = |error: io::Error| not_written(path, &error);
        // A link is followed, so that it stays one.
        let goal = match fs::canonicalize(path) {
            Ok(goal) => goal,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(failed(error)),
        };
        if fs::metadata(&goal).is_ok_and(|meta| !meta.is_file()) {
            let file = File::options().write(true).open(&goal).map_err(failed)?;
            return Ok(Self::Stream(file, goal));
        }
        Draft::beside(goal).map(Self::Beside).map_err(failed)
    }

    /// True where leaving in the middle leaves something to tidy.
    pub(super) fn may_be_left_half(&self) -> bool {
        match self {
            Self::Beside(_) => true,
            Self::Output | Self::Stream(..) => false,
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Output => print_bytes(bytes),
            Self::Stream(file, path) => {
                file.write_all(bytes).map_err(|error| not_written(path, &error))
            }
            Self::Beside(draft) => {
                draft.file.write_all(bytes).map_err(|error| not_written(&draft.goal, &error))
            }
        }
    }

    /// Gives it its name.
    pub(super) fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Output | Self::Stream(..) => Ok(()),
            Self::Beside(mut draft) => {
                fs::rename(&draft.path, &draft.goal)
                    .map_err(|error| not_written(&draft.goal, &error))?;
                draft.kept = true;
                Ok(())
            }
        }
    }
}

impl Draft {
    fn beside(goal: PathBuf) -> io::Result<Self> {
        let mut name = goal.file_name().ok_or(io::ErrorKind::IsADirectory)?.to_owned();
        name.push(format!(".part-{}", std::process::id()));
        let path = goal.with_file_name(name);
        let file = File::create_new(&path)?;
        let draft = Self { file, path, goal, kept: false };
        // Who may read the file that is replaced may read the new one, and nobody else.
        if let Ok(meta) = fs::metadata(&draft.goal) {
            // Writing to it must be allowed, though renaming does not ask.
            drop(File::options().append(true).open(&draft.goal)?);
            draft.file.set_permissions(meta.permissions())?;
        }
        Ok(draft)
    }
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    Failure::invalid(format!("write to {}: {error}", path.display()), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_when_it_is_whole_and_an_unfinished_one_never() {
        let folder = std::env::temp_dir().join(format!("axiom-export-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let path = folder.join("a.cast");
        let entries = || fs::read_dir(&folder).unwrap().count();
        let mut target = Target::open(Some(&path)).unwrap();
        target.write(b"half").unwrap();
        assert!(!path.exists() && entries() == 1);
        drop(target);
        assert_eq!(entries(), 0);
        fs::write(&path, "before").unwrap();
        std::os::unix::fs::symlink(&path, folder.join("link")).unwrap();
        let mut target = Target::open(Some(&folder.join("link"))).unwrap();
        target.write(b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"before");
        target.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(entries(), 2);
        assert!(folder.join("link").is_symlink());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_is_no_file_is_written_in_place_or_refused() {
        assert!(matches!(Target::open(Some(Path::new("/dev/null"))), Ok(Target::Stream(..))));
        for path in ["/", "/proc/no/such", "/tmp/", "/proc/self/exe/x"] {
            assert!(Target::open(Some(Path::new(path))).is_err(), "{path}");
        }
        assert!(matches!(Target::open(Some(Path::new("-"))), Ok(Target::Output)));
    }
}
