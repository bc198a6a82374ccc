//! The subscriptions of one live connection. Each is one step under way: its beginning, or its next frames.
//! The step after is begun when the message of this one is taken, so that nothing is queued.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use axiom_proto::cursor::Gone;
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::id::TaskId;
use axiom_proto::live::{SUBSCRIPTION_BYTES, StartAt, Tell};
use axiom_server::{Feed, Given, Operations};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::future::{AbortHandle, Aborted, abortable};
use futures_util::stream::FuturesUnordered;

/// Subscriptions on one connection: more tasks than any screen shows.
const SUBSCRIPTIONS_MAX: usize = 4096;

/// The largest message: one frame of the largest payload, or a feed's batch.
pub(super) const MESSAGE_BYTES_MAX: usize = 17 * 1024 * 1024;

/// What a step led to.
enum Led {
    Begun(Feed),
    Given(Feed, Given),
    Ended,
    Failed(Fault),
}

/// What is to be sent.
pub(super) enum Pulled {
    Tell(Tell),
    Frames(Bytes),
}

type StepResult = Result<(u32, Led), Aborted>;
type Step = Pin<Box<dyn Future<Output = StepResult> + Send>>;

pub(super) struct Pulls {
    operations: Operations,
    steps: FuturesUnordered<Step>,
    alive: BTreeMap<u32, AbortHandle>,
}

impl Pulls {
    pub(super) fn new(operations: Operations) -> Self {
        Self { operations, steps: FuturesUnordered::new(), alive: BTreeMap::new() }
    }

    /// Begins a subscription. A queued task's waits until its session starts.
    pub(super) fn begin(
        &mut self,
        subscription: u32,
        task: TaskId,
        start: StartAt,
    ) -> Result<(), Fault> {
        if self.alive.contains_key(&subscription) {
            let message = format!("subscription {subscription} is in use");
            return Err(Fault::new(ErrorCode::InvalidArgument, message, "count them up"));
        }
        if self.alive.len() >= SUBSCRIPTIONS_MAX {
            let message = format!("{SUBSCRIPTIONS_MAX} subscriptions are the most");
            return Err(Fault::new(ErrorCode::LimitReached, message, "unsubscribe first"));
        }
        let operations = self.operations.clone();
        self.step(subscription, async move {
            match operations.subscribe(task, start).await {
                Ok(feed) => Led::Begun(feed),
                Err(fault) => Led::Failed(fault),
            }
        });
        Ok(())
    }

    /// Ends a subscription; what it has under way is dropped.
    pub(super) fn end(&mut self, subscription: u32) {
        if let Some(step) = self.alive.remove(&subscription) {
            step.abort();
        }
    }

    /// The next message; waits for ever where there is no subscription. Cancel-safe.
    pub(super) async fn next(&mut self) -> Pulled {
        loop {
            match self.steps.next().await {
                Some(Ok((subscription, led))) if self.alive.contains_key(&subscription) => {
                    return self.led(subscription, led);
                }
                // Ended by the client meanwhile.
                Some(Ok(_) | Err(Aborted)) => {}
                None => return std::future::pending().await,
            }
        }
    }

    fn led(&mut self, subscription: u32, led: Led) -> Pulled {
        match led {
            Led::Begun(feed) => self.subscribed(subscription, feed, None),
            Led::Given(feed, Given::Gone(gone)) => self.subscribed(subscription, feed, Some(gone)),
            Led::Given(feed, Given::Frames(frames)) => {
                self.step(subscription, pull(feed));
                Pulled::Frames(message_of(subscription, &frames))
            }
            Led::Ended => {
                self.alive.remove(&subscription);
                Pulled::Tell(Tell::Ended { subscription })
            }
            Led::Failed(error) => {
                self.alive.remove(&subscription);
                let subscription = Some(subscription);
                Pulled::Tell(Tell::Refused { subscription, command: None, error })
            }
        }
    }

    fn subscribed(&mut self, subscription: u32, feed: Feed, gone: Option<Gone>) -> Pulled {
        let (task, cursor) = (feed.task(), feed.cursor());
        self.step(subscription, pull(feed));
        Pulled::Tell(Tell::Subscribed { subscription, task, cursor, gone })
    }

    fn step(&mut self, subscription: u32, led: impl Future<Output = Led> + Send + 'static) {
        let numbered = async move { (subscription, led.await) };
        let (step, handle) = abortable(numbered);
        self.alive.insert(subscription, handle);
        self.steps.push(Box::pin(step));
    }
}

async fn pull(mut feed: Feed) -> Led {
    match feed.next().await {
        Ok(Some(given)) => Led::Given(feed, given),
        Ok(None) => Led::Ended,
        Err(fault) => Led::Failed(fault),
    }
}

fn message_of(subscription: u32, frames: &[Bytes]) -> Bytes {
    let bytes: usize = frames.iter().map(Bytes::len).sum();
    let mut message = BytesMut::with_capacity(SUBSCRIPTION_BYTES + bytes);
    message.extend_from_slice(&subscription.to_le_bytes());
    frames.iter().for_each(|frame| message.extend_from_slice(frame));
    message.freeze()
}
