//! What goes wrong, and how everything is healed in the end.

use crate::sim::holder::News;
use crate::sim::operator::Operator;
use crate::sim::plan::Fault;
use crate::sim::stage::Event;
use crate::sim::worker::{Doom, Life};
use crate::sim::world::World;

/// The longest freeze of a worker, a reader or a disk.
const FREEZE_MAX: u64 = 3_000_000;

/// A holder does not come back: sessions must live for a while before theirs is killed.
const FATAL_PERCENT: u64 = 8;

/// Turns that a worker or a server still has, at most, when its end was drawn.
const DOOM_TURNS: u64 = 12;

/// What still runs so long after the healing is stopped.
const STOP_AFTER: u64 = 3_000_000;

impl World {
    /// One of this seed's faults, somewhere; then the next one is due.
    pub(crate) fn fault(&mut self) {
        let faults = self.stage.plan.faults.len();
        if faults == 0 || self.stage.now >= self.stage.plan.heal_at {
            return;
        }
        let fault = self.stage.plan.faults[self.stage.random.index(faults)];
        let site = self.stage.random.index(self.sites.len());
        self.strike(fault, site);
        let gap = self.stage.random.between(1, self.stage.plan.fault_gap);
        self.stage.plan(gap, Event::Fault);
    }

    fn strike(&mut self, fault: Fault, site: usize) {
        let pid = self.sites[site].workers.first().map(|worker| worker.pid);
        match fault {
            Fault::KillWorker => self.doom_worker(site, pid, Doom::Kill),
            Fault::StopWorker => self.doom_worker(site, pid, Doom::Hold(Life::Stopped)),
            Fault::StickWorker => self.doom_worker(site, pid, Doom::Hold(Life::Stuck)),
            Fault::ReplaceWorker => self.sites[site].tell_holder(News::Replace, &mut self.stage),
            Fault::KillServer => self.server.doom = Some(self.stage.random.below(DOOM_TURNS)),
            Fault::KillHolder if self.stage.random.percent(FATAL_PERCENT) => {
                self.sites[site].holder.doom = Some(self.stage.random.below(DOOM_TURNS));
            }
            Fault::KillBoth if self.stage.random.percent(FATAL_PERCENT) => {
                self.sites[site].kill_holder(&mut self.stage);
                self.doom_worker(site, pid, Doom::Kill);
            }
            Fault::CutLink => self.cut_links(site),
            Fault::LoseMessage => self.sites[site].loses_message = true,
            Fault::FillDisk => {
                self.stage.note("disk full", site, 0, 0);
                self.sites[site].disk.full = true;
                let delay = self.stage.random.below(FREEZE_MAX);
                self.stage.plan(delay, Event::Room { site });
            }
            Fault::FreezeReader => {
                let index = self.stage.random.index(self.readers.len());
                self.readers[index].frozen_until =
                    self.stage.now + self.stage.random.below(FREEZE_MAX);
            }
            // A start is refused by the holder's own draw.
            Fault::KillHolder | Fault::KillBoth | Fault::RefuseStart => {}
        }
    }

    /// Now, or in the middle of what it does next.
    fn doom_worker(&mut self, site: usize, pid: Option<u32>, doom: Doom) {
        let Some(pid) = pid else { return };
        if self.stage.random.percent(20) {
            self.doom(site, pid, doom);
        } else if let Some(worker) = self.sites[site].worker(pid) {
            worker.doom = Some((self.stage.random.below(DOOM_TURNS), doom));
        }
    }

    pub(crate) fn doom(&mut self, site: usize, pid: u32, doom: Doom) {
        match doom {
            Doom::Kill => self.sites[site].kill_worker(pid, &mut self.stage),
            Doom::Hold(life) => self.hold_worker(site, pid, life),
        }
    }

    pub(crate) fn kill_server(&mut self) {
        self.server.kill(&mut self.sites, &mut self.stage);
        let delay = self.stage.random.below(1_000_000);
        self.stage.plan(delay, Event::ServerStart);
    }

    fn hold_worker(&mut self, site: usize, pid: u32, life: Life) {
        if self.stage.now >= self.stage.plan.heal_at {
            return;
        }
        let Some(worker) = self.sites[site].worker(pid) else { return };
        if worker.life != Life::Runs {
            return;
        }
        worker.life = life;
        self.stage.note("worker held", site, u64::from(pid), u64::from(life == Life::Stuck));
        if self.stage.random.percent(60) {
            self.sites[site].tell_holder(News::Replace, &mut self.stage);
        }
        let delay = self.stage.random.below(FREEZE_MAX);
        self.stage.plan(delay, Event::Thaw { site, pid });
    }

    pub(crate) fn thaw(&mut self, site: usize, pid: u32) {
        let Some(worker) = self.sites[site].worker(pid) else { return };
        worker.life = Life::Runs;
        if worker.is_killed {
            self.sites[site].kill_worker(pid, &mut self.stage);
        } else {
            self.sites[site].wake_workers(&mut self.stage);
        }
    }

    /// Each direction loses the end of what is on its way, in the middle of a message or not.
    fn cut_links(&mut self, site: usize) {
        let site = &mut self.sites[site];
        self.stage.note("link cut", site.index, 0, 0);
        for connection in &mut site.connections {
            for stream in [&mut connection.to_server, &mut connection.to_worker] {
                let keep = self.stage.random.index(stream.len() + 1);
                stream.cut(keep);
            }
        }
        site.wake_workers(&mut self.stage);
        site.wake_follower(&mut self.stage);
    }

    pub(crate) fn make_room(&mut self, site: usize) {
        self.sites[site].disk.full = false;
        self.sites[site].wake_workers(&mut self.stage);
    }

    /// From now on nothing goes wrong any more.
    pub(crate) fn heal(&mut self) {
        self.stage.note("heal", 0, 0, 0);
        self.server.doom = None;
        self.server_starts();
        for site in 0..self.sites.len() {
            self.make_room(site);
            self.sites[site].loses_message = false;
            let held: Vec<u32> = self.sites[site].workers.iter().map(|worker| worker.pid).collect();
            self.sites[site].holder.doom = None;
            self.sites[site].workers.iter_mut().for_each(|worker| worker.doom = None);
            held.into_iter().for_each(|pid| self.thaw(site, pid));
        }
        for reader in &mut self.readers {
            reader.frozen_until = 0;
            reader.wake(&mut self.stage);
        }
        self.stage.plan(STOP_AFTER, Event::StopAll);
    }

    pub(crate) fn stop_all(&mut self) {
        for site in 0..self.sites.len() {
            let index = self.operators.len();
            self.operators.push(Operator::stopper(index, site, &mut self.stage));
        }
    }
}
