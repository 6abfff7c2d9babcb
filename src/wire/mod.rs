//! The wire floor: bytes in, messages out, and back for the few messages that we send.
//!
//! Owns the layout of replication frames and of pgoutput, versions 1 to 4. Refuses I/O, clocks, `unsafe`, text
//! encodings and state: whether a message makes sense after the one before is the stream floor's business, apart
//! from the one thing that shapes the bytes, [`Position`].

#![forbid(unsafe_code)]

pub mod backup;
pub mod chunk;
pub mod error;
pub mod frame;
pub mod logical;
pub mod message;
pub mod reader;
pub mod relation;
pub mod row;
#[cfg(test)]
mod samples;
pub mod tag;
pub mod tuple;
pub mod txn;

pub use backup::BackupMessage;
pub use chunk::{StreamAbort, StreamCommit, StreamStart};
pub use error::{Fault, Subject, WireError};
pub use frame::{Frame, HotStandbyFeedback, StatusUpdate};
pub use logical::LogicalMessage;
pub use message::{Decoded, Message};
pub use reader::{Reader, Span};
pub use relation::{Column, Relation, ReplicaIdentity, Type};
pub use row::{Delete, Insert, OldTuple, Truncate, Update, decode_row, peek_relation};
pub use tag::{Head, Position, Tag};
pub use tuple::{FieldKind, FieldSink, Fields};
pub use txn::{Begin, BeginPrepare, Commit, CommitPrepared, Origin, Prepare, RollbackPrepared};
