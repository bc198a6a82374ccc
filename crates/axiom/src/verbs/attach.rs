//! `axiom attach`: a task's screen on this terminal, live both ways.

use axiom_proto::api::ScreenAnswer;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::task::{Mode, TaskView};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::connect;
use crate::attach::{Attach as Attaching, MODEL};
use crate::conclusion::Conclusion;
use crate::failure::{Failure, note};
use crate::here::{Here, Terminals};
use crate::printing::print;
use crate::terminal::in_foreground;

/// `axiom attach`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Ctrl-] d leaves it running, Ctrl-] Ctrl-] types one Ctrl-]; every other key, Ctrl-C too, goes to the task. Ctrl-] [ or Ctrl-] PageUp
scrolls back through all that it printed: cursor keys, PageUp, PageDown, Home, End, the wheel; any other key goes back to the
live screen. The screen is painted from what the task's terminal shows: nothing that it prints can act on yours, which is given back as it was.
The task's terminal has the size of the viewer that attached, typed or was resized last. On a smaller one the part around the
cursor is seen; on a larger one dots stand beyond it.
Of a task that has ended the last screen is printed. If it ends while you look, its exit code is that of attach.")]
pub(crate) struct Attach {
    /// A task: the beginning of an id, or a name.
    #[arg(value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    id: String,
    /// Only look: nothing is typed, and the size stays; Ctrl-C leaves too.
    #[arg(long)]
    read_only: bool,
}

impl Attach {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let mut connection = connect(here).await?;
        let task = connection.show(&self.id).await?.task;
        let id = task.id.short().to_owned();
        if task.mode == Mode::Pipes {
            let message = format!("task {id} runs on pipes: there is no screen to attach to");
            let hint = format!("`axiom logs -f {id}` shows its output, `axiom send {id}` types");
            return Err(Fault::new(ErrorCode::NotSupported, message, hint).into());
        }
        let screen = connection.screen(task.id.as_str(), MODEL).await?;
        if task.status.is_ended() {
            return show_last(&task, &screen);
        }
        let terminals = Terminals::of_process();
        if !(terminals.input && terminals.output) {
            let hint = format!("`axiom logs -f {id}` follows it anywhere, `axiom send {id}` types");
            return Err(Failure::invalid("attach needs a terminal for input and output", hint));
        }
        if !in_foreground() {
            let hint = format!("bring it to the foreground, or use `axiom logs -f {id}`");
            return Err(Failure::invalid("attach needs its terminal, which others have", hint));
        }
        Attaching { place: here.place()?, task, screen, read_only: self.read_only }.run().await
    }
}

/// There is nothing to wait for and nobody to type to.
fn show_last(task: &TaskView, screen: &ScreenAnswer) -> Result<u8, Failure> {
    let end = screen.rows.iter().rposition(|row| !row.is_empty()).map_or(0, |last| last + 1);
    for row in &screen.rows[..end] {
        print(row)?;
    }
    let id = task.id.short();
    let how = Conclusion::of_view(task).map(|conclusion| conclusion.shown()).unwrap_or_default();
    note(&format!("task {id} has ended: {how}; this was its last screen, axiom logs {id} has all"));
    Ok(0)
}
