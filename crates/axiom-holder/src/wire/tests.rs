//! The bytes: what they are, that they come back, and that no others do harm.

use super::*;

fn process(name: &[u8]) -> Process {
    Process { pid: 7, ppid: 1, start_ticks: u64::MAX, state: b'S', name: name.to_vec() }
}

fn grant() -> Grant {
    Grant {
        version: VERSION,
        epoch: 3,
        started_mono_ns: 5,
        started_unix_us: 6,
        mode: Mode::Terminal { cols: 80, rows: 24 },
        launched: Launched::Child { pid: 77 },
        exit: Some(-1),
        orderly: true,
        cgroup: Some("/c".into()),
        holder_pid: 76,
        task: "t1".into(),
        options: b"{}".to_vec(),
        input_open: false,
    }
}

fn asks() -> Vec<Ask> {
    vec![
        Ask::Signal { signal: 15, scope: Scope::Child },
        Ask::Signal { signal: -3, scope: Scope::Tree },
        Ask::Freeze,
        Ask::Thaw { keep_stopped: vec![1, 2, u32::MAX] },
        Ask::Kill,
        Ask::Tree,
        Ask::CloseInput,
    ]
}

fn replies() -> Vec<Reply> {
    vec![
        Reply::Done,
        Reply::Frozen { by: Means::Cgroup, already_stopped: Vec::new() },
        Reply::Frozen { by: Means::Signals, already_stopped: vec![4, 5] },
        Reply::Killed { left: vec![process(b"sh"), process(b"")] },
        Reply::Tree { processes: vec![process(b"a) b")], truncated: true },
        Reply::Failed { errno: 38 },
    ]
}

fn to_worker() -> Vec<ToWorker> {
    let failed = Launched::Failed { stage: Stage::Cwd, errno: 2 };
    let other = Grant {
        mode: Mode::Pipes,
        launched: failed,
        exit: None,
        orderly: false,
        cgroup: None,
        input_open: true,
        ..grant()
    };
    let fixed = [
        ToWorker::Grant(grant()),
        ToWorker::Grant(other),
        ToWorker::Exited { status: 256 },
        ToWorker::Retire,
    ];
    let replies = replies().into_iter().map(|reply| ToWorker::Reply { request: 9, reply });
    fixed.into_iter().chain(replies).collect()
}

fn to_holder() -> Vec<ToHolder> {
    let asks = asks().into_iter().map(|ask| ToHolder::Ask { request: u32::MAX, ask });
    [ToHolder::Ready, ToHolder::Done].into_iter().chain(asks).collect()
}

fn control() -> Vec<Control> {
    let fixed = [Control::Version, Control::Status, Control::Replace, Control::Shutdown];
    let asks = asks().into_iter().map(|ask| Control::Ask { request: 0, ask });
    fixed.into_iter().chain(asks).collect()
}

fn control_replies() -> Vec<ControlReply> {
    let fixed = [
        ControlReply::Version(1),
        ControlReply::Status { epoch: 2, worker: Some(3), child: None, exited: true },
        ControlReply::Replaced { epoch: u64::MAX },
        ControlReply::Refused { errno: 16 },
    ];
    let replies = replies().into_iter().map(|reply| ControlReply::Reply { request: 1, reply });
    fixed.into_iter().chain(replies).collect()
}

fn spec() -> LaunchSpec {
    LaunchSpec {
        task: "0123456789abcdef".into(),
        folder: "/home/s".into(),
        worker: "/bin/axiom-worker".into(),
        args: vec![b"sh".to_vec(), b"".to_vec(), b"\xff".to_vec()],
        env: vec![b"A=1".to_vec(), b"nameless".to_vec()],
        cwd: "/".into(),
        mode: Mode::Terminal { cols: 1, rows: 2 },
        umask: 0o22,
        cgroup: Some("/sys/c".into()),
        priority: Priority::Autogroup,
        options: b"{}".to_vec(),
    }
}

/// Checks one kind of packet: it comes back, whole only, with anything after it, and no flipped bit
/// is a panic.
fn check<T: std::fmt::Debug + PartialEq>(
    value: &T,
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, WireError>,
) {
    assert!(bytes.len() <= PACKET_BYTES_MAX);
    assert_eq!(&decode(bytes).unwrap(), value);
    for len in 0..bytes.len() {
        let short = decode(&bytes[..len]);
        assert!(matches!(short, Err(WireError::Short { .. })), "cut at {len}: {short:?}");
    }
    let longer = [bytes, b"from a later version"].concat();
    assert_eq!(&decode(&longer).unwrap(), value, "what follows is ignored");
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        // Whatever it says, it says it in order.
        drop(decode(&flipped));
    }
}

#[test]
fn every_packet_comes_back_and_none_that_is_cut_or_flipped_does_harm() {
    for packet in to_worker() {
        check(&packet, &packet.encode(), ToWorker::decode);
    }
    for packet in to_holder() {
        check(&packet, &packet.encode(), ToHolder::decode);
    }
    for packet in control() {
        check(&packet, &packet.encode(), Control::decode);
    }
    for packet in control_replies() {
        check(&packet, &packet.encode(), ControlReply::decode);
    }
}

#[test]
fn the_bytes_of_version_one_are_these_for_ever() {
    let grant = ToWorker::Grant(grant()).encode();
    let expected = [
        &[1, 0, 0, 0][..],                // grant
        &[1, 0],                          // version
        &[3, 0, 0, 0, 0, 0, 0, 0],        // epoch
        &[5, 0, 0, 0, 0, 0, 0, 0],        // started, monotonic ns
        &[6, 0, 0, 0, 0, 0, 0, 0],        // started, unix us
        &[1, 80, 0, 24, 0],               // terminal, columns, rows
        &[1, 77, 0, 0, 0, 0, 0, 0, 0, 0], // child, pid, no stage, no error
        &[1, 255, 255, 255, 255],         // exit known, status
        &[1],                             // orderly
        &[1, 2, 0, 0, 0, b'/', b'c'],     // cgroup
        &[76, 0, 0, 0],                   // holder's pid
        &[2, 0, 0, 0, b't', b'1'],        // task
        &[2, 0, 0, 0, b'{', b'}'],        // options
        &[0],                             // input not open
    ]
    .concat();
    assert_eq!(grant, expected);
    let ask = ToHolder::Ask { request: 2, ask: Ask::Signal { signal: 15, scope: Scope::Tree } };
    assert_eq!(ask.encode(), [18, 0, 0, 0, 2, 0, 0, 0, 1, 15, 0, 0, 0, 2]);
    let keep = Ask::Thaw { keep_stopped: vec![258] };
    let thaw = Control::Ask { request: 1, ask: keep };
    assert_eq!(thaw.encode(), [35, 0, 0, 0, 1, 0, 0, 0, 3, 1, 0, 0, 0, 2, 1, 0, 0]);
    let left = Reply::Killed { left: vec![process(b"sh")] };
    let killed = ControlReply::Reply { request: 1, reply: left }.encode();
    let expected = [
        &[51, 0, 0, 0, 1, 0, 0, 0, 3][..], // reply, request, killed
        &[1, 0, 0, 0],                     // one process
        &[7, 0, 0, 0, 1, 0, 0, 0],         // pid, parent
        &[255; 8],                         // start time
        &[b'S', 2, 0, 0, 0, b's', b'h'],   // state, name
    ]
    .concat();
    assert_eq!(killed, expected);
}

#[test]
fn lists_beyond_their_bounds_are_cut_and_a_tree_says_so() {
    let processes = vec![process(&[b'x'; 100]); PROCESSES_MAX + 1];
    let reply = Reply::Tree { processes, truncated: false };
    let packet = ToWorker::Reply { request: 1, reply }.encode();
    assert!(packet.len() <= PACKET_BYTES_MAX, "{}", packet.len());
    let ToWorker::Reply { reply: Reply::Tree { processes, truncated }, .. } =
        ToWorker::decode(&packet).unwrap()
    else {
        panic!("not a tree");
    };
    assert_eq!((processes.len(), truncated), (PROCESSES_MAX, true));
    assert_eq!(processes[0].name.len(), NAME_BYTES_MAX);

    let ask = Ask::Thaw { keep_stopped: vec![1; PIDS_MAX + 1] };
    let packet = ToHolder::Ask { request: 1, ask }.encode();
    assert!(packet.len() <= PACKET_BYTES_MAX && ToHolder::decode(&packet).is_ok());

    let largest = Grant {
        options: vec![0; OPTIONS_BYTES_MAX],
        cgroup: Some("/".repeat(PATH_BYTES_MAX).into()),
        task: "t".repeat(TASK_BYTES_MAX),
        ..grant()
    };
    let packet = ToWorker::Grant(largest).encode();
    assert!(packet.len() <= PACKET_BYTES_MAX && ToWorker::decode(&packet).is_ok());
}

#[test]
fn what_is_not_known_is_told_from_what_is_broken() {
    let unknown = ToHolder::decode(&[99, 0, 0, 0]);
    assert_eq!(unknown, Err(WireError::UnknownPacket { kind: 99 }));
    let ask = ToHolder::decode(&[18, 0, 0, 0, 6, 0, 0, 0, 99]);
    assert_eq!(ask, Err(WireError::UnknownAsk { request: 6, kind: 99 }));
    let liar = ToHolder::decode(&[18, 0, 0, 0, 6, 0, 0, 0, 3, 255, 255, 255, 255]);
    assert!(matches!(liar, Err(WireError::TooLong { .. })), "{liar:?}");
}

#[test]
fn a_specification_comes_back_whole_or_not_at_all() {
    let bytes = spec().encode().unwrap();
    assert_eq!(LaunchSpec::decode(&bytes).unwrap(), spec());
    for len in 0..bytes.len() {
        let torn = LaunchSpec::decode(&bytes[..len]);
        assert!(matches!(torn, Err(SpecError::Torn)), "cut at {len}: {torn:?}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        drop(LaunchSpec::decode(&flipped));
    }
}

/// The specification with records put before its end record.
fn with_records(records: &[u8]) -> Result<LaunchSpec, SpecError> {
    let bytes = spec().encode().unwrap();
    let (body, end) = bytes.split_at(bytes.len() - 5);
    LaunchSpec::decode(&[body, records, end].concat())
}

#[test]
fn a_newer_servers_records_are_skipped_unless_they_are_needed() {
    assert_eq!(with_records(&[99, 2, 0, 0, 0, 1, 2]).unwrap(), spec());
    let needed = with_records(&[0x80 | 9, 0, 0, 0, 0]);
    assert!(matches!(needed, Err(SpecError::Needed { tag: 0x89 })), "{needed:?}");
    let twice = with_records(&[9, 4, 0, 0, 0, 0, 0, 0, 0]);
    assert!(matches!(twice, Err(SpecError::Twice { what: "umask" })), "{twice:?}");
    let headless = LaunchSpec::decode(&[255, 0, 0, 0, 0]);
    assert!(matches!(headless, Err(SpecError::NoVersion)), "{headless:?}");
    let bare = LaunchSpec::decode(&[1, 2, 0, 0, 0, 1, 0, 255, 0, 0, 0, 0]);
    assert!(matches!(bare, Err(SpecError::Missing { what: "task" })), "{bare:?}");
}

#[test]
fn what_could_not_be_executed_is_refused_by_writer_and_reader() {
    let refused = |change: fn(&mut LaunchSpec)| {
        let mut spec = spec();
        change(&mut spec);
        spec.encode().unwrap_err().to_string()
    };
    let texts = [
        refused(|spec| spec.args.clear()),
        refused(|spec| spec.args[0].clear()),
        refused(|spec| spec.env.push(b"A=\0".to_vec())),
        refused(|spec| spec.cwd = "relative".into()),
        refused(|spec| spec.task = "../up".into()),
        refused(|spec| spec.umask = 0o1000),
        refused(|spec| spec.options = vec![0; OPTIONS_BYTES_MAX + 1]),
        refused(|spec| spec.env = vec![vec![b'x'; 1 << 20]; 9]),
    ];
    for text in texts {
        let told = text.starts_with("use the specification: ") || text.starts_with("read options");
        assert!(told, "{text}");
    }
}

#[test]
fn a_specification_never_shows_the_environment() {
    let mut spec = spec();
    spec.env.push(b"TOKEN=hidden".to_vec());
    spec.args.push(b"hidden".to_vec());
    assert!(!format!("{spec:?}").contains("hidden"));
    assert!(!format!("{spec:?}").contains("104, 105"), "nor as numbers");
}

#[test]
fn a_grant_names_its_descriptors_or_refuses_them() {
    let fds = |count: usize| {
        let null = || std::fs::File::open("/dev/null").unwrap().into();
        (0..count).map(|_| null()).collect::<Vec<_>>()
    };
    assert!(matches!(grant().take(fds(4)).unwrap().child.unwrap().ends, Ends::Terminal { .. }));
    let pipes = Grant { mode: Mode::Pipes, input_open: true, ..grant() };
    assert!(matches!(
        pipes.take(fds(6)).unwrap().child.unwrap().ends,
        Ends::Pipes { stdin: Some(_), .. }
    ));
    let closed = Grant { input_open: false, ..pipes.clone() };
    assert!(matches!(
        closed.take(fds(5)).unwrap().child.unwrap().ends,
        Ends::Pipes { stdin: None, .. }
    ));
    let wrong = pipes.take(fds(5)).unwrap_err();
    assert_eq!(wrong, WireError::Descriptors { expected: 6, found: 5 });
}
