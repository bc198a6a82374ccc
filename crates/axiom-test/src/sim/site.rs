//! One session's place in the world: its disk, child, holder, workers and connections.

use axiom_proto::id::{SessionId, TaskId};
use axiom_proto::record::{Exit, Failure, FreezeMeans, Stage as StartStage};
use axiom_proto::task::{Leftovers, Limits, Mode, SessionOptions};
use axiom_session::{Ask, Reply, Scope};

use crate::sim::child::Child;
use crate::sim::connection::Connection;
use crate::sim::disk::{Disk, Owner};
use crate::sim::holder::{Holder, News};
use crate::sim::stage::{Event, Stage, Turn};
use crate::sim::witness::Witness;
use crate::sim::worker::{Life, Worker};

#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) index: usize,
    pub(crate) options: SessionOptions,
    pub(crate) disk: Disk,
    pub(crate) child: Child,
    pub(crate) mode: Mode,
    /// Why the command could not be started.
    pub(crate) failure: Option<Failure>,
    /// The file that the holder writes when it has reaped the child.
    pub(crate) exit_note: Option<Exit>,
    pub(crate) holder: Holder,
    /// Those that live; more than one is a broken fence.
    pub(crate) workers: Vec<Worker>,
    pub(crate) connections: Vec<Connection>,
    pub(crate) witness: Witness,
    /// When the server looks at its link again.
    pub(crate) follow_turn: Turn,
    /// Bytes that a link holds before its writer has to wait.
    pub(crate) link_bytes: usize,
    /// The next message on a link is lost.
    pub(crate) loses_message: bool,
    last_pid: u32,
    last_connection: u64,
}

impl Site {
    pub(crate) fn draw(index: usize, stage: &mut Stage) -> Self {
        let random = &mut stage.random;
        let task = TaskId::from_random(random.id_bytes());
        let session = SessionId { task, number: 1 };
        let timeout_ms = random.percent(15).then(|| random.between(100, 4000));
        let output_bytes_max = random.percent(10).then(|| random.between(100, 10_000));
        let limits = Limits { timeout_ms, output_bytes_max, tasks_max: None };
        let leftovers = if random.percent(50) { Leftovers::Keep } else { Leftovers::Stop };
        let options = SessionOptions { session, limits, leftovers, disk_min_free_bytes: 0 };
        let mode = if random.percent(70) { Mode::Terminal } else { Mode::Pipes };
        let failure = random.percent(4).then(|| Failure {
            stage: StartStage::Exec,
            errno: 2,
            message: "command not found".to_owned(),
            exit_code: 127,
        });
        let child = if failure.is_some() { Child::never(random) } else { Child::draw(random) };
        Self {
            index,
            options,
            disk: Disk::new(session),
            child,
            mode,
            failure,
            exit_note: None,
            holder: Holder::new(),
            workers: Vec::new(),
            connections: Vec::new(),
            witness: Witness::default(),
            follow_turn: Turn::default(),
            link_bytes: stage.plan.link_bytes,
            loses_message: false,
            last_pid: 100,
            last_connection: 0,
        }
    }

    pub(crate) fn begin(&mut self, stage: &mut Stage) {
        self.child.begin(self.index, stage);
        self.tell_holder(News::Begin, stage);
    }

    pub(crate) fn child_turn(&mut self, stage: &mut Stage) {
        self.child.act(self.index, stage);
        self.wake(stage);
    }

    /// Whoever watches the child looks again.
    pub(crate) fn wake(&mut self, stage: &mut Stage) {
        let delay = stage.moment();
        let site = self.index;
        stage.call(&mut self.holder.turn, delay, Event::Holder { site });
        self.wake_workers(stage);
    }

    pub(crate) fn wake_workers(&mut self, stage: &mut Stage) {
        for worker in &mut self.workers {
            let delay = stage.delay();
            let event = Event::Worker { site: self.index, pid: worker.pid };
            stage.call(&mut worker.turn, delay, event);
        }
    }

    pub(crate) fn wake_follower(&mut self, stage: &mut Stage) {
        let delay = stage.delay();
        stage.call(&mut self.follow_turn, delay, Event::Follow { site: self.index });
    }

    pub(crate) fn tell_holder(&mut self, news: News, stage: &mut Stage) {
        if !self.holder.alive {
            return;
        }
        self.holder.inbox.push_back(news);
        let delay = stage.moment();
        stage.call(&mut self.holder.turn, delay, Event::Holder { site: self.index });
    }

    /// True while somebody has the listening socket.
    pub(crate) fn listens(&self) -> bool {
        self.holder.alive || !self.workers.is_empty()
    }

    pub(crate) fn dial(&mut self, stage: &mut Stage) -> Option<u64> {
        if !self.listens() {
            return None;
        }
        self.last_connection += 1;
        self.connections.push(Connection::new(self.last_connection));
        self.wake_workers(stage);
        Some(self.last_connection)
    }

    pub(crate) fn connection(&mut self, id: u64) -> Option<&mut Connection> {
        self.connections.iter_mut().find(|connection| connection.id == id)
    }

    /// A new worker's process id. None may live now: the terminal's master is about to be granted.
    pub(crate) fn new_pid(&mut self, stage: &mut Stage) -> u32 {
        if let Some(other) = self.workers.first() {
            let (index, pid) = (self.index, other.pid);
            stage.fail("one writer at a time", || {
                format!("session {index}: an epoch is granted while worker {pid} lives")
            });
        }
        self.last_pid += 1;
        self.last_pid
    }

    pub(crate) fn worker(&mut self, pid: u32) -> Option<&mut Worker> {
        self.workers.iter_mut().find(|worker| worker.pid == pid)
    }

    /// SIGKILL. One that is stuck in the kernel dies when it comes back.
    pub(crate) fn kill_worker(&mut self, pid: u32, stage: &mut Stage) {
        let Some(at) = self.workers.iter().position(|worker| worker.pid == pid) else { return };
        if self.workers[at].life == Life::Stuck {
            self.workers[at].is_killed = true;
            return;
        }
        let worker = self.workers.remove(at);
        stage.note("worker killed", self.index, u64::from(pid), 0);
        if let Some((header, payload)) = worker.write_under_way(self) {
            let keep = stage.random.index(header.frame_bytes() + 1);
            stage.note("torn write", self.index, header.seq.0, keep as u64);
            self.disk.write_torn(&header, &payload, keep);
            self.witness.observe(&self.disk, self.index, stage);
        }
        self.bury(pid, None, stage);
    }

    /// A worker's process is gone; the kernel closes what it had.
    pub(crate) fn bury(&mut self, pid: u32, code: Option<i32>, stage: &mut Stage) {
        if self.disk.lock == Some(Owner::Worker(pid)) {
            self.disk.lock = None;
        }
        for connection in &mut self.connections {
            if connection.taken_by == Some(pid) {
                connection.to_server.close();
                connection.to_worker.close();
            }
        }
        self.close_backlog_if_nobody_listens();
        self.wake_follower(stage);
        self.tell_holder(News::Died { pid, code }, stage);
    }

    pub(crate) fn kill_holder(&mut self, stage: &mut Stage) {
        if self.holder.alive {
            stage.note("holder killed", self.index, 0, 0);
            self.holder.die();
            self.close_backlog_if_nobody_listens();
            self.wake_follower(stage);
            self.wake_workers(stage);
        }
    }

    pub(crate) fn close_backlog_if_nobody_listens(&mut self) {
        if self.listens() {
            return;
        }
        for connection in &mut self.connections {
            connection.to_server.close();
            connection.to_worker.close();
        }
    }

    /// What holder and worker do to the tree.
    pub(crate) fn act_on_tree(&mut self, ask: &Ask, stage: &mut Stage) -> Reply {
        let (child, site) = (&mut self.child, self.index);
        let reply = match ask {
            Ask::Signal { signal, scope: Scope::Child | Scope::Tree } => {
                child.signal(*signal, site, stage);
                Reply::Done
            }
            Ask::Freeze => {
                child.freeze();
                Reply::Frozen { means: FreezeMeans::Signals, already_stopped: Vec::new() }
            }
            Ask::Thaw { .. } => {
                child.thaw(site, stage);
                Reply::Done
            }
            Ask::Kill => {
                child.kill(site, stage);
                Reply::Killed { left: child.tree() }
            }
            Ask::Tree => Reply::Tree { processes: child.tree(), truncated: false },
        };
        self.wake(stage);
        reply
    }

    pub(crate) fn drop_dead_connections(&mut self) {
        self.connections.retain(|connection| !connection.is_dead());
    }
}
