//! Scrolling back: asks the server for lines of the journal as the person goes through them, one question at a time.

use axiom_client::{ClientError, Connection, OutputPart, OutputQuery, Place};
use axiom_proto::api::View;
use axiom_proto::cursor::Cursor;
use axiom_proto::id::TaskId;
use axiom_screen::Size;
use tokio::task::JoinHandle;

use super::backlog::{Backlog, Part, Wish};

/// The newest lines that are asked for at first; four times as many when they are read, up to the last of these.
const LINES_FIRST: u64 = 1_000;
/// See [`LINES_FIRST`]. Who wants older ones begins at the start.
const LINES_MAX: u64 = 64_000;

/// Bytes of one answer, as many as a server gives at all.
const BYTES_MAX: u64 = 8 << 20;

/// Bytes of one answer when lines are read from the start on.
const NEXT_BYTES_MAX: u64 = 256 * 1024;

/// Lines of the journal in front of the live screen.
#[derive(Debug)]
pub(super) struct Scrolling {
    place: Place,
    task: TaskId,
    backlog: Backlog,
    lines: u64,
    next: Option<Cursor>,
    asking: Option<(Wish, JoinHandle<Result<OutputPart, ClientError>>)>,
}

impl Drop for Scrolling {
    fn drop(&mut self) {
        self.asking.iter().for_each(|(_, asking)| asking.abort());
    }
}

impl Scrolling {
    /// Begins at the end.
    pub(super) fn begin(place: Place, task: TaskId, room: Size) -> Self {
        let backlog = Backlog::new((room.columns(), room.rows()));
        let lines = LINES_FIRST;
        let mut scrolling = Self { place, task, backlog, lines, next: None, asking: None };
        scrolling.ask(Wish::Last);
        scrolling
    }

    /// Takes keys. False when the person wants back.
    pub(super) fn press(&mut self, keys: &[u8]) -> bool {
        match self.backlog.press(keys) {
            Some(Wish::Leave) => return false,
            Some(wish) if self.asking.is_none() => self.ask(wish),
            // What is asked for comes first.
            Some(_) | None => {}
        }
        true
    }

    /// The terminal has another size.
    pub(super) fn resize(&mut self, room: Size) {
        self.backlog.resize((room.columns(), room.rows()));
    }

    /// The rows that are seen, and words about where that is; nothing before the first of them came.
    pub(super) fn page(&self) -> Option<(&[String], String)> {
        self.next.map(|_| (self.backlog.page(), self.backlog.place()))
    }

    /// Waits for lines that were asked for, and holds them. Cancel-safe.
    pub(super) async fn fetched(&mut self) -> Result<(), ClientError> {
        let Some((_, asking)) = &mut self.asking else { return std::future::pending().await };
        let answer = asking.await;
        let Some((wish, _)) = self.asking.take() else { return Ok(()) };
        match answer {
            Ok(answer) => self.hold(wish, &answer?),
            // Nobody but we would end it.
            Err(_ended) => {}
        }
        Ok(())
    }

    fn ask(&mut self, wish: Wish) {
        // At the end also what may still change: the person sees it on the screen.
        let tail = |lines| OutputQuery {
            tail: Some(lines),
            bytes_max: Some(BYTES_MAX),
            unsettled: true,
            ..text()
        };
        let query = match wish {
            Wish::First => OutputQuery { bytes_max: Some(NEXT_BYTES_MAX), ..text() },
            Wish::Next => {
                OutputQuery { cursor: self.next, bytes_max: Some(NEXT_BYTES_MAX), ..text() }
            }
            Wish::Last => {
                self.lines = LINES_FIRST;
                tail(self.lines)
            }
            Wish::Older if self.lines >= LINES_MAX => return,
            Wish::Older => {
                self.lines = (4 * self.lines).min(LINES_MAX);
                tail(self.lines)
            }
            Wish::Leave => return,
        };
        let (place, task) = (self.place.clone(), self.task);
        let asking = tokio::spawn(async move {
            let mut connection = Connection::open(place).await?;
            connection.output(task.as_str(), &query).await
        });
        self.asking = Some((wish, asking));
    }

    fn hold(&mut self, wish: Wish, answer: &OutputPart) {
        let text = String::from_utf8_lossy(&answer.bytes);
        self.next = Some(answer.cursor);
        match wish {
            Wish::First => self.backlog.hold(&text, Part::First),
            Wish::Next => self.backlog.append(&text, text.is_empty()),
            Wish::Last | Wish::Older => {
                let whole = (text.lines().count() as u64) < self.lines;
                self.backlog.hold(&text, Part::Last { whole });
            }
            Wish::Leave => {}
        }
    }
}

fn text() -> OutputQuery {
    OutputQuery { view: View::Text, ..OutputQuery::default() }
}
