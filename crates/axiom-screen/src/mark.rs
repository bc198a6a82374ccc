//! What a shell says of itself by OSC 133: where its prompt, the typed command and its output begin, and how it ended.

/// The newest thing that a shell said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// `A`: a prompt begins.
    Prompt,
    /// `B`: the prompt is over, and a person types.
    Input,
    /// `C`: the command runs.
    Output,
    /// `D`: it ended, with its exit code if that was said.
    End(Option<i32>),
}

impl Mark {
    /// Reads what follows `133;`.
    pub(crate) fn read(string: &[u8]) -> Option<Self> {
        let (kind, rest) = string.split_first()?;
        if !rest.is_empty() && rest[0] != b';' {
            return None;
        }
        match kind {
            b'A' => Some(Self::Prompt),
            b'B' => Some(Self::Input),
            b'C' => Some(Self::Output),
            b'D' => {
                let code = rest.get(1..).and_then(|code| code.split(|byte| *byte == b';').next());
                let code = code.and_then(|code| std::str::from_utf8(code).ok()?.parse().ok());
                Some(Self::End(code))
            }
            _ => None,
        }
    }

    pub(crate) fn write(self, bytes: &mut Vec<u8>) {
        let text = match self {
            Self::Prompt => "A".to_owned(),
            Self::Input => "B".to_owned(),
            Self::Output => "C".to_owned(),
            Self::End(None) => "D".to_owned(),
            Self::End(Some(code)) => format!("D;{code}"),
        };
        bytes.extend_from_slice(format!("\x1b]133;{text}\x1b\\").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_written_as_they_were_read() {
        for text in ["A", "B", "C", "D", "D;0", "D;-1"] {
            let mark = Mark::read(text.as_bytes()).unwrap();
            let mut bytes = Vec::new();
            mark.write(&mut bytes);
            assert_eq!(bytes, format!("\x1b]133;{text}\x1b\\").into_bytes());
        }
        assert_eq!(Mark::read(b"A;cl=m;aid=7"), Some(Mark::Prompt));
        assert_eq!(Mark::read(b"D;x"), Some(Mark::End(None)));
        assert_eq!(Mark::read(b"AB"), None);
        assert_eq!(Mark::read(b""), None);
    }
}
