//! `axiom send`: types text and keys into a task, and says how much of it was taken.

use std::io::{self, Read};

use axiom_client::Connection;
use axiom_proto::api::{INPUT_BYTES_MAX, InputRequest};
use axiom_proto::fault::{ErrorCode, Fault};
use axiom_proto::keys::{KeyError, bytes_of};
use axiom_proto::task::Mode;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::connect;
use super::settled::{applied, of_task};
use crate::failure::Failure;
use crate::here::Here;
use crate::printing::{print, print_json};
use crate::quantities::counted;

/// The exit code where the task did not take all.
const EXIT_PARTLY: u8 = 1;

/// `axiom send`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Send {
    /// A task: the beginning of an id, or a name.
    #[arg(value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    id: String,
    /// What to type, and Enter after it; - reads it from standard input.
    #[arg(value_name = "TEXT", required_unless_present_any = ["keys", "close"])]
    text: Vec<String>,
    /// Keys to press, after the text and in place of its Enter: ctrl-c,enter,up…
    #[arg(long = "key", value_name = "KEYS", value_parser = keys)]
    keys: Vec<Keys>,
    /// Only the text.
    #[arg(long)]
    no_enter: bool,
    /// Close the task's input afterwards.
    #[arg(long)]
    close: bool,
    /// Print the answer as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The bytes of keys, in a type of their own: a list of bytes means something else to the parser.
#[derive(Debug, Clone)]
struct Keys(Vec<u8>);

fn keys(list: &str) -> Result<Keys, KeyError> {
    bytes_of(list.split(',')).map(Keys)
}

impl Send {
    pub(super) async fn run(&self, here: &Here) -> Result<u8, Failure> {
        let text = self.text()?;
        let mut connection = connect(here).await?;
        let mut data = text.unwrap_or_default();
        if !self.text.is_empty() && self.keys.is_empty() && !self.no_enter {
            data.push(enter(&mut connection, &self.id).await?);
        }
        self.keys.iter().for_each(|keys| data.extend_from_slice(&keys.0));
        let asked = data.len();
        if asked > INPUT_BYTES_MAX {
            return Err(too_large());
        }
        let request = InputRequest { data: data.into(), close: self.close, id: None };
        let answer = connection.input(&self.id, request).await;
        let answer = answer.map_err(|error| of_task(&self.id, error))?;
        applied(&answer)?;
        let taken =
            answer.outcome.accepted.map_or(asked, |taken| usize::try_from(taken).unwrap_or(asked));
        let id = answer.task.id.short();
        let said = counted(asked as u64, "byte");
        if self.json {
            print_json(&answer)?;
        } else if taken < asked {
            print(&format!("typed {taken} of {said} into {id}, which does not read"))?;
        } else {
            print(&format!("typed {said} into {id}"))?;
        }
        Ok(if taken < asked { EXIT_PARTLY } else { 0 })
    }

    /// The text: words with a space between, or standard input without its last newline.
    fn text(&self) -> Result<Option<Vec<u8>>, Failure> {
        if self.text.is_empty() {
            return Ok(None);
        }
        if self.text != ["-"] {
            return Ok(Some(self.text.join(" ").into_bytes()));
        }
        let mut text = Vec::new();
        let read = io::stdin().lock().take(INPUT_BYTES_MAX as u64 + 2).read_to_end(&mut text);
        read.map_err(|error| Failure::invalid(format!("read standard input: {error}"), ""))?;
        if !self.no_enter && text.last() == Some(&b'\n') {
            text.pop();
        }
        if text.len() > INPUT_BYTES_MAX {
            return Err(too_large());
        }
        Ok(Some(text))
    }
}

/// Enter is a carriage return on a terminal, and the end of a line in a pipe.
async fn enter(connection: &mut Connection, id: &str) -> Result<u8, Failure> {
    Ok(match connection.show(id).await?.task.mode {
        Mode::Terminal => b'\r',
        Mode::Pipes => b'\n',
    })
}

fn too_large() -> Failure {
    let message = format!("more than {INPUT_BYTES_MAX} bytes cannot be typed at once");
    Fault::new(ErrorCode::TooLarge, message, "send it in pieces").into()
}
