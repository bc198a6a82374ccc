//! A connection to a server: one request at a time over a kept stream, made anew when it breaks.
//! What may be asked twice is asked again of the next server; what may not is answered with what is known.

use std::future::Future;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use axiom_proto::fault::{ErrorCode, Fault, FaultBody};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::http::{HeaderMap, StatusCode};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use rustix::io::Errno;
use rustix::net::RecvFlags;
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::calls::ANSWER_WAIT;
use crate::dial::DialError;
use crate::home::Home;
use crate::start::{Place, StartError, reach};

/// How often one call is asked again of another server: one that died in between is normal, more are not.
const RECONNECTS_MAX: u32 = 3;

/// How long a server may be silent before that is told: it answers in milliseconds.
const SILENCE_TOLD_AFTER: Duration = Duration::from_secs(2);

/// The largest answer: a list of every task a home may hold is far below it.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Why a call gave no answer.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The server refuses.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// There is no server.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The server went away in the middle.
    #[error("the server went away before it answered")]
    Broken {
        /// How it was seen.
        #[source]
        source: hyper::Error,
    },
    /// The server does not answer.
    #[error("the server did not answer within {} s", wait.as_secs())]
    Silent {
        /// How long was waited.
        wait: Duration,
    },
    /// The answer is larger than any should be.
    #[error("the answer is larger than {ANSWER_BYTES_MAX} bytes")]
    TooLarge,
    /// The answer is not what this version understands.
    #[error("the server's answer to {path} is not understood")]
    Answer {
        /// What was asked.
        path: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl ClientError {
    /// The same as a fault: what faces tell.
    #[must_use]
    pub fn to_fault(&self) -> Fault {
        match self {
            Self::Fault(fault) => fault.clone(),
            Self::Start(error) => error.to_fault(),
            Self::Broken { .. } => Fault::new(
                ErrorCode::Unavailable,
                told(self),
                "try again: a new server starts by itself",
            ),
            Self::Silent { .. } => Fault::new(ErrorCode::Timeout, told(self), "see `axiom doctor`"),
            Self::TooLarge => Fault::new(ErrorCode::TooLarge, told(self), "ask for less"),
            Self::Answer { .. } => Fault::new(
                ErrorCode::VersionMismatch,
                told(self),
                "`axiom shutdown`, then try again: tasks run on, and this version's server starts",
            ),
        }
    }
}

impl StartError {
    /// The same as a fault: what faces tell.
    #[must_use]
    pub fn to_fault(&self) -> Fault {
        let (code, hint) = match self {
            Self::Dial(DialError::NoServer { .. }) => (
                ErrorCode::Unavailable,
                "start one with `axiom serve`, or with any command that needs it",
            ),
            Self::Dial(DialError::Foreign { .. }) => {
                (ErrorCode::Denied, "set AXIOM_HOME to a folder of your own")
            }
            Self::Dial(DialError::Io { .. }) | Self::Home(_) => {
                (ErrorCode::Denied, "check that the home is yours and writable, or set AXIOM_HOME")
            }
            Self::InsideTask { .. } => {
                (ErrorCode::Unavailable, "start one outside of the task: `axiom serve`")
            }
            Self::Program { .. } => {
                (ErrorCode::Internal, "the programs of Axiom belong into one folder")
            }
            Self::Full { .. } => {
                (ErrorCode::DiskFull, "make room, or set AXIOM_HOME to a folder on another disk")
            }
            Self::Ended { .. } | Self::Late { .. } => {
                (ErrorCode::Unavailable, "see `axiom doctor`, or run `axiom serve` to watch it")
            }
        };
        Fault::new(code, told(self), hint)
    }
}

/// An error and its causes in one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        next = cause.source();
    }
    line
}

/// Whether a request may be asked again when nobody knows whether it was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It changes nothing, or carries an id by which a repetition is known.
    Safe,
    /// A repetition could do it twice.
    Unsafe,
}

/// One request.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Option<Bytes>,
    pub(crate) repeat: Repeat,
    pub(crate) wait: Duration,
}

/// One answer that is no fault.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A stream that is kept between calls.
#[derive(Debug)]
struct Kept {
    /// The same stream, to look at before it is used again.
    stream: OwnedFd,
    sender: SendRequest<Full<Bytes>>,
    /// Moves the bytes. It ends with the stream, and is ended with us.
    pump: JoinHandle<()>,
}

impl Kept {
    /// True if the server has hung up, which the pump may not have seen yet, or said what nobody asked. What is asked of
    /// such a stream is never read: seen before, it can be asked of another one, whatever it is.
    fn is_stale(&self) -> bool {
        let mut byte = [0; 1];
        let peeked =
            rustix::net::recv(&self.stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT);
        self.sender.is_closed() || !matches!(peeked, Err(Errno::AGAIN))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// A connection to a home's server.
#[derive(Debug)]
pub struct Connection {
    place: Place,
    kept: Option<Kept>,
    /// Told once of a server that is silent.
    on_silence: Option<fn(&Home)>,
}

impl Connection {
    /// Dials, and starts a server where there is none and the place allows it.
    ///
    /// # Errors
    /// [`ClientError::Start`] when there is no server.
    pub async fn open(place: Place) -> Result<Self, ClientError> {
        let kept = dial(&place).await?;
        Ok(Self { place, kept: Some(kept), on_silence: None })
    }

    /// Calls this once, as soon as an answer that a server has at hand takes longer than two seconds: then it stands still.
    pub fn on_silence(&mut self, tell: fn(&Home)) {
        self.on_silence = Some(tell);
    }

    /// The home it belongs to.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.place.home.path().to_owned()
    }

    pub(crate) async fn exchange(&mut self, call: &Call) -> Result<Answer, ClientError> {
        let mut reconnects = 0;
        loop {
            match self.exchange_once(call).await {
                Err(ClientError::Broken { source }) => {
                    let unheard = source.is_canceled();
                    let again = call.repeat == Repeat::Safe || unheard;
                    if !again || reconnects == RECONNECTS_MAX {
                        return Err(ClientError::Broken { source });
                    }
                    reconnects += 1;
                }
                other => return other,
            }
        }
    }

    async fn exchange_once(&mut self, call: &Call) -> Result<Answer, ClientError> {
        let mut kept = match self.kept.take().filter(|kept| !kept.is_stale()) {
            Some(kept) => kept,
            None => dial(&self.place).await?,
        };
        let wait = call.wait;
        let answer = timeout(wait, self.patiently(call, converse(&mut kept.sender, call)))
            .await
            .map_err(|_| ClientError::Silent { wait })??;
        self.kept = Some(kept);
        match answer {
            (status, answer) if status.is_success() => Ok(answer),
            (status, answer) => Err(fault_of(status, &answer.body).into()),
        }
    }
}

impl Connection {
    /// Waits for an answer, and tells of a long silence.
    async fn patiently<A>(&mut self, call: &Call, answer: impl Future<Output = A>) -> A {
        tokio::pin!(answer);
        // Other answers take as long as what they are about.
        if call.wait == ANSWER_WAIT
            && let Some(tell) = self.on_silence
        {
            tokio::select! {
                answer = answer.as_mut() => return answer,
                () = sleep(SILENCE_TOLD_AFTER) => {
                    self.on_silence = None;
                    tell(&self.place.home);
                }
            }
        }
        answer.await
    }
}

async fn dial(place: &Place) -> Result<Kept, ClientError> {
    let stream = reach(place).await?;
    let same = stream.as_fd().try_clone_to_owned();
    let same = same.map_err(|source| {
        StartError::Dial(DialError::Io { socket: place.home.socket(), source })
    })?;
    let (sender, pump) =
        handshake(TokioIo::new(stream)).await.map_err(|source| ClientError::Broken { source })?;
    // What breaks it is told by the call that is under way.
    let pump = tokio::spawn(async move { drop(pump.await) });
    Ok(Kept { stream: same, sender, pump })
}

async fn converse(
    sender: &mut SendRequest<Full<Bytes>>,
    call: &Call,
) -> Result<(StatusCode, Answer), ClientError> {
    let broken = |source| ClientError::Broken { source };
    sender.ready().await.map_err(broken)?;
    let response = sender.send_request(request_of(call)).await.map_err(broken)?;
    let (head, body) = Response::into_parts(response);
    let body = match Limited::new(body, ANSWER_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(ClientError::TooLarge),
        Err(error) => {
            let source = error.downcast::<hyper::Error>();
            return Err(broken(*source.expect("a body fails by its limit or by its stream")));
        }
    };
    Ok((head.status, Answer { headers: head.headers, body }))
}

fn request_of(call: &Call) -> Request<Full<Bytes>> {
    let mut request =
        Request::builder().method(call.method.clone()).uri(&call.path).header(HOST, "localhost");
    if call.body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    let body = Full::new(call.body.clone().unwrap_or_default());
    request.body(body).expect("paths are percent-encoded and headers are constants")
}

/// The fault in a body, or one made of the status where the body holds something else.
fn fault_of(status: StatusCode, body: &[u8]) -> Fault {
    if let Ok(FaultBody { error }) = serde_json::from_slice(body) {
        return error;
    }
    // A newer server may have codes that this version does not know: its words are kept.
    let value: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let word = |name: &str| value["error"][name].as_str().unwrap_or_default().to_owned();
    let message = match word("message") {
        message if message.is_empty() => format!("the server answers {status}"),
        message => message,
    };
    Fault::new(ErrorCode::Internal, message, word("hint"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::sync::mpsc;

    use super::*;
    use crate::start::Start;

    fn answer_one(stream: &mut UnixStream) {
        let mut asked = Vec::new();
        let mut byte = [0; 1];
        while !asked.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            asked.push(byte[0]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
    }

    #[tokio::test]
    async fn a_stream_that_the_server_closed_while_it_was_kept_fails_no_call() {
        let folder = std::env::temp_dir().join(format!("axiom-stale-{}", std::process::id()));
        let home = Home::at(folder.clone()).unwrap();
        home.prepare().unwrap();
        let listener = UnixListener::bind(home.socket()).unwrap();
        let (tell, told) = mpsc::channel();
        let server = std::thread::spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().unwrap();
                answer_one(&mut stream);
                drop(stream);
                tell.send(()).unwrap();
            }
        });
        let mut connection = Connection::open(Place { home, start: Start::Never }).await.unwrap();
        let call = Call {
            method: Method::POST,
            path: "/once".to_owned(),
            body: None,
            repeat: Repeat::Unsafe,
            wait: ANSWER_WAIT,
        };
        for _ in 0..2 {
            assert_eq!(connection.exchange(&call).await.unwrap().body, "{}");
            // Nothing of ours runs meanwhile, so the pump has not seen the end.
            told.recv_timeout(ANSWER_WAIT).expect("waited for the server to close the stream");
        }
        server.join().unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
