//! One stream: its replication thread, its rules, its host's side.
//!
//! The rules (session and what it is made of) take `now` and frames: no socket, no clock. The worker has both.
//! Knows nothing of C.

pub mod acknowledged;
pub mod admin;
pub mod as_sent;
pub mod assembler;
pub mod backup;
pub mod backup_command;
mod calling_off;
mod chance;
pub mod check;
pub mod committed;
pub mod error;
pub mod feedback;
pub mod handle;
pub mod handshake;
pub mod held;
pub mod ledger;
pub mod liveness;
pub mod log;
pub mod option_values;
pub mod options;
pub mod outbox;
pub mod pacing;
pub mod physical;
pub mod physical_start;
pub mod plugin_options;
pub mod position;
pub mod protocol;
pub mod queue;
pub mod retry;
pub mod server_failure;
pub mod session;
pub mod shared;
mod slot_making;
pub mod standby;
pub mod stats;
pub mod transaction;
mod unread;
pub mod worker;

pub use error::Failure;
pub use handle::{NoEvent, Stream};
pub use options::Options;
