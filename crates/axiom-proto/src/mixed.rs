//! A payload of JSON and bytes: `u32 length of the JSON (little endian) | JSON | bytes`.
//! Input frames and link control messages have this form, so that bytes stay bytes.

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Bytes of the length that comes first.
const LENGTH_BYTES: usize = 4;

/// Why a payload is not JSON and bytes.
#[derive(Debug, Error)]
pub enum MixedError {
    /// The payload ends before its JSON does.
    #[error("payload of {have} bytes ends inside its JSON part")]
    Cut {
        /// Bytes in the payload.
        have: usize,
    },
    /// The JSON is not what was expected.
    #[error("payload's JSON part is not understood")]
    Json(#[from] serde_json::Error),
}

/// Puts both parts into one payload.
///
/// # Panics
/// If the value cannot be JSON, which the types of this crate always can.
pub fn encode(value: &impl Serialize, bytes: &[u8]) -> Vec<u8> {
    let json = serde_json::to_vec(value).expect("a wire value is always JSON");
    let length = u32::try_from(json.len()).expect("a control message is far below 4 GiB");
    let mut payload = Vec::with_capacity(LENGTH_BYTES + json.len() + bytes.len());
    payload.extend_from_slice(&length.to_le_bytes());
    payload.extend_from_slice(&json);
    payload.extend_from_slice(bytes);
    payload
}

/// Takes both parts out of a payload.
///
/// # Errors
/// [`MixedError`] when the payload is cut or its JSON is something else.
pub fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<(T, &[u8]), MixedError> {
    let cut = || MixedError::Cut { have: payload.len() };
    let length = payload.first_chunk::<LENGTH_BYTES>().ok_or_else(cut)?;
    let end = LENGTH_BYTES + u32::from_le_bytes(*length) as usize;
    let json = payload.get(LENGTH_BYTES..end).ok_or_else(cut)?;
    Ok((serde_json::from_slice(json)?, &payload[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_come_back() {
        let payload = encode(&("a", 1), b"\xff\x00");
        let (value, bytes): ((String, u8), &[u8]) = decode(&payload).unwrap();
        assert_eq!((value, bytes), (("a".to_owned(), 1), &b"\xff\x00"[..]));
    }

    #[test]
    fn a_cut_payload_is_an_error() {
        let payload = encode(&"text", b"");
        for len in 0..payload.len() {
            assert!(decode::<String>(&payload[..len]).is_err(), "{len}");
        }
    }
}
