//! Rules about words: docs/glossary.md has each word of the plan, one line each,
//! and the synonyms it refuses (`Not: job, run.`) name no type.

use std::collections::BTreeSet;

use super::names::type_names;
use super::offence::Offence;
use super::tree::Tree;

const GLOSSARY: &str = "docs/glossary.md";

/// The words that the plan defines. A new word enters here and in the glossary in the same commit.
const WORDS: &[&str] = &[
    "task",
    "session",
    "group",
    "arrangement",
    "parent",
    "MCP task",
    "executor",
    "profile",
    "frame",
    "seq",
    "offset",
    "head",
    "cursor",
    "journal",
    "keyframe",
    "segment",
    "gap",
    "screen",
    "transcript",
    "item",
    "server",
    "holder",
    "worker",
    "link",
    "hub",
    "subscriber",
    "feed",
    "epoch",
    "fence",
    "handover",
    "cookie",
    "leftovers",
    "home",
    "rule",
    "rule set",
    "match",
    "intervention",
    "interrupt",
    "inject",
    "answer",
    "suspend",
    "resume",
    "stop",
    "checkpoint",
    "restore",
    "ask",
    "notify",
    "continue",
    "hook",
    "save state",
    "status",
    "activity",
    "id",
];

pub(crate) fn missing_words(tree: &Tree) -> Vec<Offence> {
    let Some(text) = tree.text(GLOSSARY) else {
        return vec![Offence::of(GLOSSARY, "the glossary is not there")];
    };
    let mut offences = Vec::new();
    let mut seen = BTreeSet::new();
    for (line, word) in entries(text) {
        if !seen.insert(word) {
            offences.push(Offence::at(GLOSSARY, line, format!("`{word}` is explained twice")));
        }
    }
    for word in WORDS.iter().filter(|word| !seen.contains(**word)) {
        offences.push(Offence::of(GLOSSARY, format!("has no line for `{word}`")));
    }
    offences
}

pub(crate) fn synonym_types(tree: &Tree) -> Vec<Offence> {
    let refused = synonyms(tree.text(GLOSSARY).unwrap_or_default());
    let mut offences = Vec::new();
    for (path, line, name) in type_names(tree) {
        for part in parts(&name) {
            if let Some((synonym, word)) = refused.iter().find(|(synonym, _)| *synonym == part) {
                let sentence = format!("type `{name}`: our word for `{synonym}` is `{word}`");
                offences.push(Offence::at(&path, line, sentence));
            }
        }
    }
    offences
}

/// The words that have a line `- **word**: …`, with their line numbers.
fn entries(text: &str) -> Vec<(usize, &str)> {
    let entry = |line: &'_ str| line.strip_prefix("- **").is_some();
    text.lines()
        .enumerate()
        .filter(|(_, line)| entry(line))
        .filter_map(|(index, line)| Some((index + 1, word_of(line)?)))
        .collect()
}

fn word_of(line: &str) -> Option<&str> {
    line.strip_prefix("- **")?.split_once("**:").map(|(word, _)| word)
}

/// Each refused synonym with the word to use: what follows `Not: ` at a line's end.
fn synonyms(text: &str) -> Vec<(String, &str)> {
    let mut refused = Vec::new();
    for line in text.lines() {
        let (Some(word), Some((_, list))) = (word_of(line), line.split_once(" Not: ")) else {
            continue;
        };
        let list = list.trim().trim_end_matches('.');
        refused.extend(list.split(", ").map(|synonym| (synonym.to_lowercase(), word)));
    }
    refused
}

/// The words of a type's name: `LinkState` is `link` and `state`.
fn parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for c in name.chars() {
        match parts.last_mut().filter(|_| !c.is_uppercase()) {
            Some(part) => part.push(c),
            None => parts.push(c.to_lowercase().collect()),
        }
    }
    parts
}
