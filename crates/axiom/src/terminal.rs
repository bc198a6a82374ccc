//! The person's terminal in raw mode, and back again on every way out: return, error, panic.
//! Signals that would kill us are turned into an orderly way out by whoever waits for them.

use std::io::{self, Write};
use std::panic;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// Raw mode for as long as it lives.
#[derive(Debug)]
pub(crate) struct RawTerminal {
    before: Arc<Mutex<Option<Termios>>>,
    raw: Termios,
}

impl RawTerminal {
    /// Makes the terminal at standard input raw.
    ///
    /// # Errors
    /// When standard input is no terminal, or one that is gone.
    pub(crate) fn enter() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        let before = Arc::new(Mutex::new(Some(before)));
        restore_before_panic_speaks(Arc::clone(&before));
        Ok(Self { before, raw })
    }

    /// Raw again, after the shell that suspended us has set modes of its own.
    pub(crate) fn enter_again(&self) {
        // A terminal that is gone is seen by whoever reads it.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.raw);
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        restore(&self.before);
    }
}

/// Restores once, however often it is called.
fn restore(before: &Mutex<Option<Termios>>) {
    let before = before.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = before {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
    }
}

/// A panic's message must not be written to a raw terminal, where lines have no ends.
fn restore_before_panic_speaks(before: Arc<Mutex<Option<Termios>>>) {
    let speak = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        restore(&before);
        speak(panic);
    }));
}

/// A dim line on standard error, where that is a terminal; a plain one elsewhere. Lines have both ends, for raw terminals.
pub(crate) fn dim_line(text: &str) {
    let mut error = io::stderr().lock();
    // Once standard error is closed there is nowhere to say so.
    drop(if io::IsTerminal::is_terminal(&error) {
        write!(error, "\x1b[2maxiom: {text}\x1b[0m\r\n")
    } else {
        writeln!(error, "axiom: {text}")
    });
}
