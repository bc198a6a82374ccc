//! Signals as events of a loop. Taken at the start, so that none kills us with the terminal in raw mode.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{EXIT_INTERRUPTED, EXIT_TERMINATED};

/// What a signal means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// SIGINT.
    Interrupt,
    /// SIGTERM or SIGQUIT.
    Terminate,
    /// SIGHUP: the terminal is gone.
    HangUp,
    /// SIGWINCH: the terminal has another size.
    Resized,
    /// SIGCONT: we were suspended.
    Continued,
    /// SIGTSTP: we are to be suspended.
    Suspend,
}

impl Sign {
    /// With what who leaves because of it exits.
    #[must_use]
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => EXIT_INTERRUPTED,
            Self::Terminate | Self::HangUp | Self::Resized | Self::Continued | Self::Suspend => {
                EXIT_TERMINATED
            }
        }
    }

    /// True if it asks the program to leave, or to stop what it has begun.
    #[must_use]
    pub(crate) fn is_end(self) -> bool {
        match self {
            Self::Interrupt | Self::Terminate | Self::HangUp => true,
            Self::Resized | Self::Continued | Self::Suspend => false,
        }
    }
}

/// SIGCONT's number, for which there is no name in the library.
const SIGCONT: i32 = libc::SIGCONT;

/// Waits for signals.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    quit: Signal,
    hang_up: Signal,
    resized: Signal,
    continued: Signal,
    suspend: Option<Signal>,
}

impl Signals {
    /// Takes the signals from the system. Call inside of a runtime.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn take() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            hang_up: signal(SignalKind::hangup())?,
            resized: signal(SignalKind::window_change())?,
            continued: signal(SignalKind::from_raw(SIGCONT))?,
            suspend: None,
        })
    }

    /// Takes SIGTSTP too: for who must tidy the terminal before it is suspended.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn take_suspend(&mut self) -> io::Result<()> {
        self.suspend = Some(signal(SignalKind::from_raw(libc::SIGTSTP))?);
        Ok(())
    }

    /// The next one that asks us to leave. Cancel-safe.
    pub(crate) async fn next_end(&mut self) -> Sign {
        loop {
            let sign = self.next().await;
            if sign.is_end() {
                return sign;
            }
        }
    }

    /// The next one. Cancel-safe; several of one kind may come as one.
    pub(crate) async fn next(&mut self) -> Sign {
        tokio::select! {
            _ = self.interrupt.recv() => Sign::Interrupt,
            _ = self.terminate.recv() => Sign::Terminate,
            _ = self.quit.recv() => Sign::Terminate,
            _ = self.hang_up.recv() => Sign::HangUp,
            _ = self.resized.recv() => Sign::Resized,
            _ = self.continued.recv() => Sign::Continued,
            () = suspended(&mut self.suspend) => Sign::Suspend,
        }
    }
}

async fn suspended(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
