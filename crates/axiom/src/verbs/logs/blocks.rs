//! The code blocks of a task's text, told as each ends: language and lines, for people as a line, for programs as JSON. Pure. It
//! keeps the one that is open, and nothing of the code.

use axiom_proto::api::CodeBlock;
use axiom_proto::id::TaskId;
use serde::Serialize;

use crate::failure::Audience;
use crate::lines::one_line;

/// What was told of the blocks so far.
#[derive(Debug)]
pub(super) struct Blocks {
    task: TaskId,
    audience: Audience,
    /// The one whose end has not come.
    open: Option<CodeBlock>,
}

/// A block as programs read it.
#[derive(Serialize)]
struct Told<'a> {
    task: TaskId,
    #[serde(flatten)]
    block: &'a CodeBlock,
}

impl Blocks {
    pub(super) fn new(task: TaskId, audience: Audience) -> Self {
        Self { task, audience, open: None }
    }

    /// The server told of these with the next lines: the finished ones are told on.
    pub(super) fn take(&mut self, blocks: Vec<CodeBlock>) -> String {
        let mut text = String::new();
        for block in blocks {
            if block.finished {
                text.push_str(&self.line(&block));
            }
            self.open = Some(block).filter(|block| !block.finished);
        }
        text
    }

    /// Nothing comes any more: a block without an end is told as it is.
    pub(super) fn finish(&mut self) -> String {
        self.open.take().map(|block| self.line(&block)).unwrap_or_default()
    }

    fn line(&self, block: &CodeBlock) -> String {
        match self.audience {
            Audience::Program => {
                let told = Told { task: self.task, block };
                serde_json::to_string(&told).expect("strings and numbers make JSON") + "\n"
            }
            // People count from 1, as their editors do.
            Audience::Person => {
                let language = if block.language.is_empty() { "-" } else { &block.language };
                let end = if block.finished { "" } else { " (not finished)" };
                let (first, last) = (block.first_line + 1, block.last_line + 1);
                format!("{first}-{last} {}{end}\n", one_line(language))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(first_line: u64, last_line: u64, finished: bool) -> CodeBlock {
        CodeBlock { language: "rust".to_owned(), first_line, last_line, finished }
    }

    #[test]
    fn a_block_is_told_once_when_it_ends_and_an_open_one_at_the_end() {
        let mut blocks = Blocks::new(TaskId::from_random([1; 10]), Audience::Person);
        assert_eq!(blocks.take(vec![block(0, 3, false)]), "");
        assert_eq!(blocks.take(vec![block(0, 4, false)]), "");
        assert_eq!(blocks.take(vec![]), "");
        let told = blocks.take(vec![block(0, 5, true), block(7, 8, true), block(9, 9, false)]);
        assert_eq!(told, "1-6 rust\n8-9 rust\n");
        assert_eq!(blocks.finish(), "10-10 rust (not finished)\n");
        assert_eq!(blocks.finish(), "");
    }

    #[test]
    fn programs_get_the_fields_of_the_interface() {
        let mut blocks = Blocks::new(TaskId::from_random([1; 10]), Audience::Program);
        let told = blocks.take(vec![block(0, 5, true)]);
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["language"], "rust");
        assert_eq!((&told["first_line"], &told["last_line"]), (&0.into(), &5.into()));
        assert_eq!(told["task"], TaskId::from_random([1; 10]).to_string());
    }
}
