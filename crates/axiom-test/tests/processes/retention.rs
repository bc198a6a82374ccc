//! Ended tasks go by themselves where the home says what is kept; nothing that runs, and nothing that has just ended.

use std::process::{Child, Command, Stdio};

use crate::lab::{EVENT_WAIT, Lab, wait_for_entry};

fn listed(lab: &Lab) -> Vec<String> {
    let tasks = lab.axiom(&["ps", "--all", "--json"]).ok().json()["tasks"].clone();
    let ids = tasks.as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap().to_owned());
    ids.collect()
}

/// A server that believes in another day. Ends with the lab's shutdown.
pub(crate) struct LaterServer(Child);

impl LaterServer {
    /// Kills the server and starts this one; none where the program for that is missing.
    pub(crate) fn start(lab: &Lab, days: u32) -> Option<Self> {
        if Command::new("faketime").arg("--version").output().is_err() {
            assert!(std::env::var_os("CI").is_none(), "faketime is not there");
            eprintln!("skipped: no faketime; type: cargo xtask provision");
            return None;
        }
        lab.kill_server();
        let socket = lab.home().join("run/axiom.sock");
        std::fs::remove_file(&socket).unwrap();
        let axiom = lab.command(&["serve"]);
        let mut later = Command::new("faketime");
        later.args(["--exclude-monotonic", "-f", &format!("+{days}d")]);
        later.arg(axiom.get_program()).args(axiom.get_args());
        for (name, value) in axiom.get_envs() {
            match value {
                Some(value) => later.env(name, value),
                None => later.env_remove(name),
            };
        }
        let mut server = later.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for_entry(&socket, &mut || server.try_wait().unwrap().is_some());
        Some(Self(server))
    }
}

impl Drop for LaterServer {
    fn drop(&mut self) {
        // Where the test went well the server has ended, and its clock cleans up after itself.
        if std::thread::panicking() {
            let _ended_already = self.0.kill();
        }
        let _status_nobody_asks_for = self.0.wait();
    }
}

fn wait_for_list(lab: &Lab, expected: &[&String]) {
    let deadline = std::time::Instant::now() + EVENT_WAIT;
    loop {
        let listed = listed(lab);
        if listed.iter().eq(expected.iter().copied()) {
            return;
        }
        let now = std::time::Instant::now();
        assert!(now < deadline, "waited in vain for {expected:?}; there are {listed:?}");
    }
}

#[test]
fn the_oldest_ended_tasks_go_and_what_runs_stays() {
    let lab = Lab::new();
    std::fs::write(lab.home().join("config.toml"), "[keep]\ntasks = 2\n").unwrap();
    let runs = lab.spawn(&["--", "sh", "-c", "read go"]);
    let ended: Vec<String> = (0..4)
        .map(|_| {
            let id = lab.spawn(&["--", "true"]);
            assert_eq!(lab.wait(&[&id]).code(), 0);
            id
        })
        .collect();
    let all = [std::slice::from_ref(&runs), &ended].concat();
    assert_eq!(listed(&lab), all, "who has just ended stays a minute");
    let server = LaterServer::start(&lab, 1);
    if server.is_some() {
        wait_for_list(&lab, &[&runs, &ended[2], &ended[3]]);
        let folders = std::fs::read_dir(lab.home().join("tasks")).unwrap().count();
        assert_eq!(folders, 3, "nothing of them is left");
    }
    lab.shut_down();
}

#[test]
fn tasks_go_when_they_are_too_old_and_not_before() {
    let lab = Lab::new();
    std::fs::write(lab.home().join("config.toml"), "[keep]\ndays = 30\n").unwrap();
    let id = lab.spawn(&["--", "true"]);
    assert_eq!(lab.wait(&[&id]).code(), 0);
    let server = LaterServer::start(&lab, 29);
    assert_eq!(listed(&lab), [id.as_str()]);
    if server.is_some() {
        let later = LaterServer::start(&lab, 31);
        wait_for_list(&lab, &[]);
        lab.shut_down();
        drop((server, later));
    } else {
        lab.shut_down();
    }
}
