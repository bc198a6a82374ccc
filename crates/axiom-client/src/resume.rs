//! What a feed must remember so that a server's death costs nothing: places, unanswered commands, the watch.
//! A value: messages go in, asks and events come out. It dials nothing, waits for nothing and knows no clock.
//! A frame that is not the one which must come is an error, never skipped over.

mod subscription;

use std::collections::{BTreeMap, VecDeque};

use axiom_proto::command::Action;
use axiom_proto::cursor::Gone;
use axiom_proto::fault::Fault;
use axiom_proto::frame::{Frame, FrameError, HEADER_BYTES, Header};
use axiom_proto::id::{CommandId, TaskId};
use axiom_proto::live::{Ask, SUBSCRIPTION_BYTES, StartAt, Tell};
use axiom_proto::record::Outcome;
use axiom_proto::task::TaskView;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use thiserror::Error;

pub use subscription::PlaceError;
use subscription::Subscription;

/// Something to be done to a session. Its id stays the same however often it must be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The task.
    pub task: TaskId,
    /// The command's id.
    pub id: CommandId,
    /// What to do.
    pub action: Action,
    /// What to type, for [`Action::Type`].
    pub data: Bytes,
}

/// What a feed tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A server answers: the first one, or another after [`Event::Away`].
    Connected {
        /// Its version.
        version: String,
    },
    /// The server is gone. The feed looks for the next one by itself.
    Away {
        /// True if it said goodbye: then somebody else will start the next one.
        goodbye: bool,
    },
    /// The server is there, but has not answered for a while: it stands still. Told once.
    Silent,
    /// It answers again.
    Answers,
    /// The next frame of a subscribed task.
    Frame {
        /// The task.
        task: TaskId,
        /// The header.
        header: Header,
        /// The payload.
        payload: Bytes,
    },
    /// Output of a subscribed task that is no longer kept: the next frame is the one after it.
    Gone(TaskId, Gone),
    /// Every frame of the task was given.
    Ended(TaskId),
    /// A watched task, as it is now.
    Task(Box<TaskView>),
    /// A watched task was removed.
    Removed(TaskId),
    /// What became of a command.
    Outcome(TaskId, Outcome),
    /// A command was not passed on.
    CommandRefused {
        /// The command, as it was ordered.
        order: Order,
        /// Why.
        error: Fault,
    },
    /// A task cannot be subscribed to.
    SubscriptionRefused {
        /// The task.
        task: TaskId,
        /// Why.
        error: Fault,
    },
    /// Something else that was asked is refused: the watch.
    Refused(Fault),
}

/// Why what a server sent cannot be right.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum ResumeError {
    /// The frames of a message are broken.
    #[error("message of task {task} is broken")]
    Broken {
        /// The task.
        task: TaskId,
        /// Why.
        #[source]
        source: FrameError,
    },
    /// A binary message is too short to say whose frames it holds.
    #[error("binary message of {bytes} bytes names no subscription")]
    Nameless {
        /// Its length.
        bytes: usize,
    },
    /// Frames are missing, doubled or of another session.
    #[error("frames of task {task} do not follow on")]
    Place {
        /// The task.
        task: TaskId,
        /// What is wrong.
        #[source]
        source: PlaceError,
    },
}

/// The feed's memory. Feed it what the server says, take [`Resume::ask`] and [`Resume::event`] until both are `None`.
#[derive(Debug, Default)]
pub struct Resume {
    subscriptions: BTreeMap<u32, Subscription>,
    newest: u32,
    watch: Option<Vec<TaskId>>,
    /// Ordered and not answered yet, in order. Bounded by the caller, who orders the next when this one is answered.
    orders: VecDeque<Order>,
    asks: VecDeque<Ask>,
    events: VecDeque<Event>,
    connected: bool,
    goodbye: bool,
}

impl Resume {
    /// Wants a task's frames from there on.
    pub fn subscribe(&mut self, task: TaskId, start: StartAt) {
        self.newest += 1;
        let subscription = Subscription::new(task, start);
        self.ask_if_connected(subscription.ask(self.newest));
        self.subscriptions.insert(self.newest, subscription);
    }

    /// Wants no more of a task. What is on the way is dropped.
    pub fn unsubscribe(&mut self, task: TaskId) {
        let numbers: Vec<u32> = self.numbers_of(task);
        for subscription in numbers {
            self.subscriptions.remove(&subscription);
            self.ask_if_connected(Ask::Unsubscribe { subscription });
        }
    }

    /// Wants these tasks' views, or all of them where empty, in place of those watched before.
    pub fn watch(&mut self, tasks: Vec<TaskId>) {
        self.ask_if_connected(Ask::Watch { tasks: tasks.clone() });
        self.watch = Some(tasks);
    }

    /// Wants something done. It is asked again after a server's death, under the same id, until it is answered.
    pub fn order(&mut self, order: Order) {
        self.ask_if_connected(ask_of(&order));
        self.orders.push_back(order);
    }

    /// A connection stands: everything that is wanted is asked of it.
    pub fn connected(&mut self) {
        self.connected = true;
        self.asks.clear();
        if let Some(tasks) = &self.watch {
            self.asks.push_back(Ask::Watch { tasks: tasks.clone() });
        }
        self.asks.extend(self.subscriptions.iter().map(|(number, wanted)| wanted.ask(*number)));
        self.asks.extend(self.orders.iter().map(ask_of));
    }

    /// The connection is gone, or was never made.
    pub fn lost(&mut self) {
        self.asks.clear();
        if std::mem::take(&mut self.connected) {
            self.events.push_back(Event::Away { goodbye: self.goodbye });
        }
    }

    /// The server answers again, or does not.
    pub(crate) fn answers(&mut self, answers: bool) {
        self.events.push_back(if answers { Event::Answers } else { Event::Silent });
    }

    /// True if the last server said goodbye and none has come since.
    #[must_use]
    pub fn goodbye(&self) -> bool {
        self.goodbye
    }

    /// The next thing to ask the server.
    pub fn ask(&mut self) -> Option<Ask> {
        self.asks.pop_front()
    }

    /// The next thing to tell the caller.
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Takes a control message.
    ///
    /// # Errors
    /// [`ResumeError::Place`] when a subscription would start elsewhere than it must.
    pub fn said(&mut self, tell: Tell) -> Result<(), ResumeError> {
        match tell {
            Tell::Hello { version, tasks: _, fleet: _ } => {
                self.goodbye = false;
                self.events.push_back(Event::Connected { version });
            }
            Tell::Subscribed { subscription, task, cursor, gone } => {
                let Some(wanted) = self.subscriptions.get_mut(&subscription) else {
                    return Ok(());
                };
                wanted
                    .begin(task, cursor, gone)
                    .map_err(|source| ResumeError::Place { task: wanted.task(), source })?;
                self.events.extend(gone.map(|gone| Event::Gone(task, gone)));
            }
            Tell::Ended { subscription } => {
                if let Some(wanted) = self.subscriptions.remove(&subscription) {
                    self.events.push_back(Event::Ended(wanted.task()));
                }
            }
            Tell::Task { task } => self.events.push_back(Event::Task(task)),
            Tell::Removed { task } => self.events.push_back(Event::Removed(task)),
            Tell::Outcome { task, outcome } => {
                if self.answered(outcome.id).is_some() {
                    self.events.push_back(Event::Outcome(task, outcome));
                }
            }
            Tell::Refused { subscription, command, error } => {
                self.refused(subscription, command, error);
            }
            Tell::Goodbye => self.goodbye = true,
            Tell::Unknown => {}
        }
        Ok(())
    }

    /// Takes a binary message: whole frames of one subscription.
    ///
    /// # Errors
    /// [`ResumeError`] when a frame is broken or is not the one that must come. The feed is over then.
    pub fn frames(&mut self, message: &Bytes) -> Result<(), ResumeError> {
        let Some(number) = message.first_chunk::<SUBSCRIPTION_BYTES>() else {
            return Err(ResumeError::Nameless { bytes: message.len() });
        };
        // Frames of a subscription that was given up may still be on the way.
        let Some(wanted) = self.subscriptions.get_mut(&u32::from_le_bytes(*number)) else {
            return Ok(());
        };
        let task = wanted.task();
        let mut rest = message.slice(SUBSCRIPTION_BYTES..);
        while !rest.is_empty() {
            let header =
                Frame::decode(&rest).map_err(|source| ResumeError::Broken { task, source })?.header;
            let frame = rest.split_to(header.frame_bytes());
            wanted.advance(&header).map_err(|source| ResumeError::Place { task, source })?;
            let payload = frame.slice(HEADER_BYTES..);
            self.events.push_back(Event::Frame { task, header, payload });
        }
        Ok(())
    }

    fn refused(&mut self, subscription: Option<u32>, command: Option<CommandId>, error: Fault) {
        if let Some(wanted) = subscription.and_then(|number| self.subscriptions.remove(&number)) {
            self.events.push_back(Event::SubscriptionRefused { task: wanted.task(), error });
            return;
        }
        if let Some(order) = command.and_then(|id| self.answered(id)) {
            self.events.push_back(Event::CommandRefused { order, error });
            return;
        }
        // About something that was given up meanwhile, or about the watch.
        if subscription.is_none() && command.is_none() {
            self.events.push_back(Event::Refused(error));
        }
    }

    /// Takes an order off the unanswered ones. A second answer to it finds nothing.
    fn answered(&mut self, id: CommandId) -> Option<Order> {
        let place = self.orders.iter().position(|order| order.id == id)?;
        self.orders.remove(place)
    }

    fn numbers_of(&self, task: TaskId) -> Vec<u32> {
        let of_task = self.subscriptions.iter().filter(|(_, wanted)| wanted.task() == task);
        of_task.map(|(number, _)| *number).collect()
    }

    fn ask_if_connected(&mut self, ask: Ask) {
        if self.connected {
            self.asks.push_back(ask);
        }
    }
}

fn ask_of(order: &Order) -> Ask {
    Ask::Command {
        task: order.task,
        id: order.id,
        action: order.action.clone(),
        data: STANDARD.encode(&order.data),
    }
}

#[cfg(test)]
mod tests;
