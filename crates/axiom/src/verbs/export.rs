//! `axiom export`: a task as a file: a recording that others play (asciicast 2 and 3, exact to the microsecond), its text, or
//! the picture of its terminal. What a format cannot hold is said on standard error. A recording and a text of any length
//! take the same memory.

mod cast;
mod picture;
mod target;
mod text;

use axiom_asciicast::Form;
use axiom_client::Connection;
use axiom_proto::api::TaskDetail;
use axiom_proto::frame::Micros;
use axiom_proto::task::TaskView;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

use super::connect;
use super::logs::note_gaps;
use crate::failure::{Failure, note};
use crate::here::{Here, Terminals};
use crate::quantities::seconds;
use crate::signals::Signals;
use target::Target;

/// `axiom export`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Without -o the file goes to standard output. A recording or picture does not go to a terminal: `-o -` writes even there.
FILE appears when it is whole; one that is there already is replaced then, and only then. A running task is exported up
to now.
asciicast3, asciicast2: Input is in it as far as it was kept: of what was typed while the terminal asked for a secret there is
only the length. Interventions, suspends and gaps are markers, and so is the exit in version 2, which has no event for it. What
is no UTF-8 is replaced, and told on standard error with its places. Of a task on pipes, errors stand among the output, and
newlines are those of a terminal.
text: What `axiom logs ID` prints, without anything that could act on a terminal.
svg: The terminal's screen as it is, or as it was at --at: a picture for browsers, with its colours, that refers to nothing
outside of itself.")]
pub(crate) struct Export {
    /// A task: the beginning of an id, or a name.
    #[arg(value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    id: String,
    /// The kind of file.
    #[arg(long, value_name = "FORMAT", default_value = "asciicast3")]
    format: Format,
    /// The picture of this time since the start: 90, 1.5 or 2m. Of svg only.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    at: Option<Micros>,
    /// Where to write it; `-` is standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<std::path::PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For asciinema from version 3 on.
    Asciicast3,
    /// For every asciinema.
    Asciicast2,
    /// What was printed, as plain text.
    Text,
    /// The screen, as a picture.
    Svg,
}

/// What is to be said once the file is there.
type Notes = Vec<String>;

impl Export {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        self.check()?;
        let mut connection = connect(here).await?;
        let detail = connection.show(&self.id).await?;
        let view = detail.task.clone();
        let mut target = Target::open(self.output.as_deref())?;
        let written = if target.may_be_left_half() {
            let own = |error| Failure::own(format!("take signals: {error}"), "");
            let mut signals = Signals::take().map_err(own)?;
            tokio::select! {
                written = self.write(connection, detail, &mut target) => written?,
                // What is half written goes when we go.
                sign = signals.next_end() => return Ok(sign.exit_code()),
            }
        } else {
            self.write(connection, detail, &mut target).await?
        };
        target.finish()?;
        self.tell(&view, &written);
        Ok(0)
    }

    fn check(&self) -> Result<(), Failure> {
        if self.at.is_some() && self.format != Format::Svg {
            let hint = "add --format svg; axiom replay --from plays from there";
            return Err(Failure::invalid(
                "--at is the time of a picture, and of nothing else",
                hint,
            ));
        }
        let fills = self.output.is_none() && Terminals::of_process().output;
        let what = match self.format {
            Format::Asciicast3 | Format::Asciicast2 => "a recording",
            Format::Svg => "a picture file",
            Format::Text => return Ok(()),
        };
        if fills {
            return Err(Failure::invalid(
                format!("{what} is for programs, and would fill this terminal"),
                "add -o FILE, or a pipe; -o - writes it here all the same",
            ));
        }
        Ok(())
    }

    async fn write(
        &self,
        connection: Connection,
        detail: TaskDetail,
        target: &mut Target,
    ) -> Result<Notes, Failure> {
        match self.format {
            Format::Asciicast3 => cast::write(connection, detail, Form::Three, target).await,
            Format::Asciicast2 => cast::write(connection, detail, Form::Two, target).await,
            Format::Text => text::write(connection, &detail.task, target).await,
            Format::Svg => picture::write(connection, detail.task, self.at, target).await,
        }
    }

    fn tell(&self, view: &TaskView, notes: &Notes) {
        if !view.status.is_ended() && self.at.is_none() {
            let what = match self.format {
                Format::Asciicast3 | Format::Asciicast2 => "the recording goes up to now",
                Format::Text => "its text goes up to now",
                Format::Svg => "the picture is of now",
            };
            note(&format!("task {} runs on: {what}", view.id.short()));
        }
        notes.iter().for_each(|line| note(line));
        note_gaps(view);
    }
}
