//! One subscriber, told of changes as long as it listens: in the newer era one request with what it wants, in the older one a connection
//! that asks for one address after another.

use std::sync::{Arc, Mutex, PoisonError};

use axiom_proto::id::TaskId;
use axiom_server::{Operations, Watch};
use rmcp::model::ResourceUpdatedNotificationParam;
use rmcp::service::{Peer, RoleServer, SubscriptionSink};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::updates::{Subject, Updates, Wanted, Word};

/// Addresses that one subscriber may want.
pub(crate) const ADDRESSES_MAX: usize = 1024;

/// Where words go.
pub(crate) enum Ear {
    /// The request that listens.
    Request(SubscriptionSink),
    /// The connection.
    Connection(Peer<RoleServer>),
}

/// Nobody listens any more.
struct Gone;

impl Ear {
    async fn tell(&self, word: Word) -> Result<(), Gone> {
        let told = match (self, word) {
            (Self::Request(sink), Word::List) => sink.notify_resource_list_changed().await.is_ok(),
            (Self::Request(sink), Word::Updated(uri)) => {
                sink.notify_resource_updated(uri).await.is_ok()
            }
            (Self::Connection(peer), Word::List) => {
                peer.notify_resource_list_changed().await.is_ok()
            }
            (Self::Connection(peer), Word::Updated(uri)) => peer
                .notify_resource_updated(ResourceUpdatedNotificationParam::new(uri))
                .await
                .is_ok(),
        };
        if told { Ok(()) } else { Err(Gone) }
    }
}

/// Tells what is wanted until nobody listens, or wants anything any more.
pub(crate) async fn tell(operations: Operations, mut wanted: watch::Receiver<Wanted>, ear: Ear) {
    let mut updates = Updates::default();
    let began = Instant::now();
    let mut watch = None;
    loop {
        if watch.is_none() {
            let wants = wanted.borrow_and_update().clone();
            let Some(mut begun) = watch_of(&operations, &wants) else { return };
            updates.want(wants);
            updates.begin(&begun.next().await.views);
            watch = Some(begun);
        }
        let next = updates.next_at().map(|at| began + at);
        let Some(watching) = &mut watch else { return };
        tokio::select! {
            changed = watching.next() => {
                changed.views.iter().for_each(|view| updates.saw(view));
                changed.removed.iter().for_each(|id| updates.removed(*id));
            }
            open = wanted.changed() => {
                if open.is_err() || wanted.borrow().is_empty() {
                    return;
                }
                watch = None;
            }
            () = until(next) => {}
        }
        for word in updates.take(began.elapsed()) {
            if let Err(Gone) = ear.tell(word).await {
                return;
            }
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Watches those tasks that are wanted; all, where lists of them are.
fn watch_of(operations: &Operations, wanted: &Wanted) -> Option<Watch> {
    let mut ids: Vec<TaskId> = Vec::new();
    for subject in wanted.keys() {
        match subject {
            Subject::List | Subject::Index => return operations.watch(&[]).ok(),
            // One that was removed meanwhile says nothing any more.
            Subject::Of(task, _) if operations.watch(&[*task]).is_ok() => ids.push(*task),
            Subject::Of(..) => {}
        }
    }
    if ids.is_empty() { None } else { operations.watch(&ids).ok() }
}

/// What a connection of the older era wants, and whether somebody tells it.
#[derive(Debug, Default)]
pub(crate) struct Subscribed {
    teller: Mutex<Option<watch::Sender<Wanted>>>,
}

impl Subscribed {
    /// Wants something more. False where it wants too much already.
    pub(crate) fn add(
        &self,
        subject: Subject,
        uri: &str,
        from: (Operations, Peer<RoleServer>),
    ) -> bool {
        let mut teller = self.teller.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(teller) = teller.as_ref().filter(|teller| !teller.is_closed()) {
            return teller.send_if_modified(|wanted| add(wanted, subject, uri))
                || is_in(&teller.borrow(), uri);
        }
        let mut wanted = Wanted::new();
        add(&mut wanted, subject, uri);
        let (sender, receiver) = watch::channel(wanted);
        let (operations, peer) = from;
        tokio::spawn(tell(operations, receiver, Ear::Connection(peer)));
        *teller = Some(sender);
        true
    }

    /// Wants this address no more.
    pub(crate) fn remove(&self, uri: &str) {
        let teller = self.teller.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(teller) = teller.as_ref() else { return };
        teller.send_if_modified(|wanted| {
            let before = wanted.len();
            wanted.retain(|_, uris| {
                uris.remove(uri);
                !uris.is_empty()
            });
            wanted.len() != before
        });
    }
}

fn is_in(wanted: &Wanted, uri: &str) -> bool {
    wanted.values().any(|uris| uris.contains(uri))
}

/// True if it was added.
fn add(wanted: &mut Wanted, subject: Subject, uri: &str) -> bool {
    let count: usize = wanted.values().map(std::collections::BTreeSet::len).sum();
    count < ADDRESSES_MAX && wanted.entry(subject).or_default().insert(uri.to_owned())
}

/// Of one connection, whoever holds the face.
pub(crate) type SharedSubscribed = Arc<Subscribed>;
