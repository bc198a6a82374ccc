//! A task as an asciicast: a page of frames becomes lines, and is forgotten.

use std::collections::BTreeMap;

use axiom_asciicast::{Broken, Form, Opening, Writer};
use axiom_client::Connection;
use axiom_proto::api::TaskDetail;
use axiom_proto::bytestring::ByteString;
use axiom_proto::task::Mode;

use super::Notes;
use super::target::Target;
use crate::failure::Failure;
use crate::quantities::{counted, not_kept};
use crate::recording::TaskEvents;

/// Writes the recording.
pub(super) async fn write(
    connection: Connection,
    detail: TaskDetail,
    form: Form,
    target: &mut Target,
) -> Result<Notes, Failure> {
    let TaskDetail { task, env, .. } = detail;
    let mut export = Exporting { connection, events: TaskEvents::of(task)?, env, form };
    let written = export.write_all(target).await?;
    Ok(notes(&export.events, &written))
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

/// What is not in the recording, or not as it was.
fn notes(events: &TaskEvents, written: &Writer) -> Notes {
    let TaskEvents { view, journaled, cut, .. } = events;
    let id = view.id.short();
    let mut notes = Notes::new();
    let mut note = |line: String| notes.push(line);
    if let Some(cut) = cut {
        note(format!("{id}: {}; the recording begins there", not_kept(cut.gone)));
    }
    let [output, input] = written.broken();
    for (broken, whose) in [(output, "output"), (input, "input")] {
        if broken.bytes > 0 {
            note(format!("{id}: {}", sentence(broken, whose)));
        }
    }
    if output.bytes > 0 {
        note(format!("{id}: `axiom logs --view raw {id}` has every byte of the output"));
    }
    if journaled.hidden_bytes > 0 {
        let bytes = counted(journaled.hidden_bytes, "typed byte");
        note(format!("{id}: {bytes} not in the recording: the terminal asked for a secret"));
    }
    if journaled.untaken_bytes > 0 {
        let bytes = counted(journaled.untaken_bytes, "typed byte");
        note(format!("{id}: {bytes} in the recording that the task's terminal did not take"));
    }
    notes
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
