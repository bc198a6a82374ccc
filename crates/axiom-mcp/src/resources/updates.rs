//! Which resources changed, and when a subscriber is told: the latest wins, twice a second at most for each, and nothing is queued. Those
//! of a task that is no more are let go. Pure; time is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axiom_proto::frame::Offset;
use axiom_proto::id::TaskId;
use axiom_proto::task::{Status, TaskView};

use super::address::Aspect;

/// The shortest time between two words about one resource.
const TOLD_EVERY: Duration = Duration::from_millis(500);

/// What is subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// Which resources there are.
    List,
    /// All tasks.
    Index,
    /// Something of a task.
    Of(TaskId, Aspect),
}

/// What a subscriber wants: each subject under the address that it gave.
pub(crate) type Wanted = BTreeMap<Subject, BTreeSet<String>>;

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// There are other resources.
    List,
    /// This one has changed.
    Updated(String),
}

#[derive(Debug, Default)]
struct Turn {
    told: Option<Duration>,
    is_due: bool,
}

/// What was seen of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    status: Status,
    printed: Offset,
    interventions: u64,
}

/// The state of one subscriber.
#[derive(Debug, Default)]
pub(crate) struct Updates {
    wanted: Wanted,
    turns: BTreeMap<Subject, Turn>,
    seen: BTreeMap<TaskId, Seen>,
}

impl Updates {
    /// From here on this is wanted. What was not before is told of once at the beginning: it may have changed between the
    /// subscriber's last look and now.
    pub(crate) fn want(&mut self, wanted: Wanted) {
        self.turns.retain(|subject, _| wanted.contains_key(subject));
        for new in wanted.keys().filter(|subject| !self.wanted.contains_key(subject)) {
            self.turns.entry(*new).or_default().is_due = true;
        }
        self.wanted = wanted;
    }

    /// How tasks stood at the beginning: nothing of it is news.
    pub(crate) fn begin(&mut self, views: &[TaskView]) {
        for view in views {
            self.seen.insert(view.id, seen_of(view));
        }
    }

    /// A task as it is now.
    pub(crate) fn saw(&mut self, view: &TaskView) {
        let now = seen_of(view);
        let before = self.seen.insert(view.id, now);
        self.changed(Subject::Of(view.id, Aspect::Task));
        let Some(before) = before else {
            return [Subject::List, Subject::Index].into_iter().for_each(|new| self.changed(new));
        };
        if before.printed != now.printed {
            self.changed(Subject::Of(view.id, Aspect::Screen));
            self.changed(Subject::Of(view.id, Aspect::Output));
        }
        if before.status != now.status {
            self.changed(Subject::Index);
        }
        if (before.status, before.interventions) != (now.status, now.interventions) {
            self.changed(Subject::Of(view.id, Aspect::Events));
        }
    }

    /// A task is no more.
    pub(crate) fn removed(&mut self, task: TaskId) {
        self.seen.remove(&task);
        for aspect in Aspect::ALL {
            self.wanted.remove(&Subject::Of(task, aspect));
            self.turns.remove(&Subject::Of(task, aspect));
        }
        self.changed(Subject::List);
        self.changed(Subject::Index);
    }

    fn changed(&mut self, subject: Subject) {
        if self.wanted.contains_key(&subject) {
            self.turns.entry(subject).or_default().is_due = true;
        }
    }

    /// What is to be told now.
    pub(crate) fn take(&mut self, now: Duration) -> Vec<Word> {
        let mut words = Vec::new();
        for (subject, turn) in &mut self.turns {
            if !turn.is_due || turn.told.is_some_and(|told| now < told + TOLD_EVERY) {
                continue;
            }
            *turn = Turn { told: Some(now), is_due: false };
            match subject {
                Subject::List => words.push(Word::List),
                Subject::Index | Subject::Of(..) => {
                    let uris = self.wanted.get(subject).into_iter().flatten();
                    words.extend(uris.cloned().map(Word::Updated));
                }
            }
        }
        words
    }

    /// When there is something to tell next, if nothing changes until then.
    pub(crate) fn next_at(&self) -> Option<Duration> {
        let due = self.turns.values().filter(|turn| turn.is_due);
        due.map(|turn| turn.told.map_or(Duration::ZERO, |told| told + TOLD_EVERY)).min()
    }
}

fn seen_of(view: &TaskView) -> Seen {
    Seen { status: view.status, printed: view.bytes, interventions: view.interventions }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn id(number: u8) -> TaskId {
        TaskId::from_random([number; 10])
    }

    fn view(number: u8, status: &str, bytes: u64) -> TaskView {
        serde_json::from_value(json!({
            "id": id(number), "status": status, "command": "x", "mode": "terminal", "session": 1,
            "link": {"state": "connected"}, "guarded": true, "created_at_ms": 1, "bytes": bytes, "lines": 0,
            "interventions": 0, "gaps": 0,
        }))
        .unwrap_or_else(|error| panic!("{error}"))
    }

    fn wanting(subjects: &[(Subject, &str)]) -> Updates {
        let mut wanted = Wanted::new();
        for (subject, uri) in subjects {
            wanted.entry(*subject).or_default().insert((*uri).to_owned());
        }
        let mut updates = Updates::default();
        updates.want(wanted);
        updates
    }

    fn updated(uri: &str) -> Word {
        Word::Updated(uri.to_owned())
    }

    #[test]
    fn each_change_is_told_to_those_whom_it_concerns() {
        let all = [
            (Subject::List, ""),
            (Subject::Index, "index"),
            (Subject::Of(id(1), Aspect::Task), "task"),
            (Subject::Of(id(1), Aspect::Screen), "screen"),
            (Subject::Of(id(1), Aspect::Output), "output"),
            (Subject::Of(id(1), Aspect::Events), "events"),
        ];
        let mut updates = wanting(&all);
        updates.begin(&[view(1, "running", 5)]);
        assert_eq!((updates.take(Duration::ZERO).len(), updates.next_at()), (6, None));
        updates.saw(&view(1, "running", 6));
        assert_eq!(updates.take(MS), []);
        assert_eq!(updates.take(500 * MS), [updated("task"), updated("screen"), updated("output")]);
        updates.saw(&view(1, "failed", 6));
        assert_eq!(updates.take(1000 * MS), [updated("index"), updated("task"), updated("events")]);
        updates.saw(&view(2, "running", 0));
        assert_eq!(updates.take(2000 * MS), [Word::List, updated("index")]);
        updates.removed(id(1));
        assert_eq!(updates.take(3000 * MS), [Word::List, updated("index")]);
        updates.saw(&view(1, "running", 9));
        assert_eq!(updates.take(4000 * MS), [Word::List, updated("index")], "it was let go");
    }

    #[test]
    fn what_changes_all_the_time_is_told_twice_a_second_and_its_last_change_too() {
        let mut updates = wanting(&[(Subject::Of(id(1), Aspect::Output), "output")]);
        updates.begin(&[view(1, "running", 0)]);
        let mut told = 0;
        for tick in 1..=100 {
            updates.saw(&view(1, "running", tick));
            told += updates.take(Duration::from_millis(tick * 20)).len();
        }
        assert_eq!(told, 4, "the first at once, then every half second");
        let next = updates.next_at().unwrap();
        assert_eq!(updates.take(next), [updated("output")]);
        assert_eq!(updates.next_at(), None);
    }

    #[test]
    fn what_is_wanted_no_more_is_not_told() {
        let mut updates = wanting(&[(Subject::Of(id(1), Aspect::Output), "output")]);
        updates.begin(&[view(1, "running", 0)]);
        updates.saw(&view(1, "running", 1));
        updates.want(Wanted::new());
        assert_eq!((updates.next_at(), updates.take(MS)), (None, Vec::new()));
    }
}
