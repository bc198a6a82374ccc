//! What holds for any script: every command has exactly one outcome, nothing comes after the end,
//! and being called early or often changes nothing.

use axiom_proto::command::Action;
use axiom_proto::id::CommandId;
use axiom_proto::record::{Outcome, Record};
use axiom_proto::task::{Leftovers, Limits, Mode, SessionOptions, Size};
use axiom_session::{Ask, Input, Reply, Terminal};
use proptest::prelude::*;

use crate::script::{Script, exited, frozen, killed, options, process, tree};

/// Commands of one script: a letter each.
const COMMANDS_MAX: usize = 12;

#[derive(Debug, Clone)]
enum Step {
    Command(Action, u8),
    Wrote(usize),
    WriteFailed,
    /// Answer one of the open asks; whether it fails, or leaves something.
    Reply(usize, bool),
    Print(usize),
    Pass(u64),
    Exit(i32),
    OutputClosed,
    HolderLost,
    Pause,
    Unpause,
    /// The worker dies, the next goes on, what has no outcome is sent again.
    Kill,
    /// The same in order.
    Retire,
}

fn step() -> impl Strategy<Value = Step> {
    let size = Size { cols: 80, rows: 24 };
    let then = prop_oneof![Just(None), Just(Some("text".to_owned()))];
    let action = prop_oneof![
        4 => Just(Action::Type),
        1 => Just(Action::CloseInput),
        2 => then.prop_map(|then| Action::Interrupt { signal: None, then }),
        1 => Just(Action::Resize { size }),
        2 => Just(Action::Suspend),
        2 => Just(Action::Resume),
        1 => prop_oneof![Just(None), Just(Some(0)), Just(Some(300))]
            .prop_map(|grace_ms| Action::Stop { grace_ms }),
    ];
    prop_oneof![
        6 => (action, 0..20u8).prop_map(|(action, len)| Step::Command(action, len)),
        3 => (0..20usize).prop_map(Step::Wrote),
        1 => Just(Step::WriteFailed),
        5 => (0..4usize, prop::bool::weighted(0.2)).prop_map(|(at, bad)| Step::Reply(at, bad)),
        2 => (0..60usize).prop_map(Step::Print),
        4 => prop_oneof![0..50u64, 100..1000u64, 1000..6000u64].prop_map(Step::Pass),
        1 => (0..3i32).prop_map(Step::Exit),
        1 => Just(Step::OutputClosed),
        1 => Just(Step::HolderLost),
        1 => Just(Step::Pause),
        1 => Just(Step::Unpause),
        1 => Just(Step::Kill),
        1 => Just(Step::Retire),
    ]
}

fn any_options() -> impl Strategy<Value = (SessionOptions, Mode)> {
    let timeout = prop_oneof![Just(None), Just(Some(2000u64))];
    let output = prop_oneof![Just(None), Just(Some(100u64))];
    let leftovers = prop_oneof![Just(Leftovers::Keep), Just(Leftovers::Stop)];
    let mode = prop_oneof![Just(Mode::Terminal), Just(Mode::Pipes)];
    (timeout, output, leftovers, mode).prop_map(
        |(timeout_ms, output_bytes_max, leftovers, mode)| {
            let limits = Limits { timeout_ms, output_bytes_max, tasks_max: None };
            (SessionOptions { limits, leftovers, ..options() }, mode)
        },
    )
}

/// A session through the lives of all its workers.
struct Lives {
    script: Script,
    options: SessionOptions,
    /// Every record of every worker.
    records: Vec<Record>,
    /// Everything wanted, in words.
    wanted: Vec<String>,
    commands: Vec<(char, Action, Vec<u8>)>,
    /// Call it more often than it asks for.
    eager: bool,
}

impl Lives {
    fn new(options: SessionOptions, mode: Mode, eager: bool) -> Self {
        let script = Script::running_with(options.clone(), mode);
        let (records, wanted, commands) = (Vec::new(), Vec::new(), Vec::new());
        Self { script, options, records, wanted, commands, eager }
    }

    fn outcomes(&self, letter: char) -> usize {
        let of = |outcome: &Outcome, id: CommandId| outcome.id == id;
        let id = crate::words::id(letter);
        let records = self.records.iter().chain(&self.script.records);
        records
            .filter(|record| matches!(record, Record::Outcome(outcome) if of(outcome, id)))
            .count()
    }

    fn run(&mut self, steps: &[Step]) {
        for step in steps {
            if self.script.over {
                break;
            }
            self.tick();
            self.take(step);
            self.tick();
        }
    }

    fn tick(&mut self) {
        if self.eager && !self.script.over {
            self.script.give(Input::Tick);
            self.script.give(Input::Tick);
        }
        self.wanted.append(&mut self.script.take_wanted());
    }

    fn pass(&mut self, millis: u64) {
        if !self.eager {
            self.script.pass(millis);
            return;
        }
        for part in [millis / 3, millis / 2 - millis / 3, millis - millis / 2] {
            self.script.pass(part);
            self.tick();
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Command(action, len) => self.command(action, usize::from(*len)),
            Step::Wrote(share) => {
                if let Some(bytes) = self.script.session.pending_write() {
                    let taken = 1 + share % bytes.len();
                    self.script.give(Input::Wrote(taken));
                }
            }
            Step::WriteFailed => {
                if self.script.session.pending_write().is_some() {
                    self.script.give(Input::WriteFailed("closed".to_owned()));
                }
            }
            Step::Reply(at, bad) => self.reply(*at, *bad),
            Step::Print(bytes) => self.script.print(*bytes),
            Step::Pass(millis) => self.pass(*millis),
            Step::Exit(code) => self.script.give(exited(*code)),
            Step::OutputClosed => self.script.give(Input::OutputClosed),
            Step::HolderLost => {
                self.script.asks.clear();
                self.script.give(Input::HolderLost);
            }
            Step::Pause => self.script.give(Input::Paused("disk_full".to_owned())),
            Step::Unpause => self.script.give(Input::Unpaused),
            Step::Kill => self.next_worker(),
            Step::Retire => {
                self.script.give(Input::Retire);
                self.next_worker();
            }
        }
    }

    fn command(&mut self, action: &Action, len: usize) {
        if self.commands.len() == COMMANDS_MAX {
            return;
        }
        let letter = char::from(b'a' + u8::try_from(self.commands.len()).expect("few commands"));
        let bytes = if *action == Action::Type { vec![b'x'; len] } else { Vec::new() };
        self.commands.push((letter, action.clone(), bytes));
        self.send(self.commands.len() - 1);
    }

    fn send(&mut self, index: usize) {
        let (letter, action, bytes) = self.commands[index].clone();
        self.script.command_with(letter, action, &bytes, Terminal::default());
    }

    fn reply(&mut self, at: usize, bad: bool) {
        if self.script.looks_for_holders {
            self.script.looks_for_holders = false;
            self.script.give(Input::HeldBy(vec![process(8)]));
            return;
        }
        if self.script.asks.is_empty() {
            return;
        }
        let (request, ask) = self.script.asks.remove(at % self.script.asks.len());
        let reply = match ask {
            _ if bad => Reply::Failed { reason: "broken".to_owned() },
            Ask::Signal { .. } | Ask::Thaw { .. } => Reply::Done,
            Ask::Freeze => frozen(&[]),
            Ask::Kill => killed(&[]),
            Ask::Tree => tree(&[]),
        };
        self.script.reply(request, reply);
    }

    fn next_worker(&mut self) {
        self.wanted.append(&mut self.script.take_wanted());
        let next = self.script.killed_and_recovered(self.options.clone());
        let last = std::mem::replace(&mut self.script, next);
        self.records.extend(last.records);
        for index in 0..self.commands.len() {
            if self.outcomes(self.commands[index].0) == 0 {
                self.send(index);
            }
        }
    }

    /// The child ends, the holder answers, time passes: everything must come to its end.
    fn heal(&mut self) {
        for _ in 0..200 {
            if self.script.over {
                return;
            }
            self.reply(0, false);
            if self.script.now.0 > 1_000_000_000 || self.script.asks.is_empty() {
                self.script.give(exited(0));
                self.script.give(Input::OutputClosed);
            }
            self.pass(500);
            self.tick();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn every_command_has_exactly_one_outcome_and_every_session_ends(
        (options, mode) in any_options(),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut lives = Lives::new(options, mode, false);
        lives.run(&steps);
        for (letter, ..) in &lives.commands {
            prop_assert!(lives.outcomes(*letter) <= 1, "{letter} has more than one outcome");
        }
        lives.heal();
        prop_assert!(lives.script.over, "it never ends: {:?}", lives.script.session);
        for (letter, action, _) in &lives.commands {
            prop_assert_eq!(lives.outcomes(*letter), 1, "outcomes of {} {:?}", letter, action);
        }
    }

    #[test]
    fn after_the_end_nothing_is_wanted(
        (options, mode) in any_options(),
        steps in prop::collection::vec(step(), 0..40),
        late in prop::collection::vec(step(), 1..20),
    ) {
        let mut lives = Lives::new(options, mode, false);
        lives.run(&steps);
        lives.heal();
        lives.tick();
        for step in late.iter().filter(|step| !matches!(step, Step::Kill | Step::Retire)) {
            lives.take(step);
            prop_assert_eq!(lives.script.take_wanted(), Vec::<String>::new(), "{:?}", step);
        }
    }

    #[test]
    fn being_called_early_and_often_changes_nothing(
        (options, mode) in any_options(),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut calm = Lives::new(options.clone(), mode, false);
        let mut eager = Lives::new(options, mode, true);
        for lives in [&mut calm, &mut eager] {
            lives.run(&steps);
            lives.heal();
            lives.tick();
        }
        prop_assert_eq!(calm.wanted, eager.wanted);
    }

    #[test]
    fn a_wake_is_never_in_the_past(
        (options, mode) in any_options(),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut lives = Lives::new(options, mode, false);
        for step in &steps {
            lives.run(std::slice::from_ref(step));
            lives.script.pass(0);
            if lives.script.over {
                break;
            }
            lives.script.wake_at = None;
            lives.script.give(Input::Tick);
            let now = lives.script.now;
            prop_assert!(lives.script.wake_at.is_none_or(|at| at > now), "after {step:?}");
        }
    }
}
