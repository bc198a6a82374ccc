//! The child and its terminal: prints numbered lines in random pieces, reads or does not, obeys signals or does not,
//! ends by itself or hangs, and may leave a grandchild behind that holds the terminal open.

use axiom_proto::record::Exit;
use axiom_proto::task::ProcessNote;

use crate::sim::random::Random;
use crate::sim::stage::{Event, Stage, Turn};

/// What a terminal holds before its writer has to wait.
const TERMINAL_BYTES: usize = 8 * 1024;

/// What a terminal takes of input that is not read.
const INPUT_BYTES: usize = 300;

const CHILD_PID: u32 = 5;
const GRANDCHILD_PID: u32 = 6;
const SIGINT: i32 = 2;
const SIGKILL: i32 = 9;

#[derive(Debug)]
pub(crate) struct Child {
    /// All it ever printed.
    printed: Vec<u8>,
    /// So much of it was taken from the terminal.
    read_to: usize,
    line: u64,
    lines: u64,
    /// The longest pause between two pieces.
    pause: u64,
    /// The most lines printed at once.
    piece: u64,
    running: bool,
    exit: Option<Exit>,
    hangs: bool,
    reads: bool,
    obeys_interrupt: bool,
    obeys_terminate: bool,
    frozen: bool,
    held_back: Vec<i32>,
    input: usize,
    /// It lives, and holds the terminal open.
    grandchild: bool,
    grandchild_lives: u64,
    turn: Turn,
}

impl Child {
    pub(crate) fn draw(random: &mut Random) -> Self {
        Self {
            printed: Vec::new(),
            read_to: 0,
            line: 0,
            lines: [30, 500, 4000][random.index(3)],
            pause: [500, 10_000, 100_000][random.index(3)],
            piece: [2, 20, 120][random.index(3)],
            running: true,
            exit: None,
            hangs: random.percent(40),
            reads: random.percent(70),
            obeys_interrupt: random.percent(50),
            obeys_terminate: random.percent(50),
            frozen: false,
            held_back: Vec::new(),
            input: 0,
            grandchild: random.percent(20),
            grandchild_lives: random.below(5_000_000),
            turn: Turn::default(),
        }
    }

    /// A command that could not be started.
    pub(crate) fn never(random: &mut Random) -> Self {
        Self { running: false, grandchild: false, ..Self::draw(random) }
    }

    pub(crate) fn begin(&mut self, site: usize, stage: &mut Stage) {
        if self.running {
            stage.call(&mut self.turn, 1, Event::Child { site });
        }
    }

    /// One piece of its life.
    pub(crate) fn act(&mut self, site: usize, stage: &mut Stage) {
        if !stage.is_due(&mut self.turn) || !self.running || self.frozen {
            return;
        }
        if self.reads {
            self.input = 0;
        }
        if self.line == self.lines {
            if !self.hangs {
                let code = i32::from(stage.random.percent(30));
                self.end(Exit::Code(code), site, stage);
            }
            return;
        }
        self.print(stage);
        let (turn, pause) = (&mut self.turn, self.pause);
        let pause = stage.random.below(pause);
        stage.call(turn, pause, Event::Child { site });
    }

    fn print(&mut self, stage: &mut Stage) {
        let lines = stage.random.between(1, self.piece);
        for _ in 0..lines.min(self.lines - self.line) {
            if self.printed.len() - self.read_to >= TERMINAL_BYTES {
                return;
            }
            self.printed.extend_from_slice(format!("{:08}\n", self.line).as_bytes());
            self.line += 1;
        }
    }

    fn end(&mut self, exit: Exit, site: usize, stage: &mut Stage) {
        self.running = false;
        self.exit = Some(exit);
        stage.note("child ends", site, self.printed.len() as u64, 0);
        if self.grandchild {
            stage.plan(self.grandchild_lives, Event::Grandchild { site });
        }
    }

    pub(crate) fn end_grandchild(&mut self) {
        self.grandchild = false;
    }

    pub(crate) fn exit(&self) -> Option<Exit> {
        self.exit
    }

    pub(crate) fn printed(&self) -> &[u8] {
        &self.printed
    }

    pub(crate) fn has_output(&self) -> bool {
        self.read_to < self.printed.len()
    }

    /// True once every writer is gone; `released`: the worker keeps no end open itself.
    pub(crate) fn is_at_end(&self, released: bool) -> bool {
        released && !self.running && !self.grandchild && !self.has_output()
    }

    /// Takes output from the terminal: where it begins in all that was printed, and the bytes.
    pub(crate) fn read(&mut self, most: usize) -> (u64, Vec<u8>) {
        let from = self.read_to;
        let to = self.printed.len().min(from + most);
        self.read_to = to;
        (from as u64, self.printed[from..to].to_vec())
    }

    pub(crate) fn takes_input(&self) -> bool {
        self.input < INPUT_BYTES
    }

    pub(crate) fn write(&mut self, bytes: usize) -> usize {
        let taken = bytes.min(INPUT_BYTES - self.input);
        self.input += taken;
        taken
    }

    pub(crate) fn signal(&mut self, signal: i32, site: usize, stage: &mut Stage) {
        if self.frozen && signal != SIGKILL {
            self.held_back.push(signal);
            return;
        }
        let obeys = match signal {
            SIGKILL => true,
            SIGINT => self.obeys_interrupt,
            _ => self.obeys_terminate,
        };
        if !obeys {
            return;
        }
        if self.running {
            self.end(Exit::Signal(signal), site, stage);
        }
        self.grandchild &= signal == SIGINT;
    }

    pub(crate) fn freeze(&mut self) {
        self.frozen = true;
    }

    pub(crate) fn thaw(&mut self, site: usize, stage: &mut Stage) {
        self.frozen = false;
        for signal in std::mem::take(&mut self.held_back) {
            self.signal(signal, site, stage);
        }
        if self.running {
            stage.call(&mut self.turn, 1, Event::Child { site });
        }
    }

    pub(crate) fn kill(&mut self, site: usize, stage: &mut Stage) {
        self.signal(SIGKILL, site, stage);
    }

    /// Everyone who lives.
    pub(crate) fn tree(&self) -> Vec<ProcessNote> {
        let note = |pid, ppid| ProcessNote {
            pid,
            ppid,
            name: "counter".to_owned(),
            state: "S".to_owned(),
        };
        let child = self.running.then(|| note(CHILD_PID, 1));
        child.into_iter().chain(self.holders()).collect()
    }

    /// Those besides the child who hold the terminal open.
    pub(crate) fn holders(&self) -> Vec<ProcessNote> {
        if !self.grandchild {
            return Vec::new();
        }
        let (pid, ppid, state) = (GRANDCHILD_PID, CHILD_PID, "S".to_owned());
        vec![ProcessNote { pid, ppid, name: "sleep".to_owned(), state }]
    }

    pub(crate) fn pid(&self) -> u32 {
        CHILD_PID
    }
}
