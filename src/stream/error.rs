//! `Failure`: the one error that leaves this floor, with what happened, to which object, and what to do.

use std::path::Path;
use std::{fmt, io};

use super::ledger::OutOfOrder;
use crate::lsn::Oid;
use crate::model::code::Code;
use crate::model::{OutOfMemory, RowError};
use crate::wire::{Tag, WireError};

/// Can a retry cure it?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cure {
    /// No: the stream is over, or the call is wrong.
    None,
    /// Yes: the network, a server that starts or stops, a slot that is still held.
    Retry,
    /// Yes, if the server does the spilling (delivery-rules.md, 26).
    RetryWithoutStreaming,
    /// Perhaps: a standby that is being restarted or promoted (delivery-rules.md, 15).
    RetryWhileFailingOver,
    /// Perhaps: another walsender holds the slot (delivery-rules.md, 23).
    RetryWhileHeld,
}

/// What happened.
#[derive(Clone, Debug)]
pub struct Failure {
    /// A negative one.
    pub code: Code,
    /// Whether to try again.
    pub cure: Cure,
    /// Five characters, or "".
    pub sqlstate: String,
    /// One line.
    pub message: String,
    /// The server's DETAIL, or "".
    pub detail: String,
    /// What to do, or "".
    pub hint: String,
    /// Of a failed system call, else 0.
    pub os_errno: i32,
    /// The stream is over.
    pub fatal: bool,
}

impl Failure {
    /// Without any of the optional parts.
    pub fn new(code: Code, message: impl Into<String>) -> Failure {
        Failure {
            code,
            cure: Cure::None,
            sqlstate: String::new(),
            message: one_line(&message.into()),
            detail: String::new(),
            hint: String::new(),
            os_errno: 0,
            fatal: false,
        }
    }

    /// May the same call succeed later without any change?
    pub fn is_retriable(&self) -> bool {
        !self.fatal && (self.cure != Cure::None || self.code == Code::E_BUSY)
    }

    /// With what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = one_line(&hint.into());
        self
    }

    /// With more of what happened.
    pub fn detail(mut self, detail: impl Into<String>) -> Failure {
        self.detail = one_line(&detail.into());
        self
    }

    /// With the prospect of a retry.
    pub fn cure(mut self, cure: Cure) -> Failure {
        self.cure = cure;
        self
    }
}

impl Failure {
    /// Bytes or messages that break the protocol.
    pub fn protocol(message: impl Into<String>) -> Failure {
        Failure::new(Code::E_PROTOCOL, message)
            .hint("this is a fault of the server, of something in between, or of walstream: please report it")
    }

    /// A known message where it must not be.
    pub fn misplaced(tag: Tag) -> Failure {
        Failure::protocol(format!("{} came where the protocol does not allow it", tag.name()))
    }

    /// A row of a table that was never announced.
    pub fn unknown_relation(tag: Tag, oid: Oid) -> Failure {
        Failure::protocol(format!("{} for relation {oid}, which no Relation message announced", tag.name()))
    }

    /// A row that was not taken.
    pub fn row(error: RowError, tag: Tag, oid: Oid) -> Failure {
        match error {
            RowError::OutOfMemory(error) => error.into(),
            RowError::ColumnCount { .. } => {
                Failure::protocol(format!("{} for relation {oid}: {error}", tag.name()))
            }
        }
    }

    /// A file that could not be read or written.
    pub fn io(what: &str, path: &Path, error: &io::Error) -> Failure {
        let mut failure = Failure::new(Code::E_IO, format!("{what} {}: {error}", path.display()));
        failure.os_errno = error.raw_os_error().unwrap_or(0);
        failure
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Failure {
        Failure::protocol(format!("malformed message: {error}"))
    }
}

impl From<OutOfOrder> for Failure {
    fn from(error: OutOfOrder) -> Failure {
        Failure::protocol(format!("out of commit order: {error}"))
    }
}

impl From<OutOfMemory> for Failure {
    fn from(_: OutOfMemory) -> Failure {
        Failure::new(Code::E_MEMORY, "out of memory").hint(
            "lower queue.max_bytes or spill.memory_bytes, or read and free batches faster; nothing unacknowledged is lost",
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.sqlstate.is_empty() {
            write!(f, " (SQLSTATE {})", self.sqlstate)?;
        }
        for part in [&self.detail, &self.hint] {
            if !part.is_empty() {
                write!(f, "; {part}")?;
            }
        }
        Ok(())
    }
}

/// Text of others in one line, so that it cannot forge a second line in a host's log.
pub fn one_line(text: &str) -> String {
    let spaced = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    spaced.collect::<String>()
}
