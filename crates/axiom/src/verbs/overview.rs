//! `axiom` alone: what runs, and what to try. Looks only: no server is started for it.

use axiom_client::{ClientError, Connection, DialError, StartError};
use axiom_proto::api::ListRequest;
use axiom_proto::task::TaskView;

use super::ps;
use crate::failure::Failure;
use crate::here::Here;
use crate::printing::print_words;

/// Tasks that are shown here; `ps` shows all.
const TASKS_MAX: usize = 10;

/// What to try.
const TRY: &str = "\
try: axiom run -- COMMAND      axiom spawn -- COMMAND      axiom demo
     axiom help                axiom doctor";

pub(super) async fn run(here: &Here) -> Result<u8, Failure> {
    let mut connection = match Connection::open(here.place_to_look_at()).await {
        Ok(connection) => connection,
        Err(ClientError::Start(StartError::Dial(DialError::NoServer { .. }))) => {
            print_words(&format!(
                "no server runs; run, spawn, ps and all else that asks for tasks starts one\n\n{TRY}"
            ))?;
            return Ok(0);
        }
        Err(error) => return Err(error.into()),
    };
    let tasks = ps::all(&mut connection, ListRequest::default()).await?;
    let live: Vec<TaskView> = tasks.into_iter().filter(|task| !task.status.is_ended()).collect();
    let newest = &live[live.len().saturating_sub(TASKS_MAX)..];
    let mut text = match live.len() {
        0 => "nothing runs\n".to_owned(),
        _ => ps::shown(newest),
    };
    if live.len() > newest.len() {
        text.push_str(&format!("and {} more: axiom ps\n", live.len() - newest.len()));
    }
    print_words(&format!("{text}\n{TRY}"))?;
    Ok(0)
}
