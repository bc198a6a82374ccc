//! Hyperlinks (OSC 8): an address, and an id that joins parts of one link. Refuses addresses that are too long or hold
//! anything but printable ASCII, as the OSC 8 document asks.

/// Longest address, as terminals agreed on (2083 bytes, the limit of an old browser).
pub(crate) const ADDRESS_BYTES_MAX: usize = 2083;

/// Longest id. VTE allows 250.
const ID_BYTES_MAX: usize = 250;

/// Links that a screen and its history can show at once; with the addresses' limit at most 2.5 MB, in practice a few KB.
pub(crate) const LINKS_MAX: usize = 1024;

/// A hyperlink.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Link {
    pub(crate) id: String,
    pub(crate) address: String,
}

impl Link {
    /// Reads what follows `8;`: `key=value:…;address`. Nothing for an empty address, which ends a link, and for a bad one.
    pub(crate) fn read(string: &[u8]) -> Option<Self> {
        let split = string.iter().position(|byte| *byte == b';')?;
        let (keys, address) = (&string[..split], &string[split + 1..]);
        if address.is_empty() || address.len() > ADDRESS_BYTES_MAX {
            return None;
        }
        let id = keys
            .split(|byte| *byte == b':')
            .find_map(|pair| pair.strip_prefix(b"id="))
            .unwrap_or_default();
        if id.len() > ID_BYTES_MAX || !is_plain(id) || !is_plain(address) {
            return None;
        }
        Some(Self {
            id: String::from_utf8(id.to_vec()).ok()?,
            address: String::from_utf8(address.to_vec()).ok()?,
        })
    }

    /// Writes the sequence that begins it.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(b"\x1b]8;");
        if !self.id.is_empty() {
            bytes.extend_from_slice(b"id=");
            bytes.extend_from_slice(self.id.as_bytes());
        }
        bytes.push(b';');
        bytes.extend_from_slice(self.address.as_bytes());
        bytes.extend_from_slice(b"\x1b\\");
    }
}

/// What ends a link.
pub(crate) const LINK_END: &[u8] = b"\x1b]8;;\x1b\\";

fn is_plain(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_written_as_it_was_read() {
        for text in ["8;;http://a/b;c?d=e", "8;id=x;mailto:a@b"] {
            let link = Link::read(&text.as_bytes()[2..]).unwrap();
            let mut bytes = Vec::new();
            link.write(&mut bytes);
            assert_eq!(bytes, format!("\x1b]{text}\x1b\\").into_bytes());
        }
    }

    #[test]
    fn an_address_that_hides_something_is_none() {
        assert_eq!(Link::read(b";"), None);
        assert_eq!(Link::read(b";http://a b"), None);
        assert_eq!(Link::read("id=ü;http://a".as_bytes()), None);
        assert_eq!(Link::read(&[&b";"[..], &[b'a'; ADDRESS_BYTES_MAX + 1][..]].concat()), None);
        assert_eq!(Link::read(b"no semicolon"), None);
    }
}
