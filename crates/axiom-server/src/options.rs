//! What a server is told: defaults, then config.toml, then `AXIOM_*`, then flags. Read and checked once.
//! Refuses unknown keys and values out of range, each by its name.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use serde::Deserialize;
use thiserror::Error;

use crate::home::{Home, HomeError};
use crate::network::NetworkPort;
use crate::packing::PACK_AFTER;
use crate::retention::Keep;
use crate::subtrees::{Reach, SubtreeLimits};
use crate::surroundings::Surroundings;
use crate::trimming::KeepOfSession;

/// The largest config.toml: a few keys and a page of comments are far below it.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// A year: more is meant as `off`.
const PACK_AFTER_SECONDS_MAX: u64 = 366 * 24 * 3_600;

/// The longest that a call waits where nobody says: some of those who make calls give up after a minute.
const WAIT_MAX: Duration = Duration::from_secs(50);

/// A day: no program that calls waits longer for an answer.
const WAIT_SECONDS_MAX: u64 = 24 * 3_600;

/// Why a server cannot be told what to do.
#[derive(Debug, Error)]
pub enum OptionsError {
    /// No home.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// config.toml cannot be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// config.toml is wrong.
    #[error("{} is not understood: {source}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Where, and why.
        source: toml::de::Error,
    },
    /// A value is wrong.
    #[error("{name} is {text:?}: {expected}")]
    Value {
        /// Which one.
        name: String,
        /// What was given.
        text: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The process cannot say where it is.
    #[error("failed to look at this process")]
    Process(#[source] io::Error),
}

/// Whether tasks get a cgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CgroupUse {
    /// Where the machine allows it.
    Auto,
    /// Never: process trees are walked.
    Off,
}

/// Whether tasks get less of the processors than we do while both want them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildPriority {
    /// Less, by the means that counts on the machine.
    Lower,
    /// As much.
    Same,
}

/// Where our other programs are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// `axiom-holder`.
    pub holder: PathBuf,
    /// `axiom-worker`.
    pub worker: PathBuf,
}

impl Programs {
    /// Those in the folder of the program that runs. Asked at start: later the program may have been replaced.
    ///
    /// # Errors
    /// `/proc` is not there.
    pub fn beside_this_one() -> Result<Self, OptionsError> {
        let this = std::env::current_exe().map_err(OptionsError::Process)?;
        let folder = this.parent().unwrap_or(Path::new("/"));
        Ok(Self { holder: folder.join("axiom-holder"), worker: folder.join("axiom-worker") })
    }
}

/// All that a server is told.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where everything lies.
    pub home: Home,
    /// More tasks than this wait as `queued`.
    pub max_tasks: Option<u32>,
    /// Below so much free disk, readers pause and spawns are refused; a share of the disk where absent.
    pub disk_min_free_bytes: Option<u64>,
    /// Cgroups or not.
    pub cgroup: CgroupUse,
    /// How tasks stand beside us.
    pub child_priority: ChildPriority,
    /// How long after its output filled it a journal's segment is packed; never where absent.
    pub pack_after: Option<Duration>,
    /// What is kept of ended tasks.
    pub keep: Keep,
    /// What is kept of each session, ended or not.
    pub keep_of_session: KeepOfSession,
    /// What those that ask from within tasks may.
    pub subtree_limits: SubtreeLimits,
    /// The longest that a face holds a call which waits.
    pub wait_max: Duration,
    /// The loopback port.
    pub network_port: NetworkPort,
    /// Our other programs.
    pub programs: Programs,
    /// What children inherit.
    pub surroundings: Surroundings,
}

/// config.toml.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    max_tasks: Option<i64>,
    disk_min_free: Option<toml::Value>,
    network_port: Option<toml::Value>,
    child_priority: Option<String>,
    pack_after: Option<toml::Value>,
    wait_max: Option<toml::Value>,
    #[serde(default)]
    keep: KeepConfig,
    #[serde(default)]
    subtree: SubtreeConfig,
}

/// `[keep]` of config.toml.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeepConfig {
    tasks: Option<toml::Value>,
    bytes: Option<toml::Value>,
    days: Option<toml::Value>,
    session_bytes: Option<toml::Value>,
    session_days: Option<toml::Value>,
}

/// `[subtree]` of config.toml.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct SubtreeConfig {
    reach: Option<toml::Value>,
    depth: Option<toml::Value>,
    tasks: Option<toml::Value>,
    spawns_per_minute: Option<toml::Value>,
}

impl Options {
    /// Puts everything together. `home` and `max_tasks` are the flags.
    ///
    /// # Errors
    /// [`OptionsError`] names the key, variable or file.
    pub fn load(home: Option<PathBuf>, max_tasks: Option<u32>) -> Result<Self, OptionsError> {
        let home = match home {
            Some(path) => Home::at(&path)?,
            None => Home::from_environment()?,
        };
        let config = read_config(&home.config())?;
        let (keep, keep_of_session) = choose_keep(&config.keep)?;
        Ok(Self {
            max_tasks: choose_max_tasks(&config, max_tasks)?,
            disk_min_free_bytes: choose_disk_min_free(&config, variable("AXIOM_DISK_MIN_FREE"))?,
            cgroup: choose_cgroup(variable("AXIOM_CGROUP"))?,
            child_priority: choose_child_priority(&config, variable("AXIOM_CHILD_PRIORITY"))?,
            pack_after: choose_pack_after(&config, variable("AXIOM_PACK_AFTER"))?,
            keep,
            keep_of_session,
            subtree_limits: choose_subtree_limits(&config.subtree)?,
            wait_max: choose_wait_max(&config, variable("AXIOM_WAIT_MAX"))?,
            network_port: choose_network_port(&config, variable("AXIOM_NETWORK_PORT"))?,
            programs: Programs::beside_this_one()?,
            surroundings: Surroundings::of_this_process().map_err(OptionsError::Process)?,
            home,
        })
    }
}

fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name)?;
    Some(value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
}

fn read_config(path: &Path) -> Result<Config, OptionsError> {
    let refused = |source| OptionsError::Read { path: path.to_owned(), source };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Config::default()),
        Err(error) => return Err(refused(error)),
        Ok(meta) if meta.len() > CONFIG_BYTES_MAX => {
            return Err(refused(io::ErrorKind::FileTooLarge.into()));
        }
        Ok(_) => {}
    }
    let text = fs::read_to_string(path).map_err(refused)?;
    toml::from_str(&text).map_err(|source| OptionsError::Config { path: path.to_owned(), source })
}

fn choose_max_tasks(config: &Config, flag: Option<u32>) -> Result<Option<u32>, OptionsError> {
    let (name, number) = match (flag, config.max_tasks) {
        (Some(flag), _) => ("--max-tasks", i64::from(flag)),
        (None, Some(number)) => ("max_tasks", number),
        (None, None) => return Ok(None),
    };
    match u32::try_from(number) {
        Ok(number) if number > 0 => Ok(Some(number)),
        Ok(_) | Err(_) => Err(OptionsError::Value {
            name: name.to_owned(),
            text: number.to_string(),
            expected: "a number of tasks, at least 1",
        }),
    }
}

fn choose_disk_min_free(
    config: &Config,
    variable: Option<String>,
) -> Result<Option<u64>, OptionsError> {
    let (name, text) = match (variable, &config.disk_min_free) {
        (Some(text), _) => ("AXIOM_DISK_MIN_FREE", text),
        (None, Some(value)) => ("disk_min_free", as_written(value)),
        (None, None) => return Ok(None),
    };
    match parse_bytes(&text) {
        Some(bytes) => Ok(Some(bytes)),
        None => Err(OptionsError::Value {
            name: name.to_owned(),
            text,
            expected: "a number of bytes, with k, M, G or T for powers of 1024",
        }),
    }
}

fn choose_cgroup(variable: Option<String>) -> Result<CgroupUse, OptionsError> {
    match variable.as_deref() {
        None | Some("auto") => Ok(CgroupUse::Auto),
        Some("off") => Ok(CgroupUse::Off),
        Some(other) => Err(OptionsError::Value {
            name: "AXIOM_CGROUP".to_owned(),
            text: other.to_owned(),
            expected: "auto or off",
        }),
    }
}

fn choose_child_priority(
    config: &Config,
    variable: Option<String>,
) -> Result<ChildPriority, OptionsError> {
    let (name, text) = match (variable, &config.child_priority) {
        (Some(text), _) => ("AXIOM_CHILD_PRIORITY", text),
        (None, Some(text)) => ("child_priority", text.clone()),
        (None, None) => return Ok(ChildPriority::Lower),
    };
    match text.as_str() {
        "lower" => Ok(ChildPriority::Lower),
        "same" => Ok(ChildPriority::Same),
        _other => {
            let (name, expected) = (name.to_owned(), "lower or same");
            Err(OptionsError::Value { name, text, expected })
        }
    }
}

fn choose_pack_after(
    config: &Config,
    variable: Option<String>,
) -> Result<Option<Duration>, OptionsError> {
    let (name, text) = match (variable, &config.pack_after) {
        (Some(text), _) => ("AXIOM_PACK_AFTER", text),
        (None, Some(value)) => ("pack_after", as_written(value)),
        (None, None) => return Ok(Some(PACK_AFTER)),
    };
    if text == "off" {
        return Ok(None);
    }
    match text.parse() {
        Ok(seconds) if seconds <= PACK_AFTER_SECONDS_MAX => Ok(Some(Duration::from_secs(seconds))),
        Ok(_) | Err(_) => {
            let expected = "a number of seconds, at most a year, or off";
            Err(OptionsError::Value { name: name.to_owned(), text, expected })
        }
    }
}

fn choose_keep(config: &KeepConfig) -> Result<(Keep, KeepOfSession), OptionsError> {
    let chosen = |name: &str, value: &Option<toml::Value>, (parse, expected): Parse| {
        let Some(value) = value else { return Ok(None) };
        let text = as_written(value);
        let name = format!("keep.{name}");
        parse(&text).map(Some).ok_or(OptionsError::Value { name, text, expected })
    };
    let bytes: Parse = (parse_bytes, "a number of bytes, with k, M, G or T for powers of 1024");
    let whole: Parse = (|text| text.parse().ok(), "a whole number, at least 0");
    let keep = Keep {
        tasks: chosen("tasks", &config.tasks, whole)?,
        bytes: chosen("bytes", &config.bytes, bytes)?,
        days: chosen("days", &config.days, whole)?,
    };
    let of_session = KeepOfSession {
        bytes: chosen("session_bytes", &config.session_bytes, bytes)?,
        days: chosen("session_days", &config.session_days, whole)?,
    };
    Ok((keep, of_session))
}

fn choose_subtree_limits(config: &SubtreeConfig) -> Result<SubtreeLimits, OptionsError> {
    let usual = SubtreeLimits::default();
    let number = |name: &str, value: &Option<toml::Value>, usual: u32| {
        let Some(value) = value else { return Ok(usual) };
        let text = as_written(value);
        let name = format!("subtree.{name}");
        let expected = "a whole number, at least 1";
        let parsed = text.parse().ok().filter(|number| *number > 0);
        parsed.ok_or(OptionsError::Value { name, text, expected })
    };
    let reach = match config.reach.as_ref().map(as_written).as_deref() {
        None => usual.reach,
        Some("subtree") => Reach::Subtree,
        Some("home") => Reach::Home,
        Some(other) => {
            let (name, text) = ("subtree.reach".to_owned(), other.to_owned());
            return Err(OptionsError::Value { name, text, expected: "subtree or home" });
        }
    };
    Ok(SubtreeLimits {
        reach,
        depth_max: number("depth", &config.depth, usual.depth_max)?,
        tasks_max: number("tasks", &config.tasks, usual.tasks_max)?,
        spawns_per_minute: number(
            "spawns_per_minute",
            &config.spawns_per_minute,
            usual.spawns_per_minute,
        )?,
    })
}

fn choose_wait_max(config: &Config, variable: Option<String>) -> Result<Duration, OptionsError> {
    let (name, text) = match (variable, &config.wait_max) {
        (Some(text), _) => ("AXIOM_WAIT_MAX", text),
        (None, Some(value)) => ("wait_max", as_written(value)),
        (None, None) => return Ok(WAIT_MAX),
    };
    match text.parse() {
        Ok(seconds) if (1..=WAIT_SECONDS_MAX).contains(&seconds) => {
            Ok(Duration::from_secs(seconds))
        }
        Ok(_) | Err(_) => {
            let expected = "a number of seconds, from 1 to a day's";
            Err(OptionsError::Value { name: name.to_owned(), text, expected })
        }
    }
}

/// How a value is read, and what it may be.
type Parse = (fn(&str) -> Option<u64>, &'static str);

fn choose_network_port(
    config: &Config,
    variable: Option<String>,
) -> Result<NetworkPort, OptionsError> {
    let (name, text) = match (variable, &config.network_port) {
        (Some(text), _) => ("AXIOM_NETWORK_PORT", text),
        (None, Some(toml::Value::String(text))) => ("network_port", text.clone()),
        (None, Some(toml::Value::Integer(port))) => ("network_port", port.to_string()),
        (None, Some(value)) => ("network_port", format!("a {}", value.type_str())),
        (None, None) => return Ok(NetworkPort::default()),
    };
    NetworkPort::parse(&text).ok_or_else(|| OptionsError::Value {
        name: name.to_owned(),
        text,
        expected: "a port from 1 to 65535, or off",
    })
}

/// A text or a whole number as text; anything else by its type, which no number is.
fn as_written(value: &toml::Value) -> String {
    let number = || value.as_integer().map(|number| number.to_string());
    let text = value.as_str().map(str::to_owned).or_else(number);
    text.unwrap_or_else(|| format!("a {}", value.type_str()))
}

/// `1048576`, `1024k`, `1M`, `1MiB`.
fn parse_bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let power = match &text[digits.len()..] {
        "" | "B" => 0,
        "k" | "K" | "KiB" => 1,
        "M" | "MiB" => 2,
        "G" | "GiB" => 3,
        "T" | "TiB" => 4,
        _unknown => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1024_u64.pow(power))
}

#[cfg(test)]
impl Options {
    /// Of a home in which nothing is started.
    pub(crate) fn for_tests(home: Home) -> Self {
        Self {
            home,
            max_tasks: None,
            disk_min_free_bytes: None,
            cgroup: CgroupUse::Off,
            child_priority: ChildPriority::Same,
            pack_after: None,
            keep: Keep::default(),
            keep_of_session: KeepOfSession::default(),
            subtree_limits: SubtreeLimits::default(),
            wait_max: WAIT_MAX,
            network_port: NetworkPort::Off,
            programs: Programs { holder: "/none".into(), worker: "/none".into() },
            surroundings: Surroundings::of_this_process().expect("this process has surroundings"),
        }
    }
}

#[cfg(test)]
mod tests;
