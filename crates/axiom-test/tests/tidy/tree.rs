//! The repository's own files as text: what git knows or would add, else what lies in the folders.
//! The only part of tidy that reads the disk. Bytes that are no UTF-8 keep their path and have no text.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders that hold what is built or fetched, never what is written.
const NOT_OURS: &[&str] = &[".git", ".cache", "target", "node_modules"];

/// Paths relative to the root, with `/`, and their text.
pub(crate) struct Tree {
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    /// Reads the repository that this test belongs to.
    pub(crate) fn of_repository() -> Self {
        let root = root();
        let paths = listed_by_git(&root).unwrap_or_else(|| walked(&root));
        let mut files = BTreeMap::new();
        for path in paths {
            let full = root.join(&path);
            // Git may still list what was just deleted, and a link's target is listed under its own name.
            if !full.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
                continue;
            }
            let text = fs::read(&full).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            files.insert(path, text);
        }
        assert!(!files.is_empty(), "no file found under {}", root.display());
        Self { files }
    }

    /// A tree made up for a test of the rules.
    pub(crate) fn made_of(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned())))
            .collect();
        Self { files }
    }

    /// All paths.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// All files with text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// The files with text whose name ends so: `.rs`, `.md`.
    pub(crate) fn ending(&self, end: &'static str) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(move |(path, _)| path.ends_with(end))
    }

    /// One file's text.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// True for a file, and for a folder that has files.
    pub(crate) fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self.files.keys().any(|file| file.starts_with(&folder))
    }
}

/// The root of the workspace: two folders above this crate.
pub(crate) fn root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let root = manifest.ancestors().nth(2).expect("this crate lies in crates/");
    root.to_path_buf()
}

/// Tracked files and those that would be added; nothing if this is no checkout or git will not speak.
fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").current_dir(root).args(arguments).output().ok()?;
    // In a copy that lies ignored inside another checkout, git answers with nothing.
    if !output.status.success() || output.stdout.is_empty() {
        return None;
    }
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

fn walked(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() {
                let ours = !NOT_OURS.iter().any(|name| entry.file_name() == *name);
                folders.extend(ours.then_some(path));
                continue;
            }
            let inside = path.strip_prefix(root).expect("the walk began at the root");
            found.extend(inside.to_str().map(str::to_owned));
        }
    }
    found
}
