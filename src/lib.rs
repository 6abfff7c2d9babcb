//! PostgreSQL's replication stream behind a C ABI.
//!
//! The floors, each importing only from those below it (see ARCHITECTURE.md):
//! `ffi` → `stream` → `pg`, `model` → `wire` → `lsn`, `time`.

pub mod ffi;
#[cfg(feature = "inject-panic")]
pub mod inject;
pub mod lsn;
pub mod model;
pub mod pg;
pub mod stream;
pub mod time;
pub mod wire;

/// Named, so that it is linked.
#[cfg(feature = "bundled")]
use pq_src as _;
