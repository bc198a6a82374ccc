//! `axiom show`: one task with its history, its processes, what it left behind and where it is kept.

use std::collections::BTreeSet;

use axiom_proto::api::{StoredView, TaskDetail};
use axiom_proto::task::{LinkView, Mode, ProcessNote, StatusChange, TaskView};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::{connect, ps};
use crate::conclusion::Conclusion;
use crate::failure::Failure;
use crate::here::Here;
use crate::lines::one_line;
use crate::printing::{print, print_json};
use crate::quantities::{counted, shown_bytes, shown_duration};

/// `axiom show`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Show {
    /// A task: the beginning of an id, or a name.
    #[arg(value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    id: String,
    /// Print the answer as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Show {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let detail = connect(here).await?.show(&self.id).await?;
        if self.json {
            print_json(&detail)?;
        } else {
            print(&shown(&detail, ps::now_ms()))?;
        }
        Ok(0)
    }
}

fn shown(detail: &TaskDetail, now: u64) -> String {
    let task = &detail.task;
    let mut lines = vec![format!("task        {}", task.id)];
    let mut line =
        |name: &str, value: String| lines.push(format!("{name:<12}{}", one_line(&value)));
    if let Some(name) = &task.name {
        line("name", name.clone());
    }
    line("command", task.command.clone());
    if let Some(cwd) = &task.cwd {
        line("folder", cwd.to_shown());
    }
    if !task.tags.is_empty() {
        line("tags", task.tags.join(", "));
    }
    if let Some(parent) = task.parent {
        line("parent", parent.short().to_owned());
    }
    if let Some(group) = task.group {
        line("group", format!("{}, place {}", group.short(), task.index));
    }
    line("status", status(task));
    line("age", shown_duration(now.saturating_sub(task.created_at_ms)));
    if let (Some(started), Some(ended)) = (task.started_at_ms, task.ended_at_ms) {
        line("took", shown_duration(ended.saturating_sub(started)));
    }
    line("mode", mode(task));
    line("output", format!("{}, {}", shown_bytes(task.bytes.0), counted(task.lines, "line")));
    line("gaps", task.gaps.to_string());
    line("steered", counted(task.interventions, "intervention"));
    if !task.status.is_ended() {
        line("link", link(task, now));
        line("pids", pids(task));
    }
    if let Some(stored) = &detail.stored {
        line("on disk", on_disk(stored));
    }
    line("kept in", detail.folder.to_shown());
    lines.push("history".to_owned());
    lines.extend(history(&detail.history, task.created_at_ms));
    if !detail.processes.is_empty() {
        lines.push("processes".to_owned());
        lines.extend(tree(&detail.processes));
    }
    if !detail.leftovers.is_empty() {
        lines.push("left over".to_owned());
        lines.extend(tree(&detail.leftovers));
    }
    lines.join("\n")
}

fn status(task: &TaskView) -> String {
    let mut text = match Conclusion::of_view(task) {
        Some(conclusion) => conclusion.shown(),
        None if task.cause.is_empty() => task.status.word().to_owned(),
        None => format!("{}: {}", task.status.word(), task.cause),
    };
    if let Some(paused) = &task.paused {
        text.push_str(&format!("; its output stands still: {paused}"));
    }
    if !task.guarded && !task.status.is_ended() {
        text.push_str("; unguarded: its holder is dead");
    }
    text
}

fn mode(task: &TaskView) -> String {
    match (task.mode, task.size) {
        (Mode::Pipes, _) => "pipes".to_owned(),
        (Mode::Terminal, None) => "terminal".to_owned(),
        (Mode::Terminal, Some(size)) => format!("terminal, {}x{}", size.cols, size.rows),
    }
}

fn link(task: &TaskView, now: u64) -> String {
    match task.link {
        LinkView::None => "none".to_owned(),
        LinkView::Connected => "connected".to_owned(),
        LinkView::Away { since_ms } => {
            format!("away for {}", shown_duration(now.saturating_sub(since_ms)))
        }
    }
}

fn pids(task: &TaskView) -> String {
    let parts = [("command", task.pid), ("worker", task.worker_pid), ("holder", task.holder_pid)];
    let known = parts.iter().filter_map(|(name, pid)| Some(format!("{name} {}", (*pid)?)));
    known.collect::<Vec<_>>().join(", ")
}

/// `1.2 MiB in 3 segments, 2 packed; 4.0 MiB for each hour`.
fn on_disk(stored: &StoredView) -> String {
    let segments = counted(stored.segments.into(), "segment");
    let mut text = format!("{} in {segments}", shown_bytes(stored.bytes));
    if stored.packed > 0 {
        text.push_str(&format!(", {} packed", stored.packed));
    }
    if let Some(per_hour) = stored.bytes_per_hour {
        text.push_str(&format!("; {} for each hour", shown_bytes(per_hour)));
    }
    if stored.gone > 0 {
        text.push_str(&format!("; the first {} of output are gone", shown_bytes(stored.gone)));
    }
    text
}

/// Changes by their time since the task was asked for.
fn history(changes: &[StatusChange], created_at_ms: u64) -> Vec<String> {
    let line = |change: &StatusChange| {
        let after = shown_duration(change.at_ms.saturating_sub(created_at_ms));
        let line =
            format!("  +{after:<8} {:<10} {}", change.status.word(), one_line(&change.cause));
        line.trim_end().to_owned()
    };
    changes.iter().map(line).collect()
}

/// Processes, each indented under its parent.
fn tree(processes: &[ProcessNote]) -> Vec<String> {
    let pids: BTreeSet<u32> = processes.iter().map(|process| process.pid).collect();
    let roots = processes.iter().filter(|process| !pids.contains(&process.ppid));
    let mut lines = Vec::new();
    let mut left: Vec<(&ProcessNote, usize)> = roots.map(|root| (root, 1)).collect();
    left.reverse();
    // A list that was taken while processes came and went could go round in circles: each is shown once.
    let mut shown = BTreeSet::new();
    while let Some((process, depth)) = left.pop() {
        if !shown.insert(process.pid) {
            continue;
        }
        let indent = "  ".repeat(depth);
        let state = if process.state.is_empty() { "" } else { process.state.as_str() };
        let line = format!("{indent}{} {} {state}", process.pid, one_line(&process.name));
        lines.push(line.trim_end().to_owned());
        let children = processes.iter().filter(|child| child.ppid == process.pid);
        let mut children: Vec<_> = children.map(|child| (child, depth + 1)).collect();
        children.reverse();
        left.extend(children);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, ppid: u32, name: &str) -> ProcessNote {
        ProcessNote { pid, ppid, name: name.to_owned(), state: "S".to_owned() }
    }

    #[test]
    fn processes_stand_under_their_parents() {
        let processes = [
            process(10, 1, "sh"),
            process(12, 11, "cc1"),
            process(11, 10, "make"),
            process(13, 10, "tee"),
            process(20, 1, "daemon"),
        ];
        let expected =
            ["  10 sh S", "    11 make S", "      12 cc1 S", "    13 tee S", "  20 daemon S"];
        assert_eq!(tree(&processes), expected);
    }

    #[test]
    fn what_a_journal_takes_is_said_in_one_line() {
        let mut stored =
            StoredView { bytes: 2048, segments: 1, packed: 0, gone: 0, bytes_per_hour: None };
        assert_eq!(on_disk(&stored), format!("{} in 1 segment", shown_bytes(2048)));
        (stored.segments, stored.packed, stored.bytes_per_hour) = (3, 2, Some(1 << 20));
        let per_hour = shown_bytes(1 << 20);
        let said =
            format!("{} in 3 segments, 2 packed; {per_hour} for each hour", shown_bytes(2048));
        assert_eq!(on_disk(&stored), said);
        stored.gone = 1 << 20;
        assert_eq!(on_disk(&stored), format!("{said}; the first {per_hour} of output are gone"));
    }

    #[test]
    fn a_circle_of_parents_ends() {
        assert_eq!(tree(&[process(1, 2, "a"), process(2, 1, "b")]), Vec::<String>::new());
        assert_eq!(tree(&[process(1, 9, "a"), process(1, 9, "a")]), ["  1 a S"]);
    }
}
