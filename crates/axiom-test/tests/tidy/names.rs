//! Rules about names: no drawers, no bosses, no `mod.rs`.
//! A name that says nothing takes everything; crates, folders, files, modules and types are all asked.

use super::offence::Offence;
use super::rust::{code_only, words};
use super::tree::Tree;

/// What a crate, folder, file or module is not called, alone or as its last word.
const DRAWERS: &[&str] = &[
    "utils", "util", "common", "core", "helpers", "helper", "misc", "shared", "types", "manager",
    "managers", "service", "services", "handler", "handlers",
];

/// What no type's name ends in.
const BOSSES: &[&str] = &["Manager", "Helper", "Handler", "Service"];

const SOURCES: &[&str] = &[".rs", ".ts", ".tsx", ".js", ".py", ".sh", "Cargo.toml"];

pub(crate) fn drawers(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for path in tree.paths().filter(|path| SOURCES.iter().any(|end| path.ends_with(end))) {
        for part in path.split('/').filter(|part| is_drawer(part)) {
            let sentence = format!("`{part}` names no duty; say what it does");
            offences.push(Offence::of(path, sentence));
        }
    }
    for (path, text) in tree.ending(".rs") {
        let code = code_only(text);
        for word in words(&code).iter().filter(|word| word.text == "mod" && is_drawer(word.next()))
        {
            let sentence = format!("module `{}` names no duty; say what it does", word.next());
            offences.push(Offence::at(path, word.line, sentence));
        }
    }
    for (path, text) in tree.ending("Cargo.toml") {
        for (index, line) in text.lines().enumerate() {
            let name = line.strip_prefix("name = \"").and_then(|rest| rest.split('"').next());
            if let Some(name) = name.filter(|name| is_drawer(name)) {
                let sentence = format!("crate `{name}` names no duty; say what it does");
                offences.push(Offence::at(path, index + 1, sentence));
            }
        }
    }
    offences
}

pub(crate) fn bosses(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (path, line, name) in type_names(tree) {
        if let Some(boss) = BOSSES.iter().find(|boss| name.ends_with(**boss)) {
            let sentence = format!("type `{name}` is a {boss}; name the thing, not its boss");
            offences.push(Offence::at(&path, line, sentence));
        }
    }
    offences
}

pub(crate) fn mod_files(tree: &Tree) -> Vec<Offence> {
    tree.paths()
        .filter(|path| *path == "mod.rs" || path.ends_with("/mod.rs"))
        .map(|path| Offence::of(path, "call it `name.rs` beside the folder `name/`"))
        .collect()
}

/// Every type that is defined in Rust here: path, line, name.
pub(crate) fn type_names(tree: &Tree) -> Vec<(String, usize, String)> {
    const DEFINING: &[&str] = &["struct", "enum", "trait", "union", "type"];
    let mut names = Vec::new();
    for (path, text) in tree.ending(".rs") {
        let code = code_only(text);
        for word in words(&code).iter().filter(|word| DEFINING.contains(&word.text)) {
            if word.next().starts_with(char::is_uppercase) {
                names.push((path.to_owned(), word.line, word.next().to_owned()));
            }
        }
    }
    names
}

/// True if the name, or its last word, is a drawer's: `utils`, `http_utils`, `axiom-common`.
fn is_drawer(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name);
    let last = stem.rsplit(['_', '-']).next().unwrap_or(stem);
    DRAWERS.contains(&stem) || DRAWERS.contains(&last)
}
