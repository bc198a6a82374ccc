//! The mouse of a viewer whose terminal is smaller than the task's: it points at places of the part that is seen. Pure.

use axiom_screen::Place;

/// True if this is nothing but that the terminal was looked at or away from.
pub(super) fn is_focus(keys: &[u8]) -> bool {
    keys == b"\x1b[I" || keys == b"\x1b[O"
}

/// Moves the places that a mouse tells of to where they are on the task's screen. Knows the form that programs ask for today
/// (SGR); the older ones cannot say places far to the right anyway, and are left as they are.
pub(super) fn placed(keys: Vec<u8>, place: Place) -> Vec<u8> {
    if place == Place::default() {
        return keys;
    }
    let mut moved = Vec::with_capacity(keys.len() + 8);
    let mut rest = &keys[..];
    while let Some(at) = rest.windows(3).position(|begin| begin == b"\x1b[<") {
        let (before, told) = rest.split_at(at + 3);
        moved.extend_from_slice(before);
        let end = told.iter().position(|byte| !byte.is_ascii_digit() && *byte != b';');
        let (numbers, after) = told.split_at(end.unwrap_or(told.len()));
        match moved_numbers(numbers, place) {
            Some(numbers) => moved.extend_from_slice(numbers.as_bytes()),
            None => moved.extend_from_slice(numbers),
        }
        rest = after;
    }
    moved.extend_from_slice(rest);
    moved
}

fn moved_numbers(numbers: &[u8], place: Place) -> Option<String> {
    let mut numbers = std::str::from_utf8(numbers).ok()?.split(';');
    let button = numbers.next()?;
    let column: u32 = numbers.next()?.parse().ok()?;
    let row: u32 = numbers.next()?.parse().ok()?;
    let moved = (column + u32::from(place.left), row + u32::from(place.top));
    numbers.next().is_none().then(|| format!("{button};{};{}", moved.0, moved.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(keys: &str, left: u16, top: u16) -> String {
        String::from_utf8(placed(keys.as_bytes().to_vec(), Place { top, left })).unwrap()
    }

    #[test]
    fn a_click_is_where_it_is_on_the_tasks_screen() {
        let keys = "a\x1b[<0;3;4Mb\x1b[<35;1;1m";
        assert_eq!(moved(keys, 0, 0), keys);
        assert_eq!(moved(keys, 10, 2), "a\x1b[<0;13;6Mb\x1b[<35;11;3m");
    }

    #[test]
    fn what_is_no_click_stays() {
        for keys in ["\x1b[<", "\x1b[<1;2", "\x1b[<1;2;3;4M", "\x1b[<99999999999;1M", "\x1b[A", "x"]
        {
            let expected = if keys == "\x1b[<1;2" { "\x1b[<1;2" } else { keys };
            assert_eq!(moved(keys, 5, 5), expected);
        }
    }
}
