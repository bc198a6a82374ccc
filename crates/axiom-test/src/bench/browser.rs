//! A browser's way to a task's bytes: a WebSocket over TCP with the token, in a process of its own.
//! `axiom-bench browser HOME URL LOOK TASK` says `ready` with the task's first frame, reads to its end, and tells what it saw.
//! As little of the protocol as a measurement needs; the server's answers are trusted.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use axiom_proto::frame::{HEADER_BYTES, Header};
use axiom_proto::id::TaskId;
use axiom_proto::live::{Ask, SUBSCRIPTION_BYTES, StartAt, Tell};

use super::cpu;
use super::observation::{Observation, Watcher};
use crate::load::now_ns;

/// A key as the handshake wants one; it protects proxies, of which there are none.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The largest message that is believed.
const MESSAGE_BYTES_MAX: u64 = 32 * 1024 * 1024;

const OPCODE_TEXT: u8 = 1;
const OPCODE_BINARY: u8 = 2;

pub(super) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let [home, url, look, task] = arguments else { bail!("browser HOME URL LOOK TASK") };
    let task: TaskId = task.parse().map_err(|_| anyhow!("{task} is no task's id"))?;
    let mut stream = connect(Path::new(home), url)?;
    let ask = Ask::Subscribe { subscription: 1, task, start: StartAt::Start };
    say(stream.get_mut(), &serde_json::to_vec(&ask)?)?;
    let mut watcher = Watcher::new(look.parse()?);
    let mut is_ready = false;
    loop {
        let (opcode, message) = hear(&mut stream)?;
        let now = now_ns();
        match opcode {
            OPCODE_BINARY => {
                see(&message, now, &mut watcher)?;
                if !is_ready {
                    std::io::stdout().write_all(b"ready\n")?;
                    is_ready = true;
                }
            }
            OPCODE_TEXT => match serde_json::from_slice(&message)? {
                Tell::Ended { .. } => break,
                Tell::Refused { error, .. } => return Err(error.into()),
                Tell::Hello { .. }
                | Tell::Subscribed { .. }
                | Tell::Task { .. }
                | Tell::Removed { .. }
                | Tell::Outcome { .. }
                | Tell::Goodbye
                | Tell::Unknown => {}
            },
            other => bail!("the server sent a message of kind {other}"),
        }
    }
    let seen = Observation { streams: vec![watcher.finish()], cpu_us: cpu::own_us() };
    serde_json::to_writer(std::io::stdout(), &seen)?;
    std::io::stdout().flush().context("tell what was seen")
}

/// Dials, and shakes hands.
fn connect(home: &Path, url: &str) -> anyhow::Result<BufReader<TcpStream>> {
    let place = url.strip_prefix("http://").context("the server's address begins with http://")?;
    let place = place.trim_end_matches('/');
    let token = std::fs::read_to_string(home.join("token")).context("read the token")?;
    let mut stream = TcpStream::connect(place).with_context(|| format!("dial {place}"))?;
    stream.set_nodelay(true)?;
    write!(
        stream,
        "GET /api/v1/live HTTP/1.1\r\nHost: {place}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {}\r\n\r\n",
        token.trim()
    )?;
    let mut stream = BufReader::with_capacity(64 * 1024, stream);
    let mut line = String::new();
    stream.read_line(&mut line)?;
    if !line.contains(" 101 ") {
        bail!("the server answers {}", line.trim_end());
    }
    while !line.trim_end().is_empty() {
        line.clear();
        stream.read_line(&mut line)?;
    }
    Ok(stream)
}

/// Sends a short text; a client's messages are masked, here with zeros.
fn say(stream: &mut TcpStream, text: &[u8]) -> anyhow::Result<()> {
    let len = u8::try_from(text.len()).ok().filter(|len| *len < 126).context("a short message")?;
    let mut message = vec![0x80 | OPCODE_TEXT, 0x80 | len, 0, 0, 0, 0];
    message.extend_from_slice(text);
    stream.write_all(&message).context("ask the server")
}

/// The next message. The server sends each in one frame, and masks none.
fn hear(stream: &mut BufReader<TcpStream>) -> anyhow::Result<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).context("hear the server")?;
    let len = match head[1] {
        126 => {
            let mut long = [0; 2];
            stream.read_exact(&mut long)?;
            u64::from(u16::from_be_bytes(long))
        }
        127 => {
            let mut long = [0; 8];
            stream.read_exact(&mut long)?;
            u64::from_be_bytes(long)
        }
        short => u64::from(short),
    };
    if len > MESSAGE_BYTES_MAX {
        bail!("a message of {len} bytes");
    }
    let mut message = Vec::new();
    stream.take(len).read_to_end(&mut message)?;
    Ok((head[0] & 0x0f, message))
}

/// Whole frames, back to back, behind the subscription's number.
fn see(message: &[u8], now: u64, watcher: &mut Watcher) -> anyhow::Result<()> {
    let mut rest = message.get(SUBSCRIPTION_BYTES..).context("a message without a number")?;
    while !rest.is_empty() {
        let header = Header::decode(rest)?;
        let end = header.frame_bytes();
        if header.kind.is_output() {
            watcher.see(rest.get(HEADER_BYTES..end).context("a cut frame")?, now);
        }
        rest = rest.get(end..).context("a cut frame")?;
    }
    Ok(())
}
