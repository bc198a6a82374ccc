//! Completions in the shells themselves: a person types the beginning of a task and presses tab.

use std::process::Command;

use crate::lab::Lab;
use crate::tty::Seat;

/// A name that no shell takes as it is.
const ODD_NAME: &str = "web server:8080";

/// A lab with a task of that name, and the beginning of its id.
fn lab_with_a_task() -> (Lab, String) {
    let lab = Lab::new();
    let id = lab.spawn(&["-n", ODD_NAME, "--", "sleep", "600"]);
    (lab, id[..8].to_owned())
}

/// A shell without anybody's settings, with `axiom` on its path.
fn shell(lab: &Lab, program: &str, args: &[&str]) -> Command {
    let plain = lab.command::<&str>(&[]);
    let folder = std::path::Path::new(plain.get_program()).parent().unwrap().to_owned();
    let mut command = Command::new(program);
    command.args(args);
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", folder.display()));
    command.env("HOME", lab.home()).env("PS1", "ready> ").env("LC_ALL", "C.UTF-8");
    command
}

/// Types what completes to the odd name and to an id, and lets the shell itself say what words it read.
fn complete_in(mut seat: Seat, id: &str) {
    for (typed, word) in [("web", ODD_NAME), (&id[..6], id)] {
        seat.type_text(&format!("axiom show {typed}\t"));
        let shown = if word == id { id.to_owned() } else { r"web\ server".to_owned() };
        seat.wait_for(&shown);
        // To the line's beginning, where `axiom show` gives way to what prints each of its words.
        seat.type_text("\u{1}printf '<%s>' \r");
        seat.wait_for(&format!("<axiom><show><{word}>"));
    }
    seat.type_text("exit\r");
    seat.wait_for_exit();
}

#[test]
fn bash_completes_an_id_and_a_name_that_needs_quoting() {
    let (lab, id) = lab_with_a_task();
    let mut seat = Seat::open(shell(&lab, "bash", &["--norc", "--noprofile", "-i"]));
    seat.type_text(
        "bind 'set bell-style none'; source <(axiom completions bash); echo so\"\"urced\r",
    );
    seat.wait_for("sourced");
    complete_in(seat, &id);
    lab.shut_down();
}

#[test]
fn zsh_completes_an_id_and_a_name_that_needs_quoting() {
    let (lab, id) = lab_with_a_task();
    let mut seat = Seat::open(shell(&lab, "zsh", &["-f", "-i"]));
    seat.type_text(
        "bindkey -e; autoload -U compinit; compinit -u -D; source <(axiom completions zsh); echo so\"\"urced\r",
    );
    seat.wait_for("sourced");
    complete_in(seat, &id);
    lab.shut_down();
}

#[test]
fn fish_completes_an_id_and_a_name_that_needs_quoting() {
    let (lab, id) = lab_with_a_task();
    for (typed, word) in [("web", ODD_NAME), (&id[..6], &*id)] {
        let script = format!("axiom completions fish | source; complete -C 'axiom show {typed}'");
        let output = shell(&lab, "fish", &["--no-config", "-c", &script]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let offered = text.lines().any(|line| line.split('\t').next() == Some(word));
        assert!(offered, "{word}: {output:?}");
    }
    lab.shut_down();
}

#[test]
fn states_are_offered_where_a_state_is_meant() {
    let (lab, _id) = lab_with_a_task();
    let script = "axiom completions fish | source; complete -C 'axiom ps --status s'";
    let output = shell(&lab, "fish", &["--no-config", "-c", script]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    for status in ["starting", "suspended", "stopping", "succeeded", "stopped"] {
        assert!(text.lines().any(|line| line.starts_with(status)), "{status} in {output:?}");
    }
    lab.shut_down();
}
