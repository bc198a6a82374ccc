//! The test plays the worker: it speaks the link's protocol over a real socket, and looks at what the session becomes.

use std::sync::Arc;
use std::time::Duration;

use axiom_proto::command::{Action, Command};
use axiom_proto::frame::{FrameKind, Header, Micros, Offset, Seq};
use axiom_proto::id::{CommandId, SessionId};
use axiom_proto::record::{Closing, Exit, Outcome, Record};
use axiom_proto::summary::Summary;
use axiom_proto::task::{LinkView, Mode, Status};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::home::Home;
use crate::task::State;

/// A bound on every wait, far beyond what any takes.
const DEADLINE: Duration = Duration::from_secs(20);

async fn within<T>(what: &str, wait: impl Future<Output = T>) -> T {
    timeout(DEADLINE, wait).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

fn task() -> Arc<Task> {
    let home = Home::at(std::path::Path::new("/nowhere")).unwrap();
    let record = crate::record::tests::record();
    let state = State::Live(Box::new(Session::starting(0)));
    Task::new(&home, record, state, Arc::default())
}

/// The worker's end, and what its session's frames say.
struct Played {
    stream: UnixStream,
    splitter: Splitter,
    summary: Summary,
}

type Conversing = JoinHandle<Result<Hangup, ConversationError>>;

impl Played {
    /// Dials the other way round: the server's end is talked to by the code under test.
    fn begin(task: &Arc<Task>, summary: Summary) -> (Self, Conversing) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let task = task.clone();
        let conversing =
            tokio::spawn(async move { converse(&task, &Metrics::default(), theirs).await });
        (Self { stream: ours, splitter: Splitter::default(), summary }, conversing)
    }

    async fn say(&mut self, control: &Control) {
        self.stream.write_all(&link::encode(control, b"")).await.unwrap();
    }

    fn hello(&self, task: &Task) -> Hello {
        Hello {
            protocol: link::PROTOCOL,
            protocol_oldest: link::PROTOCOL_OLDEST,
            version: "9.9".to_owned(),
            session: task.session(),
            epoch: 1,
            worker_pid: 11,
            holder_pid: 12,
            started_unix_us: 5_000_000,
            summary: self.summary.clone(),
        }
    }

    async fn say_hello(&mut self, task: &Task) {
        let hello = Control::Hello(Box::new(self.hello(task)));
        self.say(&hello).await;
    }

    fn frame(&mut self, kind: FrameKind, payload: &[u8]) -> Vec<u8> {
        let (seq, offset) = (self.summary.next_seq, self.summary.offset);
        let header = Header::of(kind, seq, offset, Micros(seq.0), payload);
        let frame = Frame { header, payload };
        self.summary.fold(&frame);
        frame.to_vec()
    }

    async fn record(&mut self, record: &Record) {
        let frame = self.frame(FrameKind::Record, &record.encode());
        self.stream.write_all(&frame).await.unwrap();
    }

    async fn heard(&mut self) -> (Control, Bytes) {
        within("a message from the server", async {
            loop {
                if let Some(Message::Control(control, bytes)) = self.splitter.message().unwrap() {
                    return (control, bytes);
                }
                let read = self.stream.read_buf(self.splitter.buffer()).await.unwrap();
                assert!(read > 0, "the server hung up");
            }
        })
        .await
    }

    async fn heard_resume(&mut self) -> Seq {
        let (control, _) = self.heard().await;
        let Control::Resume(resume) = control else { panic!("{control:?} is no resume") };
        resume.from
    }

    async fn heard_command(&mut self) -> (CommandId, Bytes) {
        let (control, bytes) = self.heard().await;
        let Control::Command(command) = control else { panic!("{control:?} is no command") };
        (command.id, bytes)
    }
}

fn ask(task: &Task, number: u8) -> tokio::sync::oneshot::Receiver<Outcome> {
    let id = CommandId::from_random([number; 10]);
    let (author, cause) = ("me".to_owned(), String::new());
    let command = Command { id, author, cause, request_id: String::new(), action: Action::Type };
    let answer = task.change_live(|session| {
        (session.pending.ask(command, Bytes::from(vec![number])).unwrap(), None)
    });
    task.asked.notify_one();
    answer.unwrap()
}

fn started() -> Record {
    Record::Started { pid: 7, mode: Mode::Terminal, size: None }
}

#[tokio::test]
async fn a_session_is_followed_from_hello_to_its_end() {
    let task = task();
    let (mut worker, conversing) = Played::begin(&task, Summary::default());
    worker.say_hello(&task).await;
    assert_eq!(worker.heard_resume().await, Seq(0));
    worker.record(&started()).await;
    let output = worker.frame(FrameKind::Output, b"one\ntwo\n");
    // A frame may come in any number of pieces.
    for piece in output.chunks(7) {
        worker.stream.write_all(piece).await.unwrap();
    }
    worker.record(&Record::Exited { exit: Exit::Code(0) }).await;
    worker.record(&Record::Closed { reason: Closing::Ended }).await;
    drop(worker.stream);
    assert_eq!(within("the end", conversing).await.unwrap().unwrap(), Hangup::Over);
    let view = task.view();
    assert_eq!((view.status, view.lines, view.bytes), (Status::Succeeded, 2, Offset(8)));
    assert!(matches!(view.link, LinkView::Away { .. }));
}

#[tokio::test]
async fn after_a_lost_link_the_next_worker_is_asked_for_what_is_missing() {
    let task = task();
    let (mut first, conversing) = Played::begin(&task, Summary::default());
    first.say_hello(&task).await;
    first.heard_resume().await;
    first.record(&started()).await;
    let summary = first.summary.clone();
    // A torn frame is no frame.
    let torn = first.frame(FrameKind::Output, b"torn");
    first.stream.write_all(&torn[..10]).await.unwrap();
    drop(first.stream);
    assert_eq!(within("the end", conversing).await.unwrap().unwrap(), Hangup::AfterHello);
    let (mut second, _conversing) = Played::begin(&task, summary.clone());
    let output = second.frame(FrameKind::Output, b"whole");
    second.say_hello(&task).await;
    assert_eq!(second.heard_resume().await, summary.next_seq);
    second.stream.write_all(&output).await.unwrap();
    let mut announced = task.subscribe();
    let head = announced.wait_for(|now| now.head.is_some_and(|head| head.offset == Offset(5)));
    within("the frame that was missing", head).await.unwrap();
}

#[tokio::test]
async fn commands_go_out_in_order_and_again_after_a_lost_link_unless_they_are_known() {
    let task = task();
    let (mut first, conversing) = Played::begin(&task, Summary::default());
    // Asked before there is a link.
    let mut answers = vec![ask(&task, 1), ask(&task, 2)];
    first.say_hello(&task).await;
    first.heard_resume().await;
    for number in [1, 2] {
        let heard = first.heard_command().await;
        assert_eq!(heard, (CommandId::from_random([number; 10]), Bytes::from(vec![number])));
    }
    let outcome = Outcome::applied(CommandId::from_random([1; 10]));
    first.record(&Record::Outcome(outcome.clone())).await;
    assert_eq!(within("an outcome", answers.remove(0)).await.unwrap(), outcome);
    let summary = first.summary.clone();
    drop(first.stream);
    within("the end", conversing).await.unwrap().unwrap();
    let (mut second, _conversing) = Played::begin(&task, summary);
    answers.push(ask(&task, 3));
    second.say_hello(&task).await;
    second.heard_resume().await;
    for number in [2, 3] {
        assert_eq!(second.heard_command().await.0, CommandId::from_random([number; 10]));
    }
}

#[tokio::test]
async fn a_gap_in_the_frames_ends_the_conversation() {
    let task = task();
    let (mut worker, conversing) = Played::begin(&task, Summary::default());
    worker.say_hello(&task).await;
    worker.heard_resume().await;
    let _skipped = worker.frame(FrameKind::Output, b"one");
    let second = worker.frame(FrameKind::Output, b"two");
    worker.stream.write_all(&second).await.unwrap();
    let ended = within("the end", conversing).await.unwrap();
    assert!(matches!(ended, Err(ConversationError::Push(PushError::SeqGap { .. }))), "{ended:?}");
    assert_eq!(task.view().bytes, Offset(0));
}

#[tokio::test]
async fn a_flipped_bit_ends_the_conversation() {
    let task = task();
    let (mut worker, conversing) = Played::begin(&task, Summary::default());
    worker.say_hello(&task).await;
    worker.heard_resume().await;
    let mut frame = worker.frame(FrameKind::Output, b"one");
    *frame.last_mut().unwrap() ^= 1;
    worker.stream.write_all(&frame).await.unwrap();
    let ended = within("the end", conversing).await.unwrap();
    assert!(matches!(ended, Err(ConversationError::Frame(_))), "{ended:?}");
}

#[tokio::test]
async fn a_worker_of_a_strange_protocol_is_told_about_and_not_commanded() {
    let task = task();
    let (mut worker, conversing) = Played::begin(&task, Summary::default());
    let hello = Hello { protocol: 99, protocol_oldest: 98, ..worker.hello(&task) };
    worker.say(&Control::Hello(Box::new(hello))).await;
    drop(worker.stream);
    assert_eq!(within("the end", conversing).await.unwrap().unwrap(), Hangup::Mute);
    let problem = task.look_live(|session| session.problem.clone()).unwrap().unwrap();
    let text = problem.text();
    assert!(text.contains("98 to 99") && text.contains("axiom 9.9"), "{text}");
}

#[tokio::test]
async fn a_worker_of_another_session_is_refused() {
    let task = task();
    let (mut worker, conversing) = Played::begin(&task, Summary::default());
    let other = SessionId { number: 2, ..task.session() };
    let hello = Hello { session: other, ..worker.hello(&task) };
    worker.say(&Control::Hello(Box::new(hello))).await;
    let ended = within("the end", conversing).await.unwrap();
    assert!(matches!(ended, Err(ConversationError::OtherSession { .. })), "{ended:?}");
}
