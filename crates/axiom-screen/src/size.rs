//! How large a screen is. Refuses what no terminal has, so that nobody allocates for ten million columns.

use thiserror::Error;

/// Most columns of a screen. Wider than any display; with [`ROWS_MAX`] it bounds a screen's memory to about 10 MB a page.
pub const COLUMNS_MAX: u16 = 1_000;

/// Most rows of a screen.
pub const ROWS_MAX: u16 = 500;

/// What a program assumes of a terminal that does not say its size.
const COLUMNS_UNSAID: u16 = 80;
/// See [`COLUMNS_UNSAID`].
const ROWS_UNSAID: u16 = 24;

/// Columns and rows, both at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Size {
    columns: u16,
    rows: u16,
}

/// Why a size is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SizeError {
    /// A terminal without columns or rows shows nothing.
    #[error("a screen of {columns} columns and {rows} rows shows nothing; both must be at least 1")]
    Empty {
        /// What was asked for.
        columns: u32,
        /// What was asked for.
        rows: u32,
    },
    /// No display is that large.
    #[error(
        "a screen of {columns} columns and {rows} rows is too large; at most {COLUMNS_MAX} and {ROWS_MAX}"
    )]
    TooLarge {
        /// What was asked for.
        columns: u32,
        /// What was asked for.
        rows: u32,
    },
}

impl Size {
    /// A size, if a screen can have it.
    ///
    /// # Errors
    /// [`SizeError`] if a side is 0 or over its limit.
    pub fn new(columns: u32, rows: u32) -> Result<Self, SizeError> {
        if columns == 0 || rows == 0 {
            return Err(SizeError::Empty { columns, rows });
        }
        match (u16::try_from(columns), u16::try_from(rows)) {
            (Ok(width), Ok(height)) if width <= COLUMNS_MAX && height <= ROWS_MAX => {
                Ok(Self { columns: width, rows: height })
            }
            _ => Err(SizeError::TooLarge { columns, rows }),
        }
    }

    /// The size that comes nearest to what a terminal device says of itself. A side of 0 means that the device was
    /// never told: programs then assume 80 columns and 24 rows, and so do we. A side over its limit is the limit.
    #[must_use]
    pub fn nearest(columns: u32, rows: u32) -> Self {
        let side = |asked: u32, unsaid: u16, max: u16| match u16::try_from(asked) {
            Ok(0) => unsaid,
            Ok(given) => given.min(max),
            Err(_) => max,
        };
        Self {
            columns: side(columns, COLUMNS_UNSAID, COLUMNS_MAX),
            rows: side(rows, ROWS_UNSAID, ROWS_MAX),
        }
    }

    /// Columns, from 1 to [`COLUMNS_MAX`].
    #[must_use]
    pub const fn columns(self) -> u16 {
        self.columns
    }

    /// Rows, from 1 to [`ROWS_MAX`].
    #[must_use]
    pub const fn rows(self) -> u16 {
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_has_at_least_one_column_and_one_row() {
        assert_eq!(Size::new(0, 24), Err(SizeError::Empty { columns: 0, rows: 24 }));
        assert_eq!(Size::new(80, 0), Err(SizeError::Empty { columns: 80, rows: 0 }));
        assert!(Size::new(1, 1).is_ok());
    }

    #[test]
    fn ten_million_columns_are_refused() {
        let error = Size::new(10_000_000, 24).unwrap_err();
        assert_eq!(error, SizeError::TooLarge { columns: 10_000_000, rows: 24 });
        assert!(error.to_string().contains("10000000"), "{error}");
    }

    #[test]
    fn a_device_that_does_not_say_its_size_has_the_usual_one() {
        assert_eq!(Size::nearest(0, 0), Size::new(80, 24).unwrap());
        assert_eq!(Size::nearest(132, 0), Size::new(132, 24).unwrap());
        assert_eq!(Size::nearest(u32::MAX, 70_000), Size::new(1_000, 500).unwrap());
    }
}
