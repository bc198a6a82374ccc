//! Which crate may use which: the plan's table, and `cargo metadata` as the truth.
//! Normal, build and test dependencies are all arrows. A new crate or arrow changes this table, with a decision record.

use cargo_metadata::{Metadata, MetadataCommand};

use super::tree::root;

/// What a crate may use of ours.
#[derive(Clone, Copy)]
enum Uses {
    Only(&'static [&'static str]),
    /// All but what ships nowhere.
    Any,
}

use Uses::{Any, Only};

/// A crate that is not in this list is an offence, like an arrow that is not in its row.
const CRATES: &[(&str, Uses)] = &[
    // pure: no IO, no clock, no runtime
    ("axiom-proto", Only(&[])),
    ("axiom-screen", Only(&[])),
    ("axiom-rules", Only(&["axiom-proto"])),
    ("axiom-hub", Only(&["axiom-proto"])),
    ("axiom-asciicast", Only(&["axiom-proto"])),
    ("axiom-session", Only(&["axiom-proto", "axiom-rules", "axiom-screen"])),
    // disk
    ("axiom-journal", Only(&["axiom-proto"])),
    ("axiom-index", Only(&["axiom-proto", "axiom-journal"])),
    // process: the holder uses nothing of ours, and owns the words that others speak to it
    ("axiom-holder", Only(&[])),
    (
        "axiom-worker",
        Only(&["axiom-proto", "axiom-session", "axiom-screen", "axiom-journal", "axiom-holder"]),
    ),
    (
        "axiom-server",
        Only(&[
            "axiom-proto",
            "axiom-hub",
            "axiom-rules",
            "axiom-screen",
            "axiom-journal",
            "axiom-index",
            "axiom-holder",
        ]),
    ),
    // faces
    // the one that listens mounts the other
    ("axiom-http", Only(&["axiom-proto", "axiom-server", "axiom-mcp"])),
    ("axiom-mcp", Only(&["axiom-proto", "axiom-server"])),
    ("axiom-client", Only(&["axiom-proto"])),
    // program
    ("axiom", Any),
    // ship nowhere
    ("axiom-test", Any),
    ("axiom-fuzz", Any),
    ("xtask", Only(&[])),
];

/// Crates that no other may use: they are tests and tools.
const SHIP_NOWHERE: &[&str] = &["axiom-test", "xtask", "axiom-fuzz"];

/// The pure crates, each with the guests it may have. No list has a runtime, a system call or a source of randomness.
pub(crate) const PURE_CRATES: &[(&str, &[&str])] = &[
    (
        "axiom-proto",
        // utoipa: schemas beside the shapes they describe, with the feature `schema` only
        &["serde", "serde_json", "bytes", "crc32fast", "memchr", "base64", "thiserror", "utoipa"],
    ),
    ("axiom-session", &["serde", "bytes", "memchr", "thiserror"]),
    ("axiom-hub", &["bytes", "thiserror"]),
    ("axiom-asciicast", &["bytes", "serde", "serde_json", "thiserror"]),
    ("axiom-screen", &["memchr", "thiserror", "unicode-width"]),
    ("axiom-rules", &[]),
];

/// What a pure crate's tests may use besides: values and properties, no files and no clock.
const TEST_GUESTS: &[&str] = &["proptest", "serde_json", "anyhow", "sha2", "avt", "vt100"];

/// One dependency as cargo sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrow {
    pub(crate) from: String,
    pub(crate) to: String,
    /// True if `to` is a crate of this workspace.
    pub(crate) ours: bool,
    /// True if only tests use it.
    pub(crate) test: bool,
}

/// What cargo says of the workspace: its crates and all their dependencies.
pub(crate) struct Graph {
    pub(crate) crates: Vec<String>,
    pub(crate) arrows: Vec<Arrow>,
}

/// Asks cargo, without the network and without resolving versions.
pub(crate) fn of_repository() -> Graph {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo reads the manifests of a workspace that it just compiled");
    graph(&metadata)
}

fn graph(metadata: &Metadata) -> Graph {
    let crates: Vec<String> =
        metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    let mut arrows = Vec::new();
    for package in metadata.workspace_packages() {
        for dependency in &package.dependencies {
            arrows.push(Arrow {
                from: package.name.to_string(),
                to: dependency.name.clone(),
                ours: crates.contains(&dependency.name),
                test: dependency.kind == cargo_metadata::DependencyKind::Development,
            });
        }
    }
    Graph { crates, arrows }
}

/// The arrows that the table does not have, one sentence each.
pub(crate) fn forbidden(graph: &Graph) -> Vec<String> {
    let mut lines = Vec::new();
    for name in graph.crates.iter().filter(|name| row(name).is_none()) {
        lines.push(format!("{name} is not in the table of crates; a crate is a process, a purity line, a face or a format"));
    }
    for Arrow { from, to, .. } in graph.arrows.iter().filter(|arrow| arrow.ours) {
        let Some(uses) = row(from) else {
            continue;
        };
        let allowed = match uses {
            Only(names) => names.contains(&to.as_str()),
            Any => !SHIP_NOWHERE.contains(&to.as_str()),
        };
        if !allowed {
            lines.push(format!("{from} uses {to}; it may use {}", said(uses)));
        }
    }
    lines
}

/// The guests of pure crates that their lists do not have, one sentence each.
pub(crate) fn forbidden_guests(graph: &Graph) -> Vec<String> {
    let mut lines = Vec::new();
    for Arrow { from, to, test, .. } in graph.arrows.iter().filter(|arrow| !arrow.ours) {
        let Some((_, guests)) = PURE_CRATES.iter().find(|(name, _)| name == from) else {
            continue;
        };
        let allowed =
            guests.contains(&to.as_str()) || (*test && TEST_GUESTS.contains(&to.as_str()));
        if !allowed {
            let list = if guests.is_empty() { "none".to_owned() } else { guests.join(", ") };
            lines.push(format!("{from} is pure and uses {to}; its guests may be: {list}"));
        }
    }
    lines
}

fn row(name: &str) -> Option<Uses> {
    CRATES.iter().find(|(row, _)| *row == name).map(|(_, uses)| *uses)
}

fn said(uses: Uses) -> String {
    match uses {
        Only([]) => "nothing of ours".to_owned(),
        Only(names) => names.join(", "),
        Any => format!("all of ours but {}", SHIP_NOWHERE.join(", ")),
    }
}
