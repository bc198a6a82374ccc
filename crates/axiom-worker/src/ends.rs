//! Our ends of what the child reads and writes: one terminal, or three pipes.
//! Reads are as large as the loss that a killed worker may cause: the caller's one buffer.

use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use axiom_holder::wire::Ends as GrantedEnds;
use axiom_proto::frame::FrameKind;
use axiom_proto::task::Size;
use axiom_session::Terminal;
use rustix::io::Errno;
use rustix::pty::OpenptFlags;
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcgetpgrp, tcsetwinsize};

/// The key that interrupts, for programs that read keys themselves.
const INTERRUPT_KEY: u8 = 3;

/// What a read gave.
#[derive(Debug)]
pub(crate) enum Read {
    Bytes(usize),
    Nothing,
    Closed,
}

/// How the terminal hands input over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InputModes {
    pub(crate) line_mode: bool,
    pub(crate) echo: bool,
}

/// The child's ends.
#[derive(Debug)]
pub(crate) enum Ends {
    /// The command never started.
    None,
    Terminal {
        master: OwnedFd,
        /// Kept open while the child lives: without any open slave every read would fail at once.
        peer: Option<OwnedFd>,
        open: bool,
    },
    Pipes {
        stdin: Option<OwnedFd>,
        stdout: Option<OwnedFd>,
        stderr: Option<OwnedFd>,
    },
}

impl Ends {
    pub(crate) fn new(granted: GrantedEnds, child_lives: bool) -> rustix::io::Result<Self> {
        match granted {
            GrantedEnds::Terminal { master } => {
                rustix::io::ioctl_fionbio(&master, true)?;
                let peer = if child_lives { open_peer(&master) } else { None };
                Ok(Self::Terminal { master, peer, open: true })
            }
            GrantedEnds::Pipes { stdin, stdout, stderr } => {
                for end in [Some(&stdout), Some(&stderr), stdin.as_ref()].into_iter().flatten() {
                    rustix::io::ioctl_fionbio(end, true)?;
                }
                Ok(Self::Pipes { stdin, stdout: Some(stdout), stderr: Some(stderr) })
            }
        }
    }

    /// What output can be read from, and what kind of frame it makes.
    pub(crate) fn outputs(&self) -> [Option<(BorrowedFd<'_>, FrameKind)>; 2] {
        match self {
            Self::None => [None, None],
            Self::Terminal { master, open, .. } => {
                [open.then(|| (master.as_fd(), FrameKind::Output)), None]
            }
            Self::Pipes { stdout, stderr, .. } => [
                stdout.as_ref().map(|fd| (fd.as_fd(), FrameKind::Output)),
                stderr.as_ref().map(|fd| (fd.as_fd(), FrameKind::ErrorOutput)),
            ],
        }
    }

    /// True if the child has a terminal: its output is one stream.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal { .. })
    }

    /// True once nothing more can be read.
    pub(crate) fn is_closed(&self) -> bool {
        self.outputs().iter().all(Option::is_none)
    }

    /// Reads once.
    pub(crate) fn read(&mut self, kind: FrameKind, buffer: &mut [u8]) -> rustix::io::Result<Read> {
        let Some((fd, _)) = self.outputs().into_iter().flatten().find(|(_, of)| *of == kind) else {
            return Ok(Read::Nothing);
        };
        let read = match rustix::io::read(fd, buffer) {
            Ok(0) | Err(Errno::IO) => Read::Closed,
            Ok(len) => Read::Bytes(len),
            Err(Errno::AGAIN | Errno::INTR) => Read::Nothing,
            Err(error) => return Err(error),
        };
        if matches!(read, Read::Closed) {
            self.close_output(Some(kind));
        }
        Ok(read)
    }

    /// Reads no more of this kind, or of any.
    pub(crate) fn close_output(&mut self, kind: Option<FrameKind>) {
        match self {
            Self::None => {}
            Self::Terminal { open, .. } => *open = false,
            Self::Pipes { stdout, stderr, .. } => {
                if kind != Some(FrameKind::ErrorOutput) {
                    *stdout = None;
                }
                if kind != Some(FrameKind::Output) {
                    *stderr = None;
                }
            }
        }
    }

    /// The child is dead: output ends when its last other writer closes.
    pub(crate) fn release(&mut self) {
        if let Self::Terminal { peer, .. } = self {
            *peer = None;
        }
    }

    /// Where input is written.
    pub(crate) fn input(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::None => None,
            Self::Terminal { master, .. } => Some(master.as_fd()),
            Self::Pipes { stdin, .. } => stdin.as_ref().map(AsFd::as_fd),
        }
    }

    /// Writes what the child takes now; 0 if it takes nothing.
    pub(crate) fn write(&self, bytes: &[u8]) -> rustix::io::Result<usize> {
        let Some(fd) = self.input() else { return Err(Errno::PIPE) };
        match rustix::io::write(fd, bytes) {
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            written => written,
        }
    }

    /// Closes the child's input pipe.
    pub(crate) fn close_input(&mut self) {
        if let Self::Pipes { stdin, .. } = self {
            *stdin = None;
        }
    }

    /// The terminal's own descriptor.
    pub(crate) fn master(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Terminal { master, .. } => Some(master.as_fd()),
            Self::None | Self::Pipes { .. } => None,
        }
    }

    /// How the terminal treats input now.
    pub(crate) fn terminal(&self) -> Terminal {
        let modes = self.local_modes();
        Terminal { canonical: modes.is_some_and(|modes| modes.contains(LocalModes::ICANON)) }
    }

    /// True while the terminal asks for a secret: line mode with echo off. Programs that read single keys
    /// echo by themselves, so there echo says nothing.
    pub(crate) fn asks_for_secret(&self) -> bool {
        self.local_modes().is_some_and(|modes| {
            modes.contains(LocalModes::ICANON) && !modes.contains(LocalModes::ECHO)
        })
    }

    /// What a keyframe says of the terminal's input.
    pub(crate) fn input_modes(&self) -> InputModes {
        let modes = self.local_modes().unwrap_or(LocalModes::empty());
        let (line_mode, echo) = (LocalModes::ICANON, LocalModes::ECHO);
        InputModes { line_mode: modes.contains(line_mode), echo: modes.contains(echo) }
    }

    fn local_modes(&self) -> Option<LocalModes> {
        tcgetattr(self.master()?).ok().map(|termios| termios.local_modes)
    }

    /// Gives the terminal a size; the kernel tells the foreground.
    pub(crate) fn resize(&self, size: Size) -> rustix::io::Result<()> {
        let Some(master) = self.master() else { return Ok(()) };
        let Size { cols, rows } = size;
        tcsetwinsize(master, Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 })
    }

    /// What a key would do: signal the foreground; or type Ctrl+C where a program reads keys itself.
    pub(crate) fn interrupt(&self, signal: i32, child: u32) -> std::io::Result<()> {
        let Some(master) = self.master() else {
            return Err(ErrorKind::Unsupported.into());
        };
        let reads_keys = self.local_modes().is_some_and(|modes| !modes.contains(LocalModes::ISIG));
        if reads_keys && signal == rustix::process::Signal::INT.as_raw() {
            return match self.write(&[INTERRUPT_KEY])? {
                0 => Err(std::io::Error::new(
                    ErrorKind::WouldBlock,
                    "the program does not read its keys; use stop, or another signal",
                )),
                _ => Ok(()),
            };
        }
        let foreground = tcgetpgrp(master)
            .ok()
            .or_else(|| rustix::process::Pid::from_raw(i32::try_from(child).ok()?));
        let Some(group) = foreground else { return Err(ErrorKind::NotFound.into()) };
        let signal = rustix::process::Signal::from_named_raw(signal)
            .ok_or_else(|| std::io::Error::from(ErrorKind::InvalidInput))?;
        Ok(rustix::process::kill_process_group(group, signal)?)
    }
}

fn open_peer(master: &OwnedFd) -> Option<OwnedFd> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    rustix::pty::ioctl_tiocgptpeer(master, flags).ok()
}
