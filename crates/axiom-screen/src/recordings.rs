//! Recordings of real agents, read for tests: what they printed, and the sizes of their terminal.

use crate::size::Size;

/// One thing that happened in a recording.
pub(crate) enum Event {
    Output(Vec<u8>),
    Resize(Size),
}

/// A recording: its name, and the size that it began with.
pub(crate) struct Recording {
    pub(crate) name: &'static str,
    pub(crate) size: Size,
    pub(crate) events: Vec<Event>,
    /// When each event happened, in microseconds.
    pub(crate) times: Vec<u64>,
}

/// All of them.
pub(crate) fn recordings() -> Vec<Recording> {
    [
        ("claude", include_str!("../tests/recordings/claude-interrupt.cast")),
        ("codex", include_str!("../tests/recordings/codex-task.cast")),
        ("gemini", include_str!("../tests/recordings/gemini-task.cast")),
        ("opencode", include_str!("../tests/recordings/opencode-task.cast")),
    ]
    .into_iter()
    .map(|(name, text)| read(name, text))
    .collect()
}

fn read(name: &'static str, text: &str) -> Recording {
    let mut lines =
        text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let head = lines.next().unwrap();
    let side = |key: &str| u32::try_from(head[key].as_u64().unwrap()).unwrap();
    let size = Size::new(side("width"), side("height")).unwrap();
    let events = lines.filter_map(|event| {
        let data = event[2].as_str().unwrap();
        let time = (event[0].as_f64().unwrap() * 1e6) as u64;
        let event = match event[1].as_str().unwrap() {
            "o" => Some(Event::Output(data.as_bytes().to_vec())),
            "r" => {
                let (columns, rows) = data.split_once('x').unwrap();
                let size = Size::new(columns.parse().unwrap(), rows.parse().unwrap()).unwrap();
                Some(Event::Resize(size))
            }
            _ => None,
        };
        Some((time, event?))
    });
    let (times, events) = events.unzip();
    Recording { name, size, events, times }
}
