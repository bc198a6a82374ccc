//! `axiom doctor --journal ID`: every frame of a task's journal, read and checked where it lies, with or without a server.

use std::fs;
use std::path::PathBuf;

use axiom_journal::{Report, verify};
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::frame::Seq;

use super::Finding;
use crate::failure::Failure;
use crate::here::Here;
use crate::quantities::{counted, shown_bytes};

/// The only session that a task has until tasks can be continued.
const SESSION: &str = "1";

/// Checks the journal of the task whose id begins so.
pub(super) fn check(here: &Here, id: &str) -> Result<Finding, Failure> {
    const WHAT: &str = "journal";
    let folder = folder_of(here, id)?;
    let shown = folder.display();
    match verify(&folder) {
        Ok(report) => Ok(match report.damage() {
            None => Finding::good(WHAT, format!("{shown}: {}", sound(&report))),
            Some(damage) => Finding::problem(
                WHAT,
                format!(
                    "{shown}: damaged in segment {} at byte {}, where frame {} should be; before it: {}",
                    damage.segment,
                    damage.at,
                    damage.seq,
                    sound(&report)
                ),
                "what comes before is whole: axiom logs reads it. Check the disk",
            ),
        }),
        Err(error) => Ok(Finding::problem(
            WHAT,
            format!("{shown}: {error}"),
            "has it ever started? axiom show",
        )),
    }
}

fn sound(report: &Report) -> String {
    let segments = counted(report.segments.len() as u64, "segment");
    let unfinished: u64 = report.segments.iter().map(|segment| segment.unfinished_bytes).sum();
    let tail = match unfinished {
        0 => String::new(),
        some => format!(", and {} of a frame that is being written", counted(some, "byte")),
    };
    let begin = match report.start.seq {
        Seq(0) => String::new(),
        first => format!(", from frame {first} on: what was before it is no longer kept"),
    };
    format!(
        "{segments}, {}, {}{begin}{tail}",
        counted(report.frames(), "frame"),
        shown_bytes(report.bytes())
    )
}

/// By the folders that are there: a damaged home is looked at as well.
fn folder_of(here: &Here, id: &str) -> Result<PathBuf, Failure> {
    let tasks = here.home.path().join("tasks");
    let entries = fs::read_dir(&tasks).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(id)))
        .map(|entry| entry.path().join(SESSION))
        .collect();
    match (found.pop(), found.len()) {
        (Some(folder), 0) if !id.is_empty() => Ok(folder),
        (Some(_), _) => {
            let message = format!("several ids begin with {id:?}");
            Err(Fault::new(
                ErrorCode::AmbiguousId,
                message,
                "type more of it; a name is not enough here",
            )
            .into())
        }
        (None, _) => {
            let message = format!("no task's id begins with {id:?}");
            Err(Fault::new(
                ErrorCode::TaskNotFound,
                message,
                "axiom ps --all; a name is not enough here",
            )
            .into())
        }
    }
}
