//! What settings may be, and that the documented ones are all there are.

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
    let text = include_str!("../../../../docs/config.md");
    let (_, rest) = text.split_once("```toml\n").unwrap();
    let written = config(rest.split_once("```").unwrap().0);
    let Config {
        max_tasks,
        disk_min_free,
        network_port,
        child_priority,
        pack_after,
        wait_max,
        keep,
        subtree,
    } = &written;
    assert!(wait_max.is_some());
    let SubtreeConfig { reach, depth, tasks, spawns_per_minute } = subtree;
    assert!(reach.is_some() && depth.is_some() && tasks.is_some());
    assert!(spawns_per_minute.is_some());
    assert_eq!(choose_subtree_limits(subtree).unwrap(), SubtreeLimits::default());
    assert_eq!(choose_wait_max(&written, None).unwrap(), WAIT_MAX);
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
fn what_tasks_may_spawn_is_said_in_numbers_and_how_far_they_reach_in_a_word() {
    let limits = |text: &str| {
        choose_subtree_limits(&config(text).subtree).map_err(|error| error.to_string())
    };
    assert_eq!(limits(""), Ok(SubtreeLimits::default()));
    let read = limits("[subtree]\nreach = \"home\"\ndepth = 2\ntasks = 3\nspawns_per_minute = 4");
    let (depth_max, tasks_max, spawns_per_minute) = (2, 3, 4);
    let expected = SubtreeLimits { reach: Reach::Home, depth_max, tasks_max, spawns_per_minute };
    assert_eq!(read, Ok(expected));
    for text in ["reach = \"all\"", "depth = 0", "tasks = \"many\"", "spawns_per_minute = -1"] {
        let refused = limits(&format!("[subtree]\n{text}")).unwrap_err();
        assert!(refused.starts_with("subtree."), "{refused}");
    }
}

#[test]
fn a_wait_has_its_bound() {
    let chosen = |text: &str| choose_wait_max(&config(text), None).ok();
    assert_eq!(chosen("wait_max = 300"), Some(Duration::from_secs(300)));
    assert_eq!(chosen("wait_max = 0"), None);
    assert_eq!(chosen("wait_max = 100000"), None);
    let variable = choose_wait_max(&config("wait_max = 300"), Some("2".to_owned()));
    assert_eq!(variable.unwrap(), Duration::from_secs(2));
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
