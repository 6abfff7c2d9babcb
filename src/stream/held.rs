//! One transaction that the server sends before its commit: its messages, kept in the order of arrival.
//!
//! Owns their storage, in memory and, once told to spill, in an unlinked file of mode 0600 that vanishes with the
//! process. Refuses to look into the messages. A record is its body's length, its subtransaction, its position, its tag and its body.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::fs::{File, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::lsn::{Lsn, Xid};

/// Length of the body, subtransaction, position, tag.
const HEADER: usize = 4 + 4 + 8 + 1;
/// Of a file, read at once.
const READ_AHEAD: usize = 256 << 10;

/// One message of a held-back transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The subtransaction that it belongs to; the transaction's own xid at the top level.
    pub subxid: Xid,
    /// Of the change; 0 if the server gave none. A definition has none: instead, when it arrived (`Outbox::arrival`).
    pub lsn: Lsn,
    /// Which message.
    pub tag: u8,
    /// What follows tag and subtransaction.
    pub body: &'a [u8],
}

/// The messages of one transaction. Offsets count bytes from its first record, file and memory taken together.
#[derive(Debug, Default)]
pub struct HeldTransaction {
    file: Option<File>,
    in_file: u64,
    memory: Vec<u8>,
    /// Where each subtransaction's first record begins.
    first_of: HashMap<Xid, u64>,
    /// Of the last record: mostly the next one's, too, and then `first_of` knows it.
    last: Option<Xid>,
}

impl HeldTransaction {
    /// Memory that it takes.
    pub fn memory_bytes(&self) -> u64 {
        self.memory.capacity() as u64
    }

    /// Subtransactions that left a record, itself among them.
    pub fn subtransactions(&self) -> u64 {
        self.first_of.len() as u64
    }

    /// Room that it takes on disk.
    pub fn file_bytes(&self) -> u64 {
        self.in_file
    }

    /// Did nothing survive?
    pub fn is_empty(&self) -> bool {
        self.end() == 0
    }

    fn end(&self) -> u64 {
        self.in_file + self.memory.len() as u64
    }

    /// Appends one message; false when memory for it was refused.
    pub fn push(&mut self, record: Record<'_>) -> bool {
        let size = HEADER + record.body.len();
        if self.memory.try_reserve(size).is_err() {
            return false;
        }
        let at = self.end();
        if self.last != Some(record.subxid) {
            self.first_of.entry(record.subxid).or_insert(at);
            self.last = Some(record.subxid);
        }
        let mut header = [0; HEADER];
        // The decoder refuses messages of 4 GiB and more.
        header[..4].copy_from_slice(&(record.body.len() as u32).to_le_bytes());
        header[4..8].copy_from_slice(&record.subxid.0.to_le_bytes());
        header[8..16].copy_from_slice(&record.lsn.0.to_le_bytes());
        header[16] = record.tag;
        self.memory.extend_from_slice(&header);
        self.memory.extend_from_slice(record.body);
        true
    }

    /// A subtransaction was rolled back: all from its first record on goes, whoever's it is. Later subtransactions lie
    /// inside it or are aborted, too (`worker.c: stream_abort_internal`). One that was never seen changes nothing.
    pub fn abort(&mut self, subxid: Xid) -> io::Result<()> {
        let Some(&from) = self.first_of.get(&subxid) else { return Ok(()) };
        self.first_of.retain(|_, first| *first < from);
        self.last = None;
        if from >= self.in_file {
            self.memory.truncate((from - self.in_file) as usize);
            return Ok(());
        }
        self.memory.clear();
        self.in_file = from;
        match &mut self.file {
            Some(file) => {
                file.set_len(from)?;
                file.seek(SeekFrom::Start(from)).map(drop)
            }
            None => Ok(()),
        }
    }

    /// Moves what is in memory to a file in `dir`, and gives the memory back.
    pub fn spill(&mut self, dir: &Path) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(private_file(dir)?),
        };
        if let Err(error) = file.write_all(&self.memory) {
            // What was written in part does not count.
            let _ = file.set_len(self.in_file).and_then(|()| file.seek(SeekFrom::Start(self.in_file)));
            return Err(error);
        }
        self.in_file += self.memory.len() as u64;
        self.memory = Vec::new();
        Ok(())
    }

    /// Reads it from its first record on.
    pub fn into_reader(mut self) -> io::Result<HeldReader> {
        if let Some(file) = &mut self.file {
            file.rewind()?;
        }
        Ok(HeldReader { left_in_file: self.in_file, held: self, buffer: Vec::new(), at: 0 })
    }
}

/// Gives the records of a transaction back, in order, with a bounded part of the file in memory.
#[derive(Debug)]
pub struct HeldReader {
    held: HeldTransaction,
    left_in_file: u64,
    /// The part of the file that is being read, then the part that stayed in memory.
    buffer: Vec<u8>,
    at: usize,
}

impl HeldReader {
    /// Room that the transaction takes on disk.
    pub fn file_bytes(&self) -> u64 {
        self.held.file_bytes()
    }

    /// The next record, None behind the last.
    pub fn read(&mut self) -> io::Result<Option<Record<'_>>> {
        self.fill(HEADER)?;
        let Some((header, rest)) = self.buffer[self.at..].split_first_chunk::<HEADER>() else {
            return if self.at == self.buffer.len() { Ok(None) } else { Err(damaged()) };
        };
        let [l0, l1, l2, l3, x0, x1, x2, x3, lsn @ .., tag] = *header;
        let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let (subxid, lsn) = (Xid(u32::from_le_bytes([x0, x1, x2, x3])), Lsn(u64::from_le_bytes(lsn)));
        if rest.len() < len {
            self.fill(HEADER + len)?;
        }
        let start = self.at + HEADER;
        self.at = start + len;
        let body = self.buffer.get(start..self.at).ok_or_else(damaged)?;
        Ok(Some(Record { subxid, lsn, tag, body }))
    }

    /// Has at least `size` bytes ready, as long as there are so many.
    fn fill(&mut self, size: usize) -> io::Result<()> {
        if self.buffer.len() - self.at >= size {
            return Ok(());
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        if self.left_in_file > 0 {
            let want = READ_AHEAD.max(size).saturating_sub(self.buffer.len()) as u64;
            let want = want.min(self.left_in_file);
            let Some(file) = &mut self.held.file else { return Err(damaged()) };
            self.buffer.try_reserve(want as usize)?;
            let read = file.take(want).read_to_end(&mut self.buffer)?;
            if read as u64 != want {
                return Err(damaged());
            }
            self.left_in_file -= want;
        }
        if self.left_in_file == 0 && self.buffer.len() < size && !self.held.memory.is_empty() {
            if self.buffer.is_empty() {
                std::mem::swap(&mut self.buffer, &mut self.held.memory);
            } else {
                // Records are spilled whole: only a damaged file ends within one.
                return Err(damaged());
            }
        }
        Ok(())
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a spill file is shorter than what was written to it")
}

/// Without a name, and 0600: O_TMPFILE alone leaves that to the umask.
fn private_file(dir: &Path) -> io::Result<File> {
    let file = tempfile::tempfile_in(dir)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(held: &mut HeldTransaction, subxid: u32, text: &str) {
        assert!(held.push(Record { subxid: Xid(subxid), lsn: Lsn(7), tag: b'I', body: text.as_bytes() }));
    }

    fn texts(held: HeldTransaction) -> Vec<String> {
        let mut reader = held.into_reader().unwrap();
        let mut texts = Vec::new();
        while let Some(record) = reader.read().unwrap() {
            texts.push(format!("{}:{}", record.subxid, String::from_utf8_lossy(record.body)));
        }
        texts
    }

    /// The same operations with spilling at each possible moment must come to the same.
    fn with_spills_everywhere(operations: &[fn(&mut HeldTransaction)], expected: &[&str]) {
        let dir = tempfile::tempdir().unwrap();
        for spills in 0..1_u32 << operations.len() {
            let mut held = HeldTransaction::default();
            for (index, operation) in operations.iter().enumerate() {
                operation(&mut held);
                if spills & 1 << index != 0 {
                    held.spill(dir.path()).unwrap();
                }
            }
            assert_eq!(texts(held), expected, "spilled after {spills:b}");
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "spill files have no name");
    }

    #[test]
    fn an_abort_takes_all_from_the_first_record_on() {
        with_spills_everywhere(
            &[
                |held| push(held, 10, "a"),
                |held| push(held, 11, "b"),
                |held| push(held, 12, "c"),
                |held| push(held, 10, "d"),
                |held| held.abort(Xid(11)).unwrap(),
                |held| push(held, 13, "e"),
                |held| push(held, 12, "f"),
            ],
            &["10:a", "13:e", "12:f"],
        );
    }

    #[test]
    fn an_abort_of_an_unknown_subtransaction_changes_nothing() {
        with_spills_everywhere(&[|held| push(held, 10, "a"), |held| held.abort(Xid(99)).unwrap()], &["10:a"]);
    }

    #[test]
    fn an_abort_of_everything_leaves_nothing() {
        let mut held = HeldTransaction::default();
        push(&mut held, 10, "a");
        held.spill(&std::env::temp_dir()).unwrap();
        push(&mut held, 11, "b");
        held.abort(Xid(10)).unwrap();
        assert!(held.is_empty());
        assert_eq!(texts(held), [""; 0]);
    }

    #[test]
    fn records_larger_than_the_read_ahead_pass() {
        let mut held = HeldTransaction::default();
        let large = "x".repeat(READ_AHEAD * 2 + 17);
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..3 {
            push(&mut held, 1, &large);
            push(&mut held, 1, "small");
        }
        held.spill(dir.path()).unwrap();
        push(&mut held, 1, "last");
        let lengths: Vec<_> = texts(held).iter().map(String::len).collect();
        let (l, s) = (large.len() + 2, 7);
        assert_eq!(lengths, [l, s, l, s, l, s, 6]);
    }

    #[test]
    fn an_unwritable_directory_is_an_error_and_loses_nothing() {
        let mut held = HeldTransaction::default();
        push(&mut held, 1, "a");
        held.spill(Path::new("/nowhere/at/all")).unwrap_err();
        assert_eq!(texts(held), ["1:a"]);
    }
}
