//! The holder's driver: carries out what the product's own fence decides, reaps the child, answers for the tree.

use std::collections::VecDeque;

use axiom_holder::grants::{Effect, Grants, Input};
use axiom_session::Ask;

use crate::sim::plan::{Fault, Flaw};
use crate::sim::site::Site;
use crate::sim::stage::{Event, Stage, Turn};
use crate::sim::worker::{Granted, Life, Told, Worker};

/// What reaches the holder.
#[derive(Debug)]
pub(crate) enum News {
    Begin,
    Ready { pid: u32 },
    Done { pid: u32 },
    Died { pid: u32, code: Option<i32> },
    Ask { pid: u32, request: u32, ask: Ask },
    Replace,
}

#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) alive: bool,
    pub(crate) inbox: VecDeque<News>,
    pub(crate) turn: Turn,
    /// It is killed after so many more turns, in the middle of what it was asked.
    pub(crate) doom: Option<u64>,
    grants: Grants,
    /// The worker that was granted last.
    worker: Option<u32>,
}

impl Holder {
    pub(crate) fn new() -> Self {
        let (inbox, turn, grants) = (VecDeque::new(), Turn::default(), Grants::new());
        Self { alive: true, inbox, turn, doom: None, grants, worker: None }
    }

    pub(crate) fn die(&mut self) {
        self.alive = false;
        self.inbox.clear();
    }
}

impl Site {
    pub(crate) fn holder_turn(&mut self, stage: &mut Stage) {
        if !stage.is_due(&mut self.holder.turn) || !self.holder.alive {
            return;
        }
        if self.holder.doom == Some(0) {
            self.kill_holder(stage);
            return;
        }
        self.holder.doom = self.holder.doom.map(|turns| turns - 1);
        if self.reap(stage) {
            self.fence(Input::ChildGone, stage);
        } else if let Some(news) = self.holder.inbox.pop_front() {
            self.hear(news, stage);
        } else if self.holder.grants.deadline().is_some_and(|at| stage.now >= at) {
            self.fence(Input::Tick, stage);
        }
        if !self.holder.alive {
            return;
        }
        let event = Event::Holder { site: self.index };
        if !self.holder.inbox.is_empty() {
            let delay = stage.moment();
            stage.call(&mut self.holder.turn, delay, event);
        } else if let Some(at) = self.holder.grants.deadline() {
            stage.call(&mut self.holder.turn, at.saturating_sub(stage.now), event);
        }
    }

    /// The file before the word: whoever hears of the end finds it there.
    fn reap(&mut self, stage: &mut Stage) -> bool {
        let Some(exit) = self.child.exit().filter(|_| self.exit_note.is_none()) else {
            return false;
        };
        self.exit_note = Some(exit);
        self.tell_worker(Told::Exited(exit), stage);
        true
    }

    fn tell_worker(&mut self, told: Told, stage: &mut Stage) {
        let Some(pid) = self.holder.worker else { return };
        let Some(worker) = self.worker(pid) else { return };
        worker.inbox.push_back(told);
        self.wake_workers(stage);
    }

    fn hear(&mut self, news: News, stage: &mut Stage) {
        let current = self.holder.worker;
        match news {
            News::Begin => {
                if self.failure.is_some() {
                    self.fence(Input::ChildGone, stage);
                }
                self.fence(Input::Begin, stage);
            }
            News::Ready { pid } if Some(pid) == current => self.fence(Input::Ready, stage),
            News::Done { pid } if Some(pid) == current => self.fence(Input::Done, stage),
            News::Died { pid, code } if Some(pid) == current => {
                self.holder.worker = None;
                self.fence(Input::Died { code }, stage);
            }
            News::Ask { pid, request, ask } => {
                let reply = self.act_on_tree(&ask, stage);
                if Some(pid) == current {
                    self.tell_worker(Told::Reply { request, reply }, stage);
                }
            }
            News::Replace => self.fence(Input::ReplaceAsked, stage),
            News::Ready { .. } | News::Done { .. } | News::Died { .. } => {}
        }
    }

    fn fence(&mut self, input: Input, stage: &mut Stage) {
        let mut effects = Vec::new();
        self.holder.grants.handle(stage.now, input, &mut effects);
        for effect in effects {
            self.carry_out(effect, stage);
        }
    }

    fn carry_out(&mut self, effect: Effect, stage: &mut Stage) {
        match effect {
            Effect::StartWorker { epoch, orderly } => self.start_worker(epoch, orderly, stage),
            Effect::Retire => {
                stage.note("retire", self.index, 0, 0);
                self.tell_worker(Told::Retire, stage);
                if let Some(worker) = self.holder.worker.and_then(|pid| self.worker(pid))
                    && worker.life == Life::Stopped
                {
                    worker.life = Life::Runs;
                    self.wake_workers(stage);
                }
            }
            Effect::Kill => {
                let Some(pid) = self.holder.worker else { return };
                if stage.has(Flaw::GrantWithoutKilling) {
                    self.tell_holder(News::Died { pid, code: None }, stage);
                } else {
                    self.kill_worker(pid, stage);
                }
            }
            Effect::Replaced { epoch } => stage.note("replaced", self.index, epoch, 0),
            Effect::Leave => {
                stage.note("holder leaves", self.index, 0, 0);
                self.holder.die();
                self.close_backlog_if_nobody_listens();
                self.wake_follower(stage);
            }
        }
    }

    fn start_worker(&mut self, epoch: u64, orderly: bool, stage: &mut Stage) {
        let refused = stage.plan.faults.contains(&Fault::RefuseStart)
            && stage.now < stage.plan.heal_at
            && stage.random.percent(30);
        if refused {
            stage.note("worker cannot start", self.index, epoch, 0);
            self.fence(Input::CannotStart, stage);
            return;
        }
        let pid = self.new_pid(stage);
        stage.note("grant", self.index, epoch, u64::from(pid));
        let granted = Granted { epoch, orderly, exit: self.exit_note };
        self.workers.push(Worker::new(pid, granted, &self.options));
        self.holder.worker = Some(pid);
        self.wake_workers(stage);
        self.fence(Input::Started, stage);
    }
}
