//! Rules about prose and data: links that lead somewhere, decisions that are listed,
//! no path of one machine, no download address in a lock file.

use std::collections::BTreeSet;

use super::offence::Offence;
use super::tree::Tree;

const DECISIONS: &str = "docs/decisions/";

/// A link as it stands in a file.
struct Link<'a> {
    line: usize,
    target: &'a str,
}

pub(crate) fn dead_links(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (path, text) in tree.ending(".md") {
        for Link { line, target } in links(text).into_iter().filter(|link| is_relative(link.target))
        {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let resolved =
                if file.is_empty() { Some(path.to_owned()) } else { resolve(path, file) };
            let Some(resolved) = resolved.filter(|resolved| tree.has(resolved)) else {
                offences.push(Offence::at(path, line, format!("`{target}` leads nowhere")));
                continue;
            };
            let headed = tree.text(&resolved).is_none_or(|text| anchors(text).contains(anchor));
            if !anchor.is_empty() && resolved.ends_with(".md") && !headed {
                let sentence = format!("`{target}`: {resolved} has no such heading");
                offences.push(Offence::at(path, line, sentence));
            }
        }
    }
    offences
}

pub(crate) fn unlisted_decisions(tree: &Tree) -> Vec<Offence> {
    let list = format!("{DECISIONS}README.md");
    let Some(text) = tree.text(&list) else {
        return vec![Offence::of(&list, "the list of decisions is not there")];
    };
    let listed: BTreeSet<String> =
        links(text).iter().filter_map(|link| resolve(&list, link.target)).collect();
    tree.paths()
        .filter(|path| path.starts_with(DECISIONS) && *path != list && !listed.contains(*path))
        .map(|path| Offence::of(path, format!("is not linked from {list}")))
        .collect()
}

pub(crate) fn machine_paths(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (path, text) in tree.texts() {
        for (index, line) in text.lines().enumerate() {
            if let Some(found) = machine_path(line) {
                let sentence = format!("`{found}` is a path of one machine; write it relative");
                offences.push(Offence::at(path, index + 1, sentence));
            }
        }
    }
    offences
}

/// The first absolute path that only one machine has: somebody's home or workplace.
fn machine_path(line: &str) -> Option<&str> {
    // Put together here, because this file is looked at as well.
    let [work, root, home] = ["work", "root", "home"].map(|name| format!("/{name}/"));
    for start in line.match_indices('/').map(|(at, _)| at) {
        let rest = &line[start..];
        let inside =
            line[..start].ends_with(|c: char| c.is_alphanumeric() || "_-.~})>*$".contains(c));
        let name = rest.strip_prefix(&home).and_then(|rest| rest.split(|c| !is_name(c)).next());
        // A name of one letter is an example in a test, and nobody's.
        let named = name.is_some_and(|name| name.len() > 1);
        if !inside && (named || rest.starts_with(&work) || rest.starts_with(&root)) {
            let end = rest.find(|c: char| c.is_whitespace() || "\"'`,;)]".contains(c));
            return Some(&rest[..end.unwrap_or(rest.len())]);
        }
    }
    None
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || "_-.".contains(c)
}

pub(crate) fn locked_addresses(tree: &Tree) -> Vec<Offence> {
    const CRATES_IO: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    const NPM: &[&str] = &["\"resolved\": \"http", "resolved \"http", "tarball: http"];
    let mut offences = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| is_lock(path)) {
        for (index, line) in text.lines().map(str::trim).enumerate() {
            let fetched = NPM.iter().any(|start| line.contains(start));
            let foreign = line.starts_with("source = ") && line != CRATES_IO;
            if fetched || foreign {
                let sentence = "names where it was downloaded; keep name, version and hash only";
                offences.push(Offence::at(path, index + 1, sentence));
            }
        }
    }
    offences
}

fn is_lock(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name == "npm-shrinkwrap.json" || name.ends_with(".lock") || name.contains("-lock.")
}

/// Inline links, images and `[name]: target` lines, outside of code.
fn links(text: &str) -> Vec<Link<'_>> {
    let mut found = Vec::new();
    for (line, prose) in prose_lines(text) {
        let mut code = false;
        let mut last = 0;
        for (at, _) in prose.match_indices("](") {
            // An odd number of back quotes before it means that it is shown, not meant.
            code ^= prose[last..at].matches('`').count() % 2 == 1;
            last = at;
            let rest = &prose[at + 2..];
            let end = rest.find([')', ' ']).unwrap_or(rest.len());
            if !code {
                found.push(Link { line, target: &rest[..end] });
            }
        }
        let named = prose.strip_prefix('[').and_then(|rest| rest.split_once("]: "));
        found.extend(named.map(|(_, target)| Link { line, target: target.trim() }));
    }
    found
}

/// The lines that are not inside a fence, numbered from 1.
fn prose_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((index + 1, line))
    })
}

/// The names that headings can be linked by.
fn anchors(text: &str) -> BTreeSet<String> {
    prose_lines(text)
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

fn is_relative(target: &str) -> bool {
    !target.contains("://") && !target.starts_with("mailto:")
}

/// The target's path from the root; nothing if it leaves the repository or is absolute.
fn resolve(from: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}
