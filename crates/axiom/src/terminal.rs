//! The person's terminal in other modes, and back again on every way out: return, error, panic.
//! Signals that would kill us are turned into an orderly way out by whoever waits for them.

use std::io::{self, Write};
use std::panic;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

/// Other modes for as long as it lives.
#[derive(Debug)]
pub(crate) struct HeldTerminal {
    before: Arc<Mutex<Option<Termios>>>,
    held: Termios,
}

impl HeldTerminal {
    /// Makes the terminal at standard input raw. A panic writes `undo` to standard output first.
    ///
    /// # Errors
    /// When standard input is no terminal, or one that is gone.
    pub(crate) fn raw(undo: &'static str) -> io::Result<Self> {
        Self::hold(Termios::make_raw, undo)
    }

    /// Gives each key at once and shows none, and leaves output as it is. The keys that interrupt and suspend still do.
    ///
    /// # Errors
    /// When standard input is no terminal, or one that is gone.
    pub(crate) fn keys(undo: &'static str) -> io::Result<Self> {
        let change = |modes: &mut Termios| {
            modes.make_raw();
            modes.local_modes.insert(LocalModes::ISIG);
        };
        Self::hold(change, undo)
    }

    /// Keeps the terminal at standard input from showing what is typed, which would stand among what is drawn. A panic
    /// writes `undo` to standard output first.
    ///
    /// # Errors
    /// When standard input is no terminal, or one that is gone.
    pub(crate) fn silent(undo: &'static str) -> io::Result<Self> {
        Self::hold(|modes| modes.local_modes.remove(LocalModes::ECHO), undo)
    }

    fn hold(change: impl FnOnce(&mut Termios), undo: &'static str) -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut held = before.clone();
        change(&mut held);
        tcsetattr(io::stdin(), OptionalActions::Now, &held)?;
        let before = Arc::new(Mutex::new(Some(before)));
        restore_before_panic_speaks(Arc::clone(&before), undo);
        Ok(Self { before, held })
    }

    /// The held modes again, after the shell that suspended us has set modes of its own.
    pub(crate) fn hold_again(&self) {
        // A terminal that is gone is seen by whoever reads it.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.held);
    }

    /// The modes from before, for as long as we are suspended.
    pub(crate) fn let_go(&self) {
        let before = self.before.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(before) = before {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
        }
    }
}

/// True where our terminal listens to us: a program in the background must neither change nor read it.
#[must_use]
pub(crate) fn in_foreground() -> bool {
    tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp())
}

impl Drop for HeldTerminal {
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
fn restore_before_panic_speaks(before: Arc<Mutex<Option<Termios>>>, undo: &'static str) {
    let speak = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        // Nobody is left to be told that it cannot be written.
        drop(io::stdout().write_all(undo.as_bytes()).and_then(|()| io::stdout().flush()));
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

#[cfg(test)]
mod tests {
    use std::env;
    use std::fs::File;
    use std::io::Read;
    use std::process::{Command, Stdio};

    use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};

    use super::*;
    use crate::stream::LEAVE;
    use axiom_screen::{Answers, ENTER, Screen, Size};

    /// Set in the process that panics.
    const PANICS: &str = "AXIOM_TEST_PANICS";

    /// Runs alone in a process of its own, for the test below; by itself it does nothing.
    #[test]
    fn a_panic_among_drawn_rows() {
        if env::var_os(PANICS).is_none() {
            return;
        }
        let _held = HeldTerminal::silent(LEAVE).unwrap();
        assert!(!tcgetattr(io::stdin()).unwrap().local_modes.contains(LocalModes::ECHO));
        panic!("on purpose");
    }

    /// The same of a viewer who is attached, in the middle of a picture.
    #[test]
    fn a_panic_while_attached() {
        if env::var_os(PANICS).is_none() {
            return;
        }
        let _held = HeldTerminal::raw(crate::attach::UNDO).unwrap();
        assert!(!tcgetattr(io::stdin()).unwrap().local_modes.contains(LocalModes::ISIG));
        let picture = b"\x1b[?2026h\x1b[?25l\x1b[?1003h\x1b[?1006h\x1b[?2004h\x1b[?1h\x1b=\x1b[>1u\x1b]2;theirs\x1b\\\x1b[7munfinished";
        io::stdout().write_all(&[ENTER, picture].concat()).unwrap();
        panic!("on purpose");
    }

    #[test]
    fn a_panic_gives_the_terminal_back_before_it_speaks() {
        let shown = panicked("a_panic_among_drawn_rows");
        let (left, spoke) = (shown.find(LEAVE), shown.find("on purpose"));
        assert!(left.is_some() && left < spoke, "{shown:?}");
    }

    #[test]
    fn a_panic_while_attached_leaves_the_terminal_as_it_was_and_is_read_there() {
        let shown = panicked("a_panic_while_attached");
        let mut screen = Screen::new(Size::new(80, 24).unwrap());
        let before = screen.view();
        screen.feed(shown.as_bytes(), &mut Answers::default());
        let after = screen.view();
        assert_eq!((after.alternate, after.input), (before.alternate, before.input));
        assert_eq!((after.cursor.shown, after.cursor.style), (true, before.cursor.style));
        assert!(!screen.is_updating() && after.title.is_empty(), "{shown:?}");
        let text = after.text();
        assert!(text.contains("on purpose") && !text.contains("unfinished"), "{text}");
        assert!(after.rows.iter().all(|row| row.runs.is_empty()), "no looks are left: {shown:?}");
    }

    /// What a terminal gets of a test that panics in a process of its own. Its modes are as they were.
    fn panicked(test: &str) -> String {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let slave = ioctl_tiocgptpeer(&master, flags).unwrap();
        let before = tcgetattr(&slave).unwrap();
        let end = || Stdio::from(slave.try_clone().unwrap());
        let status = Command::new(env::current_exe().unwrap())
            .args(["--exact", "--nocapture", &format!("terminal::tests::{test}")])
            .env(PANICS, "1")
            .env("RUST_BACKTRACE", "0")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .status()
            .unwrap();
        assert!(!status.success());
        let after = tcgetattr(&slave).unwrap();
        assert_eq!(after.local_modes, before.local_modes);
        assert_eq!(
            (after.input_modes, after.output_modes),
            (before.input_modes, before.output_modes)
        );
        drop(slave);
        let mut shown = Vec::new();
        // The end of a terminal that nobody holds any more is an error.
        drop(File::from(master).read_to_end(&mut shown));
        String::from_utf8_lossy(&shown).into_owned()
    }
}
