//! Administration, physical streaming and base backups: through the C ABI, against real servers.

#[allow(
    dead_code,
    unused_imports,
    clippy::redundant_allocation,
    clippy::undocumented_unsafe_blocks,
    reason = "shared with the live tests, which use and judge the rest"
)]
#[path = "../live/support/mod.rs"]
mod support;

mod admin;
mod desk;
mod wal;
