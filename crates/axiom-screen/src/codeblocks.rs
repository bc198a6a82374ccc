//! Code blocks in a text that streams: fences as CommonMark has them, found line by line. Knows where each begins and ends and
//! its language; keeps none of the code. Does not look into boxes that programs draw around it.

/// The longest language that is kept: names are short, and the rest of the line is for people.
const LANGUAGE_BYTES_MAX: usize = 64;

/// Blanks before a fence: one more, and it is no fence.
const INDENT_MAX: usize = 3;

/// Fewest marks of a fence.
const MARKS_MIN: usize = 3;

/// A block between two fences, or after one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeBlock {
    /// The first word behind the opening fence; empty where there is none.
    pub language: String,
    /// The number of the line with the opening fence.
    pub first_line: u64,
    /// The number of the line with the closing fence, or of the newest line of a block that is not finished.
    pub last_line: u64,
    /// How much output there was before the read that gave the opening fence.
    pub offset: u64,
    /// False while its closing fence has not come.
    pub finished: bool,
}

/// Finds code blocks. Give it each line once, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeBlocks {
    open: Option<Open>,
}

/// A block whose end has not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) mark: u8,
    pub(crate) marks: usize,
    pub(crate) block: CodeBlock,
}

/// A line that begins with marks.
struct Fence<'a> {
    mark: u8,
    marks: usize,
    /// What follows them, without blanks around it.
    rest: &'a str,
}

impl CodeBlocks {
    /// Before the first line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a line. Gives the block that it ends, if it ends one.
    pub fn line(&mut self, number: u64, offset: u64, text: &str) -> Option<CodeBlock> {
        let fence = Fence::read(text);
        let Some(open) = &mut self.open else {
            let Fence { mark, marks, rest } = fence.filter(Fence::opens)?;
            let word = rest.split_whitespace().next().unwrap_or_default();
            let language = word[..word.floor_char_boundary(LANGUAGE_BYTES_MAX)].to_owned();
            let block = CodeBlock {
                language,
                first_line: number,
                last_line: number,
                offset,
                finished: false,
            };
            self.open = Some(Open { mark, marks, block });
            return None;
        };
        open.block.last_line = number;
        if !fence.is_some_and(|fence| fence.closes(open)) {
            return None;
        }
        let open = self.open.take()?;
        Some(CodeBlock { finished: true, ..open.block })
    }

    /// The block that is open, as far as it came.
    #[must_use]
    pub fn unfinished(&self) -> Option<&CodeBlock> {
        self.open.as_ref().map(|open| &open.block)
    }

    pub(crate) fn open(&self) -> Option<&Open> {
        self.open.as_ref()
    }

    pub(crate) fn with(open: Option<Open>) -> Self {
        Self { open }
    }
}

impl<'a> Fence<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let words = text.trim_start_matches(' ');
        let mark = words.bytes().next().filter(|mark| matches!(mark, b'`' | b'~'))?;
        let marks = words.bytes().take_while(|byte| *byte == mark).count();
        let is_fence = text.len() - words.len() <= INDENT_MAX && marks >= MARKS_MIN;
        is_fence.then(|| Fence { mark, marks, rest: words[marks..].trim() })
    }

    /// Behind marks that are also those of code within a line, none of them may follow.
    fn opens(&self) -> bool {
        self.mark == b'~' || !self.rest.contains('`')
    }

    fn closes(&self, open: &Open) -> bool {
        self.mark == open.mark && self.marks >= open.marks && self.rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Language, first and last line, and whether it ended, of each block.
    fn blocks(text: &str) -> Vec<(String, u64, u64, bool)> {
        let mut finder = CodeBlocks::new();
        let mut found: Vec<CodeBlock> = (0..)
            .zip(text.lines())
            .filter_map(|(number, line)| finder.line(number, 0, line))
            .collect();
        found.extend(finder.unfinished().cloned());
        let told =
            |block: CodeBlock| (block.language, block.first_line, block.last_line, block.finished);
        found.into_iter().map(told).collect()
    }

    fn block(language: &str, first: u64, last: u64) -> (String, u64, u64, bool) {
        (language.to_owned(), first, last, true)
    }

    #[test]
    fn a_block_has_a_language_and_a_place() {
        assert_eq!(blocks("text\n```rust\nfn main() {}\n```\nend"), [block("rust", 1, 3)]);
        assert_eq!(blocks("~~~ sh -x\nls\n~~~~  "), [block("sh", 0, 2)]);
        assert_eq!(blocks("   ```\n\n```\n```js\n```"), [block("", 0, 2), block("js", 3, 4)]);
    }

    #[test]
    fn a_longer_fence_holds_shorter_ones() {
        assert_eq!(blocks("````md\n```c\nx\n```\n````"), [block("md", 0, 4)]);
        assert_eq!(blocks("```\n~~~\n```\n"), [block("", 0, 2)]);
        assert_eq!(blocks("~~~\n```\n~~~"), [block("", 0, 2)]);
    }

    #[test]
    fn a_closing_fence_has_nothing_behind_it() {
        assert_eq!(blocks("```md\n```c\nx\n```"), [block("md", 0, 3)]);
        assert_eq!(blocks("```md\n    ```\n```"), [block("md", 0, 2)]);
    }

    #[test]
    fn what_only_looks_like_a_fence_is_none() {
        for text in ["``\nx", "    ```\nx", "```a`b\nx", "x ```", "``~\n", "| ```"] {
            assert_eq!(blocks(text), [], "{text:?}");
        }
        assert_eq!(blocks("~~~a`b\n~~~"), [block("a`b", 0, 1)]);
    }

    #[test]
    fn a_block_that_has_not_ended_is_told_as_such() {
        assert_eq!(blocks("```py\n1\n2"), [("py".to_owned(), 0, 2, false)]);
        assert_eq!(blocks("```"), [(String::new(), 0, 0, false)]);
    }

    #[test]
    fn a_language_is_kept_short() {
        let found = blocks(&format!("```{}\n```", "ä".repeat(1000)));
        assert_eq!(found[0].0, "ä".repeat(LANGUAGE_BYTES_MAX / 2));
    }
}
