//! A task's screen as a picture: the one of now from its server, and an earlier one by the place
//! of its time.

use axiom_client::Connection;
use axiom_proto::api::ScreenRequest;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::frame::Micros;
use axiom_proto::task::{Mode, Size, TaskView};
use axiom_screen::{Answers, Screen, Size as ScreenSize};

use super::Notes;
use super::target::Target;
use crate::failure::Failure;
use crate::lines::one_line;
use crate::quantities::{not_kept, shown_duration};
use crate::recording::{Cut, Place, TaskEvents};

/// Writes the picture of this time, or of now.
pub(super) async fn write(
    mut connection: Connection,
    task: TaskView,
    at: Option<Micros>,
    target: &mut Target,
) -> Result<Notes, Failure> {
    if task.mode == Mode::Pipes {
        let message = format!("task {} runs on pipes: it has no screen", task.id.short());
        let hint = "export its text: --format text";
        return Err(Fault::new(ErrorCode::NotSupported, message, hint).into());
    }
    let title = title(&task, at);
    let (screen, notes) = match at {
        None => (of_now(&mut connection, &task).await?, Notes::new()),
        Some(at) => of_then(&mut connection, task, at).await?,
    };
    target.write(screen.svg(&title).as_bytes())?;
    Ok(notes)
}

async fn of_now(connection: &mut Connection, task: &TaskView) -> Result<Screen, Failure> {
    let answer = connection
        .screen(task.id.as_str(), ScreenRequest { dump: true, ..ScreenRequest::default() })
        .await?;
    let mut screen = Screen::new(nearest(answer.size));
    let dump = answer.dump.map(|dump| dump.0).unwrap_or_default();
    screen.feed(&dump, &mut Answers::default());
    Ok(screen)
}

/// The picture of all that was printed up to then; an event of that very moment belongs to it.
async fn of_then(
    connection: &mut Connection,
    task: TaskView,
    at: Micros,
) -> Result<(Screen, Notes), Failure> {
    let id = task.id;
    let mut events = TaskEvents::of(task)?;
    let jump = events.jump(connection, Place::Moment(at)).await?;
    let mut screen = Screen::new(nearest(jump.size));
    screen.feed(&jump.dump, &mut Answers::default());
    let cut = |cut: Cut| {
        let id = id.short();
        format!("{id}: {}; the picture lacks it, and times count from there", not_kept(cut.gone))
    };
    Ok((screen, events.cut.map(cut).into_iter().collect()))
}

fn nearest(size: Size) -> ScreenSize {
    ScreenSize::nearest(size.cols.into(), size.rows.into())
}

fn title(task: &TaskView, at: Option<Micros>) -> String {
    let called = task.name.as_deref().unwrap_or(&task.command);
    let when = at.map(|at| format!(", after {}", shown_duration(at.0 / 1000))).unwrap_or_default();
    format!("{} ({}{when})", one_line(called), task.id.short())
}
