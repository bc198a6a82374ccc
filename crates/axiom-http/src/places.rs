//! The connections of one door: how many there are, and which one makes room when a new one finds it full.
//! Whoever has been let in once is never put out for a newcomer.

use std::collections::BTreeMap;

/// One connection of a door.
pub(crate) type Number = u64;

/// Who is there. `H` ends a connection.
#[derive(Debug)]
pub(crate) struct Places<H> {
    most: usize,
    taken: usize,
    next: Number,
    /// Those that nobody has been let in on yet: the oldest first.
    unheard: BTreeMap<Number, H>,
}

impl<H> Places<H> {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, taken: 0, next: 0, unheard: BTreeMap::new() }
    }

    /// True if one more may come, perhaps for another.
    pub(crate) fn has_room(&self) -> bool {
        self.taken < self.most || !self.unheard.is_empty()
    }

    /// Takes a place, one too many if all others have been heard since there was room. Gives the connection that must be
    /// ended for it.
    pub(crate) fn enter(&mut self, begin: impl FnOnce(Number) -> H) -> Option<H> {
        let put_out = if self.taken < self.most { None } else { self.unheard.pop_first() };
        let number = self.next;
        self.next += 1;
        self.taken += 1;
        self.unheard.insert(number, begin(number));
        put_out.map(|(_, connection)| connection)
    }

    /// Somebody was let in on it.
    pub(crate) fn heard(&mut self, number: Number) {
        drop(self.unheard.remove(&number));
    }

    /// It is closed, put out or not.
    pub(crate) fn leave(&mut self, number: Number) {
        drop(self.unheard.remove(&number));
        self.taken -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_that_was_not_heard_makes_room() {
        let mut places = Places::new(3);
        let enter = |places: &mut Places<Number>| places.enter(|number| number);
        for _ in 0..3 {
            assert_eq!(enter(&mut places), None);
        }
        places.heard(0);
        assert!(places.has_room());
        assert_eq!(enter(&mut places), Some(1));
        places.leave(1);
        assert_eq!(enter(&mut places), Some(2));
        places.leave(2);
        places.heard(3);
        places.heard(4);
        assert!(!places.has_room());
        places.leave(0);
        assert!(places.has_room());
        assert_eq!(enter(&mut places), None);
    }
}
