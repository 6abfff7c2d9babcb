//! A batch that is read event by event.
//!
//! Its events were written by another processor, and reading them is the host's business: what moves on here does
//! not look into them, except where there is something to acknowledge.

#![forbid(unsafe_code)]

use crate::model::{Batch, Event};

/// See the file's head.
pub(super) struct Unread {
    batch: Batch,
    next: usize,
    /// Of the batch's acks.
    next_ack: usize,
}

impl Unread {
    /// Nothing of `batch` was read.
    pub(super) fn new(batch: Batch) -> Unread {
        Unread { batch, next: 0, next_ack: 0 }
    }

    /// The next event, and its ack_lsn.
    #[inline]
    pub(super) fn next(&mut self) -> Option<(&Event, u64)> {
        let event = self.batch.events().get(self.next)?;
        let ack_lsn = match self.batch.acks().get(self.next_ack) {
            Some(index) if *index as usize == self.next => {
                self.next_ack += 1;
                event.ack_lsn
            }
            _ => 0,
        };
        self.next += 1;
        Some((event, ack_lsn))
    }

    /// How many are left.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.batch.events().len() - self.next
    }

    /// What is left is not to be read; what was read last stays alive.
    pub(super) fn drop_rest(&mut self) {
        self.next = self.batch.events().len();
    }

    /// What is left.
    pub(super) fn rest(self) -> Option<Batch> {
        self.batch.skip(self.next)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::arena::Pool;
    use crate::model::{BatchBuilder, Kind};

    /// Each event with its number as lsn; some can be acknowledged.
    fn batch(ack_lsns: &[u64]) -> Batch {
        let mut builder = BatchBuilder::new(Arc::<Pool>::default());
        for (lsn, ack_lsn) in (1..).zip(ack_lsns) {
            let event = Event { lsn, ack_lsn: *ack_lsn, ..Event::new(Kind::POSITION) };
            builder.push(event, &[], None, None).unwrap();
        }
        builder.seal().unwrap().unwrap()
    }

    fn all(mut unread: Unread) -> Vec<(u64, u64)> {
        let next = || unread.next().map(|(event, ack_lsn)| (event.lsn, ack_lsn));
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn each_event_comes_with_its_ack_lsn() {
        for ack_lsns in [&[0, 0, 9, 0, 10, 11][..], &[5], &[0], &[7, 0, 0], &[1, 2, 3]] {
            let expected: Vec<_> = (1..).zip(ack_lsns.iter().copied()).collect();
            assert_eq!(all(Unread::new(batch(ack_lsns))), expected);
            for read in 0..ack_lsns.len() {
                let mut unread = Unread::new(batch(ack_lsns));
                (0..read).for_each(|_| assert!(unread.next().is_some()));
                assert_eq!(all(Unread::new(unread.rest().unwrap())), expected[read..]);
            }
        }
    }

    #[test]
    fn what_is_dropped_is_not_left() {
        let mut unread = Unread::new(batch(&[0, 1]));
        assert!(unread.left() == 2 && unread.next().is_some());
        unread.drop_rest();
        assert!(unread.left() == 0 && unread.next().is_none() && unread.rest().is_none());
    }
}
