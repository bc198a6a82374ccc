//! Values that cells name by number because they do not fit in a cell. Each value once; bounded, and swept of what no
//! cell names any more when it is full. A full table refuses: the cell then goes without.

use std::collections::BTreeMap;

/// Values by number, from 1.
#[derive(Debug, Clone)]
pub(crate) struct Table<T> {
    values: Vec<T>,
    numbers: BTreeMap<T, u32>,
    values_max: usize,
    /// How often a full table was asked since it was swept.
    refused: usize,
}

/// The old numbers' new ones, by index; what was swept has none.
pub(crate) struct Moved(Vec<Option<u32>>);

impl Moved {
    /// The new number of an old one. 0, which names nothing, stays 0.
    pub(crate) fn of(&self, number: u32) -> u32 {
        self.0.get(number as usize).copied().flatten().unwrap_or(0)
    }
}

impl<T: Ord + Clone> Table<T> {
    pub(crate) fn new(values_max: usize) -> Self {
        Self { values: Vec::new(), numbers: BTreeMap::new(), values_max, refused: 0 }
    }

    pub(crate) fn value(&self, number: u32) -> Option<&T> {
        self.values.get((number as usize).checked_sub(1)?)
    }

    /// The number of a value; nothing if the table is full of others.
    pub(crate) fn number(&mut self, value: &T) -> Option<u32> {
        if let Some(number) = self.numbers.get(value) {
            return Some(*number);
        }
        if self.values.len() >= self.values_max {
            return None;
        }
        self.values.push(value.clone());
        let number = u32::try_from(self.values.len()).expect("tables are far smaller than that");
        self.numbers.insert(value.clone(), number);
        Some(number)
    }

    /// Asked after a refusal: whether sweeping may help. Seldom after it did not, so that a full table costs little.
    pub(crate) fn wants_sweep(&mut self) -> bool {
        let due = self.refused.is_multiple_of(self.values_max / 4 + 1);
        self.refused += 1;
        due
    }

    /// Forgets all values but the named ones, and numbers those anew.
    pub(crate) fn sweep(&mut self, used: &[bool]) -> Moved {
        let before = self.values.len();
        let mut moved = vec![None; before + 1];
        let values = std::mem::take(&mut self.values);
        self.numbers.clear();
        for (index, value) in values.into_iter().enumerate() {
            if used.get(index + 1).copied().unwrap_or(false) {
                self.values.push(value.clone());
                let number = u32::try_from(self.values.len()).expect("fewer than before");
                self.numbers.insert(value, number);
                moved[index + 1] = Some(number);
            }
        }
        if self.values.len() < before - before / 4 {
            self.refused = 0;
        }
        Moved(moved)
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_number_and_a_full_table_refuses() {
        let mut table = Table::new(2);
        assert_eq!(table.number(&"a"), Some(1));
        assert_eq!(table.number(&"b"), Some(2));
        assert_eq!(table.number(&"a"), Some(1));
        assert_eq!(table.number(&"c"), None);
        let moved = table.sweep(&[false, false, true]);
        assert_eq!((moved.of(0), moved.of(1), moved.of(2)), (0, 0, 1));
        assert_eq!(table.value(1), Some(&"b"));
        assert_eq!(table.number(&"c"), Some(2));
    }

    #[test]
    fn a_table_that_stays_full_is_seldom_swept() {
        let mut table = Table::new(400);
        for value in 0..400 {
            assert!(table.number(&value).is_some());
        }
        let mut sweeps = 0;
        for value in 400..10_400 {
            if table.number(&value).is_none() && table.wants_sweep() {
                table.sweep(&[true; 401]);
                sweeps += 1;
            }
        }
        assert!((50..200).contains(&sweeps), "{sweeps}");
    }
}
