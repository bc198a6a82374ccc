//! `axiom logs`: output, as text in which nothing can act on the viewer's terminal, or as the bytes that they were.
//! Following goes on across servers' deaths.

mod blocks;
mod lines;

use axiom_client::{Connection, Event, Feed, OutputQuery};
use axiom_proto::api::{ListRequest, ScreenRequest, View};
use axiom_proto::cursor::{Cursor, CursorError, Gone};
use axiom_proto::frame::{FrameKind, Offset};
use axiom_proto::live::StartAt;
use axiom_proto::task::{Mode, Status, TaskView};
use axiom_server::text::TextFilter;
use bytes::{Bytes, BytesMut};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

use super::{connect, ps, tell_silence};
use crate::conclusion::Conclusion;
use crate::failure::{Audience, Failure, note, of_output};
use crate::here::{Here, Terminals};
use crate::lines::one_line;
use crate::looks::Looks;
use crate::printing::print_bytes;
use crate::quantities::{counted, line_count, not_kept};
use crate::stdio::{self, OutputWatch, Writer};
use crate::stream::{
    Extent, Member, Newcomers, OnSignal, Options, Stream, Viewed, Wanted, marked_lines,
};
use blocks::Blocks;

/// Bytes of one answer.
const PART_BYTES: u64 = 1024 * 1024;

/// Output that has come already is written in as few calls.
const GATHERED_BYTES: usize = 64 * 1024;

/// `axiom logs`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Logs {
    /// Tasks: beginnings of ids, or names. The lines of several are marked.
    #[arg(value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    ids: Vec<String>,
    /// With -f: every task, also those that start later, until Ctrl-C.
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// With -f: every task with this tag, also later ones.
    #[arg(long, value_name = "TAG", conflicts_with_all = ["ids", "all"])]
    tag: Option<String>,
    /// With -f: every task that this one spawned, also later ones.
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new(), conflicts_with_all = ["ids", "all", "tag"])]
    parent: Option<String>,
    /// Go on as output comes, until the task is over.
    #[arg(short, long)]
    follow: bool,
    /// What a person would have read, the bytes as they were printed, or the screen as it is now.
    #[arg(long, value_name = "VIEW", default_value = "text")]
    view: WhichView,
    /// From this place on: a cursor, or SESSION:OFFSET.
    #[arg(long, value_name = "CURSOR", value_parser = cursor, conflicts_with = "tail")]
    from: Option<Cursor>,
    /// Only the last N lines, and what follows.
    #[arg(long, value_name = "N", value_parser = line_count, allow_negative_numbers = true)]
    tail: Option<u64>,
    /// The code blocks in the text of one task: lines (from 1) and language, as each ends.
    #[arg(long, conflicts_with_all = ["tail", "timestamps"])]
    blocks: bool,
    /// Let raw bytes through to a terminal, where they can do what they like.
    #[arg(long = "unsafe")]
    may_act: bool,
    #[command(flatten)]
    looks: Looks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WhichView {
    /// What a person would have read: without any escape, redraws as they ended.
    Text,
    /// The bytes as they were printed.
    Raw,
    /// The picture on the terminal now.
    Screen,
}

fn cursor(text: &str) -> Result<Cursor, CursorError> {
    text.parse()
}

/// What is missing is said beside the output, never in it.
pub(super) fn note_gaps(task: &TaskView) {
    if task.gaps > 0 {
        let (gaps, id) = (task.gaps, task.id.short());
        note(&format!(
            "{id}: gaps in the output: {gaps}; a worker died there, and some bytes may be missing"
        ));
    }
}

/// So is what is no longer kept.
fn note_gone(task: &TaskView, gone: Option<Gone>) {
    if let Some(gone) = gone.filter(|gone| gone.bytes() > 0) {
        note(&format!("{}: {}", task.id.short(), not_kept(gone)));
    }
}

impl Logs {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        self.check()?;
        let mut connection = connect(here).await?;
        let mut tasks = Vec::with_capacity(self.ids.len());
        for id in &self.ids {
            let task = connection.show(id).await?.task;
            if !tasks.iter().any(|other: &TaskView| other.id == task.id) {
                tasks.push(task);
            }
        }
        if !self.blocks && self.is_stream(tasks.len()) {
            return self.stream(here, connection, tasks).await;
        }
        match &tasks[..] {
            [task] => {
                self.one(here, connection, task).await?;
                if self.follow {
                    return Ok(tell_end(here, task).await);
                }
            }
            tasks => self.several(connection, tasks).await?,
        }
        tasks.iter().for_each(note_gaps);
        Ok(0)
    }

    /// Whom errors are for.
    pub(crate) fn audience(&self) -> Audience {
        self.looks.audience()
    }

    fn check(&self) -> Result<(), Failure> {
        if self.view == WhichView::Raw && Terminals::of_process().output && !self.may_act {
            return Err(Failure::invalid(
                "raw output could do anything to this terminal",
                "read it as text, send it to a file, or add --unsafe",
            ));
        }
        let open_ended = self.all || self.tag.is_some() || self.parent.is_some();
        self.check_screen(open_ended)?;
        if self.blocks && (self.ids.len() != 1 || self.view != WhichView::Text) {
            let hint = "axiom logs --blocks ID, with -f, --from or --json";
            return Err(Failure::invalid("code blocks are those of one task's text", hint));
        }
        if self.ids.is_empty() && !open_ended {
            let hint =
                "axiom logs ID…, or with -f: --all, --tag TAG, --parent ID; axiom ps lists tasks";
            return Err(Failure::invalid("whose output? No task is named", hint));
        }
        if self.view == WhichView::Raw && (self.ids.len() > 1 || open_ended) {
            return Err(Failure::invalid(
                "raw output of several tasks cannot be told apart",
                "name one task, or read them as text",
            ));
        }
        if open_ended && !self.follow {
            let hint = "add -f, or name the tasks";
            return Err(Failure::invalid("tasks that are not named can only be followed", hint));
        }
        if self.view == WhichView::Raw && self.looks.marks() {
            return Err(Failure::invalid(
                "raw output is bytes, without moments and without events",
                "leave out --view raw",
            ));
        }
        Ok(())
    }

    /// A screen is one task's, and of one moment.
    fn check_screen(&self, open_ended: bool) -> Result<(), Failure> {
        if self.view != WhichView::Screen {
            return Ok(());
        }
        let of_one = self.ids.len() == 1 && !open_ended;
        let of_now = !self.follow && self.from.is_none() && self.tail.is_none();
        if of_one && of_now && !self.looks.marks() {
            return Ok(());
        }
        Err(Failure::invalid(
            "a screen is the picture of one task now",
            "axiom logs --view screen ID, without --follow, --from, --tail, --timestamps and --json",
        ))
    }

    /// Several tasks that are followed, or whatever is wanted with moments or as events.
    fn is_stream(&self, tasks: usize) -> bool {
        self.looks.marks() || (self.follow && tasks != 1)
    }

    async fn one(
        &self,
        here: &Here,
        mut connection: Connection,
        task: &TaskView,
    ) -> Result<(), Failure> {
        let view = match self.view {
            WhichView::Text => View::Text,
            WhichView::Raw => View::Raw,
            WhichView::Screen => return picture(&mut connection, task).await,
        };
        let has_lines = view == View::Text && task.mode == Mode::Terminal;
        if self.blocks && !has_lines {
            let message = format!("task {} runs on pipes: its text has no lines", task.id.short());
            return Err(Failure::invalid(
                message,
                "code blocks are found in the text of terminals",
            ));
        }
        if !self.follow {
            return match has_lines {
                true => self.read_lines(&mut connection, task).await,
                false => read(&mut connection, task, (view, self.start()), print_bytes).await,
            };
        }
        if has_lines {
            drop(connection);
            return self.follow_lines(here, task).await;
        }
        let mut shown = Shown::new(view);
        let mut start = self.from.map_or(StartAt::Start, StartAt::Cursor);
        let writer = Writer::start();
        if self.tail.is_some() && task.session > 0 {
            let part = self.tail_of(&mut connection, task).await?;
            shown.send(&writer, &part.bytes).await?;
            start = StartAt::Cursor(part.cursor);
        }
        drop(connection);
        let mut output = OutputWatch::start();
        let followed = tokio::select! {
            followed = follow(here, task, start, (&mut shown, &writer)) => followed,
            () = output.reader_gone() => Err(Failure::ReaderGone),
        };
        let written = writer.finish().await.map_err(|error| of_output(&error));
        // That nobody reads us is the reason, whatever it looked like from inside.
        written.and(followed)
    }

    async fn read_lines(
        &self,
        connection: &mut Connection,
        task: &TaskView,
    ) -> Result<(), Failure> {
        let mut blocks = self.blocks_of(task);
        lines::read(connection, task, self.start(), |part| match &mut blocks {
            Some(blocks) => print_bytes(blocks.take(part.blocks).as_bytes()),
            None => print_bytes(&part.bytes),
        })
        .await?;
        print_bytes(blocks.map(|mut blocks| blocks.finish()).unwrap_or_default().as_bytes())
    }

    fn blocks_of(&self, task: &TaskView) -> Option<Blocks> {
        self.blocks.then(|| Blocks::new(task.id, self.looks.audience()))
    }

    async fn follow_lines(&self, here: &Here, task: &TaskView) -> Result<(), Failure> {
        let writer = Writer::start();
        let mut output = OutputWatch::start();
        let followed = tokio::select! {
            followed = lines::follow(here, (task, self.start()), self.blocks_of(task), &writer) => followed,
            () = output.reader_gone() => Err(Failure::ReaderGone),
        };
        let written = writer.finish().await.map_err(|error| of_output(&error));
        written.and(followed)
    }

    /// What is there of several tasks, one after the other.
    async fn several(&self, mut connection: Connection, tasks: &[TaskView]) -> Result<(), Failure> {
        for task in tasks {
            let label = task.name.as_deref().map_or_else(|| task.id.short().to_owned(), one_line);
            let mut marked = marked_lines(&label);
            read(&mut connection, task, (View::Raw, self.start()), |bytes| {
                print_bytes(marked(Some(bytes)).as_bytes())
            })
            .await?;
            print_bytes(marked(None).as_bytes())?;
        }
        Ok(())
    }

    /// The stream of all that was named, and of what comes later where no names say who is meant.
    async fn stream(
        &self,
        here: &Here,
        mut connection: Connection,
        named: Vec<TaskView>,
    ) -> Result<u8, Failure> {
        let (members, newcomers, banner) = if named.is_empty() {
            self.open_ended(&mut connection).await?
        } else {
            let members = self.members(&mut connection, named).await?;
            let tasks = counted(members.len() as u64, "task");
            let banner = format!("following {tasks}; Ctrl-C leaves them running");
            (members, Newcomers::None, if self.follow { banner } else { String::new() })
        };
        drop(connection);
        let options = Options {
            banner,
            face: self.looks.face(),
            idle_after: self.looks.idle_after,
            on_signal: OnSignal::Leave,
            newcomers,
            child_mark: None,
            extent: if self.follow { Extent::End } else { Extent::Now },
        };
        match Stream::new(here.place()?, members, options).run().await? {
            Viewed::Ended(_) | Viewed::Left(..) => Ok(0),
        }
    }

    async fn members(
        &self,
        connection: &mut Connection,
        named: Vec<TaskView>,
    ) -> Result<Vec<Member>, Failure> {
        let mut members = Vec::with_capacity(named.len());
        for view in named {
            let mut start = self.from.map_or(StartAt::Start, StartAt::Cursor);
            if self.tail.is_some() && view.session > 0 {
                // Where the last lines begin is where they end, less what they are.
                let part = self.tail_of(connection, &view).await?;
                let offset = part.cursor.offset.0.saturating_sub(part.bytes.len() as u64);
                start =
                    StartAt::Cursor(Cursor { offset: Offset(offset), seq: None, ..part.cursor });
            }
            members.push(Member { view, start, place: None });
        }
        Ok(members)
    }

    /// Who runs now, from the head on, and everyone who comes, from the start.
    async fn open_ended(
        &self,
        connection: &mut Connection,
    ) -> Result<(Vec<Member>, Newcomers, String), Failure> {
        let parent = match &self.parent {
            Some(id) => Some(connection.show(id).await?.task.id),
            None => None,
        };
        let request = ListRequest { tag: self.tag.clone(), parent, ..ListRequest::default() };
        let (ended, live): (Vec<TaskView>, Vec<TaskView>) = ps::all(connection, request)
            .await?
            .into_iter()
            .partition(|view| view.status.is_ended());
        let wanted = Wanted {
            tag: self.tag.clone(),
            parent,
            not: ended.iter().map(|view| view.id).collect(),
        };
        let whose = match (&self.tag, &self.parent) {
            (Some(tag), _) => format!("tasks tagged {}", one_line(tag)),
            (None, Some(parent)) => format!("children of {}", one_line(parent)),
            (None, None) => "all tasks".to_owned(),
        };
        let banner = format!("following {whose}, {} now, until Ctrl-C; they run on", live.len());
        let started = |view: TaskView| {
            let head = view.status != Status::Queued && self.tail.is_none();
            Member { start: if head { StartAt::Head } else { StartAt::Start }, view, place: None }
        };
        let members = live.into_iter().map(started).collect();
        Ok((members, Newcomers::All(wanted), banner))
    }

    /// Where reading starts, for one answer after the other.
    fn start(&self) -> OutputQuery {
        OutputQuery { cursor: self.from, tail: self.tail, ..OutputQuery::default() }
    }

    async fn tail_of(
        &self,
        connection: &mut Connection,
        task: &TaskView,
    ) -> Result<axiom_client::OutputPart, Failure> {
        let query = OutputQuery { view: View::Raw, tail: self.tail, ..OutputQuery::default() };
        Ok(connection.output(task.id.as_str(), &query).await?)
    }
}

/// Says how a task ended that was followed, where it did not succeed, and what is missing. Its output is given: a server
/// that is gone by now is no failure.
async fn tell_end(here: &Here, task: &TaskView) -> u8 {
    let Ok(mut connection) = Connection::open(here.place_to_look_at()).await else { return 0 };
    let Ok(shown) = connection.show(task.id.as_str()).await else { return 0 };
    note_gaps(&shown.task);
    if let Some(conclusion) = Conclusion::of_view(&shown.task)
        && !conclusion.succeeded()
    {
        let called = task.name.as_deref().unwrap_or(task.id.short());
        note(&format!("{called} {}", conclusion.shown()));
    }
    0
}

/// Prints the screen.
async fn picture(connection: &mut Connection, task: &TaskView) -> Result<(), Failure> {
    let screen = connection.screen(task.id.as_str(), ScreenRequest::default()).await?;
    let rows = screen.rows.join("\n");
    let rows = rows.trim_end_matches('\n');
    print_bytes(format!("{rows}\n").as_bytes())
}

/// Reads what there is now, part after part, and no further: a task that prints for ever has no last byte.
async fn read(
    connection: &mut Connection,
    task: &TaskView,
    (view, start): (View, OutputQuery),
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // A task that waits for its session has printed nothing.
    if task.session == 0 {
        return Ok(());
    }
    let mut query = OutputQuery { view, bytes_max: Some(PART_BYTES), ..start };
    loop {
        let part = connection.output(task.id.as_str(), &query).await?;
        note_gone(task, part.gone);
        take(&part.bytes)?;
        let stood_still = query.cursor == Some(part.cursor);
        if part.ended || part.cursor.offset >= task.bytes || stood_still {
            return Ok(());
        }
        query = OutputQuery { cursor: Some(part.cursor), tail: None, ..query };
    }
}

/// What is shown of bytes that come.
enum Shown {
    Raw,
    Text(Box<TextFilter>),
}

impl Shown {
    fn new(view: View) -> Self {
        match view {
            View::Text => Self::Text(Box::default()),
            View::Raw => Self::Raw,
        }
    }

    async fn send(&mut self, writer: &Writer, bytes: &Bytes) -> Result<(), Failure> {
        let shown = match self {
            Self::Raw => bytes.clone(),
            Self::Text(filter) => {
                let mut text = String::new();
                filter.push(bytes, &mut text);
                text.into()
            }
        };
        match writer.room().await {
            Some(room) => room.send((stdio::Stream::Output, shown)),
            None => return Err(Failure::ReaderGone),
        }
        Ok(())
    }
}

async fn follow(
    here: &Here,
    task: &TaskView,
    start: StartAt,
    (shown, writer): (&mut Shown, &Writer),
) -> Result<(), Failure> {
    let mut feed = Feed::new(here.place()?);
    feed.subscribe(task.id, start);
    feed.watch(vec![task.id]);
    let mut next = None;
    loop {
        let event = match next.take() {
            Some(event) => event,
            None => feed.next().await?,
        };
        match event {
            Event::Frame { header, payload, .. } if is_output(header.kind) => {
                let (bytes, after) = gathered(&mut feed, payload);
                shown.send(writer, &bytes).await?;
                next = after;
            }
            Event::Frame { .. } => {}
            Event::Ended(_) => return Ok(()),
            // A task that ended without ever having a session has no frames.
            Event::Task(view) if view.status.is_ended() && view.session == 0 => return Ok(()),
            Event::SubscriptionRefused { error, .. } | Event::Refused(error) => {
                return Err(error.into());
            }
            Event::Silent => tell_silence(&here.home),
            Event::Answers => note("the server answers again"),
            Event::Gone(_, gone) => note_gone(task, Some(gone)),
            Event::Task(_)
            | Event::Removed(_)
            | Event::Connected { .. }
            | Event::Away { .. }
            | Event::Outcome(..)
            | Event::CommandRefused { .. } => {}
        }
    }
}

fn is_output(kind: FrameKind) -> bool {
    match kind {
        FrameKind::Output | FrameKind::ErrorOutput => true,
        FrameKind::Input
        | FrameKind::Record
        | FrameKind::Keyframe
        | FrameKind::Control
        | FrameKind::Other(_) => false,
    }
}

/// The output that has come already, as one, and the event after it: a flood is written in few calls.
fn gathered(feed: &mut Feed, first: Bytes) -> (Bytes, Option<Event>) {
    let Some(mut next) = feed.next_now() else { return (first, None) };
    let mut bytes = BytesMut::from(first);
    loop {
        let Event::Frame { header, payload, .. } = next else {
            return (bytes.freeze(), Some(next));
        };
        if is_output(header.kind) {
            bytes.extend_from_slice(&payload);
        }
        if bytes.len() >= GATHERED_BYTES {
            return (bytes.freeze(), None);
        }
        match feed.next_now() {
            Some(event) => next = event,
            None => return (bytes.freeze(), None),
        }
    }
}
