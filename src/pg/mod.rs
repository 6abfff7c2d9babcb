//! libpq made safe: connecting, simple queries, replication commands, COPY, and the one wait of a stream's thread.
//!
//! Everything that can take long takes a [`Patience`] and gives up when it is cancelled or its deadline passes;
//! nothing here blocks otherwise, except libpq's name look-up in [`Connection::connect`]. Refuses to know what
//! the bytes of the stream mean (that is `wire`), when to retry and what an error means for a stream (`stream`).

mod backup;
mod buffer;
mod cancel;
mod command;
mod connect;
mod connect_error;
mod connection;
mod conninfo;
mod copy;
mod error;
#[cfg(fuzzing)]
mod made;
mod notice;
mod physical;
mod query;
mod quote;
mod result;
mod session;
mod signal;
mod slot;
mod slot_command;
mod survey;
mod sys;
mod wait;
mod window;

pub use backup::{BackupStart, Tablespace, backup_end};
pub use buffer::Buffer;
pub use command::{ServerRun, SystemIdentity, TimelineFile, TimelineSwitch, missing_of};
pub use connection::Connection;
pub use conninfo::{Conninfo, ConninfoError};
pub use copy::{CopyData, CopyEnd, Received, Started};
pub use error::{ConnectError, Hurdle, PgError, ServerError, SqlState, Words};
pub use notice::Notice;
pub use physical::{next_timeline, segment_size};
pub use quote::{
    IdentifierListError, parse_identifier_list, quote_command_identifier, quote_command_literal,
    quote_identifier, quote_literal,
};
pub use result::{ResultSet, Status};
pub use signal::spawn_with_signals_blocked;
pub use slot::{CreatedSlot, SlotInfo, SlotRequest, Snapshot};
pub use slot_command::{PhysicalPosition, PhysicalSlotRequest, SlotChange};
pub use survey::Survey;
pub use wait::{EventFd, Interest, Patience, Readiness, wait};
