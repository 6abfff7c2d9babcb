//! Administration, physical streaming and base backups: through the C ABI, against real servers.

#[path = "../fields/mod.rs"]
#[allow(dead_code, reason = "shared with the live tests and tests/docs.rs, each uses a part")]
mod fields;
#[allow(unused_imports, reason = "shared with the live tests, which use the rest")]
#[path = "../live/support/mod.rs"]
mod support;

mod admin;
mod admin_ended;
mod backup;
mod desk;
mod examples;
mod failover;
mod wal;
