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
    jumps: usize,
    /// Where reading is to begin.
    place: Option<Place>,
}

impl Room {
    fn new(pace: Pace, from: Option<u64>, recording: &[Event], portion: usize) -> Self {
        Self::reaching(Reach::Start, (pace, from), recording, portion)
    }

    fn reaching(
        reach: Reach,
        (pace, from): (Pace, Option<u64>),
        recording: &[Event],
        portion: usize,
    ) -> Self {
        Self {
            player: Player::new(pace, from.map(Micros), reach),
            recording: recording.to_vec(),
            given: 0,
            portion,
            now: Micros(0),
            seen: Vec::new(),
            picture: String::new(),
            rewinds: 0,
            jumps: 0,
            place: None,
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
                Act::Rewind(_) => {
                    self.rewinds += 1;
                    self.given = 0;
                    self.picture.clear();
                }
                Act::Jump(place) => {
                    self.jumps += 1;
                    self.place = Some(place);
                }
                Act::End => return true,
            }
        }
        panic!("it goes in circles: {:?}", self.player)
    }

    /// As a task is read from a place on.
    fn land(&mut self, place: Place) {
        let after = |until| self.recording.iter().take_while(|event| event.at <= until).count();
        let prints = |event: &Event| matches!(event.what, What::Output(_));
        let next = match place {
            Place::Moment(at) => after(at),
            Place::Outputs { until, back } => (0..back).fold(after(until), |next, _| {
                self.recording[..next].iter().rposition(prints).unwrap_or(0)
            }),
        };
        let passed = &self.recording[..next];
        let last = passed.last().map_or(Micros(0), |event| event.at);
        let at = match place {
            Place::Moment(at) if next < self.recording.len() => at,
            Place::Moment(_) | Place::Outputs { .. } => last,
        };
        let text = |event: &Event| match &event.what {
            What::Output(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            What::ErrorOutput(_)
            | What::Input(_)
            | What::Resized(_)
            | What::Marker(_)
            | What::Exited(_) => String::new(),
        };
        self.picture = passed.iter().map(text).collect();
        self.given = next;
        self.player.landed(Landing { last, at }, self.now);
    }

    fn give(&mut self) {
        if let Some(place) = self.place.take() {
            return self.land(place);
        }
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

/// Where reading may begin, and events that come at once.
fn ways() -> impl Iterator<Item = (Reach, usize)> {
    [Reach::Start, Reach::Anywhere]
        .into_iter()
        .flat_map(|reach| [1, 3, 100].map(|portion| (reach, portion)))
}

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
    for (reach, portion) in ways() {
        let from = |from| Room::reaching(reach, (usual(), Some(from)), &recording(), portion);
        let mut room = from(7_500_000);
        assert!(room.until(u64::MAX));
        assert_eq!(room.seen(), [(0, "[abcdefg]"), (500, "h"), (1500, "i"), (2500, "j")]);
        let mut room = from(99 * SECOND);
        assert!(room.until(u64::MAX));
        assert_eq!(room.seen(), [(0, "[abcdefghij]")]);
    }
}

#[test]
fn an_event_at_the_very_time_that_is_sought_is_in_the_picture() {
    for (reach, portion) in ways() {
        let from = Some(2 * SECOND);
        let mut room = Room::reaching(reach, (usual(), from), &recording(), portion);
        room.until(100_000);
        assert_eq!(room.seen(), [(0, "[ab]")]);
    }
}

#[test]
fn a_seek_forward_skips_and_one_back_begins_again() {
    for (reach, portion) in ways() {
        let mut room = Room::reaching(reach, (usual(), None), &recording(), portion);
        room.until(1_500_000);
        room.press(Key::Seek(5));
        room.until(2_000_000);
        assert_eq!(room.seen(), [(1000, "a"), (1500, "[abcdef]"), (2000, "g")]);
        room.press(Key::Seek(-5));
        room.until(2_999_999);
        // From 7 s to 2 s.
        assert_eq!(room.seen()[3..], [(2000, "[ab]")]);
        assert_eq!(room.rewinds, usize::from(reach == Reach::Start));
        // What was read already is not asked for again.
        let jumps = if portion == 100 { 1 } else { 2 };
        assert_eq!(room.jumps, if reach == Reach::Anywhere { jumps } else { 0 });
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
    for (reach, portion) in ways() {
        steps_and_stays_paused(Room::reaching(reach, (usual(), None), &recording(), portion));
    }
}

fn steps_and_stays_paused(mut room: Room) {
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
    room.player = Player::new(usual(), None, Reach::Onward);
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
    let codes = 0..keys.len().pow(3);
    for (code, reach) in codes.flat_map(|code| [(code, Reach::Start), (code, Reach::Anywhere)]) {
        let mut room = Room::reaching(reach, (usual(), None), &recording(), 2);
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

#[test]
fn keys_that_come_before_the_place_they_ask_for_add_up() {
    let mut room = Room::reaching(Reach::Anywhere, (usual(), None), &recording(), 1);
    room.until(8_500_000);
    room.press(Key::Step(-1));
    assert!(matches!(room.player.next(room.now), Act::Jump(_)));
    for key in [Key::Step(-1), Key::Step(-1), Key::Step(1)] {
        room.press(key);
    }
    room.until(9 * SECOND);
    assert_eq!(room.seen().last(), Some(&(8500, "[abcdef]")));
    // A marker is sought from the place that was asked for before.
    room.press(Key::Seek(-5));
    let Act::Jump(place) = room.player.next(room.now) else { panic!("{:?}", room.player) };
    room.place = Some(place);
    room.press(Key::Marker);
    room.until(9 * SECOND);
    assert_eq!(room.seen().last(), Some(&(9000, "[abcd]")));
}
