//! Several tasks in one stream of plain lines, `[id] text`: live, across servers' deaths, each line whole.
//! A line that has no end yet is held back until it has one or its task is over.

use std::collections::BTreeMap;

use axiom_client::{Connection, Event, Feed, Order, Place, new_command_id};
use axiom_proto::command::Action;
use axiom_proto::frame::{Frame, FrameKind, Header};
use axiom_proto::id::TaskId;
use axiom_proto::live::StartAt;
use axiom_proto::summary::Summary;
use axiom_proto::task::TaskView;
use bytes::Bytes;

use crate::conclusion::Conclusion;
use crate::failure::{Failure, note, of_output};
use crate::lines::{Lines, one_line};
use crate::signals::{Sign, Signals};
use crate::stdio::{Stream, Writer};

/// Lines are gathered up to here before they are written, while more are at hand.
const BATCH_BYTES: usize = 256 * 1024;

/// One task of the view.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// The task.
    pub task: TaskId,
    /// What stands before its lines.
    pub label: String,
    /// Where to start.
    pub start: StartAt,
}

/// What a signal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnSignal {
    /// The first interrupts the tasks, the second leaves them.
    InterruptThenLeave,
    /// It leaves them.
    Leave,
}

/// How the view ended.
#[derive(Debug)]
pub(crate) enum Viewed {
    /// Every task is over: how, in the members' order.
    Ended(Vec<Conclusion>),
    /// Left by this signal; tasks run on.
    Left(Sign),
}

/// A member and what is known of it.
#[derive(Debug)]
struct Row {
    prefix: String,
    output: Lines,
    error: Lines,
    summary: Summary,
    view: Option<TaskView>,
    over: bool,
}

/// The view.
pub(crate) struct LineView {
    place: Place,
    feed: Feed,
    order: Vec<TaskId>,
    rows: BTreeMap<TaskId, Row>,
    on_signal: OnSignal,
    interrupted: bool,
    batch: Vec<u8>,
}

impl LineView {
    /// A view of these tasks.
    #[must_use]
    pub(crate) fn new(place: Place, members: Vec<Member>, on_signal: OnSignal) -> Self {
        let mut feed = Feed::new(place.clone());
        let order: Vec<TaskId> = members.iter().map(|member| member.task).collect();
        feed.watch(order.clone());
        let mut rows = BTreeMap::new();
        for member in members {
            feed.subscribe(member.task, member.start);
            let row = Row {
                prefix: format!("[{}] ", one_line(&member.label)),
                output: Lines::default(),
                error: Lines::default(),
                summary: Summary::default(),
                view: None,
                over: false,
            };
            rows.insert(member.task, row);
        }
        let (interrupted, batch) = (false, Vec::new());
        Self { place, feed, order, rows, on_signal, interrupted, batch }
    }

    /// Shows lines until every task is over, or a signal ends it.
    ///
    /// # Errors
    /// [`Failure`] when there is no server, and when nobody reads us.
    pub(crate) async fn run(mut self) -> Result<Viewed, Failure> {
        let signals = Signals::take();
        let mut signals =
            signals.map_err(|error| Failure::own(format!("take signals: {error}"), ""))?;
        let writer = Writer::start();
        let left = self.show(&mut signals, &writer).await;
        let written = writer.finish().await.map_err(|error| of_output(&error));
        match left {
            Ok(None) => {
                written?;
                self.conclude().await.map(Viewed::Ended)
            }
            Ok(Some(sign)) => Ok(Viewed::Left(sign)),
            Err(failure) => Err(written.err().unwrap_or(failure)),
        }
    }

    async fn show(
        &mut self,
        signals: &mut Signals,
        writer: &Writer,
    ) -> Result<Option<Sign>, Failure> {
        loop {
            let busy = !self.batch.is_empty();
            if !busy && self.rows.values().all(|row| row.over) {
                return Ok(None);
            }
            tokio::select! {
                sign = signals.next() => {
                    if let Some(sign) = self.signed(sign) {
                        return Ok(Some(sign));
                    }
                    self.feed.nudge().await;
                }
                room = writer.room(), if busy => match room {
                    Some(room) => {
                        room.send((Stream::Output, Bytes::from(std::mem::take(&mut self.batch))));
                    }
                    None => return Err(Failure::ReaderGone),
                },
                event = self.feed.next(), if !busy => {
                    self.told(event?)?;
                    while self.batch.len() < BATCH_BYTES && let Some(event) = self.feed.next_now() {
                        self.told(event)?;
                    }
                }
            }
        }
    }

    fn signed(&mut self, sign: Sign) -> Option<Sign> {
        match sign {
            Sign::Resized | Sign::Continued => return None,
            Sign::HangUp => return Some(sign),
            Sign::Interrupt | Sign::Terminate => {}
        }
        if self.on_signal == OnSignal::Leave || self.interrupted {
            return Some(sign);
        }
        self.interrupted = true;
        note("interrupting; once more leaves the tasks running");
        for task in self.rows.iter().filter(|(_, row)| !row.over).map(|(task, _)| *task) {
            let action = Action::Interrupt { signal: None, then: None };
            let data = Bytes::new();
            self.feed.order(Order { task, id: new_command_id(), action, data });
        }
        None
    }

    fn told(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Frame { task, header, payload } => {
                if let Some(row) = self.rows.get_mut(&task) {
                    row.frame(&header, &payload, &mut self.batch);
                }
            }
            Event::Ended(task) => self.over(task),
            Event::Task(view) => {
                let task = view.id;
                // A task that ended without ever having a session has no frames.
                let frameless = view.status.is_ended() && view.session == 0;
                if let Some(row) = self.rows.get_mut(&task) {
                    row.view = Some(*view);
                }
                if frameless {
                    self.over(task);
                }
            }
            Event::SubscriptionRefused { error, .. } | Event::Refused(error) => {
                return Err(error.into());
            }
            Event::CommandRefused { order, error } => {
                note(&format!("interrupt {}: {}", order.task.short(), error.message));
            }
            Event::Outcome(..) | Event::Connected { .. } | Event::Away { .. } => {}
        }
        Ok(())
    }

    fn over(&mut self, task: TaskId) {
        let Some(row) = self.rows.get_mut(&task) else { return };
        row.over = true;
        let (prefix, batch) = (&row.prefix, &mut self.batch);
        row.output.finish(|line| append(batch, prefix, line));
        row.error.finish(|line| append(batch, prefix, line));
    }

    async fn conclude(&self) -> Result<Vec<Conclusion>, Failure> {
        let mut conclusions = Vec::with_capacity(self.order.len());
        let mut connection = None;
        for task in &self.order {
            let row = &self.rows[task];
            let viewed = row.view.as_ref().and_then(Conclusion::of_view);
            if let Some(conclusion) = Conclusion::of_summary(&row.summary).or(viewed) {
                conclusions.push(conclusion);
                continue;
            }
            // Seen from its end only, or ended without frames that say how.
            let connection = match &mut connection {
                Some(connection) => connection,
                none @ None => none.insert(Connection::open(self.place.clone()).await?),
            };
            let view = connection.show(task.as_str()).await?.task;
            conclusions.push(Conclusion::of_view(&view).ok_or_else(|| {
                Failure::own("the stream ended, but the task has not", "see `axiom show`")
            })?);
        }
        Ok(conclusions)
    }
}

impl Row {
    fn frame(&mut self, header: &Header, payload: &[u8], batch: &mut Vec<u8>) {
        self.summary.fold(&Frame { header: *header, payload });
        let prefix = &self.prefix;
        match header.kind {
            FrameKind::Output => self.output.push(payload, |line| append(batch, prefix, line)),
            FrameKind::ErrorOutput => self.error.push(payload, |line| append(batch, prefix, line)),
            FrameKind::Input
            | FrameKind::Record
            | FrameKind::Keyframe
            | FrameKind::Control
            | FrameKind::Other(_) => {}
        }
    }
}

fn append(batch: &mut Vec<u8>, prefix: &str, line: &str) {
    batch.extend_from_slice(prefix.as_bytes());
    batch.extend_from_slice(line.as_bytes());
    batch.push(b'\n');
}
