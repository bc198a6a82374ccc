//! A task's output as text, part after part, as its server makes it: nothing in it acts on a terminal.

use axiom_client::{Connection, OutputQuery};
use axiom_proto::api::View;
use axiom_proto::task::{Mode, TaskView};

use super::Notes;
use super::target::Target;
use crate::failure::Failure;
use crate::quantities::not_kept;

/// Bytes of one answer.
const PART_BYTES: u64 = 1024 * 1024;

/// Writes all that was printed until it was asked for.
pub(super) async fn write(
    mut connection: Connection,
    task: &TaskView,
    target: &mut Target,
) -> Result<Notes, Failure> {
    let mut query =
        OutputQuery { view: View::Text, bytes_max: Some(PART_BYTES), ..OutputQuery::default() };
    // A task that never had a session has printed nothing.
    if task.session == 0 {
        return Ok(Notes::new());
    }
    let mut notes = Notes::new();
    loop {
        let part = connection.output(task.id.as_str(), &query).await?;
        let gone = part.gone.filter(|gone| gone.bytes() > 0);
        notes.extend(gone.map(|gone| format!("{}: {}", task.id.short(), not_kept(gone))));
        target.write(&part.bytes)?;
        let stood_still = query.cursor == Some(part.cursor);
        let at_head = part.cursor.offset >= task.bytes || stood_still;
        let is_last = part.unsettled.is_some() || (query.unsettled && stood_still);
        if part.ended || is_last || (at_head && task.mode == Mode::Pipes) {
            return Ok(notes);
        }
        // At the head also what may still change.
        (query.cursor, query.unsettled) = (Some(part.cursor), at_head);
    }
}
