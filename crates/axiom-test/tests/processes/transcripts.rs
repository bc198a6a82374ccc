//! What is read of tasks on terminals: redraws as they ended, nothing twice, and on from a cursor over a server's death.

use crate::lab::{EVENT_WAIT, Lab, assert_dies, kill};

/// Prints numbered lines among redraws of a progress line, then asks something.
const WORK: &str = r#"i=0
while [ $i -lt 2000 ]; do
    printf '\r\033[Kprogress %s%%\r\033[K' $((i / 20)); echo "line $i"; i=$((i + 1))
done
printf '```sh\r\nls\r\n```\r\n'
printf 'Go on? '; read answer; echo "answer: $answer""#;

/// A piece of text from a cursor on, the cursor behind it, and the code blocks that are told with it.
fn read(lab: &Lab, id: &str, cursor: &str) -> (String, String, Option<String>) {
    let path = format!("/api/v1/tasks/{id}/output?view=text&bytes_max=3000&cursor={cursor}");
    let answer = lab.asked("GET", &path, b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    let header = |name: &str| answer.header(name).map(str::to_owned);
    let (cursor, blocks) = (header("x-axiom-cursor").unwrap(), header("x-axiom-blocks"));
    (String::from_utf8(answer.body).unwrap(), cursor, blocks)
}

#[test]
fn reading_goes_on_over_a_servers_death_with_neither_gap_nor_double() {
    let lab = Lab::new();
    let id = lab.spawn_shell(WORK);
    let mut logs = lab.follow(&["logs", "-f", &id]);
    logs.wait_for_line("the question", |line| line == "Go on?");
    let (mut text, mut cursor, mut blocks) = (String::new(), "1:0".to_owned(), None);
    for part in 0.. {
        let (more, next, told) = read(&lab, &id, &cursor);
        blocks = blocks.or(told);
        if next == cursor {
            break;
        }
        text.push_str(&more);
        cursor = next;
        if part == 2 {
            let server = lab.server_pid().unwrap();
            kill(server, libc::SIGKILL);
            assert_dies(server, "the server");
            lab.show(&id);
        }
    }
    lab.axiom(&["send", &id, "yes"]).ok();
    logs.wait_for_line("the answer", |line| line == "answer: yes");
    assert!(logs.finish(EVENT_WAIT).0.success());
    let (rest, _, _) = read(&lab, &id, &cursor);
    text.push_str(&rest);
    let lines: Vec<&str> = text.lines().collect();
    let printed: Vec<String> = (0..2000).map(|line| format!("line {line}")).collect();
    assert_eq!(lines[..2000], printed);
    let after = ["```sh", "ls", "```", "Go on?", "Go on? yes", "answer: yes"];
    assert_eq!(lines[2000..], after, "{lines:?}");
    let block = r#"[{"language":"sh","first_line":2000,"last_line":2002,"finished":true}]"#;
    assert_eq!(blocks.as_deref(), Some(block));
    assert_eq!(lab.axiom(&["logs", &id]).ok().text(), text, "later it is the same");
    lab.shut_down();
}

/// Prints a piece of text whenever it is asked to, without an end of a line of its own.
const PIECES: &str = r#"
import sys, termios
modes = termios.tcgetattr(0); modes[3] &= ~(termios.ECHO | termios.ICANON); termios.tcsetattr(0, termios.TCSANOW, modes)
pieces = ["intro\n``", "`", "ru", "st  title\nfn a", "() {}\n``", "`\nbetween\n~~", "~~ py\n```\nx\n~~~\n~~~", "~\nlast\n```sh\nls"]
for piece in pieces:
    sys.stdin.read(1)
    print(piece, end="", flush=True)
"#;

#[test]
fn code_blocks_are_told_as_they_end_wherever_their_fences_are_cut() {
    let lab = Lab::new();
    let id = lab.spawn(&["--size", "80x24", "--", "python3", "-c", PIECES]);
    let mut told = lab.follow(&["logs", "-f", "--blocks", &id]);
    let json = lab.follow(&["logs", "-f", "--blocks", "--json", &id]);
    for piece in 0..8 {
        lab.axiom(&["send", "--no-enter", &id, "x"]).ok();
        if piece == 5 {
            told.wait_for_line("the first block", |line| line == "2-4 rust");
        }
    }
    assert_eq!(lab.wait(&[&id]).code(), 0);
    let (status, told, _) = told.finish(EVENT_WAIT);
    assert!(status.success());
    let (_, json, _) = json.finish(EVENT_WAIT);
    let text = lab.axiom(&["logs", &id]).ok().text();
    let lines: Vec<&str> = text.lines().collect();
    // Where somebody was slow, a line was read in two forms: numbers are those of the text.
    let blocks = [("rust", "```", true), ("py", "~~~~", true), ("sh", "```", false)];
    assert_eq!((told.len(), json.len()), (blocks.len(), blocks.len()), "{told:?}, {json:?}");
    for ((language, fence, finished), (told, json)) in blocks.iter().zip(told.iter().zip(&json)) {
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        let line = |name: &str| usize::try_from(json[name].as_u64().unwrap()).unwrap();
        let (first, last) = (line("first_line"), line("last_line"));
        let end = if *finished { "" } else { " (not finished)" };
        assert_eq!(*told, format!("{}-{} {language}{end}", first + 1, last + 1));
        assert_eq!(
            (json["task"].as_str(), json["finished"].as_bool()),
            (Some(&*id), Some(*finished))
        );
        let opening = lines[first].strip_prefix(fence).map(str::trim_start);
        assert!(opening.is_some_and(|rest| rest.starts_with(language)), "{first}: {lines:?}");
        assert_eq!(lines[last], if *finished { *fence } else { "ls" }, "{lines:?}");
    }
    let later = lab.axiom(&["logs", "--blocks", &id]).ok().text();
    assert_eq!(later.lines().collect::<Vec<_>>(), told, "later they are the same");
    let piped = lab.spawn(&["--no-pty", "--", "true"]);
    lab.wait(&[&piped]);
    assert_eq!(lab.axiom(&["logs", "--blocks", &piped]).code(), 125);
    lab.shut_down();
}

#[test]
fn logs_show_the_screen_and_what_may_still_change() {
    let lab = Lab::new();
    let id = lab.spawn_shell(r"printf 'one\r\n\033[31mtwo\033[m\r\nName: '; read name");
    lab.follow(&["logs", "-f", &id]).wait_for_line("the prompt", |line| line == "Name:");
    assert_eq!(lab.axiom(&["logs", "--view", "screen", &id]).ok().text(), "one\ntwo\nName:\n");
    assert_eq!(lab.axiom(&["logs", "--tail", "2", &id]).ok().text(), "two\nName:\n");
    let followed = lab.axiom(&["logs", "--view", "screen", "-f", &id]);
    assert_eq!(followed.code(), 125, "{followed:?}");
    lab.axiom(&["stop", &id]).ok();
    lab.shut_down();
}
