//! Commands that a session was asked and has not answered: in order, bounded, sent again over a new link unless the worker
//! knows them. Pure; the link's loop sends, the fold of frames answers.

use std::collections::VecDeque;

use axiom_proto::command::Command;
use axiom_proto::id::CommandId;
use axiom_proto::record::Outcome;
use axiom_proto::summary::Summary;
use bytes::Bytes;
use tokio::sync::oneshot;

/// Commands that wait for their outcome in one session. More at once than this is no person and no sensible program.
pub(crate) const PENDING_MAX: usize = 64;

/// Bytes to type that wait with them: two of the largest sends.
pub(crate) const PENDING_BYTES_MAX: usize = 2 * axiom_proto::api::INPUT_BYTES_MAX;

/// The commands, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    commands: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    command: Command,
    bytes: Bytes,
    /// Over the link there is now.
    sent: bool,
    askers: Vec<oneshot::Sender<Outcome>>,
}

/// There are too many; the asker should try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl Pending {
    /// Adds a command, or another asker of one that waits already.
    pub(crate) fn ask(
        &mut self,
        command: Command,
        bytes: Bytes,
    ) -> Result<oneshot::Receiver<Outcome>, Full> {
        let (asker, answer) = oneshot::channel();
        if let Some(waiting) = self.find(command.id) {
            waiting.askers.push(asker);
            return Ok(answer);
        }
        let waiting_bytes: usize = self.commands.iter().map(|waiting| waiting.bytes.len()).sum();
        if self.commands.len() >= PENDING_MAX || waiting_bytes + bytes.len() > PENDING_BYTES_MAX {
            return Err(Full);
        }
        self.commands.push_back(Waiting { command, bytes, sent: false, askers: vec![asker] });
        Ok(answer)
    }

    /// The oldest command that this link has not carried; it has now.
    pub(crate) fn next_to_send(&mut self) -> Option<(Command, Bytes)> {
        let waiting = self.commands.iter_mut().find(|waiting| !waiting.sent)?;
        waiting.sent = true;
        Some((waiting.command.clone(), waiting.bytes.clone()))
    }

    /// There is a new link, and its worker says what it knows: answered commands are answered here, open ones are left to
    /// it, and the rest is sent again.
    pub(crate) fn relink(&mut self, summary: &Summary) {
        for waiting in &mut self.commands {
            waiting.sent = summary.knows(waiting.command.id);
        }
        self.resolve(summary);
    }

    /// Answers what has an outcome by now. Cheap while nothing waits.
    pub(crate) fn resolve(&mut self, summary: &Summary) {
        self.commands.retain_mut(|waiting| {
            let Some(outcome) = summary.outcome_of(waiting.command.id) else { return true };
            for asker in waiting.askers.drain(..) {
                // An asker that went away needs no answer.
                let _gone: Result<(), Outcome> = asker.send(outcome.clone());
            }
            false
        });
    }

    /// Forgets a command whose asker waits no more, so that it is not sent over a later link.
    pub(crate) fn withdraw(&mut self, id: CommandId) {
        self.commands.retain(|waiting| waiting.command.id != id);
    }

    /// The session is over: every asker learns that no outcome will come.
    pub(crate) fn clear(&mut self) {
        self.commands.clear();
    }

    fn find(&mut self, id: CommandId) -> Option<&mut Waiting> {
        self.commands.iter_mut().find(|waiting| waiting.command.id == id)
    }
}

#[cfg(test)]
mod tests {
    use axiom_proto::command::Action;

    use super::*;

    fn command(number: u8) -> Command {
        let id = CommandId::from_random([number; 10]);
        Command {
            id,
            author: "me".to_owned(),
            cause: String::new(),
            request_id: String::new(),
            action: Action::Type,
        }
    }

    fn sent(pending: &mut Pending) -> Vec<CommandId> {
        std::iter::from_fn(|| pending.next_to_send()).map(|(command, _)| command.id).collect()
    }

    #[test]
    fn commands_are_sent_once_and_in_order() {
        let mut pending = Pending::default();
        let _answers = [2, 1].map(|number| pending.ask(command(number), Bytes::new()).unwrap());
        assert_eq!(sent(&mut pending), [command(2).id, command(1).id]);
        assert_eq!(sent(&mut pending), []);
    }

    #[test]
    fn a_new_link_carries_again_what_its_worker_does_not_know() {
        let mut pending = Pending::default();
        let ask = |pending: &mut Pending, number| pending.ask(command(number), Bytes::new());
        let mut answers = [1, 2, 3].map(|number| ask(&mut pending, number).unwrap());
        sent(&mut pending);
        let mut summary = Summary::default();
        summary.open.push(command(1).id);
        summary.outcomes.push_back(Outcome::applied(command(2).id));
        pending.relink(&summary);
        assert_eq!(sent(&mut pending), [command(3).id]);
        assert_eq!(answers[1].try_recv(), Ok(Outcome::applied(command(2).id)));
        summary.outcomes.push_back(Outcome::unknown(command(1).id));
        pending.resolve(&summary);
        assert_eq!(answers[0].try_recv(), Ok(Outcome::unknown(command(1).id)));
        pending.clear();
        assert_eq!(answers[2].try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }

    #[test]
    fn two_askers_of_one_command_get_the_same_outcome() {
        let mut pending = Pending::default();
        let mut answers = [(); 2].map(|()| pending.ask(command(1), Bytes::new()).unwrap());
        assert_eq!(sent(&mut pending).len(), 1);
        let mut summary = Summary::default();
        summary.outcomes.push_back(Outcome::applied(command(1).id));
        pending.resolve(&summary);
        for answer in &mut answers {
            assert_eq!(answer.try_recv(), Ok(Outcome::applied(command(1).id)));
        }
    }

    #[test]
    fn a_withdrawn_command_is_not_sent_and_the_bounds_hold() {
        let mut pending = Pending::default();
        let answer = pending.ask(command(1), Bytes::new()).unwrap();
        pending.withdraw(command(1).id);
        assert_eq!(sent(&mut pending), []);
        drop(answer);
        let large = Bytes::from(vec![0; PENDING_BYTES_MAX]);
        let _large = pending.ask(command(1), large).unwrap();
        assert_eq!(pending.ask(command(2), Bytes::from_static(b"x")).unwrap_err(), Full);
        let number = |number: usize| command(u8::try_from(number).unwrap());
        let _more: Vec<_> =
            (2..=PENDING_MAX).map(|n| pending.ask(number(n), Bytes::new()).unwrap()).collect();
        assert_eq!(pending.ask(command(200), Bytes::new()).unwrap_err(), Full);
    }
}
