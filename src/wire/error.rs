//! What can be wrong with received bytes. Owns the names of the faults; holds no strings, so that making one
//! costs nothing and carries none of the host's data into a log.

#![forbid(unsafe_code)]

use super::tag::Tag;

/// Bytes that are not what PostgreSQL's protocol allows: which message, which field of it, where, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}: {field} at byte {offset}: {fault}")]
pub struct WireError {
    /// The message's name in PostgreSQL's documentation, such as `Stream Abort`.
    pub message: &'static str,
    /// The field's name.
    pub field: &'static str,
    /// Where the field begins, counted from the first byte of what was decoded.
    pub offset: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is being decoded: a byte where the name would be two words, as every row passes one around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A frame whose tag has not been read.
    CopyData,
    /// The frame of that name.
    XLogData,
    /// The frame of that name.
    Keepalive,
    /// A message of a base backup.
    Backup,
    /// A message whose tag has not been read.
    Pgoutput,
    /// The message of this tag.
    Message(Tag),
}

impl Subject {
    /// As PostgreSQL's documentation calls it.
    pub fn name(self) -> &'static str {
        match self {
            Subject::CopyData => "CopyData",
            Subject::XLogData => "XLogData",
            Subject::Keepalive => "Primary keepalive",
            Subject::Backup => "Base backup",
            Subject::Pgoutput => "pgoutput",
            Subject::Message(tag) => tag.name(),
        }
    }
}

/// What is wrong with one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The field does not fit into what is left.
    #[error("needs {needed} bytes, {left} left")]
    Truncated {
        /// Bytes that the field takes.
        needed: usize,
        /// Bytes from here to the end.
        left: usize,
    },
    /// The message is complete, yet bytes follow.
    #[error("{left} bytes too many")]
    Trailing {
        /// Bytes behind the message's end.
        left: usize,
    },
    /// The first byte names no message that we know.
    #[error("unknown message 0x{0:02X}")]
    UnknownTag(u8),
    /// A message that cannot stand between Stream Start and Stream Stop.
    #[error("not allowed inside a stream block")]
    InsideBlock,
    /// A message that can stand only between Stream Start and Stream Stop.
    #[error("not allowed outside a stream block")]
    OutsideBlock,
    /// A length or count below zero.
    #[error("negative length {0}")]
    NegativeLength(i32),
    /// More elements announced than the rest of the message could hold.
    #[error("{count} elements cannot fit into {left} bytes")]
    CountTooLarge {
        /// Elements announced.
        count: u32,
        /// Bytes from behind the count to the end.
        left: usize,
    },
    /// A value that the protocol does not have here.
    #[error("value {0} not allowed")]
    BadValue(u64),
    /// A string without its NUL.
    #[error("string without an end")]
    Unterminated,
    /// 2 GiB or more: beyond any message that PostgreSQL can build or frame.
    #[error("too long")]
    TooLong,
}
