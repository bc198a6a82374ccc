//! The picture of the demonstration: a real run of `axiom demo` on a terminal, drawn as it stood at its best moment.
//! The moment is an event of the run (the first intervention), not a time. It writes one file and leaves no process.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use axiom_screen::{Answers, Screen, Size};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// The terminal's size.
const COLUMNS: u16 = 92;
const ROWS: u16 = 28;

/// What is said of the picture.
const TITLE: &str = "axiom demo: six tasks in one stream, with a bar for each";

/// The picture is taken once the screen shows all of these.
const MOMENT: &[&str] = &["[INTERVENTION]", "interrupted:", "running"];

/// Makes the picture and writes it to the file that is named.
///
/// # Errors
/// When the demonstration cannot be run, does not end well, or never shows what the picture is of.
pub fn run(mut arguments: impl Iterator<Item = OsString>) -> anyhow::Result<()> {
    let file = arguments.next().context("name the file to write")?;
    let svg = picture()?;
    fs::write(&file, svg).with_context(|| format!("write {}", Path::new(&file).display()))
}

fn picture() -> anyhow::Result<String> {
    let (mut demo, mut master) = start().context("start the demonstration on a terminal")?;
    let mut screen = Screen::new(Size::new(COLUMNS.into(), ROWS.into())?);
    let mut taken = None;
    let mut buffer = [0; 64 * 1024];
    loop {
        let len = match master.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => len,
            // A terminal whose last user is gone says EIO.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
                break;
            }
            Err(error) => return Err(error).context("read the terminal"),
        };
        // The demonstration asks its terminal nothing.
        screen.feed(&buffer[..len], &mut Answers::default());
        let text = screen.view().text();
        if taken.is_none() && MOMENT.iter().all(|word| text.contains(word)) {
            taken = Some(screen.svg(TITLE));
        }
    }
    let status = demo.wait().context("wait for the demonstration")?;
    if !status.success() {
        bail!("the demonstration ended with {status}");
    }
    taken.context("the demonstration never showed what the picture is of")
}

fn start() -> io::Result<(Child, File)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let slave: OwnedFd = ioctl_tiocgptpeer(&master, flags)?;
    tcsetwinsize(&slave, Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 })?;
    let program = std::env::current_exe()?.with_file_name("axiom");
    let child = Command::new(program)
        .args(["demo", "--color", "always"])
        .env("TERM", "xterm-256color")
        // Its input is no terminal: nobody types, and no terminal of ours can send it a signal.
        .stdin(Stdio::null())
        .stdout(slave.try_clone()?)
        .stderr(slave)
        .spawn()?;
    Ok((child, File::from(master)))
}
