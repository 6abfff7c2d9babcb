//! A transaction that was held back, on its way to the host: read from where it was kept, message by message.

#![forbid(unsafe_code)]

use std::io;

use crate::lsn::Lsn;
use crate::stream::error::Failure;
use crate::stream::held::{HeldReader, Record};
use crate::stream::outbox::Outbox;
use crate::stream::transaction::Transaction;
use crate::wire::{self, Tag};

/// See the file's head.
#[derive(Debug)]
pub struct Replay {
    /// What it is for the host.
    pub transaction: Transaction,
    /// What is left of it.
    pub reader: HeldReader,
    /// Of its last record.
    pub end: Lsn,
    /// Of a prepared one: the body that names it, and where in it.
    pub gid: Option<(Box<[u8]>, wire::Span)>,
}

/// How far it is.
pub enum Step {
    /// Another message was handed out.
    More,
    /// There was none left.
    Done,
}

/// Why a message was not handed out.
pub enum ReplayError {
    /// It could not be read.
    Io(io::Error),
    /// It was not as it should be.
    Failure(Failure),
}

impl Replay {
    /// Hands out one message.
    #[inline]
    pub fn step(&mut self, outbox: &mut Outbox) -> Result<Step, ReplayError> {
        let Some(record) = self.reader.read().map_err(ReplayError::Io)? else { return Ok(Step::Done) };
        // The tag was one before it was held back.
        let tag =
            Tag::from_byte(record.tag).ok_or_else(|| ReplayError::Io(io::ErrorKind::InvalidData.into()))?;
        let Record { body, lsn, subxid, .. } = record;
        let sent = match tag {
            Tag::Relation | Tag::Type => self.transaction.held_definition(outbox, tag, body, lsn.0, subxid),
            _ => self.transaction.message(outbox, tag, body, lsn, subxid),
        };
        sent.map(|()| Step::More).map_err(ReplayError::Failure)
    }
}
