//! Interrupts, and the text that may follow one: typed once the child is quiet, under the interrupt's own id.
//! However it goes, the command is answered once.

use axiom_proto::command::Command;
use axiom_proto::fault::ErrorCode;
use axiom_proto::frame::Micros;
use axiom_proto::id::CommandId;
use axiom_proto::record::Outcome;
use axiom_proto::task::Mode;

use crate::effect::{Ask, Effect, Scope};
use crate::input::Terminal;
use crate::session::{Purpose, Session};
use crate::typing::Asker;

/// Quiet this long after an interrupt, the follow-up text is typed.
const THEN_QUIET: u64 = 150_000;

/// Typed after this long even if it is never quiet.
const THEN_WAIT: u64 = 2_000_000;

/// Signals run from 1 to 64.
const SIGNAL_MAX: i32 = 64;

/// Text to type once it is quiet after an interrupt.
#[derive(Debug)]
pub(crate) struct Then {
    id: CommandId,
    asker: Asker,
    text: String,
    /// When it is typed; none before the interrupt itself is known to be done.
    quiet_at: Option<Micros>,
    deadline: Micros,
}

impl Then {
    pub(crate) fn due(&self) -> Option<Micros> {
        self.quiet_at.map(|quiet_at| quiet_at.min(self.deadline))
    }
}

impl Session {
    pub(crate) fn interrupt(&mut self, command: Command, signal: i32, then: Option<String>) {
        let (id, asker) = (command.id, Asker::of(&command));
        if !(1..=SIGNAL_MAX).contains(&signal) {
            let why = format!("{signal} is no signal; they run from 1 to {SIGNAL_MAX}");
            self.conclude(Outcome::refused(id, ErrorCode::InvalidArgument, why));
            return;
        }
        self.intend(command);
        if let Some(text) = then {
            self.drop_then(ErrorCode::InputConflict);
            let deadline = self.now.plus(THEN_WAIT);
            self.then = Some(Then { id, asker, text, quiet_at: None, deadline });
        }
        match self.summary.mode {
            Mode::Terminal => self.effects.push(Effect::SignalForeground { id, signal }),
            Mode::Pipes => {
                let ask = Ask::Signal { signal, scope: Scope::Child };
                self.ask(Purpose::Interrupt(id), ask);
            }
        }
    }

    pub(crate) fn interrupted(&mut self, id: CommandId, error: Option<String>) {
        let then = self.then.as_mut().filter(|then| then.id == id);
        match (error, then) {
            (Some(why), _) => {
                self.forget_then(id);
                self.conclude(Outcome::refused(id, ErrorCode::Busy, why));
            }
            (None, Some(then)) => then.quiet_at = Some(self.now.plus(THEN_QUIET)),
            (None, None) => self.conclude(Outcome::applied(id)),
        }
    }

    /// Output came: it is not quiet yet.
    pub(crate) fn defer_then(&mut self) {
        if let Some(quiet_at) = self.then.as_mut().and_then(|then| then.quiet_at.as_mut()) {
            *quiet_at = self.now.plus(THEN_QUIET);
        }
    }

    pub(crate) fn type_then(&mut self) {
        let due = self.then.as_ref().and_then(Then::due).is_some_and(|at| self.now >= at);
        if !due {
            return;
        }
        let Some(then) = self.then.take() else { return };
        let mut bytes = then.text.into_bytes();
        bytes.push(match self.summary.mode {
            Mode::Terminal => b'\r',
            Mode::Pipes => b'\n',
        });
        self.queue_send(then.id, then.asker, bytes, Terminal::default());
    }

    /// The text of an interrupt is given up: the task ended, or another interrupt came.
    pub(crate) fn drop_then(&mut self, code: ErrorCode) {
        let Some(then) = self.then.take() else { return };
        for asked in self.asks.values_mut() {
            if asked.purpose == Purpose::Interrupt(then.id) {
                // Answered here; the holder's answer changes nothing any more.
                asked.purpose = Purpose::Rung;
            }
        }
        let why = "interrupted, but the text could not be typed any more";
        self.conclude(Outcome::refused(then.id, code, why));
    }

    /// The interrupt itself failed, and is answered by whoever calls.
    pub(crate) fn forget_then(&mut self, id: CommandId) {
        self.then = self.then.take().filter(|then| then.id != id);
    }
}
