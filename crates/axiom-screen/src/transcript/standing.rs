//! The lines that stand on a page, as they were when it last stood still: which of them were given, and which are held back because
//! they may still move or grow. Compares a page with what stood there before; gives nothing itself.

use crate::roll::PageLine;

use super::likeness::{Change, Likeness};

/// A line on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) likeness: Likeness,
    /// True if an earlier form of it was given.
    pub(super) told: bool,
    /// What has not been given of it, and why.
    pub(super) held: Option<Held>,
}

/// A text that is not given yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) text: String,
    pub(super) why: Why,
}

/// Why a text is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It was not there the last time, and the page does not stand still.
    New,
    /// The cursor stands in it: more is coming, or somebody types.
    Cursor,
    /// It was gone on with.
    Growing,
    /// A counter or spinner.
    Moving,
}

impl Standing {
    /// A line that was given in this form.
    pub(super) fn told(likeness: Likeness) -> Self {
        Self { likeness, told: true, held: None }
    }
}

/// A line of the page now, ready to be compared.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) line: PageLine,
    pub(super) likeness: Likeness,
    pub(super) still: String,
}

impl Seen {
    pub(super) fn of(line: PageLine) -> Self {
        let mut still = String::new();
        let likeness = Likeness::of(&line.text, &mut still);
        Self { line, likeness, still }
    }
}

/// Where a line of the page came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It stood there before, the same.
    Same(usize),
    /// It stood there before in another form.
    Changed(usize, Change),
    /// It was not there.
    New,
}

impl Origin {
    /// Which line it was before.
    pub(super) fn index(&self) -> Option<usize> {
        match self {
            Self::Same(at) | Self::Changed(at, _) => Some(*at),
            Self::New => None,
        }
    }
}

/// What a comparison may assume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Redraw {
    /// The program changed the page in place.
    InPlace,
    /// It was cleared in between: unless most of it came back, what is there now is new, however like it is.
    AfterClear,
}

/// Where each line of a page came from.
pub(super) fn origins(before: &[Standing], page: &[Seen], redraw: Redraw) -> Vec<Origin> {
    let mut origins = same_lines(before, page);
    let same = origins.iter().filter(|origin| **origin != Origin::New).count();
    if redraw == Redraw::AfterClear && same * 2 < page.len() {
        return origins;
    }
    let mut from = 0;
    let mut at = 0;
    while at < page.len() {
        if let Origin::Same(index) = origins[at] {
            from = index + 1;
            at += 1;
            continue;
        }
        let until = origins[at..].iter().find_map(|origin| match origin {
            Origin::Same(index) => Some(*index),
            Origin::Changed(..) | Origin::New => None,
        });
        let gap = from..until.unwrap_or(before.len());
        let end = at + origins[at..].iter().take_while(|origin| **origin == Origin::New).count();
        pair(before, gap, page, (at..end, &mut origins));
        at = end;
    }
    origins
}

/// Pairs lines between two that stayed: in order, each with the first one that it may have been.
fn pair(
    before: &[Standing],
    mut gap: std::ops::Range<usize>,
    page: &[Seen],
    (lines, origins): (std::ops::Range<usize>, &mut [Origin]),
) {
    for at in lines {
        let seen = &page[at];
        let found = gap.clone().find_map(|index| {
            match before[index].likeness.change_to(&seen.likeness, &seen.still) {
                Change::Replaced => None,
                change @ (Change::Moved | Change::Grown) => Some((index, change)),
            }
        });
        if let Some((index, change)) = found {
            origins[at] = Origin::Changed(index, change);
            gap.start = index + 1;
        }
    }
}

/// The longest sequence of lines that stand in the same order before and now.
fn same_lines(before: &[Standing], page: &[Seen]) -> Vec<Origin> {
    let mut origins = vec![Origin::New; page.len()];
    let same = |old: usize, new: usize| before[old].likeness.whole == page[new].likeness.whole;
    let both = before.len().min(page.len());
    let first = (0..both).take_while(|at| same(*at, *at)).count();
    let last = (0..both - first)
        .take_while(|back| same(before.len() - 1 - back, page.len() - 1 - back))
        .count();
    for (at, origin) in origins.iter_mut().enumerate().take(first) {
        *origin = Origin::Same(at);
    }
    for back in 0..last {
        origins[page.len() - 1 - back] = Origin::Same(before.len() - 1 - back);
    }
    let (old, new) = (first..before.len() - last, first..page.len() - last);
    if old.is_empty() || new.is_empty() {
        return origins;
    }
    // lengths[i][j]: of the longest common sequence of what begins at i and j.
    let width = new.len() + 1;
    let mut lengths = vec![0u16; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            lengths[i * width + j] = if same(old.start + i, new.start + j) {
                lengths[(i + 1) * width + j + 1] + 1
            } else {
                lengths[(i + 1) * width + j].max(lengths[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < old.len() && j < new.len() {
        if same(old.start + i, new.start + j) {
            origins[new.start + j] = Origin::Same(old.start + i);
            (i, j) = (i + 1, j + 1);
        } else if lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    origins
}
