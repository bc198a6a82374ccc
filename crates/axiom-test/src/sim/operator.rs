//! A person or program that asks for one thing, waits for its answer, and asks again with the same id after a server's
//! death.

use axiom_proto::command::{Action, Command};
use axiom_proto::id::CommandId;
use axiom_proto::task::Size;

use crate::sim::random::Random;
use crate::sim::server::{Answer, Answers, Server};
use crate::sim::site::Site;
use crate::sim::stage::{Event, Stage, Turn};

#[derive(Debug)]
pub(crate) struct Operator {
    pub(crate) index: usize,
    pub(crate) site: usize,
    pub(crate) id: CommandId,
    pub(crate) answer: Option<Answer>,
    pub(crate) turn: Turn,
    begins_at: u64,
    action: Action,
    bytes: Vec<u8>,
    /// The server that was asked.
    asked: Option<u64>,
}

impl Operator {
    pub(crate) fn draw(index: usize, sites: usize, stage: &mut Stage) -> Self {
        let random = &mut stage.random;
        let latest = if random.percent(60) { 500_000 } else { stage.plan.heal_at };
        let (site, begins_at) = (random.index(sites), random.below(latest));
        let (action, bytes) = draw_action(random);
        Self::new(index, site, begins_at, (action, bytes), stage)
    }

    /// Whoever stops what still runs at the end.
    pub(crate) fn stopper(index: usize, site: usize, stage: &mut Stage) -> Self {
        let action = Action::Stop { grace_ms: Some(100) };
        Self::new(index, site, stage.now, (action, Vec::new()), stage)
    }

    fn new(
        index: usize,
        site: usize,
        begins_at: u64,
        (action, bytes): (Action, Vec<u8>),
        stage: &mut Stage,
    ) -> Self {
        let id = CommandId::from_random(stage.random.id_bytes());
        let (answer, asked, turn) = (None, None, Turn::default());
        let mut operator = Self { index, site, id, answer, turn, begins_at, action, bytes, asked };
        let delay = begins_at - stage.now;
        stage.call(&mut operator.turn, delay, Event::Operator { index });
        operator
    }

    pub(crate) fn wake(&mut self, stage: &mut Stage) {
        if self.answer.is_none() && stage.now >= self.begins_at {
            let delay = stage.delay();
            stage.call(&mut self.turn, delay, Event::Operator { index: self.index });
        }
    }

    pub(crate) fn act(
        &mut self,
        server: &mut Server,
        site: &mut Site,
        stage: &mut Stage,
    ) -> Answers {
        let due = stage.is_due(&mut self.turn);
        if !due || self.answer.is_some() || !server.alive || self.asked == Some(server.life) {
            return Vec::new();
        }
        self.asked = Some(server.life);
        stage.note(self.action.word(), self.site, self.index as u64, self.bytes.len() as u64);
        let (author, cause) = (format!("person {}", self.index), "asked".to_owned());
        let (request_id, action) = (String::new(), self.action.clone());
        let command = Command { id: self.id, author, cause, request_id, action };
        server.command((command, self.bytes.clone()), site, stage)
    }

    pub(crate) fn hear(&mut self, answer: Answer, stage: &mut Stage) {
        stage.note("answer", self.site, self.index as u64, 0);
        if let Some(first) = self.answer.replace(answer)
            && first != answer
        {
            let index = self.index;
            stage.fail("a command has one answer", || format!("{index}: {first:?}, {answer:?}"));
        }
    }
}

fn draw_action(random: &mut Random) -> (Action, Vec<u8>) {
    let action = match random.below(12) {
        0..=4 => Action::Type,
        5 => Action::Interrupt { signal: None, then: None },
        6 => Action::Interrupt { signal: None, then: Some("go on".to_owned()) },
        7 => Action::Resize { size: Size { cols: 80, rows: 24 } },
        8 => Action::Suspend,
        9 => Action::Resume,
        10 => Action::CloseInput,
        _ => Action::Stop { grace_ms: random.percent(50).then_some(50) },
    };
    let len = if action == Action::Type { random.between(1, 600) } else { 0 };
    (action, vec![b'x'; usize::try_from(len).expect("a send fits in memory")])
}
