//! Tab stops: every eight columns until a program says otherwise.

/// Columns between the stops that a terminal starts with.
const DISTANCE: usize = 8;

/// The columns with a stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tabs {
    stops: Vec<bool>,
}

impl Tabs {
    pub(crate) fn new(columns: usize) -> Self {
        let mut tabs = Self { stops: Vec::new() };
        tabs.resize(columns);
        tabs
    }

    /// New columns get the usual stops.
    pub(crate) fn resize(&mut self, columns: usize) {
        let known = self.stops.len();
        self.stops.truncate(columns);
        self.stops.extend((known..columns).map(|column| column.is_multiple_of(DISTANCE)));
    }

    pub(crate) fn set(&mut self, column: usize, on: bool) {
        self.stops[column] = on;
    }

    pub(crate) fn clear(&mut self) {
        self.stops.fill(false);
    }

    /// The next stop to the right, else the last column.
    pub(crate) fn after(&self, column: usize) -> usize {
        let next = self.stops.iter().skip(column + 1).position(|stop| *stop);
        next.map_or(self.stops.len() - 1, |distance| column + 1 + distance)
    }

    /// The next stop to the left, else the first column.
    pub(crate) fn before(&self, column: usize) -> usize {
        self.stops[..column].iter().rposition(|stop| *stop).unwrap_or(0)
    }

    pub(crate) fn stops(&self) -> impl Iterator<Item = usize> {
        self.stops.iter().enumerate().filter(|(_, stop)| **stop).map(|(column, _)| column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tab_goes_to_the_next_stop_or_to_the_edge() {
        let mut tabs = Tabs::new(20);
        assert_eq!([0, 7, 8, 16, 19].map(|column| tabs.after(column)), [8, 8, 16, 19, 19]);
        assert_eq!([0, 1, 8, 9, 19].map(|column| tabs.before(column)), [0, 0, 0, 8, 16]);
        tabs.clear();
        assert_eq!((tabs.after(3), tabs.before(3)), (19, 0));
        tabs.set(5, true);
        tabs.resize(40);
        assert_eq!(tabs.stops().collect::<Vec<_>>(), [5, 24, 32]);
    }
}
