//! Any screen and its dump: fed into a fresh screen it gives the same one, and what follows has the same effect on both.

use axiom_screen::{Answers, Screen};

use crate::screen::{assert_same, played};
use crate::script::Script;

/// Runs one input. The script's last output is what follows.
pub(crate) fn run(bytes: &[u8]) {
    let mut script = Script::read(bytes);
    let after = script.steps.pop().map(|last| {
        let steps = vec![last];
        Script { size: script.size, steps }.output()
    });
    let (mut original, _) = played(&script);
    let mut copy = Screen::new(original.size());
    copy.feed(&original.dump(), &mut Answers::default());
    assert_same(&copy, &original, "a screen that was fed a dump");
    let after = after.unwrap_or_default();
    let mut said = [Answers::default(), Answers::default()];
    let [of_original, of_copy] = &mut said;
    original.feed(&after, of_original);
    copy.feed(&after, of_copy);
    assert_same(&copy, &original, "what follows a dump");
    let [of_original, of_copy] = said.map(|mut answers| {
        // An open synchronized update is left out of dumps: the next picture is whole.
        answers.take().escape_ascii().to_string().replace("[?2026;1$y", "[?2026;2$y")
    });
    assert_eq!(of_copy, of_original, "answers after a dump");
}
