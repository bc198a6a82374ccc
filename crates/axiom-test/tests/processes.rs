//! Real processes and real terminals: the built binaries, driven from outside.
//! Every test has a home of its own, waits for events with a deadline, and ends with no process of its own alive.
//! Build the binaries first: `cargo xtask test` does.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "figures and skips are said where the runner shows them")]

#[path = "processes/agents.rs"]
mod agents;
#[path = "processes/answers.rs"]
mod answers;
#[path = "processes/attach.rs"]
mod attach;
#[path = "processes/attach_hostile.rs"]
mod attach_hostile;
#[path = "processes/attach_questions.rs"]
mod attach_questions;
#[path = "processes/attach_viewer.rs"]
mod attach_viewer;
#[path = "processes/bench.rs"]
mod bench;
#[path = "processes/cli.rs"]
mod cli;
#[path = "processes/cli_views.rs"]
mod cli_views;
#[path = "processes/completions.rs"]
mod completions;
#[path = "processes/conformance.rs"]
mod conformance;
#[path = "processes/deaths.rs"]
mod deaths;
#[path = "processes/direct.rs"]
mod direct;
#[path = "processes/disk.rs"]
mod disk;
#[path = "processes/equipment.rs"]
mod equipment;
#[path = "processes/events.rs"]
mod events;
#[path = "processes/export.rs"]
mod export;
#[path = "processes/hostile.rs"]
mod hostile;
#[path = "processes/hostile_judge.rs"]
mod hostile_judge;
#[path = "processes/http.rs"]
mod http;
#[path = "processes/http_clients.rs"]
mod http_clients;
#[path = "processes/http_docs.rs"]
mod http_docs;
#[path = "processes/http_document.rs"]
mod http_document;
#[path = "processes/http_doors.rs"]
mod http_doors;
#[path = "processes/http_events.rs"]
mod http_events;
#[path = "processes/http_given_up.rs"]
mod http_given_up;
#[path = "processes/http_hostile.rs"]
mod http_hostile;
#[path = "processes/http_live.rs"]
mod http_live;
#[path = "processes/http_log.rs"]
mod http_log;
#[path = "processes/http_routes.rs"]
mod http_routes;
#[path = "processes/keyframes.rs"]
mod keyframes;
#[path = "processes/lab.rs"]
mod lab;
#[path = "processes/mcp.rs"]
mod mcp;
#[path = "processes/mcp_clients.rs"]
mod mcp_clients;
#[path = "processes/mcp_doors.rs"]
mod mcp_doors;
#[path = "processes/mcp_resources.rs"]
mod mcp_resources;
#[path = "processes/mcp_subtrees.rs"]
mod mcp_subtrees;
#[path = "processes/packing.rs"]
mod packing;
#[path = "processes/replay.rs"]
mod replay;
#[path = "processes/retention.rs"]
mod retention;
#[path = "processes/screens.rs"]
mod screens;
#[path = "processes/server_deaths.rs"]
mod server_deaths;
#[path = "processes/server_memory.rs"]
mod server_memory;
#[path = "processes/starts.rs"]
mod starts;
#[path = "processes/stopping.rs"]
mod stopping;
#[path = "processes/stream.rs"]
mod stream;
#[path = "processes/tails.rs"]
mod tails;
#[path = "processes/tasks.rs"]
mod tasks;
#[path = "processes/terminal.rs"]
mod terminal;
#[path = "processes/transcripts.rs"]
mod transcripts;
#[path = "processes/tree.rs"]
mod tree;
#[path = "processes/trimming.rs"]
mod trimming;
#[path = "processes/tty.rs"]
mod tty;
#[path = "processes/versions.rs"]
mod versions;
#[path = "processes/vttest.rs"]
mod vttest;
#[path = "processes/websocket.rs"]
mod websocket;
#[path = "processes/wire.rs"]
mod wire;
#[path = "processes/worker.rs"]
mod worker;
