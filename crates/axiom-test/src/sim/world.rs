//! The world of one seed: gives each actor its turn in the order of virtual time, until all is done or a promise broke.

use std::collections::BTreeMap;

use crate::sim::operator::Operator;
use crate::sim::plan::Flaw;
use crate::sim::reader::Reader;
use crate::sim::server::{Answer, Answers, Server};
use crate::sim::site::Site;
use crate::sim::stage::{Event, Stage, Violation};
use crate::sim::worker::Life;

/// After the healing every wait must end within this.
const ENDS_WITHIN: u64 = 90_000_000;

/// Turns of one seed; a world that needs more spins.
const STEPS_MAX: u64 = 2_000_000;

/// What one seed came to.
#[derive(Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// A hash over everything that happened.
    pub hash: u64,
    /// How many things happened.
    pub steps: u64,
    /// The virtual time it took, in microseconds.
    pub took: u64,
    /// The first broken promise.
    pub violation: Option<Violation>,
    /// The newest things that happened, to be printed with a violation.
    pub trace: String,
    /// How often each kind of thing happened.
    pub counts: BTreeMap<&'static str, u64>,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) stage: Stage,
    pub(crate) sites: Vec<Site>,
    pub(crate) server: Server,
    pub(crate) readers: Vec<Reader>,
    pub(crate) operators: Vec<Operator>,
}

/// Runs the world of a seed.
#[must_use]
pub fn run(seed: u64, flaw: Option<Flaw>) -> Report {
    let mut world = World::draw(seed, flaw);
    world.run();
    let Stage { trace, violation, now, .. } = world.stage;
    let (hash, steps) = (trace.hash(), trace.steps());
    let newest = if violation.is_some() { trace.newest() } else { String::new() };
    let counts = trace.into_counts();
    Report { seed, hash, steps, took: now, violation, trace: newest, counts }
}

impl World {
    fn draw(seed: u64, flaw: Option<Flaw>) -> Self {
        let mut stage = Stage::new(seed, flaw);
        let (sessions, readers) = (stage.plan.sessions, stage.plan.readers);
        let sites = (0..sessions).map(|index| Site::draw(index, &mut stage)).collect();
        let readers = (0..readers).map(|index| Reader::draw(index, sessions, &mut stage)).collect();
        let commands = usize::try_from(stage.plan.commands).expect("few commands");
        let operators =
            (0..commands).map(|index| Operator::draw(index, sessions, &mut stage)).collect();
        Self { stage, sites, server: Server::new(), readers, operators }
    }

    fn run(&mut self) {
        for site in &mut self.sites {
            site.begin(&mut self.stage);
        }
        let heal_at = self.stage.plan.heal_at;
        self.stage.plan(1, Event::ServerStart);
        self.stage.plan(self.stage.plan.fault_gap, Event::Fault);
        self.stage.plan(heal_at, Event::Heal);
        let mut turns = 0;
        while self.stage.violation.is_none() && !self.is_over() {
            turns += 1;
            let late = self.stage.now > heal_at + ENDS_WITHIN || turns > STEPS_MAX;
            match self.stage.next().filter(|_| !late) {
                Some(event) => self.step(event),
                None => {
                    let waiting = self.waiting();
                    self.stage.fail("every wait ends", || waiting);
                }
            }
        }
        if self.stage.violation.is_none() {
            self.judge();
        }
    }

    fn step(&mut self, event: Event) {
        let stage = &mut self.stage;
        match event {
            Event::Child { site } => self.sites[site].child_turn(stage),
            Event::Grandchild { site } => {
                self.sites[site].child.end_grandchild();
                self.sites[site].wake(stage);
            }
            Event::Holder { site } => self.sites[site].holder_turn(stage),
            Event::Worker { site, pid } => self.worker_turn(site, pid),
            Event::Follow { .. } if self.server.meets_doom() => self.kill_server(),
            Event::Follow { site } => {
                let answers = self.server.follow(&mut self.sites[site], stage);
                self.after_follow(site, answers);
            }
            Event::Reader { index } => {
                let reader = &mut self.readers[index];
                reader.act(&self.server, &self.sites[reader.site], stage);
            }
            Event::Operator { index } => {
                let operator = &mut self.operators[index];
                let site = &mut self.sites[operator.site];
                let answers = operator.act(&mut self.server, site, stage);
                self.answer(answers);
            }
            Event::Fault => self.fault(),
            Event::Thaw { site, pid } => self.thaw(site, pid),
            Event::Room { site } => self.make_room(site),
            Event::ServerStart => self.server_starts(),
            Event::Heal => self.heal(),
            Event::StopAll => self.stop_all(),
        }
    }

    fn worker_turn(&mut self, site_index: usize, pid: u32) {
        let (site, stage) = (&mut self.sites[site_index], &mut self.stage);
        let Some(at) = site.workers.iter().position(|worker| worker.pid == pid) else { return };
        let mut worker = site.workers.remove(at);
        if !stage.is_due(&mut worker.turn) || worker.life != Life::Runs {
            site.workers.insert(at, worker);
            return;
        }
        if let Some(doom) = worker.meets_doom() {
            site.workers.insert(at, worker);
            self.doom(site_index, pid, doom);
            return;
        }
        let exit = worker.act(site, stage);
        if exit.is_none() {
            site.workers.insert(at, worker);
        } else {
            stage.note("worker exits", site.index, u64::from(pid), 0);
            site.bury(pid, exit, stage);
        }
    }

    fn after_follow(&mut self, site: usize, answers: Answers) {
        if !self.server.alive {
            return;
        }
        let moved_to = self.server.follows[site].moved_to.take();
        for reader in self.readers.iter_mut().filter(|reader| reader.site == site) {
            if let Some(seq) = moved_to {
                reader.move_to(seq, self.server.life);
            }
            reader.wake(&mut self.stage);
        }
        self.answer(answers);
    }

    fn answer(&mut self, answers: Answers) {
        for (id, answer) in answers {
            for operator in self.operators.iter_mut().filter(|operator| operator.id == id) {
                operator.hear(answer, &mut self.stage);
            }
        }
    }

    pub(crate) fn server_starts(&mut self) {
        self.server.start(&mut self.sites, &mut self.stage);
        for reader in &mut self.readers {
            reader.wake(&mut self.stage);
        }
        for operator in &mut self.operators {
            operator.wake(&mut self.stage);
        }
    }

    fn is_over(&self) -> bool {
        self.stage.now >= self.stage.plan.heal_at
            && self.readers.iter().all(|reader| reader.ended)
            && self.sites.iter().all(|site| site.witness.is_closed() && site.workers.is_empty())
            && self.operators.iter().all(|operator| operator.answer.is_some())
    }

    fn waiting(&self) -> String {
        let readers = self.readers.iter().filter(|reader| !reader.ended).map(|reader| reader.index);
        let operators = self.operators.iter().filter(|operator| operator.answer.is_none());
        let sites = self.sites.iter().filter(|site| !site.witness.is_closed());
        format!(
            "readers {:?}, commands {:?}, open sessions {:?}",
            readers.collect::<Vec<_>>(),
            operators.map(|operator| operator.index).collect::<Vec<_>>(),
            sites.map(|site| site.index).collect::<Vec<_>>(),
        )
    }

    /// What must hold once all is over.
    fn judge(&mut self) {
        for site in &self.sites {
            let summary = site.disk.folded();
            let index = site.index;
            if !summary.status.is_ended() {
                let status = summary.status;
                self.stage.fail("a closed session has ended", || format!("{index}: {status:?}"));
            }
            let unanswered = site.witness.unanswered();
            if !unanswered.is_empty() {
                self.stage.fail("every command has an outcome", || format!("{unanswered:?}"));
            }
        }
        for operator in &self.operators {
            let journaled = self.sites[operator.site].witness.outcome_of(operator.id);
            let told = match operator.answer {
                Some(Answer::Journaled(verdict)) => Some(verdict),
                Some(Answer::Ended) | None => None,
            };
            if journaled != told {
                let index = operator.index;
                self.stage.fail("an answer is what the journal says", || {
                    format!("command {index}: journal {journaled:?}, answer {told:?}")
                });
            }
        }
    }
}
