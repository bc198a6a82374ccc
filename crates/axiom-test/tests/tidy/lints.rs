//! Rules about the lints themselves: clippy reads only the nearest `clippy.toml`,
//! so a pure crate's file must repeat the root's thresholds and carry the bans that make it pure.

use super::arrows::PURE_CRATES;
use super::offence::Offence;
use super::tree::Tree;

/// What each pure crate's `clippy.toml` bans: the least that keeps clock, waiting, files and sockets out.
const BANS: &[&str] = &[
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::thread::sleep",
    "std::fs::read",
    "std::fs::write",
    "std::fs::File",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
];

pub(crate) fn pure_bans(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    let root = tree.text("clippy.toml").unwrap_or_default();
    if thresholds(root).is_empty() {
        offences.push(Offence::of("clippy.toml", "the root's thresholds are not there"));
    }
    for name in PURE_CRATES.iter().map(|(name, _)| name) {
        let path = format!("crates/{name}/clippy.toml");
        match tree.text(&path) {
            Some(text) => offences.extend(bans_of(&path, text, root)),
            None if tree.has(&format!("crates/{name}")) => {
                offences.push(Offence::of(&path, "a pure crate has no bans of its own"));
            }
            None => {}
        }
    }
    offences.extend(drifted(tree));
    for path in tree.paths().filter(|path| path.ends_with("/clippy.toml")) {
        if !PURE_CRATES.iter().any(|(name, _)| path == format!("crates/{name}/clippy.toml")) {
            offences.push(Offence::of(path, "only pure crates have a clippy.toml of their own"));
        }
    }
    offences
}

/// One purity, one file: each must be the first one, byte for byte.
fn drifted(tree: &Tree) -> Vec<Offence> {
    let paths = PURE_CRATES.iter().map(|(name, _)| format!("crates/{name}/clippy.toml"));
    let mut files = paths.filter_map(|path| Some((tree.text(&path)?, path)));
    let Some((first, first_path)) = files.next() else {
        return Vec::new();
    };
    files
        .filter(|(text, _)| *text != first)
        .map(|(_, path)| Offence::of(&path, format!("is not the same as {first_path}")))
        .collect()
}

fn bans_of(path: &str, text: &str, root: &str) -> Vec<Offence> {
    let mut offences = Vec::new();
    let own = thresholds(text);
    for line in thresholds(root).into_iter().filter(|line| !own.contains(line)) {
        offences.push(Offence::of(path, format!("does not repeat the root's `{line}`")));
    }
    for line in own.into_iter().filter(|line| !thresholds(root).contains(line)) {
        offences.push(Offence::of(path, format!("`{line}` is not the root's")));
    }
    for ban in BANS.iter().filter(|ban| !text.contains(&format!("path = \"{ban}\""))) {
        offences.push(Offence::of(path, format!("does not ban `{ban}`")));
    }
    offences
}

/// The plain settings: `key = value` on one line, lists left out.
fn thresholds(text: &str) -> Vec<&str> {
    text.lines()
        .map(str::trim)
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()) && line.contains(" = "))
        .filter(|line| !line.ends_with('['))
        .collect()
}

pub(crate) fn crates_without_lints(tree: &Tree) -> Vec<Offence> {
    tree.ending("/Cargo.toml")
        .filter(|(_, text)| !text.contains("[lints]\nworkspace = true\n"))
        .map(|(path, _)| Offence::of(path, "add `[lints]` with `workspace = true`"))
        .collect()
}
