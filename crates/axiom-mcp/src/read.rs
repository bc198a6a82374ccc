//! axiom_read: what a task printed, made short. Says where to go on, so that nothing is read twice.

mod gather;

use axiom_proto::api::{ScreenRequest, View};
use axiom_proto::cursor::Cursor;
use axiom_proto::fault::Fault;
use axiom_proto::task::TaskView;
use axiom_server::{OutputRequest, Wording};
use rmcp::model::{CallToolResult, JsonObject};
use serde::Deserialize;

use crate::answers::{arguments, output};
use crate::call::Call;
use crate::digest::{Digest, Folding};
use crate::heading::Heading;
use crate::plain::plain;
use crate::tokens::estimate;

pub(crate) use gather::{Gathered, gather};

/// Tokens of an answer: usually, at least and at most. Some clients cut what is longer than 10,000 without saying where.
pub(crate) const TOKENS_DEFAULT: usize = 2000;
const TOKENS_MIN: usize = 100;
const TOKENS_MAX: usize = 10_000;

/// Tokens of a summary, but for its first line, where nobody says.
const SUMMARY_TOKENS: usize = 400;

/// Lines that are looked at for the last ones: more do not fit.
const TAIL_LINES: u64 = 400;

/// Bytes of output that a token of the raw view has at most.
const RAW_BYTES_PER_TOKEN: u64 = 8;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadArguments {
    task_id: String,
    cursor: Option<Cursor>,
    #[serde(default)]
    view: Shown,
    max_tokens: Option<usize>,
}

/// How it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shown {
    #[default]
    Text,
    Raw,
    Screen,
    Tail,
    Summary,
}

/// The tokens that an answer may have.
pub(crate) fn tokens_of(asked: Option<usize>, usual: usize) -> usize {
    asked.unwrap_or(usual).clamp(TOKENS_MIN, TOKENS_MAX)
}

pub(crate) async fn read(call: &Call, given: Option<JsonObject>) -> Result<CallToolResult, Fault> {
    let ReadArguments { task_id, cursor, view: shown, max_tokens } = arguments(given)?;
    let view = call.look(&task_id).await?;
    let usual = if shown == Shown::Summary { SUMMARY_TOKENS } else { TOKENS_DEFAULT };
    let tokens_max = tokens_of(max_tokens, usual);
    let text = match shown {
        Shown::Text => text(call, &view, cursor, tokens_max).await?,
        Shown::Summary => summary(call, &view, cursor, tokens_max).await?,
        Shown::Tail => tail(call, &view, tokens_max).await?,
        Shown::Raw => raw(call, &view, cursor, tokens_max).await?,
        Shown::Screen => screen(call, &view, tokens_max).await?,
    };
    Ok(output(text))
}

pub(crate) async fn text(
    call: &Call,
    view: &TaskView,
    cursor: Option<Cursor>,
    tokens_max: usize,
) -> Result<String, Fault> {
    let gathered = gather(call, view, cursor, tokens_max).await?;
    Ok(section(Heading::of(view), &gathered))
}

/// What a task printed, below its heading.
pub(crate) fn section(mut heading: Heading, gathered: &Gathered) -> String {
    heading.put("bytes", format!("{}-{}", gathered.from.0, gathered.next.offset.0));
    heading.put("lines", gathered.digested.lines);
    if gathered.digested.errors > 0 {
        heading.put("errors", gathered.digested.errors);
    }
    if gathered.digested.cut > 0 {
        heading.put("cut", gathered.digested.cut);
    }
    below(heading.next(Some(gathered.next)), &gathered.digested.text)
}

fn below(heading: String, text: &str) -> String {
    if text.is_empty() { heading } else { format!("{heading}\n{text}") }
}

async fn summary(
    call: &Call,
    view: &TaskView,
    cursor: Option<Cursor>,
    tokens_max: usize,
) -> Result<String, Fault> {
    let gathered = gather(call, view, cursor, tokens_max).await?;
    let mut heading = Heading::of(view);
    heading.put("command", format!("{:?}", crate::plain::brief(&view.command, 120)));
    if let (Some(started), Some(ended)) = (view.started_at_ms, view.ended_at_ms) {
        heading.put("ran_ms", ended.saturating_sub(started));
    }
    heading.put("all_bytes", view.bytes.0);
    heading.put("all_lines", view.lines);
    heading.put("errors", gathered.digested.errors);
    if view.interventions > 0 {
        heading.put("interventions", view.interventions);
    }
    if view.gaps > 0 {
        heading.put("gaps", view.gaps);
    }
    Ok(below(heading.next(Some(gathered.next)), &gathered.digested.text))
}

async fn tail(call: &Call, view: &TaskView, tokens_max: usize) -> Result<String, Fault> {
    let request = OutputRequest {
        tail: Some(TAIL_LINES),
        wording: Wording::AsPrinted,
        ..OutputRequest::default()
    };
    let piece = call.operations.output(&view.id.to_string(), &request).await?;
    let text = String::from_utf8_lossy(&piece.bytes);
    // The last ones that fit, in their order.
    let mut lines = Vec::new();
    let mut tokens = 0;
    for line in text.lines().rev() {
        let mut digest = Digest::new(tokens_max, Folding::Same);
        digest.push(line, 0..0);
        let line = digest.finish(0).text;
        tokens += estimate(&line) + 1;
        if tokens > tokens_max && !lines.is_empty() {
            break;
        }
        lines.push(line);
    }
    lines.reverse();
    let mut heading = Heading::of(view);
    heading.put("all_lines", view.lines);
    Ok(below(heading.next(Some(piece.cursor)), &lines.join("\n")))
}

async fn raw(
    call: &Call,
    view: &TaskView,
    cursor: Option<Cursor>,
    tokens_max: usize,
) -> Result<String, Fault> {
    let from = cursor.unwrap_or(Cursor::start(1));
    let id = view.id.to_string();
    let mut bytes_max = tokens_max as u64 * RAW_BYTES_PER_TOKEN;
    loop {
        let request = OutputRequest {
            view: View::Raw,
            cursor: Some(from),
            bytes_max: Some(bytes_max),
            tail: None,
            wording: Wording::AsPrinted,
        };
        let piece = call.operations.output(&id, &request).await?;
        let text = visible(&piece.bytes);
        if estimate(&text) > tokens_max && bytes_max > 16 {
            bytes_max /= 2;
            continue;
        }
        let mut heading = Heading::of(view);
        heading.put("raw", format!("{}-{}", from.offset.0, piece.cursor.offset.0));
        heading.put("of", view.bytes.0);
        return Ok(below(heading.next(Some(piece.cursor)), &text));
    }
}

/// Every byte, with escapes for those that act or cannot be seen. A backslash is doubled.
fn visible(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\n' => text.push('\n'),
                '\\' => text.push_str("\\\\"),
                _ if character.is_ascii_control() => {
                    text.push_str(&format!("\\x{:02x}", u32::from(character)));
                }
                _ => text.push(character),
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    let lines: Vec<String> = text.split('\n').map(plain).collect();
    lines.join("\n")
}

pub(crate) async fn screen(
    call: &Call,
    view: &TaskView,
    tokens_max: usize,
) -> Result<String, Fault> {
    let answer = call.operations.screen(&view.id.to_string(), ScreenRequest::default()).await?;
    let mut digest = Digest::new(tokens_max, Folding::Same);
    let end = answer.rows.iter().rposition(|row| !row.trim().is_empty()).map_or(0, |last| last + 1);
    for row in &answer.rows[..end] {
        digest.push(row, 0..0);
        digest.push("\n", 0..0);
    }
    let mut heading = Heading::of(view);
    heading.put("screen", format!("{}x{}", answer.size.cols, answer.size.rows));
    heading.put("cursor", format!("{},{}", answer.cursor.row, answer.cursor.column));
    if answer.alternate {
        heading.put("full_screen", true);
    }
    Ok(below(heading.next(Some(answer.at)), &digest.finish(0).text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_bytes_are_seen_and_do_nothing() {
        assert_eq!(visible(b"a\x1b[31m\\\r\nb\xff\x7f"), "a\\x1b[31m\\\\\\x0d\nb\\xff\\x7f");
        assert_eq!(visible("ä[axiom\n[axiom]".as_bytes()), "ä[axiom\n\\[axiom]");
    }

    #[test]
    fn an_answer_has_its_bounds() {
        assert_eq!(tokens_of(None, TOKENS_DEFAULT), TOKENS_DEFAULT);
        assert_eq!(tokens_of(Some(0), TOKENS_DEFAULT), TOKENS_MIN);
        assert_eq!(tokens_of(Some(usize::MAX), TOKENS_DEFAULT), TOKENS_MAX);
    }
}
