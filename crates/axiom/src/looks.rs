//! How a stream of several tasks looks: the flags that `run --each` and `logs -f` share.

use std::time::Duration;

use clap::Args;

use crate::failure::{Audience, Failure};
use crate::quantities::duration;
use crate::stream::{ColorChoice, Face, Layout};

/// The flags.
#[derive(Debug, Clone, Args)]
pub(crate) struct Looks {
    /// Begin each line with its moment, in UTC.
    #[arg(long)]
    timestamps: bool,
    /// When to colour.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
    /// Say so when a task has printed nothing for this long; 0s is never.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub(crate) idle_after: Duration,
    /// Print events as JSON, one a line.
    #[arg(long)]
    json: bool,
}

impl Looks {
    /// How the stream is shown.
    #[must_use]
    pub(crate) fn face(&self) -> Face {
        if self.json {
            return Face::Json;
        }
        Face::Text(Layout::of_process(self.color, self.timestamps))
    }

    /// Whom errors are for.
    #[must_use]
    pub(crate) fn audience(&self) -> Audience {
        if self.json { Audience::Program } else { Audience::Person }
    }

    /// Columns that stand before each line of a task on this terminal, if lines for people go to one.
    #[must_use]
    pub(crate) fn mark_columns(&self, labels: &[String], columns: u16) -> Option<u16> {
        match self.face() {
            Face::Text(layout) if layout.terminal => Some(layout.mark_columns(labels, columns)),
            Face::Text(_) | Face::Json => None,
        }
    }

    /// True where lines are marked with their moment, or are events.
    #[must_use]
    pub(crate) fn marks(&self) -> bool {
        self.json || self.timestamps
    }

    /// One task alone is shown as it is: there is nothing to mark.
    ///
    /// # Errors
    /// [`Failure`] naming the flag that has no meaning.
    pub(crate) fn refuse_alone(&self) -> Result<(), Failure> {
        let flag = match (self.json, self.timestamps) {
            (true, _) => "--json",
            (false, true) => "--timestamps",
            (false, false) => return Ok(()),
        };
        let message = format!("{flag} is for the stream of several tasks");
        Err(Failure::invalid(message, "add --each, or see `axiom logs -f`"))
    }
}
