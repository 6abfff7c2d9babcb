//! The transactions that the server sends before their commit, until it tells how they end.
//!
//! Owns the held-back transactions and their budgets of memory and disk. Refuses to deliver: what commits is given
//! away as a whole.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use super::held::{HeldTransaction, Record};
use crate::lsn::Xid;

/// A transaction is not worth a file of its own below this.
const SMALLEST_SPILL: u64 = 64 << 10;

/// A server has no more sessions and prepared transactions than this (`postmaster.h`, MAX_BACKENDS, twice).
pub const MOST_OPEN: usize = 1 << 19;
/// What the start of one subtransaction takes in memory, wherever its messages are.
const SUBTRANSACTION_BYTES: u64 = 32;
/// Their starts get this much, however small the budget is.
const LEAST_FOR_SUBTRANSACTIONS: u64 = 16 << 20;

/// Where and how much may be kept.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Of memory, over all transactions.
    pub memory_bytes: u64,
    /// Of disk, over all transactions; 0: no limit.
    pub file_bytes: u64,
    /// Where the files go.
    pub dir: PathBuf,
}

/// Why a message could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// Neither could it be in memory.
    #[error("out of memory")]
    OutOfMemory,
    /// More than a server can have.
    #[error("more transactions without an end than a server can have")]
    TooManyTransactions,
    /// Their starts alone take too much memory.
    #[error("a large transaction has too many subtransactions to be held back")]
    TooManySubtransactions,
    /// The disk refused.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// `Budget::file_bytes` is exhausted.
    #[error("the limit of {0} bytes is reached")]
    Full(u64),
}

/// See the file's head.
#[derive(Debug)]
pub struct Assembler {
    open: HashMap<Xid, HeldTransaction>,
    /// Of all of them: asked for with every message.
    memory_bytes: u64,
    /// The same.
    subtransactions: u64,
    budget: Budget,
}

impl Assembler {
    /// With nothing in it.
    pub fn new(budget: Budget) -> Assembler {
        Assembler { open: HashMap::new(), memory_bytes: 0, subtransactions: 0, budget }
    }

    /// A block of `xid` begins. The first one makes it known, even when nothing follows.
    pub fn start(&mut self, xid: Xid) -> Result<(), HoldError> {
        if self.open.len() >= MOST_OPEN && !self.open.contains_key(&xid) {
            return Err(HoldError::TooManyTransactions);
        }
        self.open.entry(xid).or_default();
        Ok(())
    }

    /// Keeps one message of `xid`.
    pub fn hold(&mut self, xid: Xid, record: Record<'_>) -> Result<(), HoldError> {
        let held = self.open.entry(xid).or_default();
        let (bytes, subtransactions) = (held.memory_bytes(), held.subtransactions());
        if !held.push(record) {
            return Err(HoldError::OutOfMemory);
        }
        self.memory_bytes += held.memory_bytes() - bytes;
        self.subtransactions += held.subtransactions() - subtransactions;
        let most = self.budget.memory_bytes.max(LEAST_FOR_SUBTRANSACTIONS) / SUBTRANSACTION_BYTES;
        if self.subtransactions > most {
            return Err(HoldError::TooManySubtransactions);
        }
        while self.memory_bytes > self.budget.memory_bytes && self.spill_largest()? {}
        Ok(())
    }

    /// A subtransaction of `xid`, or `xid` itself, was rolled back. Unknown ones are: the server forgets to tell that it
    /// never sent them.
    pub fn abort(&mut self, xid: Xid, subxid: Xid) -> io::Result<()> {
        if xid == subxid {
            self.take(xid);
            return Ok(());
        }
        match self.open.get_mut(&xid) {
            Some(held) => {
                let before = held.subtransactions();
                let outcome = held.abort(subxid);
                self.subtransactions -= before - held.subtransactions();
                outcome
            }
            None => Ok(()),
        }
    }

    /// `xid` commits or is prepared: what survived of it, None when none of it was sent.
    pub fn take(&mut self, xid: Xid) -> Option<HeldTransaction> {
        let held = self.open.remove(&xid)?;
        self.memory_bytes -= held.memory_bytes();
        self.subtransactions -= held.subtransactions();
        Some(held)
    }

    /// The connection is gone: the server sends all of them anew, or never.
    pub fn clear(&mut self) {
        self.open.clear();
        self.memory_bytes = 0;
        self.subtransactions = 0;
    }

    /// Transactions without an end so far.
    pub fn count(&self) -> usize {
        self.open.len()
    }

    /// Memory in use.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// Disk in use.
    pub fn file_bytes(&self) -> u64 {
        self.open.values().map(HeldTransaction::file_bytes).sum()
    }

    /// Where the files go.
    pub fn dir(&self) -> &std::path::Path {
        &self.budget.dir
    }

    /// False when none is large enough for it.
    fn spill_largest(&mut self) -> Result<bool, HoldError> {
        let on_disk = self.file_bytes();
        let Some(largest) = self.open.values_mut().max_by_key(|held| held.memory_bytes()) else {
            return Ok(false);
        };
        let size = largest.memory_bytes();
        if size < SMALLEST_SPILL {
            return Ok(false);
        }
        if self.budget.file_bytes > 0 && on_disk + size > self.budget.file_bytes {
            return Err(HoldError::Full(self.budget.file_bytes));
        }
        largest.spill(&self.budget.dir)?;
        self.memory_bytes -= size - largest.memory_bytes();
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lsn::Lsn;

    fn assembler(memory_bytes: u64, file_bytes: u64, dir: &str) -> Assembler {
        Assembler::new(Budget { memory_bytes, file_bytes, dir: dir.into() })
    }

    fn hold(assembler: &mut Assembler, xid: u32, size: usize) -> Result<(), HoldError> {
        let message = vec![b'x'; size];
        assembler.hold(Xid(xid), Record { subxid: Xid(xid), lsn: Lsn(1), tag: b'I', body: &message })
    }

    #[test]
    fn memory_stays_within_its_budget() {
        let dir = tempfile::tempdir().unwrap();
        let mut assembler = assembler(1 << 20, 0, dir.path().to_str().unwrap());
        for i in 0..3000 {
            hold(&mut assembler, i % 3 + 1, 4000).unwrap();
            assert!(assembler.memory_bytes() <= 1 << 20);
        }
        assert!(assembler.file_bytes() > 10 << 20);
        for xid in 1..=3 {
            let mut reader = assembler.take(Xid(xid)).unwrap().into_reader().unwrap();
            let mut count = 0;
            while reader.read().unwrap().is_some() {
                count += 1;
            }
            assert_eq!(count, 1000);
        }
        assert_eq!((assembler.memory_bytes(), assembler.file_bytes()), (0, 0));
    }

    #[test]
    fn many_small_transactions_are_not_spilled_one_by_one() {
        let mut assembler = assembler(1 << 20, 0, "/nowhere/at/all");
        for xid in 1..2000 {
            hold(&mut assembler, xid, 1000).unwrap();
        }
    }

    #[test]
    fn limits_are_errors_that_say_which() {
        let mut full = assembler(1 << 20, 2 << 20, "/var/tmp");
        let error = (0..100).find_map(|_| hold(&mut full, 1, 100_000).err());
        assert!(matches!(error, Some(HoldError::Full(limit)) if limit == 2 << 20));
        let mut nowhere = assembler(1 << 20, 0, "/nowhere/at/all");
        let error = (0..100).find_map(|_| hold(&mut nowhere, 1, 100_000).err());
        assert!(matches!(error, Some(HoldError::Io(_))));
    }

    #[test]
    fn an_abort_of_what_was_never_sent_is_nothing() {
        let mut assembler = assembler(1 << 20, 0, "/var/tmp");
        assembler.abort(Xid(5), Xid(5)).unwrap();
        assembler.abort(Xid(5), Xid(6)).unwrap();
        assert!(assembler.take(Xid(5)).is_none());
    }
}
