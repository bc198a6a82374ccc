//! Where this program runs: which home, whether inside a task, which terminals. The one place that reads the environment
//! for these; verbs are given it.

use std::env;
use std::io::{self, IsTerminal};

use axiom_client::{Home, Place, Start, sibling};
use axiom_proto::id::TaskId;
use axiom_proto::task::Size;

use crate::failure::Failure;

/// Set in every task's environment.
pub(crate) const TASK_VARIABLE: &str = "AXIOM_TASK";

/// What verbs must know of their surroundings.
#[derive(Debug, Clone)]
pub(crate) struct Here {
    /// The home.
    pub home: Home,
    /// True inside of a task.
    pub inside_task: bool,
    /// The task, where its id can be read.
    pub task: Option<TaskId>,
}

impl Here {
    /// Looks around.
    ///
    /// # Errors
    /// When nothing names a home.
    pub(crate) fn of_process() -> Result<Self, Failure> {
        let home = Home::of_environment(|name| env::var_os(name))?;
        let task = env::var(TASK_VARIABLE).ok();
        let inside_task = env::var_os(TASK_VARIABLE).is_some();
        Ok(Self { home, inside_task, task: task.and_then(|id| id.parse().ok()) })
    }

    /// The server of this home, which is started where there is none, but not from inside a task.
    ///
    /// # Errors
    /// When the program cannot say where it lies.
    pub(crate) fn place(&self) -> Result<Place, Failure> {
        let start = if self.inside_task { Start::InsideTask } else { self.starting()? };
        Ok(Place { home: self.home.clone(), start })
    }

    /// The server of this home if it runs.
    #[must_use]
    pub(crate) fn place_to_look_at(&self) -> Place {
        Place { home: self.home.clone(), start: Start::Never }
    }

    /// How a server is started.
    ///
    /// # Errors
    /// When the program cannot say where it lies.
    pub(crate) fn starting(&self) -> Result<Start, Failure> {
        match sibling("axiom") {
            Ok(program) => Ok(Start::With(program)),
            Err(error) => {
                Err(Failure::own(format!("find our own programs: {error}"), "is /proc mounted?"))
            }
        }
    }
}

/// Which of the standard streams are terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terminals {
    /// Standard input.
    pub input: bool,
    /// Standard output.
    pub output: bool,
}

impl Terminals {
    /// Looks.
    #[must_use]
    pub(crate) fn of_process() -> Self {
        Self { input: io::stdin().is_terminal(), output: io::stdout().is_terminal() }
    }
}

/// The size of the terminal that we write to, or else read from.
#[must_use]
pub(crate) fn terminal_size() -> Option<Size> {
    let output = rustix::termios::tcgetwinsize(io::stdout());
    let size = output.or_else(|_| rustix::termios::tcgetwinsize(io::stdin())).ok()?;
    // A terminal that was never told its size says 0.
    let known = size.ws_col > 0 && size.ws_row > 0;
    known.then_some(Size { cols: size.ws_col, rows: size.ws_row })
}
