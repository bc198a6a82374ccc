//! What goes to the task: typing, sizes, interrupts. At most one of each is under way; what is refused for now comes again.
//! Knows the moment only as an argument.

use std::time::Duration;

use axiom_client::{Order, new_command_id};
use axiom_proto::command::Action;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::{CommandId, TaskId};
use axiom_proto::record::Outcome;
use axiom_proto::task::Size;
use bytes::Bytes;
use tokio::time::Instant;

use super::typing::{Device, Loss, Typing, Wish};

/// Pause before a command that could not be passed on is asked again: a worker is replaced in less.
const REPEAT_AFTER: Duration = Duration::from_millis(300);

/// So often one command is asked again before it is given up.
const REPEATS_MAX: u32 = 20;

/// A command that comes again.
#[derive(Debug)]
struct Repeated {
    order: Order,
    at: Instant,
}

/// Everything that goes to the task.
#[derive(Debug)]
pub(crate) struct Steering {
    task: TaskId,
    pub(crate) typing: Typing,
    size: Option<Size>,
    resizing: Option<CommandId>,
    interrupts: Vec<Option<i32>>,
    repeated: Option<Repeated>,
    repeats: u32,
}

impl Steering {
    pub(crate) fn new(task: TaskId, keyboard: bool) -> Self {
        let device = if keyboard { Device::Keyboard } else { Device::Pipe };
        Self {
            task,
            typing: Typing::new(device),
            size: None,
            resizing: None,
            interrupts: Vec::new(),
            repeated: None,
            repeats: 0,
        }
    }

    /// True if more may be typed.
    pub(crate) fn has_room(&self) -> bool {
        self.typing.has_room()
    }

    /// The terminal has this size now; of several only the last matters.
    pub(crate) fn resize(&mut self, size: Size) {
        self.size = Some(size);
    }

    /// Interrupt, or send this signal.
    pub(crate) fn interrupt(&mut self, signal: Option<i32>) {
        self.interrupts.push(signal);
    }

    /// When to ask for orders again.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        self.repeated.as_ref().map(|repeated| repeated.at)
    }

    /// What is to be ordered now.
    pub(crate) fn orders(&mut self, now: Instant) -> Vec<Order> {
        let mut orders = Vec::new();
        for signal in std::mem::take(&mut self.interrupts) {
            orders.push(self.order(new_command_id(), Action::Interrupt { signal, then: None }));
        }
        if self.resizing.is_none()
            && let Some(size) = self.size.take()
        {
            let id = new_command_id();
            self.resizing = Some(id);
            orders.push(self.order(id, Action::Resize { size }));
        }
        if self.repeated.as_ref().is_some_and(|repeated| repeated.at <= now) {
            orders.extend(self.repeated.take().map(|repeated| repeated.order));
        }
        loop {
            let id = new_command_id();
            match self.typing.next(id) {
                Some(Wish::Type(data)) => {
                    orders.push(Order { data, ..self.order(id, Action::Type) });
                }
                Some(Wish::Close) => orders.push(self.order(id, Action::CloseInput)),
                Some(Wish::Interrupt) => {
                    let action = Action::Interrupt { signal: None, then: None };
                    orders.push(self.order(id, action));
                }
                None => return orders,
            }
        }
    }

    /// What became of a command. Gives words for the person where something may be lost.
    pub(crate) fn answered(&mut self, outcome: &Outcome) -> Option<String> {
        self.repeats = 0;
        if self.resizing == Some(outcome.id) {
            self.resizing = None;
            return None;
        }
        match self.typing.answered(outcome)? {
            Loss::Unknown => {
                Some("a worker died; what was typed last may not have arrived".to_owned())
            }
            Loss::Refused(why) => Some(format!("the input was not taken: {why}")),
        }
    }

    /// A command was not passed on. Typing comes again under its id, for a while: nobody wants to lose input to a restart.
    pub(crate) fn refused(&mut self, order: Order, error: Fault, now: Instant) -> Option<String> {
        if self.resizing == Some(order.id) {
            self.resizing = None;
            return None;
        }
        if !self.typing.is_under_way(order.id) {
            return Some(format!("{}: {}", order.action.word(), error.message));
        }
        let passing = [ErrorCode::Unavailable, ErrorCode::Timeout];
        let passes = passing.contains(&error.code) && self.repeats < REPEATS_MAX;
        // A queued task takes its input when its turn comes, however long that takes.
        if passes || error.code == ErrorCode::Busy {
            self.repeats += 1;
            self.repeated = Some(Repeated { order, at: now + REPEAT_AFTER });
            return None;
        }
        self.typing.answered(&Outcome::refused(order.id, error.code, ""));
        let ended = error.code == ErrorCode::TaskEnded;
        (!ended).then(|| format!("the input was not taken: {}", error.message))
    }

    fn order(&self, id: CommandId, action: Action) -> Order {
        Order { task: self.task, id, action, data: Bytes::new() }
    }
}
