//! How the server ends a live connection: a close that says why, as RFC 6455 has it, and a moment in which the client can
//! still hear it. Whoever is still talking when we hang up may be told by the kernel that nobody is there, and no more.

use std::time::Duration;

use axum::extract::ws::{CloseCode, CloseFrame, close_code};
use tokio::io::AsyncReadExt;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Error as WireError;
use tokio_tungstenite::tungstenite::error::ProtocolError;

use crate::patience::Socket;

/// How long a client may take to hear the end, all in all.
pub(super) const PARTING_WAIT_MAX: Duration = Duration::from_secs(2);

/// What a client may still have on its way, and is thrown away. Whoever sends more may miss the close.
const UNHEARD_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Bytes thrown away at once.
const UNHEARD_AT_ONCE: usize = 16 * 1024;

pub(super) fn close(code: CloseCode, reason: &'static str) -> CloseFrame {
    CloseFrame { code, reason: reason.into() }
}

/// What to tell a client of an error on its connection; nothing where nobody is there any more.
pub(super) fn of_error(error: axum::Error) -> Option<CloseFrame> {
    let error = error.into_inner().downcast::<WireError>().ok()?;
    match *error {
        WireError::Protocol(
            ProtocolError::ResetWithoutClosingHandshake
            | ProtocolError::ReceivedAfterClosing
            | ProtocolError::SendAfterClosing,
        ) => None,
        WireError::Protocol(_) | WireError::AttackAttempt => {
            Some(close(close_code::PROTOCOL, "this is not as RFC 6455 has it"))
        }
        WireError::Utf8(_) => Some(close(close_code::INVALID, "the text is not UTF-8")),
        WireError::Capacity(_) => Some(close(close_code::SIZE, "the message is too large")),
        WireError::ConnectionClosed
        | WireError::AlreadyClosed
        | WireError::Io(_)
        | WireError::Tls(_)
        | WireError::WriteBufferFull(_)
        | WireError::Url(_)
        | WireError::Http(_)
        | WireError::HttpFormat(_) => None,
    }
}

/// Waits until the client has hung up, and throws away what it still says.
pub(super) async fn linger(socket: oneshot::Receiver<Box<dyn Socket>>, until: Instant) {
    let hears = async {
        let Ok(mut socket) = socket.await else { return };
        if tokio::io::AsyncWriteExt::shutdown(&mut socket).await.is_err() {
            return;
        }
        let mut rest = socket.take(UNHEARD_BYTES_MAX);
        let mut unheard = vec![0; UNHEARD_AT_ONCE];
        while rest.read(&mut unheard).await.is_ok_and(|read| read > 0) {}
    };
    drop(timeout_at(until, hears).await);
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::error::CapacityError;

    use super::*;

    #[test]
    fn each_breach_has_its_code_and_whoever_is_gone_is_told_nothing() {
        let code = |error: WireError| of_error(axum::Error::new(error)).map(|close| close.code);
        let cases = [
            (WireError::Protocol(ProtocolError::UnmaskedFrameFromClient), Some(1002)),
            (WireError::Protocol(ProtocolError::NonZeroReservedBits), Some(1002)),
            (WireError::Utf8("at 3".to_owned()), Some(1007)),
            (
                WireError::Capacity(CapacityError::MessageTooLong { size: 9, max_size: 8 }),
                Some(1009),
            ),
            (WireError::Protocol(ProtocolError::ResetWithoutClosingHandshake), None),
            (WireError::ConnectionClosed, None),
            (WireError::Io(std::io::ErrorKind::ConnectionReset.into()), None),
        ];
        for (error, expected) in cases {
            let shown = error.to_string();
            assert_eq!(code(error), expected, "{shown}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_hangs_up_is_left() {
        let (ours, theirs) = tokio::io::duplex(8);
        let (give, back) = oneshot::channel::<Box<dyn Socket>>();
        assert!(give.send(Box::new(ours)).is_ok());
        let began = Instant::now();
        linger(back, began + PARTING_WAIT_MAX).await;
        assert_eq!(began.elapsed(), PARTING_WAIT_MAX);
        drop(theirs);
    }
}
