//! `axiom replay`: a task, or an asciicast file, played as it went. A file is looked through before anything of it is
//! shown; onto a terminal comes only what cannot act there.

use std::fs;
use std::path::{Path, PathBuf};

use axiom_client::{ClientError, Connection};
use axiom_proto::fault::ErrorCode;
use axiom_proto::frame::Micros;
use axiom_proto::task::Size;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::tell_silence;
use crate::failure::{Failure, note};
use crate::here::{Here, Terminals, terminal_size};
use crate::quantities::seconds;
use crate::recording::{CastFile, TaskEvents};
use crate::replay::{Origin, Pace, Replay as Playing, Speed, not_played};

/// `axiom replay`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
With a `/` in it, or a name that ends in .cast or .json, it is a file; `-` is standard input. Else it is a task, and a file
only where there is no such task. A running task is played up to now.
On a terminal: space pauses and goes on; the arrows left and right seek by 5 s, down and up by 60 s; `,` and `.` step back and
on by one output; `]` goes to the next marker, `0` to the start; `+` and `-` change the speed; q leaves. What could act on the
terminal does not reach it; into a pipe or a file goes every byte, at its time. Full-screen programs look right on a terminal
of the recorded size.
Times are those of the recording, before silences are shortened. FILE is read to its end before it is played: one that is
cut off or broken is refused with the line.")]
pub(crate) struct Replay {
    /// A task (the beginning of an id, or a name), or an asciicast file.
    #[arg(value_name = "ID|FILE", value_parser = NonEmptyStringValueParser::new())]
    what: String,
    /// How fast: 2, 0.5, or max, without waiting.
    #[arg(long, value_name = "N", default_value = "1", allow_negative_numbers = true)]
    speed: Speed,
    /// Shorten longer silences to this; a recording may say it itself.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    idle_limit: Option<Micros>,
    /// Begin there.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    from: Option<Micros>,
}

impl Replay {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let (origin, opened, idle_max) = match named_file(&self.what) {
            Some(path) => of_file(&path)?,
            None => self.of_task(here).await?,
        };
        note_size(&origin);
        let runs_on = match &origin {
            Origin::Task { view, .. } if !view.status.is_ended() => Some(view.id),
            Origin::Task { .. } | Origin::File { .. } => None,
        };
        let pace = Pace::new(self.speed, self.idle_limit.or(idle_max));
        let code = Playing { origin, opened, pace, from: self.from }.run().await?;
        if let Some(id) = runs_on {
            let id = id.short();
            note(&format!(
                "task {id} runs on: it was played up to when you asked; axiom logs -f {id}"
            ));
        }
        Ok(code)
    }

    async fn of_task(&self, here: &Here) -> Result<Found, Failure> {
        let place = here.place()?;
        let mut connection = Connection::open(place.clone()).await?;
        connection.on_silence(tell_silence);
        let view = match connection.show(&self.what).await {
            Ok(shown) => shown.task,
            Err(ClientError::Fault(fault)) if fault.code == ErrorCode::TaskNotFound => {
                let path = Path::new(&self.what);
                return if path.exists() { of_file(path) } else { Err(fault.into()) };
            }
            Err(error) => return Err(error.into()),
        };
        // One that never started has nothing to play.
        let view = Box::new(TaskEvents::of(view)?.view);
        Ok((Origin::Task { place, view }, None, None))
    }
}

/// What is played, the file where it is open, and the longest silence that it asks for itself.
type Found = (Origin, Option<CastFile>, Option<Micros>);

/// A file, where the word can mean nothing else.
fn named_file(what: &str) -> Option<PathBuf> {
    if what == "-" {
        return Some(PathBuf::from("/dev/stdin"));
    }
    let path = PathBuf::from(what);
    let ends = path.extension().is_some_and(|end| end == "cast" || end == "json");
    (what.contains('/') || ends).then_some(path)
}

fn of_file(path: &Path) -> Result<Found, Failure> {
    if path == Path::new("/dev/stdin") && Terminals::of_process().input {
        let hint = "name a file, or give one: axiom replay - <FILE";
        return Err(Failure::invalid("standard input is a terminal, and no recording", hint));
    }
    let rewinds = fs::metadata(path).is_ok_and(|meta| meta.is_file());
    let found = |header: axiom_asciicast::Header, opened| {
        let path = path.to_owned();
        (Origin::File { path, size: header.size, rewinds }, opened, header.idle_max)
    };
    let failed = |error| not_played(&error);
    if rewinds {
        return Ok(found(CastFile::check(path).map_err(failed)?, None));
    }
    // What comes through a pipe can be read only once.
    let opened = CastFile::open(path).map_err(failed)?;
    Ok(found(opened.header(), Some(opened)))
}

/// Says why it may look wrong.
fn note_size(origin: &Origin) {
    let recorded = match origin {
        Origin::Task { view, .. } => view.size,
        Origin::File { size, .. } => Some(*size),
    };
    let ours = Terminals::of_process().output.then(terminal_size).flatten();
    if let (Some(Size { cols, rows }), Some(ours)) = (recorded, ours)
        && (ours.cols < cols || ours.rows < rows)
    {
        let ours = format!("{}x{}", ours.cols, ours.rows);
        note(&format!(
            "recorded on a terminal of {cols}x{rows}; on this one, of {ours}, it may look wrong"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_file_where_it_cannot_be_a_task() {
        for file in ["a/b", "./name", "demo.cast", "old.json", "/tmp/x"] {
            assert_eq!(named_file(file), Some(PathBuf::from(file)));
        }
        assert_eq!(named_file("-"), Some(PathBuf::from("/dev/stdin")));
        for task in ["5yw811zy", "build", "my task", "v1.2", "cast"] {
            assert_eq!(named_file(task), None, "{task}");
        }
    }
}
