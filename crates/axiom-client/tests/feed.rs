//! The feed against real sockets: servers that die between any two messages, and one that says goodbye.
//! The other side speaks the protocol by hand, so that each death comes exactly where the test wants it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use axiom_client::{Event, Feed, Home, Order, Place, Start, new_command_id};
use axiom_proto::command::Action;
use axiom_proto::cursor::Cursor;
use axiom_proto::frame::{Frame, FrameKind, Header, Micros, Offset, Seq};
use axiom_proto::id::{CommandId, TaskId};
use axiom_proto::live::{Ask, StartAt, Tell};
use axiom_proto::record::Outcome;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

/// Far more than anything here takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// A home in a folder of its own, removed at the end.
struct TestHome(PathBuf);

impl TestHome {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("axiom-feed-{name}-{}", std::process::id()));
        std::fs::create_dir_all(path.join("run")).unwrap();
        Self(path)
    }

    fn place(&self) -> Place {
        Place { home: Home::at(self.0.clone()).unwrap(), start: Start::Never }
    }

    /// A server begins to listen, as a real one does: under another name, then renamed.
    fn listen(&self) -> UnixListener {
        let new = self.0.join("run/axiom.sock.new");
        let listener = UnixListener::bind(&new).unwrap();
        std::fs::rename(&new, self.0.join("run/axiom.sock")).unwrap();
        listener
    }
}

impl Drop for TestHome {
    fn drop(&mut self) {
        // What is left of a failed test is for whoever looks into it.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

struct Peer(WebSocketStream<UnixStream>);

impl Peer {
    async fn accept(listener: &UnixListener) -> Self {
        let (stream, _) = listener.accept().await.unwrap();
        let mut peer = Self(accept_async(stream).await.unwrap());
        peer.tell(&Tell::Hello {
            version: "test".to_owned(),
            tasks: BTreeMap::new(),
            fleet: axiom_proto::live::FleetStats::default(),
        })
        .await;
        peer
    }

    async fn tell(&mut self, tell: &Tell) {
        let text = serde_json::to_string(tell).unwrap();
        self.0.send(Message::text(text)).await.unwrap();
    }

    async fn asked(&mut self) -> Ask {
        let message = self.0.next().await.unwrap().unwrap();
        serde_json::from_str(message.to_text().unwrap()).unwrap()
    }

    async fn frames(&mut self, subscription: u32, seqs: std::ops::Range<u64>) {
        let mut message = subscription.to_le_bytes().to_vec();
        for seq in seqs {
            let (seq, offset) = (Seq(seq), Offset(seq));
            let header = Header::of(FrameKind::Output, seq, offset, Micros(0), b"x");
            message.extend(Frame { header, payload: b"x" }.to_vec());
        }
        self.0.send(Message::binary(message)).await.unwrap();
    }
}

fn task() -> TaskId {
    TaskId::from_random([7; 10])
}

fn at(seq: u64) -> Cursor {
    Cursor { session: 1, offset: Offset(seq), seq: Some(Seq(seq)), line: None }
}

fn order(id: CommandId) -> Order {
    Order { task: task(), id, action: Action::Type, data: Bytes::from_static(b"hi") }
}

/// Everything that the feed tells until its end of the task, in short.
async fn everything(mut feed: Feed) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let event = timeout(DEADLINE, feed.next()).await.expect("waited for the next event");
        all.push(match event.unwrap() {
            Event::Connected { .. } => "connected".to_owned(),
            Event::Removed(_) => "removed".to_owned(),
            Event::Silent => "silent".to_owned(),
            Event::Answers => "answers".to_owned(),
            Event::Away { goodbye } => format!("away {goodbye}"),
            Event::Frame { header, .. } => format!("frame {}", header.seq),
            Event::Outcome(_, outcome) => format!("outcome {:?}", outcome.verdict),
            Event::Ended(_) => return all,
            other @ (Event::Task(_)
            | Event::Gone(..)
            | Event::CommandRefused { .. }
            | Event::SubscriptionRefused { .. }
            | Event::Refused(_)) => panic!("unexpected {other:?}"),
        });
    }
}

#[tokio::test]
async fn a_feed_goes_on_where_it_was_when_the_next_server_comes() {
    let home = TestHome::new("resume");
    let listener = home.listen();
    let id = new_command_id();
    let mut feed = Feed::new(home.place());
    feed.subscribe(task(), StartAt::Start);
    feed.order(order(id));
    let told = tokio::spawn(everything(feed));

    let mut first = Peer::accept(&listener).await;
    let Ask::Subscribe { subscription, start, .. } = first.asked().await else { panic!() };
    assert_eq!(start, StartAt::Start);
    let Ask::Command { id: asked, .. } = first.asked().await else { panic!() };
    assert_eq!(asked, id);
    first.tell(&Tell::Subscribed { subscription, task: task(), cursor: at(0), gone: None }).await;
    first.frames(subscription, 0..3).await;
    // Dead without a word, socket and all; the command was never answered.
    drop((first, listener));

    let listener = home.listen();
    let mut second = Peer::accept(&listener).await;
    let Ask::Subscribe { subscription, start, .. } = second.asked().await else { panic!() };
    assert_eq!(start, StartAt::Cursor(at(3)));
    let Ask::Command { id: again, data, .. } = second.asked().await else { panic!() };
    assert_eq!((again, data.as_str()), (id, "aGk="));
    second.tell(&Tell::Subscribed { subscription, task: task(), cursor: at(3), gone: None }).await;
    second.tell(&Tell::Outcome { task: task(), outcome: Outcome::applied(id) }).await;
    second.frames(subscription, 3..5).await;
    second.tell(&Tell::Ended { subscription }).await;

    let told = timeout(DEADLINE, told).await.expect("waited for the feed's end").unwrap();
    let expected = [
        "connected",
        "frame 0",
        "frame 1",
        "frame 2",
        "away false",
        "connected",
        "outcome Applied",
        "frame 3",
        "frame 4",
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn after_a_goodbye_a_feed_waits_for_the_next_server() {
    let home = TestHome::new("goodbye");
    let listener = home.listen();
    let mut feed = Feed::new(home.place());
    feed.subscribe(task(), StartAt::Start);
    let told = tokio::spawn(everything(feed));
    let mut first = Peer::accept(&listener).await;
    assert!(matches!(first.asked().await, Ask::Subscribe { .. }));
    first.tell(&Tell::Goodbye).await;
    first.0.close(None).await.unwrap();
    drop((first, listener));

    let listener = home.listen();
    let mut second = Peer::accept(&listener).await;
    let Ask::Subscribe { subscription, .. } = second.asked().await else { panic!() };
    second.tell(&Tell::Subscribed { subscription, task: task(), cursor: at(0), gone: None }).await;
    second.tell(&Tell::Ended { subscription }).await;
    let told = timeout(DEADLINE, told).await.expect("waited for the feed's end").unwrap();
    assert_eq!(told, ["connected", "away true", "connected"]);
}

#[tokio::test]
async fn a_missing_frame_ends_the_feed_with_an_error() {
    let home = TestHome::new("gap");
    let listener = home.listen();
    let mut feed = Feed::new(home.place());
    feed.subscribe(task(), StartAt::Start);
    let told = tokio::spawn(async move {
        loop {
            if let Err(error) = feed.next().await {
                return error.to_fault().message;
            }
        }
    });
    let mut peer = Peer::accept(&listener).await;
    let Ask::Subscribe { subscription, .. } = peer.asked().await else { panic!() };
    peer.tell(&Tell::Subscribed { subscription, task: task(), cursor: at(0), gone: None }).await;
    peer.frames(subscription, 0..2).await;
    peer.frames(subscription, 3..4).await;
    let message = timeout(DEADLINE, told).await.expect("waited for the error").unwrap();
    assert!(message.contains("do not follow on"), "{message}");
}

#[tokio::test]
async fn where_no_server_is_and_none_may_be_started_the_first_event_is_an_error() {
    let home = TestHome::new("none");
    let mut feed = Feed::new(home.place());
    let error = timeout(DEADLINE, feed.next()).await.expect("waited for the error").unwrap_err();
    assert!(error.to_fault().message.starts_with("no server runs"), "{error}");
    let inside = Place { start: Start::InsideTask, ..home.place() };
    let error = Feed::new(inside).next().await.unwrap_err();
    assert!(error.to_fault().message.contains("inside a task"), "{error}");
}
