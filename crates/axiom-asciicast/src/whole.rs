//! Reads asciicasts of version 1: one JSON object that holds everything. It has to be in memory whole, and is bounded.

use axiom_proto::frame::Micros;
use serde::Deserialize;
use serde_json::Value;

use crate::read::{idle_max, micros, reason, size_of, version};
use crate::{BadLine, Event, Header, LineFault, What};

/// What a recording says of itself, and how far into the file that stands.
const VERSION: &[u8] = b"\"version\"";
const HEAD_BYTES: usize = 64 * 1024;

/// What it says of itself. The rest of the file is passed over without being kept.
#[derive(Debug, Deserialize)]
struct Head {
    version: Option<Value>,
    width: Option<Value>,
    height: Option<Value>,
    idle_time_limit: Option<Value>,
}

/// The part of it that is no head.
#[derive(Debug, Deserialize)]
struct Body {
    /// Each: seconds since the one before, and text.
    stdout: Vec<(f64, String)>,
}

/// All events of a file of version 1.
///
/// # Errors
/// [`BadLine`], with the line that the trouble is in.
pub fn events_of_whole(bytes: &[u8]) -> Result<(Header, Vec<Event>), BadLine> {
    let at = |line: usize, fault| BadLine { line: line as u64, fault };
    let head: Head = serde_json::from_slice(bytes).map_err(|error| {
        // What breaks off after it said what it is, is a recording; everything else could be anything.
        let says_version = bytes.windows(VERSION.len()).take(HEAD_BYTES).any(|at| at == VERSION);
        if error.is_eof() && says_version {
            at(error.line(), LineFault::Cut)
        } else {
            at(1, LineFault::NoRecording)
        }
    })?;
    let one = version(head.version.as_ref()).map_err(|fault| at(1, fault))?;
    if one != 1 {
        return Err(at(1, LineFault::NoRecording));
    }
    let header = Header {
        size: size_of([head.width.as_ref(), head.height.as_ref()]).map_err(|fault| at(1, fault))?,
        idle_max: idle_max(head.idle_time_limit.as_ref()).map_err(|fault| at(1, fault))?,
    };
    let body: Body = serde_json::from_slice(bytes)
        .map_err(|error| at(error.line().max(1), LineFault::NoEvent { reason: reason(&error) }))?;
    let mut events = Vec::with_capacity(body.stdout.len());
    let mut now = Micros(0);
    for (seconds, text) in body.stdout {
        now = now.plus(micros(seconds).map_err(|fault| at(1, fault))?.0);
        events.push(Event { at: now, what: What::Output(text.into()) });
    }
    Ok((header, events))
}

#[cfg(test)]
mod tests {
    use axiom_proto::task::Size;

    use super::*;

    #[test]
    fn one_object_holds_all_events_with_the_times_between_them() {
        let text = r#"{
  "version": 1, "width": 80, "height": 24, "duration": 1.5, "command": "/bin/zsh",
  "stdout": [
    [0.25, "a"],
    [1.25, "é\r\n"]
  ]
}"#;
        let (header, events) = events_of_whole(text.as_bytes()).unwrap();
        assert_eq!(header, Header { size: Size { cols: 80, rows: 24 }, idle_max: None });
        let output =
            |at, text: &str| Event { at: Micros(at), what: What::Output(text.to_owned().into()) };
        assert_eq!(events, [output(250_000, "a"), output(1_500_000, "é\r\n")]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let told = |text: &str| events_of_whole(text.as_bytes()).unwrap_err().to_string();
        let head = r#"{"version":1,"width":80,"height":24,"#;
        assert!(told("no recording\nat all").starts_with("line 1: this is no asciicast"));
        assert!(told("{\n\"version\":2}").starts_with("line 1: this is no asciicast"));
        assert!(told("{\n\"version\":9}").contains("version 9"));
        assert!(
            told(&format!("{head}\n\"stdout\":[[1,\"a\"]")).starts_with("line 2: the file ends")
        );
        assert!(told(&format!("{head}\"stdout\":[[-1,\"a\"]]}}")).contains("-1 is no time"));
        assert!(
            told(&format!("{head}\n\"stdout\":\n[[1,2]]}}")).starts_with("line 3: not an event")
        );
        assert!(
            told(&head.replace("80", "0").replace(",\"height\":24,", ",\"height\":24}"))
                .contains("0x24")
        );
    }
}
