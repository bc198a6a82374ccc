//! `axiom export`: a task as a file that others play: asciicast 2 and 3, exact to the microsecond. What the format cannot
//! hold is said on standard error. Streaming: a task of any length takes the same memory.

mod target;

use std::collections::BTreeMap;

use axiom_asciicast::{Broken, Form, Opening, Writer};
use axiom_client::Connection;
use axiom_proto::api::TaskDetail;
use axiom_proto::bytestring::ByteString;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::task::Mode;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

use super::connect;
use super::logs::note_gaps;
use crate::failure::{Failure, note};
use crate::here::{Here, Terminals};
use crate::quantities::{counted, not_kept};
use crate::recording::TaskEvents;
use crate::signals::Signals;
use target::Target;

/// `axiom export`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Without -o the recording goes to standard output, but not to a terminal: `-o -` writes even there.
FILE appears when it is whole; one that is there already is replaced then, and only then. A running task is exported up
to now. Input is in it as far as it was kept: of what was typed while the terminal asked for a secret there is only the
length. Interventions, suspends and gaps are markers, and so is the exit in version 2, which has no event for it. What is
no UTF-8 is replaced, and told on standard error with its places. Of a task on pipes, errors stand among the output, and
newlines are those of a terminal.
The formats text and svg are not there yet: `axiom logs ID` prints the text.")]
pub(crate) struct Export {
    /// A task: the beginning of an id, or a name.
    #[arg(value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    id: String,
    /// The kind of file.
    #[arg(long, value_name = "FORMAT", default_value = "asciicast3")]
    format: Format,
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
    /// Not there yet.
    Text,
    /// Not there yet.
    Svg,
}

impl Format {
    fn form(self) -> Result<Form, Failure> {
        let refuse = |what: &str, hint: &str| {
            let message = format!("export as {what} is not built yet");
            Err(Fault::new(ErrorCode::NotSupported, message, hint).into())
        };
        match self {
            Self::Asciicast3 => Ok(Form::Three),
            Self::Asciicast2 => Ok(Form::Two),
            Self::Text => refuse("text", "`axiom logs ID` prints the text of a task"),
            Self::Svg => {
                refuse("svg", "export an asciicast, of which other programs make pictures")
            }
        }
    }
}

impl Export {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let form = self.format.form()?;
        if self.output.is_none() && Terminals::of_process().output {
            return Err(Failure::invalid(
                "a recording is for programs, and would fill this terminal",
                "add -o FILE, or a pipe; -o - writes it here all the same",
            ));
        }
        let mut connection = connect(here).await?;
        let TaskDetail { task, env, .. } = connection.show(&self.id).await?;
        let mut export = Exporting { connection, events: TaskEvents::of(task)?, env, form };
        let mut target = Target::open(self.output.as_deref())?;
        let written = if target.may_be_left_half() {
            let own = |error| Failure::own(format!("take signals: {error}"), "");
            let mut signals = Signals::take().map_err(own)?;
            tokio::select! {
                written = export.write_all(&mut target) => written?,
                // What is half written goes when we go.
                sign = signals.next_end() => return Ok(sign.exit_code()),
            }
        } else {
            export.write_all(&mut target).await?
        };
        target.finish()?;
        tell(&export.events, &written);
        Ok(0)
    }
}

/// One task on its way into a file.
struct Exporting {
    connection: Connection,
    events: TaskEvents,
    /// What is told of its environment.
    env: BTreeMap<String, ByteString>,
    form: Form,
}

impl Exporting {
    /// Writes the whole recording.
    async fn write_all(&mut self, target: &mut Target) -> Result<Writer, Failure> {
        let mut lines = String::new();
        // The first page has the record of the start, if there was one.
        let mut page = self.events.next(&mut self.connection).await?;
        let mut writer = Writer::new(self.form, self.mode());
        writer.header(&self.opening(), &mut lines);
        while let Some(events) = page {
            events.iter().for_each(|event| writer.event(event, &mut lines));
            target.write(lines.as_bytes())?;
            lines.clear();
            page = self.events.next(&mut self.connection).await?;
        }
        writer.finish(&mut lines);
        target.write(lines.as_bytes())?;
        Ok(writer)
    }

    fn mode(&self) -> Mode {
        self.events.journaled.mode.unwrap_or(self.events.view.mode)
    }

    fn opening(&self) -> Opening {
        let TaskEvents { view, journaled, cut, .. } = &self.events;
        // The view tells when the child started, and times count from when its session did.
        let started = journaled.started.map_or(0, |at| at.0 / 1000);
        let cut = cut.map_or(0, |cut| cut.at.0 / 1000);
        let variable = |name| self.env.get(name).map(|value| value.to_shown());
        Opening {
            size: journaled.size.or(view.size).unwrap_or_default(),
            timestamp: view
                .started_at_ms
                .map(|moment| (moment + cut).saturating_sub(started) / 1000),
            command: view.command.clone(),
            title: view.name.clone(),
            term: variable("TERM").filter(|_| self.mode() == Mode::Terminal),
            shell: variable("SHELL"),
        }
    }
}

/// Says what is not in the recording, or not as it was.
fn tell(events: &TaskEvents, written: &Writer) {
    let TaskEvents { view, journaled, cut, .. } = events;
    let id = view.id.short();
    if let Some(cut) = cut {
        note(&format!("{id}: {}; the recording begins there", not_kept(cut.gone)));
    }
    if !view.status.is_ended() {
        note(&format!("task {id} runs on: the recording goes up to now"));
    }
    let [output, input] = written.broken();
    for (broken, whose) in [(output, "output"), (input, "input")] {
        if broken.bytes > 0 {
            note(&format!("{id}: {}", sentence(broken, whose)));
        }
    }
    if output.bytes > 0 {
        note(&format!("{id}: `axiom logs --view raw {id}` has every byte of the output"));
    }
    if journaled.hidden_bytes > 0 {
        let bytes = counted(journaled.hidden_bytes, "typed byte");
        note(&format!("{id}: {bytes} not in the recording: the terminal asked for a secret"));
    }
    if journaled.untaken_bytes > 0 {
        let bytes = counted(journaled.untaken_bytes, "typed byte");
        note(&format!("{id}: {bytes} in the recording that the task's terminal did not take"));
    }
    note_gaps(view);
}

/// `3 bytes of output are no UTF-8 and stand there as U+FFFD: at offset 10, 4096 and 2 places more`.
fn sentence(broken: &Broken, whose: &str) -> String {
    let places: Vec<String> = broken.places.iter().map(u64::to_string).collect();
    let more = broken.places_total - broken.places.len() as u64;
    let more =
        if more > 0 { format!(" and {} more", counted(more, "place")) } else { String::new() };
    let (bytes, are) =
        (counted(broken.bytes, "byte"), if broken.bytes == 1 { "is" } else { "are" });
    format!(
        "{bytes} of {whose} {are} no UTF-8, with U+FFFD in their place: at offset {}{more}",
        places.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_told_in_one_sentence() {
        let broken = |bytes, places: &[u64], places_total| {
            let mut broken = Broken::default();
            (broken.bytes, broken.places, broken.places_total) =
                (bytes, places.to_vec(), places_total);
            sentence(&broken, "output")
        };
        assert_eq!(
            broken(1, &[7], 1),
            "1 byte of output is no UTF-8, with U+FFFD in their place: at offset 7"
        );
        assert_eq!(
            broken(12, &[0, 5], 4),
            "12 bytes of output are no UTF-8, with U+FFFD in their place: at offset 0, 5 and 2 places more"
        );
    }
}
