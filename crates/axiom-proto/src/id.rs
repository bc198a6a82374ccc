//! Ids: 80 random bits as 16 lower-case Crockford base32 characters.
//! Randomness comes from the caller; parsing accepts exactly what is printed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Crockford's alphabet: no i, l, o, u, so that an id read aloud is typed right.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Characters in an id.
pub const ID_CHARS: usize = 16;

/// Characters people are shown; any unique prefix is accepted.
pub const ID_SHOWN_CHARS: usize = 8;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not an id: 16 characters of 0-9 and a-z without i, l, o, u")]
pub struct IdError {
    /// What was given.
    pub text: String,
}

/// Turns ten random bytes into 16 characters.
fn encode(random: [u8; 10]) -> [u8; ID_CHARS] {
    let mut bits = u128::from_be_bytes({
        let mut wide = [0u8; 16];
        wide[6..].copy_from_slice(&random);
        wide
    });
    let mut text = [0u8; ID_CHARS];
    for place in text.iter_mut().rev() {
        *place = ALPHABET[(bits & 31) as usize];
        bits >>= 5;
    }
    text
}

/// True if `text` could be the beginning of an id.
#[must_use]
pub fn is_id_prefix(text: &str) -> bool {
    !text.is_empty() && text.len() <= ID_CHARS && text.bytes().all(|byte| ALPHABET.contains(&byte))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; ID_CHARS]);

        impl $name {
            /// Makes an id of ten random bytes.
            #[must_use]
            pub fn from_random(random: [u8; 10]) -> Self {
                Self(encode(random))
            }

            /// The whole id.
            #[must_use]
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(&self.0).expect("an id holds characters of the alphabet only")
            }

            /// The part people are shown.
            #[must_use]
            pub fn short(&self) -> &str {
                &self.as_str()[..ID_SHOWN_CHARS]
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let refuse = || IdError { text: text.chars().take(64).collect() };
                let bytes: [u8; ID_CHARS] = text.as_bytes().try_into().map_err(|_| refuse())?;
                if !is_id_prefix(text) {
                    return Err(refuse());
                }
                Ok(Self(bytes))
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.as_str().to_owned()
            }
        }
    };
}

id!(
    /// Names a task.
    TaskId
);
id!(
    /// Names one command to a session, chosen by whoever asks, so that its intent and outcome can be found again.
    CommandId
);
id!(
    /// Names a group: tasks spawned together.
    GroupId
);
id!(
    /// Names a log of events.
    EventLogId
);

/// One attempt at a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId {
    /// The task.
    pub task: TaskId,
    /// The attempt, from 1.
    pub number: u32,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.task, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_text_and_json() {
        let id = TaskId::from_random([0, 1, 2, 3, 4, 5, 6, 7, 8, 255]);
        assert_eq!(id.as_str().parse::<TaskId>(), Ok(id));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<TaskId>(&json).unwrap(), id);
    }

    #[test]
    fn all_bits_count() {
        assert_eq!(TaskId::from_random([0; 10]).as_str(), "0000000000000000");
        assert_eq!(TaskId::from_random([255; 10]).as_str(), "zzzzzzzzzzzzzzzz");
        let mut last = [0; 10];
        last[9] = 1;
        assert_eq!(TaskId::from_random(last).as_str(), "0000000000000001");
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in
            ["", "0", "000000000000000I", "00000000000000000", "ääääääää", "../../../../etc/"]
        {
            assert!(text.parse::<TaskId>().is_err(), "{text:?}");
        }
    }
}
