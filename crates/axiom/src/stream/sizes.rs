//! The children's terminals beside the marks of their lines: what is left of the person's terminal, also after it changes.
//! One round of sizes is under way at a time, however often a window is pulled at. Pure.

use std::collections::BTreeSet;

use axiom_client::Order;
use axiom_proto::command::Action;
use axiom_proto::id::{CommandId, TaskId};
use axiom_proto::task::Size;
use bytes::Bytes;

use crate::wrapping::COLUMNS_MIN;

/// The size that a child has beside a mark of so many columns.
#[must_use]
pub(crate) fn beside(mark: u16, size: Size) -> Size {
    let least = u16::try_from(COLUMNS_MIN).expect("a narrow terminal");
    Size { cols: size.cols.saturating_sub(mark).max(least), rows: size.rows }
}

/// The sizes of the children.
#[derive(Debug, Default)]
pub(super) struct ChildSizes {
    /// Columns of the marks; `None` where children keep their own sizes.
    mark: Option<u16>,
    wanted: Option<Size>,
    under_way: BTreeSet<CommandId>,
}

impl ChildSizes {
    pub(super) fn new(mark: Option<u16>) -> Self {
        Self { mark, ..Self::default() }
    }

    /// The person's terminal has this size now.
    pub(super) fn resized(&mut self, size: Size) {
        self.wanted = self.mark.map(|mark| beside(mark, size));
    }

    /// What to order of these tasks now; `id` makes ids.
    pub(super) fn orders(
        &mut self,
        tasks: impl Iterator<Item = TaskId>,
        id: impl Fn() -> CommandId,
    ) -> Vec<Order> {
        if !self.under_way.is_empty() {
            return Vec::new();
        }
        let Some(size) = self.wanted.take() else { return Vec::new() };
        let order =
            |task| Order { task, id: id(), action: Action::Resize { size }, data: Bytes::new() };
        let orders: Vec<Order> = tasks.map(order).collect();
        self.under_way = orders.iter().map(|order| order.id).collect();
        orders
    }

    /// True if this answers one of ours: nobody else is to be told, a task may end meanwhile.
    pub(super) fn answered(&mut self, id: CommandId) -> bool {
        self.under_way.remove(&id)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_child_gets_what_is_left_and_never_less_than_a_narrow_terminal() {
        let size = |cols| Size { cols, rows: 30 };
        assert_eq!(beside(11, size(80)), size(69));
        assert_eq!(beside(11, size(25)), size(20));
        assert_eq!(beside(0, size(80)), size(80));
    }

    #[test]
    fn of_many_sizes_only_the_last_is_ordered_once_the_round_before_is_answered() {
        let made = Cell::new(0);
        let id = || {
            made.set(made.get() + 1);
            CommandId::from_random([made.get(); 10])
        };
        let task = || std::iter::once(TaskId::from_random([1; 10]));
        let mut sizes = ChildSizes::new(Some(10));
        assert!(sizes.orders(task(), id).is_empty());
        sizes.resized(Size { cols: 100, rows: 40 });
        let first = sizes.orders(task(), id);
        assert_eq!(first[0].action, Action::Resize { size: Size { cols: 90, rows: 40 } });
        for cols in [60, 50] {
            sizes.resized(Size { cols, rows: 40 });
            assert!(sizes.orders(task(), id).is_empty());
        }
        assert!(sizes.answered(first[0].id) && !sizes.answered(first[0].id));
        let second = sizes.orders(task(), id);
        assert_eq!(second[0].action, Action::Resize { size: Size { cols: 40, rows: 40 } });
        let mut own = ChildSizes::new(None);
        own.resized(Size { cols: 100, rows: 40 });
        assert!(own.orders(task(), id).is_empty());
    }
}
