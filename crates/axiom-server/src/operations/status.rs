//! Status: who serves, how the fleet stands, what is wrong, and what there is to do about it.

use std::sync::Arc;

use axiom_proto::api::ServerStatus;
use axiom_proto::bytestring::ByteString;
use axiom_proto::fault::Fault;

use crate::background::beside;
use crate::disk;
use crate::fault;
use crate::fleet::Fleet;

pub(super) async fn status(fleet: &Arc<Fleet>) -> Result<ServerStatus, Fault> {
    let home = fleet.home.root().to_owned();
    let space = beside(move || disk::space(&home)).await;
    let space = space.map_err(|error| {
        fault::of_io(&error, format!("failed to ask the home's disk for its space: {error}"))
    })?;
    let mut problems = fleet.problems();
    if space.free_bytes < fleet.disk_min_free_bytes {
        let (free, least) = (space.free_bytes, fleet.disk_min_free_bytes);
        problems.push(format!(
            "{free} bytes are free on the home's disk, less than {least}: output waits and nothing is spawned; \
             make room, or lower disk_min_free in config.toml"
        ));
    }
    if let Some(why) = fleet.events.trouble() {
        problems.push(format!(
            "events and notes of ended tasks wait: {why}; tasks run on, and every event is told once it can be written"
        ));
    }
    let tree = match &fleet.cgroup {
        Ok(root) => format!("cgroup {}", root.path().display()),
        Err(why) => format!("walk of /proc: {why}"),
    };
    Ok(ServerStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started_at_ms: fleet.started_at_ms,
        home: ByteString(fleet.home.root().as_os_str().as_encoded_bytes().to_vec()),
        url: fleet.url.get().cloned(),
        tasks: fleet.counts(|_| true),
        child_priority: child_priority(fleet),
        tree,
        disk_free_bytes: space.free_bytes,
        disk_min_free_bytes: fleet.disk_min_free_bytes,
        problems,
    })
}

fn child_priority(fleet: &Fleet) -> String {
    match fleet.priority {
        Some(means) => format!("lower: {}", means.sentence()),
        None => "same, as child_priority says".to_owned(),
    }
}
