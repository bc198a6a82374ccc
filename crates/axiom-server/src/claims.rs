//! Idempotency keys: the same key and the same request give the same tasks, also while the first request is still being
//! carried out, and after a server that died halfway through it. Pure but for the waiting.

use std::collections::{BTreeMap, HashMap};

use axiom_proto::id::TaskId;
use axiom_proto::task::TaskSpec;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

/// What tells one request from another.
pub(crate) type RequestDigest = [u8; 32];

/// The digest of a request.
pub(crate) fn digest(spec: &TaskSpec) -> RequestDigest {
    let json = serde_json::to_vec(spec).expect("a request is always JSON");
    Sha256::digest(json).into()
}

/// The keys that are in use.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    keys: HashMap<String, Claim>,
}

#[derive(Debug)]
struct Claim {
    digest: RequestDigest,
    /// The tasks there are, by their place.
    tasks: BTreeMap<u32, TaskId>,
    /// While a request is being carried out.
    busy: Option<watch::Receiver<()>>,
}

/// What a key means for a request.
#[derive(Debug)]
pub(crate) enum Claimed {
    /// These tasks are to be made; say with [`Claims::settle`] what came of it, then drop the sender.
    Make { known: BTreeMap<u32, TaskId>, busy: watch::Sender<()> },
    /// All are there.
    Replay(Vec<TaskId>),
    /// The same is being asked for: wait for the change, then ask again.
    Busy(watch::Receiver<()>),
    /// The key was used for something else.
    Conflict,
}

impl Claims {
    /// Takes a key for a request of `count` tasks.
    pub(crate) fn claim(&mut self, key: &str, digest: RequestDigest, count: u32) -> Claimed {
        let claim = self.keys.entry(key.to_owned()).or_insert_with(|| Claim {
            digest,
            tasks: BTreeMap::new(),
            busy: None,
        });
        if claim.digest != digest {
            return Claimed::Conflict;
        }
        if let Some(busy) = claim.busy.as_ref().filter(|busy| busy.has_changed().is_ok()) {
            return Claimed::Busy(busy.clone());
        }
        if claim.tasks.len() == count as usize {
            return Claimed::Replay(claim.tasks.values().copied().collect());
        }
        let (sender, receiver) = watch::channel(());
        claim.busy = Some(receiver);
        Claimed::Make { known: claim.tasks.clone(), busy: sender }
    }

    /// Keeps the tasks that a request has made, all or some. A key without any is free again.
    pub(crate) fn settle(&mut self, key: &str, made: impl IntoIterator<Item = (u32, TaskId)>) {
        let Some(claim) = self.keys.get_mut(key) else { return };
        claim.busy = None;
        claim.tasks.extend(made);
        if claim.tasks.is_empty() {
            self.keys.remove(key);
        }
    }

    /// A task with this key was found on disk.
    pub(crate) fn adopt(&mut self, spec: &TaskSpec, place: u32, task: TaskId) {
        let Some(key) = &spec.idempotency_key else { return };
        let claim = self.keys.entry(key.clone()).or_insert_with(|| Claim {
            digest: digest(spec),
            tasks: BTreeMap::new(),
            busy: None,
        });
        claim.tasks.insert(place, task);
    }

    /// A task was removed: its key is free once none of its tasks is left.
    pub(crate) fn forget(&mut self, key: &str, task: TaskId) {
        let Some(claim) = self.keys.get_mut(key) else { return };
        claim.tasks.retain(|_, known| *known != task);
        if claim.tasks.is_empty() && claim.busy.is_none() {
            self.keys.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(number: u8) -> TaskId {
        TaskId::from_random([number; 10])
    }

    fn spec(name: &str) -> TaskSpec {
        let (name, key) = (Some(name.to_owned()), Some("key".to_owned()));
        TaskSpec { name, idempotency_key: key, ..TaskSpec::default() }
    }

    #[test]
    fn the_same_request_is_made_once_and_replayed() {
        let mut claims = Claims::default();
        let digest = digest(&spec("a"));
        let Claimed::Make { known, busy } = claims.claim("key", digest, 1) else { panic!("new") };
        assert!(known.is_empty());
        assert!(matches!(claims.claim("key", digest, 1), Claimed::Busy(_)));
        claims.settle("key", [(0, task(1))]);
        drop(busy);
        let replayed = claims.claim("key", digest, 1);
        assert!(matches!(replayed, Claimed::Replay(tasks) if tasks == [task(1)]));
    }

    #[test]
    fn the_same_key_for_something_else_is_a_conflict() {
        let mut claims = Claims::default();
        claims.adopt(&spec("a"), 0, task(1));
        assert!(matches!(claims.claim("key", digest(&spec("b")), 1), Claimed::Conflict));
        claims.forget("key", task(1));
        assert!(matches!(claims.claim("key", digest(&spec("b")), 1), Claimed::Make { .. }));
    }

    #[test]
    fn a_request_that_failed_or_was_dropped_frees_its_key() {
        let mut claims = Claims::default();
        let digest = digest(&spec("a"));
        let claimed = claims.claim("key", digest, 1);
        drop(claimed);
        let Claimed::Make { busy, .. } = claims.claim("key", digest, 1) else { panic!("dropped") };
        claims.settle("key", []);
        drop(busy);
        assert!(claims.keys.is_empty());
    }

    #[test]
    fn what_a_dead_server_left_undone_is_completed() {
        let mut claims = Claims::default();
        let spec = TaskSpec { count: Some(3), ..spec("a") };
        claims.adopt(&spec, 0, task(1));
        claims.adopt(&spec, 2, task(3));
        let claimed = claims.claim("key", digest(&spec), 3);
        let Claimed::Make { known, .. } = claimed else { panic!("one is missing") };
        assert_eq!(known, [(0, task(1)), (2, task(3))].into());
    }
}
