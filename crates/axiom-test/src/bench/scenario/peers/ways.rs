//! The ways of running a child and reading it: ours, a bare terminal's, bare chains', and the peers' as far as they are installed.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::bench::observation::Look;
use crate::bench::stand::{Gauge, Stand};

/// What Node runs.
const NODE_SERVER: &str = include_str!("../../peers/node-pty-ws.js");

/// A way, and what it is called in the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) name: &'static str,
    /// The program that must be installed, where it is somebody else's.
    pub(super) program: Option<&'static str>,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// The least that reads a terminal.
    Bare,
    /// A client of the library, with no terminal behind it.
    Library,
    /// A bare chain of so many processes, with no terminal behind it.
    Relayed(&'static str),
    /// A program on a terminal that a gauge reads; words in braces are filled in.
    OnTerminal(&'static [&'static str]),
    /// A terminal in a browser.
    Node,
}

impl Kind {
    /// True where a server of ours works too, which is not below the gauge.
    pub(super) fn is_ours(self) -> bool {
        match self {
            Self::Library => true,
            Self::OnTerminal(line) => line.contains(&"{axiom}"),
            Self::Bare | Self::Relayed(_) | Self::Node => false,
        }
    }

    /// True where the gauge counts from the child's own word on.
    pub(super) fn hears_ready(self) -> bool {
        match self {
            Self::Bare | Self::Library => false,
            Self::Relayed(_) | Self::OnTerminal(_) | Self::Node => true,
        }
    }
}

const fn ours(name: &'static str, kind: Kind) -> Way {
    Way { name, program: None, kind }
}

const fn peer(name: &'static str, program: &'static str, line: &'static [&'static str]) -> Way {
    Way { name, program: Some(program), kind: Kind::OnTerminal(line) }
}

pub(super) const BARE: Way = ours("a bare terminal", Kind::Bare);
pub(super) const LIBRARY: Way = ours("Axiom", Kind::Library);
pub(super) const COMMAND_LINE: &str = "`axiom run` on a terminal";
pub(super) const CHAIN_OF_THREE: &str = "bare chain of 3, relayed";
pub(super) const CHAIN_ON_TERMINAL: &str = "bare chain of 3 on a terminal";

/// Ours on a terminal, then chains, then peers.
pub(super) const OTHERS: &[Way] = &[
    ours(
        COMMAND_LINE,
        Kind::OnTerminal(&[
            "env",
            "AXIOM_HOME={home}",
            "{axiom}",
            "run",
            "--",
            "sh",
            "-c",
            "{child}",
        ]),
    ),
    ours(CHAIN_OF_THREE, Kind::Relayed("3")),
    ours(
        "bare chain of 1 on a terminal",
        Kind::OnTerminal(&["{bench}", "chain", "1", "sh", "-c", "{child}"]),
    ),
    ours(
        "bare chain of 2 on a terminal",
        Kind::OnTerminal(&["{bench}", "chain", "2", "sh", "-c", "{child}"]),
    ),
    ours(CHAIN_ON_TERMINAL, Kind::OnTerminal(&["{bench}", "chain", "3", "sh", "-c", "{child}"])),
    peer("script", "script", &["script", "-qfc", "{child}", "{file}"]),
    peer("dtach", "dtach", &["dtach", "-A", "{file}", "sh", "-c", "{child}"]),
    peer(
        "tmux attached",
        "tmux",
        &["tmux", "-L", "{tag}", "-f", "/dev/null", "new-session", "{child}"],
    ),
    peer(
        "tmux -C",
        "tmux",
        &["tmux", "-L", "{tag}", "-f", "/dev/null", "-C", "new-session", "{child}"],
    ),
    // The child starts once its pipe is there.
    peer(
        "tmux pipe-pane",
        "tmux",
        &[
            "sh",
            "-c",
            "mkfifo {file} {file}-go \
             && tmux -L {tag} -f /dev/null new-session -d 'read go < {file}-go; exec {child}' \
             && tmux -L {tag} pipe-pane 'cat > {file}' && { echo > {file}-go & cat {file}; }",
        ],
    ),
    peer("asciinema", "asciinema", &["asciinema", "rec", "-q", "-c", "{child}", "{file}"]),
    // With the configuration it has where nobody wrote one.
    peer(
        "shpool",
        "shpool",
        &[
            "sh",
            "-c",
            "mkdir {file} && : > {file}/config.toml && XDG_RUNTIME_DIR={file} exec shpool --socket \
             {file}/socket --config-file {file}/config.toml --daemonize attach -c '{child}' {tag}",
        ],
    ),
    Way { name: "node-pty + ws", program: Some("node"), kind: Kind::Node },
];

pub(super) fn is_installed(stand: &Stand, way: &Way) -> bool {
    let Some(program) = way.program else { return true };
    let library = match way.kind {
        Kind::Node => stand.peers.as_ref().map(|folder| folder.join("node_modules/ws")),
        Kind::Bare | Kind::Library | Kind::Relayed(_) | Kind::OnTerminal(_) => {
            Some(PathBuf::from("/"))
        }
    };
    std::env::split_paths(&stand.search_path()).any(|folder| folder.join(program).is_file())
        && library.is_some_and(|folder| folder.is_dir())
}

/// Begins a round, and returns once whoever reads is there.
pub(super) fn start(
    stand: &mut Stand,
    way: Way,
    look: Look,
    child: &[String],
) -> anyhow::Result<Gauge> {
    match way.kind {
        Kind::Bare => stand.reference(look, child),
        Kind::Library => {
            let task = stand.spawn(child)?;
            stand.follower(look, "1", &[task])
        }
        Kind::Relayed(count) => {
            stand.onlooker(&[&["relayed", look.word(), count].map(str::to_owned), child].concat())
        }
        Kind::OnTerminal(line) => on_terminal(stand, line, look, child),
        Kind::Node => in_node(stand, look, child),
    }
}

fn on_terminal(
    stand: &mut Stand,
    line: &[&str],
    look: Look,
    child: &[String],
) -> anyhow::Result<Gauge> {
    let (file, tag) = stand.fresh("peer");
    let filled = [
        ("{child}", child.join(" ")),
        ("{file}", path(&file)),
        ("{tag}", tag),
        ("{home}", path(stand.home())),
        ("{axiom}", stand.program("axiom")),
        ("{bench}", stand.program("axiom-bench")),
    ];
    let fill = |word: &&str| {
        filled.iter().fold((*word).to_owned(), |word, (name, value)| word.replace(name, value))
    };
    // Some open /dev/tty, so the terminal must be theirs.
    let words = ["onlooker", look.word(), "setsid", "-c", "-w"];
    let words: Vec<String> = words.iter().chain(line).map(fill).collect();
    stand.onlooker(&words)
}

fn in_node(stand: &mut Stand, look: Look, child: &[String]) -> anyhow::Result<Gauge> {
    let folder = stand.peers.clone().context("the folder of the peers from npm")?;
    let program = folder.join("node-pty-ws.js");
    std::fs::write(&program, NODE_SERVER)?;
    let (file, _tag) = stand.fresh("socket");
    let words = ["witness", "node", &path(&program), look.word(), &path(&file)].map(str::to_owned);
    stand.onlooker(&[&words, child].concat())
}

fn path(path: &Path) -> String {
    path.display().to_string()
}
