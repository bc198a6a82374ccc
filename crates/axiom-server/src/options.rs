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
use crate::surroundings::Surroundings;
use crate::trimming::KeepOfSession;

/// The largest config.toml: a few keys and a page of comments are far below it.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// A year: more is meant as `off`.
const PACK_AFTER_SECONDS_MAX: u64 = 366 * 24 * 3_600;

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
    #[serde(default)]
    keep: KeepConfig,
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
            network_port: NetworkPort::Off,
            programs: Programs { holder: "/none".into(), worker: "/none".into() },
            surroundings: Surroundings::of_this_process().expect("this process has surroundings"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn later_words_win() {
        let config = config("max_tasks = 4\ndisk_min_free = \"2M\"");
        assert_eq!(choose_max_tasks(&config, None).unwrap(), Some(4));
        assert_eq!(choose_max_tasks(&config, Some(2)).unwrap(), Some(2));
        assert_eq!(choose_disk_min_free(&config, None).unwrap(), Some(2 << 20));
        let variable = Some("5".to_owned());
        assert_eq!(choose_disk_min_free(&config, variable).unwrap(), Some(5));
        assert_eq!(choose_max_tasks(&Config::default(), None).unwrap(), None);
    }

    #[test]
    fn wrong_values_are_refused_by_name() {
        let refused = choose_max_tasks(&config("max_tasks = 0"), None).unwrap_err();
        assert_eq!(refused.to_string(), "max_tasks is \"0\": a number of tasks, at least 1");
        for text in ["disk_min_free = -1", "disk_min_free = \"many\"", "disk_min_free = true"] {
            let refused = choose_disk_min_free(&config(text), None).unwrap_err();
            assert!(refused.to_string().starts_with("disk_min_free is"), "{refused}");
        }
        assert!(choose_cgroup(Some("maybe".to_owned())).is_err());
    }

    #[test]
    fn segments_are_packed_after_a_while_unless_it_is_said_otherwise() {
        let cases = [
            (Config::default(), None, Some(PACK_AFTER)),
            (config("pack_after = 5"), None, Some(Duration::from_secs(5))),
            (config("pack_after = \"off\""), None, None),
            (config("pack_after = \"off\""), Some("0"), Some(Duration::ZERO)),
        ];
        for (config, variable, expected) in cases {
            let variable = variable.map(str::to_owned);
            assert_eq!(choose_pack_after(&config, variable).unwrap(), expected, "{config:?}");
        }
        for text in ["-1", "soon", "99999999999", "1.5"] {
            let refused = choose_pack_after(&Config::default(), Some(text.to_owned())).unwrap_err();
            assert!(refused.to_string().contains("or off"), "{refused}");
        }
    }

    #[test]
    fn the_documented_settings_are_all_there_are() {
        let text = include_str!("../../../docs/config.md");
        let (_, rest) = text.split_once("```toml\n").unwrap();
        let written = config(rest.split_once("```").unwrap().0);
        let Config { max_tasks, disk_min_free, network_port, child_priority, pack_after, keep } =
            &written;
        assert!(max_tasks.is_some() && disk_min_free.is_some() && network_port.is_some());
        assert!(child_priority.is_some() && pack_after.is_some());
        let (kept, of_session) = choose_keep(keep).unwrap();
        assert!(kept.tasks.is_some() && kept.bytes.is_some() && kept.days.is_some());
        assert!(of_session.bytes.is_some() && of_session.days.is_some());
        assert_eq!(choose_max_tasks(&written, None).unwrap(), Some(100));
        assert_eq!(choose_disk_min_free(&written, None).unwrap(), Some(2 << 30));
        assert_eq!(choose_pack_after(&written, None).unwrap(), Some(PACK_AFTER));
        assert_eq!(choose_child_priority(&written, None).unwrap(), ChildPriority::Lower);
        assert!(choose_network_port(&written, None).is_ok());
    }

    #[test]
    fn what_is_kept_is_said_in_numbers() {
        let keep = |text: &str| choose_keep(&config(text).keep).map_err(|error| error.to_string());
        assert_eq!(keep(""), Ok((Keep::default(), KeepOfSession::default())));
        let (of_tasks, of_session) =
            keep("[keep]\ntasks = 100\nbytes = \"2G\"\ndays = 30\nsession_bytes = \"1G\"").unwrap();
        assert_eq!(of_tasks, Keep { tasks: Some(100), bytes: Some(2 << 30), days: Some(30) });
        assert_eq!(of_session, KeepOfSession { bytes: Some(1 << 30), days: None });
        for text in
            ["tasks = -1", "days = \"soon\"", "bytes = true", "tasks = 1.5", "session_days = -2"]
        {
            let refused = keep(&format!("[keep]\n{text}")).unwrap_err();
            assert!(refused.starts_with("keep."), "{refused}");
        }
        assert!(toml::from_str::<Config>("[keep]\nhours = 3").is_err());
    }

    #[test]
    fn tasks_stand_lower_unless_it_is_said_otherwise() {
        let same = config("child_priority = \"same\"");
        let cases = [
            (Config::default(), None, ChildPriority::Lower),
            (config("child_priority = \"lower\""), None, ChildPriority::Lower),
            (config("child_priority = \"same\""), None, ChildPriority::Same),
            (config("child_priority = \"lower\""), Some("same"), ChildPriority::Same),
        ];
        for (config, variable, expected) in cases {
            let variable = variable.map(str::to_owned);
            assert_eq!(choose_child_priority(&config, variable).unwrap(), expected, "{config:?}");
        }
        let refused = choose_child_priority(&same, Some("higher".to_owned())).unwrap_err();
        assert_eq!(refused.to_string(), "AXIOM_CHILD_PRIORITY is \"higher\": lower or same");
    }

    #[test]
    fn the_port_is_what_the_environment_says_before_the_file() {
        let written = config("network_port = 8000");
        let port = |config: &Config, variable: Option<&str>| {
            choose_network_port(config, variable.map(str::to_owned)).map_err(|e| e.to_string())
        };
        assert_eq!(port(&written, None), Ok(NetworkPort::Fixed(8000)));
        assert_eq!(port(&written, Some("off")), Ok(NetworkPort::Off));
        assert_eq!(port(&config("network_port = \"off\""), None), Ok(NetworkPort::Off));
        assert_eq!(port(&Config::default(), None), Ok(NetworkPort::Free));
        let refused = port(&config("network_port = 70000"), None).unwrap_err();
        assert_eq!(refused, "network_port is \"70000\": a port from 1 to 65535, or off");
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, "max_tasks = 1\nmax_task = 2\n").unwrap();
        let refused = read_config(&path).unwrap_err().to_string();
        assert!(refused.contains("config.toml") && refused.contains("line 2"), "{refused}");
        assert_eq!(read_config(&folder.path().join("absent")).unwrap(), Config::default());
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        let sizes = [("0", 0), ("10", 10), ("3k", 3072), ("1GiB", 1 << 30), ("2T", 2 << 40)];
        for (text, bytes) in sizes {
            assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        }
        for text in ["", "k", "1.5G", "-1", "1X", "99999999999999T"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
    }
}
