//! Administration, physical streaming and base backups: through the C ABI, against real servers.

#[allow(unused_imports, reason = "shared with the live tests, which use the rest")]
#[path = "../live/support/mod.rs"]
mod support;

mod admin;
mod backup;
mod desk;
mod examples;
mod wal;
