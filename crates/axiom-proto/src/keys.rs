//! Names of keys and the bytes that a terminal sends for them. One table; pure.
//! Cursor keys are in their normal form: what a program that asked for another form gets from a terminal is not known here.

use thiserror::Error;

/// Keys with a name of their own. Control and Alt come as `ctrl-X` and `alt-X`.
const NAMED: &[(&str, &[u8])] = &[
    ("enter", b"\r"),
    ("tab", b"\t"),
    ("shift-tab", b"\x1b[Z"),
    ("space", b" "),
    ("esc", b"\x1b"),
    ("backspace", b"\x7f"),
    ("delete", b"\x1b[3~"),
    ("insert", b"\x1b[2~"),
    ("up", b"\x1b[A"),
    ("down", b"\x1b[B"),
    ("right", b"\x1b[C"),
    ("left", b"\x1b[D"),
    ("home", b"\x1b[H"),
    ("end", b"\x1b[F"),
    ("page-up", b"\x1b[5~"),
    ("page-down", b"\x1b[6~"),
    ("f1", b"\x1bOP"),
    ("f2", b"\x1bOQ"),
    ("f3", b"\x1bOR"),
    ("f4", b"\x1bOS"),
    ("f5", b"\x1b[15~"),
    ("f6", b"\x1b[17~"),
    ("f7", b"\x1b[18~"),
    ("f8", b"\x1b[19~"),
    ("f9", b"\x1b[20~"),
    ("f10", b"\x1b[21~"),
    ("f11", b"\x1b[23~"),
    ("f12", b"\x1b[24~"),
];

/// Why a name is no key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name:?} is not a key: one of {}, ctrl-X, alt-X, or one character", names())]
pub struct KeyError {
    /// What was typed.
    pub name: String,
}

fn names() -> String {
    let names: Vec<&str> = NAMED.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

/// The bytes of these keys, in order: `ctrl-c`, `enter`, `up`.
///
/// # Errors
/// [`KeyError`] for the first name that is no key.
pub fn bytes_of<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Vec<u8>, KeyError> {
    let mut bytes = Vec::new();
    for name in names {
        bytes.extend_from_slice(&bytes_of_key(name)?);
    }
    Ok(bytes)
}

fn bytes_of_key(name: &str) -> Result<Vec<u8>, KeyError> {
    let refuse = || KeyError { name: name.to_owned() };
    let lower = name.to_ascii_lowercase();
    if let Some((_, bytes)) = NAMED.iter().find(|(named, _)| *named == lower) {
        return Ok(bytes.to_vec());
    }
    if let Some(key) = lower.strip_prefix("ctrl-") {
        return control(key).map(|byte| vec![byte]).ok_or_else(refuse);
    }
    if lower.starts_with("alt-") {
        let key = bytes_of_key(&name["alt-".len()..]).map_err(|_| refuse())?;
        return Ok([b"\x1b".as_slice(), &key].concat());
    }
    let mut characters = name.chars();
    match (characters.next(), characters.next()) {
        (Some(one), None) => Ok(one.to_string().into_bytes()),
        (None, _) | (Some(_), Some(_)) => Err(refuse()),
    }
}

/// The control byte of a key: 64 below its capital letter.
fn control(key: &str) -> Option<u8> {
    match key.as_bytes() {
        [letter @ b'a'..=b'z'] => Some(letter - b'a' + 1),
        [b'@' | b' '] => Some(0),
        [b'['] => Some(0x1b),
        [b'\\'] => Some(0x1c),
        [b']'] => Some(0x1d),
        [b'^'] => Some(0x1e),
        [b'_' | b'/'] => Some(0x1f),
        [b'?'] => Some(0x7f),
        _ if key == "space" => Some(0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(list: &str) -> Result<Vec<u8>, KeyError> {
        bytes_of(list.split(','))
    }

    #[test]
    fn every_named_key_is_found_by_its_name_in_any_case() {
        for (name, bytes) in NAMED {
            assert_eq!(listed(name).unwrap(), *bytes);
            assert_eq!(listed(&name.to_uppercase()).unwrap(), *bytes);
        }
    }

    #[test]
    fn control_reaches_every_control_byte() {
        let mut reached: Vec<u8> = (b'a'..=b'z')
            .map(char::from)
            .chain(['@', '[', '\\', ']', '^', '_', '?'])
            .map(|key| listed(&format!("ctrl-{key}")).unwrap()[0])
            .collect();
        reached.sort_unstable();
        let all: Vec<u8> = (0..32).chain([127]).collect();
        assert_eq!(reached, all);
    }

    #[test]
    fn a_list_is_typed_in_order() {
        assert_eq!(listed("ctrl-c,enter,up").unwrap(), b"\x03\r\x1b[A");
        assert_eq!(listed("alt-x,alt-up,q,é").unwrap(), "\x1bx\x1b\x1b[Aqé".as_bytes());
        assert_eq!(listed("alt-X").unwrap(), b"\x1bX");
    }

    #[test]
    fn what_is_no_key_is_named() {
        for (list, wrong) in [
            ("", ""),
            ("enter,", ""),
            ("entr", "entr"),
            ("ctrl-", "ctrl-"),
            ("ctrl-é", "ctrl-é"),
            ("up,alt-", "alt-"),
            ("ctrl-up", "ctrl-up"),
        ] {
            assert_eq!(listed(list).unwrap_err().name, wrong, "{list:?}");
        }
    }
}
