//! A recording played for a person who presses keys at certain moments, on a clock that waits for nobody.

use super::*;

/// Plays a recording for a person who presses keys at certain moments. What was given out, with its moments.
struct Room {
    player: Player,
    recording: Vec<Event>,
    /// What was given to the player of it.
    given: usize,
    /// Events that are given at once.
    portion: usize,
    now: Micros,
    seen: Vec<(u64, String)>,
    /// What a picture would hold.
    picture: String,
    rewinds: usize,
}

impl Room {
    fn new(pace: Pace, from: Option<u64>, recording: &[Event], portion: usize) -> Self {
        Self {
            player: Player::new(pace, from.map(Micros), true),
            recording: recording.to_vec(),
            given: 0,
            portion,
            now: Micros(0),
            seen: Vec::new(),
            picture: String::new(),
            rewinds: 0,
        }
    }

    /// Until this moment, or the end. True at the end.
    fn until(&mut self, moment: u64) -> bool {
        for _ in 0..10_000 {
            match self.player.next(self.now) {
                Act::Show(bytes) => {
                    self.picture.push_str(&String::from_utf8_lossy(&bytes));
                    self.saw(&String::from_utf8_lossy(&bytes));
                }
                Act::Skip(bytes) => self.picture.push_str(&String::from_utf8_lossy(&bytes)),
                Act::Resize(size) => self.saw(&format!("{}x{}", size.cols, size.rows)),
                Act::Draw => {
                    let picture = format!("[{}]", self.picture);
                    self.saw(&picture);
                }
                Act::Wait(due) if due.0 <= moment => self.now = due,
                Act::Wait(_) | Act::Rest => {
                    self.now = Micros(moment);
                    return false;
                }
                Act::More => self.give(),
                Act::Rewind => {
                    self.rewinds += 1;
                    self.given = 0;
                    self.picture.clear();
                }
                Act::End => return true,
            }
        }
        panic!("it goes in circles: {:?}", self.player)
    }

    fn give(&mut self) {
        if self.given == self.recording.len() {
            return self.player.no_more();
        }
        let end = (self.given + self.portion).min(self.recording.len());
        self.player.more(self.recording[self.given..end].to_vec());
        self.given = end;
    }

    fn saw(&mut self, what: &str) {
        self.seen.push((self.now.0 / 1000, what.to_owned()));
    }

    fn press(&mut self, key: Key) {
        assert!(!self.player.press(key, self.now));
    }

    fn seen(&self) -> Vec<(u64, &str)> {
        self.seen.iter().map(|(moment, what)| (*moment, what.as_str())).collect()
    }
}

fn output(millis: u64, text: &str) -> Event {
    Event { at: Micros(millis * 1000), what: What::Output(text.to_owned().into()) }
}

/// a at 1 s, b at 2 s … j at 10 s, with a marker at 4.5 s, and input that nobody sees.
fn recording() -> Vec<Event> {
    let mut events: Vec<Event> = "abcdefghij"
        .chars()
        .zip(1..)
        .map(|(letter, second)| output(second * 1000, &letter.to_string()))
        .collect();
    let marker = What::Marker("here".to_owned());
    events.insert(4, Event { at: Micros(4_500_000), what: marker });
    events.insert(2, Event { at: Micros(2_500_000), what: What::Input("x".into()) });
    events
}

fn usual() -> Pace {
    Pace::new(Speed::USUAL, None)
}

const SECOND: u64 = 1_000_000;

#[test]
fn a_recording_plays_at_its_times_whatever_portions_it_comes_in() {
    let expected: Vec<(u64, String)> =
        "abcdefghij".chars().zip(1..).map(|(letter, s)| (s * 1000, letter.to_string())).collect();
    for portion in 1..=12 {
        let mut room = Room::new(usual(), None, &recording(), portion);
        assert!(room.until(u64::MAX));
        assert_eq!(room.seen, expected);
    }
}

#[test]
fn from_a_time_on_begins_with_the_picture_of_that_time() {
    for portion in [1, 3, 100] {
        let mut room = Room::new(usual(), Some(7_500_000), &recording(), portion);
        assert!(room.until(u64::MAX));
        assert_eq!(room.seen(), [(0, "[abcdefg]"), (500, "h"), (1500, "i"), (2500, "j")]);
        let mut room = Room::new(usual(), Some(99 * SECOND), &recording(), portion);
        assert!(room.until(u64::MAX));
        assert_eq!(room.seen(), [(0, "[abcdefghij]")]);
    }
}

#[test]
fn an_event_at_the_very_time_that_is_sought_is_in_the_picture() {
    let mut room = Room::new(usual(), Some(2 * SECOND), &recording(), 1);
    room.until(100_000);
    assert_eq!(room.seen(), [(0, "[ab]")]);
}

#[test]
fn a_seek_forward_skips_and_one_back_begins_again() {
    for portion in [1, 3, 100] {
        let mut room = Room::new(usual(), None, &recording(), portion);
        room.until(1_500_000);
        room.press(Key::Seek(5));
        room.until(2_000_000);
        assert_eq!(room.seen(), [(1000, "a"), (1500, "[abcdef]"), (2000, "g")]);
        room.press(Key::Seek(-5));
        room.until(2_999_999);
        // From 7 s to 2 s.
        assert_eq!(room.seen()[3..], [(2000, "[ab]")]);
        assert_eq!(room.rewinds, 1);
        room.until(3_000_000);
        assert_eq!(room.seen()[4..], [(3000, "c")]);
        room.press(Key::Start);
        room.until(4_000_000);
        assert_eq!(room.seen()[5..], [(3000, "[]"), (4000, "a")]);
    }
}

#[test]
fn seeks_add_up_and_a_small_one_back_needs_no_beginning() {
    let mut room = Room::new(usual(), None, &recording(), 1);
    room.until(1_500_000);
    room.press(Key::Seek(5));
    room.press(Key::Seek(5));
    room.press(Key::Seek(-5));
    room.until(1_500_000);
    assert_eq!(room.seen()[1..], [(1500, "[abcdef]")]);
    assert_eq!(room.rewinds, 0);
    let silent = [output(0, "a"), output(60_000, "b")];
    let mut room = Room::new(usual(), None, &silent, 1);
    room.until(30 * SECOND);
    room.press(Key::Seek(-5));
    room.until(64_999_999);
    assert_eq!((room.rewinds, room.seen()), (0, vec![(0, "a"), (30_000, "[a]")]));
    room.until(65 * SECOND);
    assert_eq!(room.seen()[2..], [(65_000, "b")]);
}

#[test]
fn while_it_is_paused_it_steps_and_stays_paused_even_at_the_end() {
    let mut room = Room::new(usual(), None, &recording(), 3);
    room.until(2_500_000);
    room.press(Key::Pause);
    assert!(!room.until(50 * SECOND));
    assert_eq!(room.seen(), [(1000, "a"), (2000, "b")]);
    for (second, steps) in
        [(51, &[1, -1][..]), (52, &[-1, -1, -1]), (53, &[1]), (54, &[1, 1, 1, 1])]
    {
        steps.iter().for_each(|by| room.press(Key::Step(*by)));
        room.until(second * SECOND);
    }
    let drawn: Vec<&str> = room.seen()[2..].iter().map(|(_, what)| *what).collect();
    assert_eq!(drawn, ["[ab]", "[]", "[a]", "[abcde]"]);
    room.press(Key::Seek(60));
    assert!(!room.until(55 * SECOND));
    assert_eq!(room.seen().last(), Some(&(54_000, "[abcdefghij]")));
    room.press(Key::Pause);
    assert!(room.until(56 * SECOND));
}

#[test]
fn a_pause_holds_the_rest_back_for_as_long_as_it_lasts() {
    let mut room = Room::new(usual(), None, &recording(), 100);
    room.until(1_500_000);
    room.press(Key::Pause);
    room.until(10 * SECOND);
    room.press(Key::Pause);
    room.until(11_500_000);
    assert_eq!(room.seen(), [(1000, "a"), (10_500, "b"), (11_500, "c")]);
}

#[test]
fn while_the_viewer_is_suspended_no_time_passes_and_a_pause_stays_one() {
    for paused in [false, true] {
        let mut room = Room::new(usual(), None, &recording(), 100);
        room.until(1_500_000);
        if paused {
            room.press(Key::Pause);
        }
        room.player.suspend(true, room.now);
        room.now = Micros(100 * SECOND);
        room.player.suspend(false, room.now);
        room.until(101 * SECOND);
        let expected: &[(u64, &str)] =
            if paused { &[(1000, "a")] } else { &[(1000, "a"), (100_500, "b")] };
        assert_eq!(room.seen(), expected);
    }
}

#[test]
fn the_next_marker_is_found_and_where_there_is_none_the_end() {
    let mut room = Room::new(usual(), None, &recording(), 2);
    room.until(SECOND);
    room.press(Key::Marker);
    room.until(1_500_000);
    assert_eq!(room.seen()[1..], [(1000, "[abcd]"), (1500, "e")]);
    room.press(Key::Marker);
    assert!(room.until(2 * SECOND));
    assert_eq!(room.seen().last(), Some(&(1500, "[abcdefghij]")));
}

#[test]
fn what_cannot_begin_again_goes_forward_only() {
    let mut room = Room::new(usual(), None, &recording(), 1);
    room.player = Player::new(usual(), None, false);
    room.until(3_500_000);
    for key in [Key::Seek(-5), Key::Start, Key::Step(-1)] {
        room.press(key);
        room.until(3_500_000);
    }
    assert_eq!(room.rewinds, 0);
    room.press(Key::Pause);
    assert!(room.until(u64::MAX));
}

#[test]
fn sizes_come_at_their_time_and_an_empty_recording_ends() {
    let size = Size { cols: 100, rows: 30 };
    let events = [Event { at: Micros(SECOND), what: What::Resized(size) }];
    let mut room = Room::new(usual(), None, &events, 1);
    assert!(room.until(u64::MAX));
    assert_eq!(room.seen(), [(1000, "100x30")]);
    for goal in [None, Some(5 * SECOND)] {
        let mut room = Room::new(usual(), goal, &[], 1);
        assert!(room.until(u64::MAX));
    }
}

#[test]
fn without_waiting_everything_comes_at_once() {
    let mut room = Room::new(Pace::new(Speed::Max, None), None, &recording(), 2);
    assert!(room.until(0));
    assert_eq!(room.seen.len(), 10);
}

#[test]
fn keys_in_any_order_bring_it_to_its_end() {
    let keys = [
        Key::Pause,
        Key::Seek(5),
        Key::Seek(-5),
        Key::Step(1),
        Key::Step(-1),
        Key::Marker,
        Key::Start,
        Key::Faster,
        Key::Slower,
    ];
    // Every row of three keys, half a second apart, and then to the end.
    for code in 0..keys.len().pow(3) {
        let mut room = Room::new(usual(), None, &recording(), 2);
        for place in 0..3 {
            room.until((place + 3) * 500_000);
            let place = u32::try_from(place).unwrap();
            room.press(keys[code / keys.len().pow(place) % keys.len()]);
        }
        room.until(10 * SECOND);
        if room.player.pace.is_paused() {
            room.press(Key::Pause);
        }
        assert!(room.until(u64::MAX), "keys {code}");
        assert_eq!(room.picture, "abcdefghij", "keys {code}");
    }
}
