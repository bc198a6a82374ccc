//! The fence against every order of events, up to a length.

use super::*;

const STEP_US: u64 = 700_000;

/// The world as a holder would see it: which epoch's worker lives, and which start is asked for.
#[derive(Debug, Clone, Default)]
struct World {
    now: u64,
    alive: Option<u64>,
    asked: Option<u64>,
    granted: u64,
    left: bool,
    trace: Vec<Input>,
}

const INPUTS: [Input; 12] = [
    Input::Started,
    Input::CannotStart,
    Input::Ready,
    Input::Done,
    Input::Unfit,
    Input::Died { code: Some(0) },
    Input::Died { code: Some(1) },
    Input::Died { code: None },
    Input::ReplaceAsked,
    Input::ChildGone,
    Input::ShutdownAsked,
    Input::Tick,
];

impl World {
    /// Could this happen now? Only a living worker dies or speaks; only an asked start succeeds or
    /// fails.
    fn possible(&self, input: Input) -> bool {
        match input {
            Input::Begin => false,
            Input::Started | Input::CannotStart => self.asked.is_some(),
            Input::Ready | Input::Done | Input::Unfit | Input::Died { .. } => self.alive.is_some(),
            Input::ReplaceAsked | Input::ChildGone | Input::ShutdownAsked | Input::Tick => true,
        }
    }

    fn feed(&mut self, grants: &mut Grants, input: Input) {
        self.trace.push(input);
        match input {
            Input::Started => self.alive = self.asked.take(),
            Input::CannotStart => self.asked = None,
            Input::Died { .. } => self.alive = None,
            Input::Tick => self.now += STEP_US,
            Input::Begin
            | Input::Ready
            | Input::Done
            | Input::Unfit
            | Input::ReplaceAsked
            | Input::ChildGone
            | Input::ShutdownAsked => {}
        }
        let mut effects = Vec::new();
        grants.handle(self.now, input, &mut effects);
        for effect in effects {
            self.check(effect);
        }
        if let Some(epoch) = self.alive {
            assert_eq!(grants.epoch(), epoch, "{:?}", self.trace);
        }
        let moving = self.left
            || self.alive.is_some()
            || self.asked.is_some()
            || grants.deadline().is_some();
        assert!(moving, "nobody lives and nobody is coming: {:?}", self.trace);
    }

    fn check(&mut self, effect: Effect) {
        assert!(!self.left, "{effect:?} after leaving: {:?}", self.trace);
        match effect {
            Effect::StartWorker { epoch, .. } => {
                assert_eq!(self.alive, None, "two workers: {:?}", self.trace);
                assert_eq!(self.asked, None, "two starts: {:?}", self.trace);
                let retry = epoch == self.granted;
                assert!(epoch == self.granted + 1 || retry, "{epoch}: {:?}", self.trace);
                self.asked = Some(epoch);
                if !retry {
                    self.granted = epoch;
                }
            }
            Effect::Retire | Effect::Kill => {
                assert!(self.alive.is_some(), "{effect:?} of nobody: {:?}", self.trace);
            }
            Effect::Replaced { epoch } => {
                assert_eq!(self.alive, Some(epoch), "{:?}", self.trace);
                assert!(self.trace.contains(&Input::ReplaceAsked), "{:?}", self.trace);
            }
            Effect::Leave => {
                assert_eq!(self.alive, None, "left a worker: {:?}", self.trace);
                assert!(self.trace.contains(&Input::Done), "{:?}", self.trace);
                assert!(self.trace.contains(&Input::ChildGone), "{:?}", self.trace);
                self.left = true;
            }
        }
    }
}

fn explore(grants: &Grants, world: &World, depth: usize, visited: &mut u64) {
    *visited += 1;
    if depth == 0 {
        return;
    }
    for input in INPUTS {
        if world.possible(input) {
            let (mut grants, mut world) = (grants.clone(), world.clone());
            world.feed(&mut grants, input);
            explore(&grants, &world, depth - 1, visited);
        }
    }
}

#[test]
fn no_order_of_events_grants_an_epoch_before_the_one_before_it_is_dead() {
    let (mut grants, mut world) = (Grants::new(), World::default());
    world.feed(&mut grants, Input::Begin);
    let mut visited = 0;
    explore(&grants, &world, 7, &mut visited);
    assert!(visited > 500_000, "only {visited} states visited");
}

/// Feeds inputs at times and returns the effects of the last.
fn after(grants: &mut Grants, steps: &[(u64, Input)]) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (now, input) in steps {
        effects.clear();
        grants.handle(*now, *input, &mut effects);
    }
    effects
}

fn running() -> Grants {
    let mut grants = Grants::new();
    let effects = after(&mut grants, &[(0, Input::Begin)]);
    assert_eq!(effects, [Effect::StartWorker { epoch: 1, orderly: true }]);
    after(&mut grants, &[(0, Input::Started), (0, Input::Ready)]);
    grants
}

#[test]
fn the_first_death_is_answered_at_once_and_the_next_ones_wait_twice_as_long_each() {
    let mut grants = running();
    let effects = after(&mut grants, &[(5, Input::Died { code: None })]);
    assert_eq!(effects, [Effect::StartWorker { epoch: 2, orderly: false }]);
    let mut waits = Vec::new();
    for _ in 0..12 {
        after(&mut grants, &[(5, Input::Started), (5, Input::Died { code: Some(1) })]);
        let until = grants.deadline().unwrap();
        waits.push((until - 5) / 1000);
        after(&mut grants, &[(until, Input::Tick)]);
    }
    assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5000, 5000, 5000]);
}

#[test]
fn a_ready_worker_that_is_killed_again_and_again_is_followed_within_250_ms_each_time() {
    let mut grants = running();
    let mut now = 5;
    for epoch in 1..200 {
        assert_eq!(grants.epoch(), epoch);
        after(&mut grants, &[(now, Input::Died { code: None })]);
        let until = grants.deadline().unwrap_or(now);
        assert!(until - now < 250_000, "{} us after epoch {epoch}", until - now);
        now = until;
        after(&mut grants, &[(now, Input::Tick), (now, Input::Started), (now, Input::Ready)]);
    }
}

#[test]
fn a_worker_that_proved_itself_is_replaced_at_once_again() {
    let mut grants = running();
    after(&mut grants, &[(5, Input::Died { code: None }), (5, Input::Started), (5, Input::Ready)]);
    let death = 5 + PROVEN_AFTER_US;
    let effects = after(&mut grants, &[(death, Input::Died { code: None })]);
    assert_eq!(effects, [Effect::StartWorker { epoch: 3, orderly: false }]);
}

#[test]
fn a_worker_that_cannot_be_executed_is_tried_again_under_the_same_epoch() {
    let mut grants = Grants::new();
    after(&mut grants, &[(0, Input::Begin), (0, Input::CannotStart)]);
    let effects = after(&mut grants, &[(0, Input::Tick)]);
    assert_eq!(effects, [Effect::StartWorker { epoch: 1, orderly: true }]);
    after(&mut grants, &[(0, Input::CannotStart)]);
    assert_eq!(grants.deadline(), Some(BACKOFF_FIRST_US));
}

#[test]
fn a_worker_that_retires_in_time_hands_over_in_order() {
    let mut grants = running();
    assert_eq!(after(&mut grants, &[(1, Input::ReplaceAsked)]), [Effect::Retire]);
    let effects = after(&mut grants, &[(2, Input::Ready), (3, Input::Died { code: Some(0) })]);
    assert_eq!(effects, [Effect::StartWorker { epoch: 2, orderly: true }]);
    let effects = after(&mut grants, &[(4, Input::Started), (5, Input::Ready)]);
    assert_eq!(effects, [Effect::Replaced { epoch: 2 }]);
}

#[test]
fn a_worker_that_does_not_retire_is_killed_and_dead_before_the_next_is_granted() {
    let mut grants = running();
    after(&mut grants, &[(0, Input::ReplaceAsked)]);
    assert_eq!(after(&mut grants, &[(RETIRE_GRACE_US - 1, Input::Tick)]), []);
    assert_eq!(after(&mut grants, &[(RETIRE_GRACE_US, Input::Tick)]), [Effect::Kill]);
    assert_eq!(after(&mut grants, &[(u64::MAX, Input::Tick)]), []);
    let effects = after(&mut grants, &[(RETIRE_GRACE_US + 9, Input::Died { code: None })]);
    assert_eq!(effects, [Effect::StartWorker { epoch: 2, orderly: false }]);
}

#[test]
fn the_holder_leaves_only_after_done_and_a_clean_exit_and_a_reaped_child() {
    let mut grants = running();
    after(&mut grants, &[(0, Input::ChildGone), (0, Input::Done)]);
    assert_eq!(after(&mut grants, &[(0, Input::Died { code: Some(0) })]), [Effect::Leave]);

    let mut mistaken = running();
    after(&mut mistaken, &[(0, Input::Done)]);
    let effects = after(&mut mistaken, &[(0, Input::Died { code: Some(0) })]);
    assert_eq!(effects, [Effect::StartWorker { epoch: 2, orderly: false }]);

    let mut unclean = running();
    after(&mut unclean, &[(0, Input::ChildGone), (0, Input::Done)]);
    let effects = after(&mut unclean, &[(0, Input::Died { code: Some(1) })]);
    assert_eq!(effects, [Effect::StartWorker { epoch: 2, orderly: false }]);
}

#[test]
fn a_done_worker_that_does_not_exit_can_be_shut_down() {
    let mut grants = running();
    assert_eq!(after(&mut grants, &[(0, Input::ShutdownAsked)]), []);
    after(&mut grants, &[(0, Input::ChildGone), (0, Input::Done)]);
    assert!(grants.may_shut_down());
    assert_eq!(after(&mut grants, &[(0, Input::ShutdownAsked)]), [Effect::Kill]);
    assert_eq!(after(&mut grants, &[(0, Input::Died { code: None })]), [Effect::Leave]);
}
