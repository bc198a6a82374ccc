//! What agents' hosts must be told to use the front: one entry in the configuration of each. Edits keep the rest of a file,
//! and a file that is not understood is left alone.

use std::env;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use axiom_client::sibling;
use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::here::Here;

/// The name that hosts know us by.
const NAME: &str = "axiom";

/// The largest file that is edited: a host's settings with years of history in them.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A program that hosts an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Host {
    /// Claude Code
    Claude,
    /// Codex CLI
    Codex,
    /// Gemini CLI
    Gemini,
}

/// What runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    command: String,
    home: String,
}

/// The entry for this program and this home.
///
/// # Errors
/// A path is no text, which a configuration must be.
pub(crate) fn entry(here: &Here) -> Result<Entry, Failure> {
    let program = sibling("axiom").map_err(|error| {
        Failure::own(format!("find our own programs: {error}"), "is /proc mounted?")
    })?;
    let text = |path: &Path| {
        path.to_str().map(str::to_owned).ok_or_else(|| {
            Failure::invalid(format!("{} is no UTF-8 text", path.display()), "use another folder")
        })
    };
    Ok(Entry { command: text(&program)?, home: text(here.home.path())? })
}

/// What a person would put in.
pub(crate) fn shown(host: Host, entry: &Entry) -> String {
    match host {
        Host::Claude | Host::Gemini => {
            let whole = json!({"mcpServers": {NAME: json_entry(host, entry)}});
            format!("{whole:#}\n")
        }
        Host::Codex => toml_entry(entry),
    }
}

/// Where a host looks.
///
/// # Errors
/// Nothing names a home folder.
pub(crate) fn usual_file(host: Host) -> Result<PathBuf, Failure> {
    let below = |variable: &str, folder: &str| match (env::var_os(variable), env::var_os("HOME")) {
        (Some(set), _) => Ok(PathBuf::from(set)),
        (None, Some(home)) => Ok(PathBuf::from(home).join(folder)),
        (None, None) => {
            Err(Failure::invalid("nothing names a home folder", "set HOME, or give --file"))
        }
    };
    match host {
        Host::Claude => Ok(below("CLAUDE_CONFIG_DIR", "")?.join(".claude.json")),
        Host::Codex => Ok(below("CODEX_HOME", ".codex")?.join("config.toml")),
        Host::Gemini => Ok(below("GEMINI_CLI_HOME", "")?.join(".gemini/settings.json")),
    }
}

/// Puts the entry into a file.
///
/// # Errors
/// It cannot be read, understood or written; then it is as it was.
pub(crate) fn write(host: Host, file: &Path, entry: &Entry) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::own(format!("{}: {error}", file.display()), "");
    // What is a link stays one: what it leads to is replaced.
    let file = &fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let old = match fs::metadata(file) {
        Ok(found) if found.len() > FILE_BYTES_MAX => {
            return Err(Failure::invalid(format!("{} is too large", file.display()), ""));
        }
        Ok(_) => fs::read_to_string(file).map_err(failed)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    let new = match host {
        Host::Claude | Host::Gemini => with_json(&old, &json_entry(host, entry)),
        Host::Codex => with_toml(&old, entry),
    };
    let new = new.map_err(|why| {
        let hint = "repair it, or put in what this prints without --write";
        Failure::invalid(format!("{}: {why}", file.display()), hint)
    })?;
    if new == old {
        return Ok(());
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    replace(file, &new).map_err(failed)
}

/// Writes beside it, then renames: whoever reads it sees the old or the new one. It may hold secrets.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    let mode = fs::metadata(file).map(|found| found.permissions());
    let mut new = fs::File::options().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = new.write_all(text.as_bytes()).and_then(|()| {
        if let Ok(mode) = mode {
            new.set_permissions(mode)?;
        }
        new.sync_all()?;
        fs::rename(&beside, file)
    });
    if written.is_err() {
        drop(fs::remove_file(&beside));
    }
    written
}

fn json_entry(host: Host, entry: &Entry) -> Value {
    let mut fields =
        json!({"command": entry.command, "args": ["mcp"], "env": {"AXIOM_HOME": entry.home}});
    match host {
        Host::Claude => fields["type"] = json!("stdio"),
        // Its own time for a call; a wait ends before.
        Host::Gemini => fields["timeout"] = json!(120_000),
        Host::Codex => {}
    }
    fields
}

fn toml_entry(entry: &Entry) -> String {
    let Entry { command, home } = entry;
    // JSON's quotes are TOML's.
    let quoted = |text: &str| json!(text).to_string();
    format!(
        "[mcp_servers.{NAME}]\ncommand = {}\nargs = [\"mcp\"]\nenv = {{ AXIOM_HOME = {} }}\ntool_timeout_sec = 120\n",
        quoted(command),
        quoted(home)
    )
}

/// The text with the entry in it. Pure.
fn with_json(old: &str, entry: &Value) -> Result<String, String> {
    let mut whole: Map<String, Value> = if old.trim().is_empty() {
        Map::new()
    } else {
        serde_json::from_str(old).map_err(|error| format!("this is no JSON object: {error}"))?
    };
    let servers = whole.entry("mcpServers").or_insert_with(|| json!({}));
    let Value::Object(servers) = servers else { return Err("mcpServers is no object".to_owned()) };
    if servers.get(NAME) == Some(entry) {
        return Ok(old.to_owned());
    }
    servers.insert(NAME.to_owned(), entry.clone());
    Ok(format!("{:#}\n", Value::Object(whole)))
}

/// The text with the entry in it: our table is replaced, or put at the end. Every other line stays as it is. Pure.
fn with_toml(old: &str, entry: &Entry) -> Result<String, String> {
    let whole: toml::Table = old.parse().map_err(|error| format!("this is no TOML: {error}"))?;
    let servers = whole.get("mcp_servers");
    if servers.is_some_and(|servers| !servers.is_table()) {
        return Err("mcp_servers is no table".to_owned());
    }
    let mut lines = Vec::new();
    let mut is_ours = false;
    for line in old.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with('[') {
            is_ours = names_us(trimmed);
        }
        if !is_ours {
            lines.push(line);
        }
    }
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    let mut new = lines.join("\n");
    if !new.is_empty() {
        new.push_str("\n\n");
    }
    new.push_str(&toml_entry(entry));
    // Written in a way that we did not see, it would be there twice.
    let read: toml::Table = new
        .parse()
        .map_err(|_| format!("it has {NAME} already, in another form: take that out first"))?;
    let same =
        whole.iter().all(|(key, value)| key == "mcp_servers" || read.get(key) == Some(value));
    let others = servers.and_then(toml::Value::as_table).into_iter().flatten();
    let kept = others.filter(|(name, _)| *name != NAME).all(|(name, value)| {
        read.get("mcp_servers").and_then(|servers| servers.get(name)) == Some(value)
    });
    if same && kept { Ok(new) } else { Err("it cannot be edited without harm".to_owned()) }
}

/// True for the header of our table and of those in it.
fn names_us(header: &str) -> bool {
    let inside = header.trim_start_matches('[').split(']').next().unwrap_or_default();
    let parts: Vec<&str> =
        inside.split('.').map(|part| part.trim().trim_matches(['"', '\''])).collect();
    parts.len() >= 2 && parts[0] == "mcp_servers" && parts[1] == NAME
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry { command: "/opt/axiom/bin/axiom".to_owned(), home: "/srv/me/\"odd\"".to_owned() }
    }

    #[test]
    fn json_keeps_everything_else_and_is_written_once() {
        let entry = json_entry(Host::Claude, &entry());
        let old = r#"{"projects": {"/x": {"n": 12345678901234}}, "mcpServers": {"other": {"command": "o"}, "axiom": 1}}"#;
        let new = with_json(old, &entry).unwrap();
        let read: Value = serde_json::from_str(&new).unwrap();
        assert_eq!(read["projects"]["/x"]["n"], json!(12_345_678_901_234_u64));
        assert_eq!(read["mcpServers"]["other"]["command"], "o");
        assert_eq!(read["mcpServers"]["axiom"], entry);
        assert_eq!(with_json(&new, &entry).unwrap(), new);
        assert!(with_json("", &entry).is_ok());
        for wrong in ["[1]", "{", r#"{"mcpServers": 3}"#] {
            assert!(with_json(wrong, &entry).is_err(), "{wrong}");
        }
    }

    #[test]
    fn toml_keeps_every_other_line() {
        let old = "# mine\nmodel = \"x\"   # here\n\n[mcp_servers.axiom]\ncommand = \"old\"\n[mcp_servers.axiom.env]\nA = \"1\"\n\n[mcp_servers.other]\ncommand = \"o\"\n";
        let new = with_toml(old, &entry()).unwrap();
        assert!(new.starts_with("# mine\nmodel = \"x\"   # here\n\n[mcp_servers.other]\ncommand = \"o\"\n\n[mcp_servers.axiom]\n"), "{new}");
        assert!(!new.contains("old"));
        assert_eq!(with_toml(&new, &entry()).unwrap(), new);
        let read: toml::Table = new.parse().unwrap();
        let home = read["mcp_servers"]["axiom"]["env"]["AXIOM_HOME"].as_str().unwrap();
        assert_eq!(home, "/srv/me/\"odd\"");
    }

    #[test]
    fn toml_in_a_form_that_is_not_seen_is_left_alone() {
        for old in [
            "mcp_servers = 3",
            "x =",
            "mcp_servers = { axiom = { command = \"x\" } }",
            "[mcp_servers]\naxiom = { command = \"x\" }",
        ] {
            assert!(with_toml(old, &entry()).is_err(), "{old}");
        }
    }

    #[test]
    fn a_file_that_is_a_link_stays_one_and_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt;
        let folder = env::temp_dir().join(format!("axiom-hosts-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (real, link) = (folder.join("real.json"), folder.join("link.json"));
        fs::write(&real, "{}").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write(Host::Gemini, &link, &entry()).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::read_to_string(&real).unwrap().contains("AXIOM_HOME"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
