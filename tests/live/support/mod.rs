//! What the live tests stand on: private servers, SQL, a host that uses the C ABI, and a proxy that breaks lines.

#![allow(dead_code, reason = "every test file uses its part")]
#![allow(clippy::undocumented_unsafe_blocks, reason = "a host in C would have no such comments, either")]

pub mod case;
pub mod host;
pub mod proxy;
pub mod server;
pub mod sql;

pub use case::{Case, on_major, wait_until};
pub use host::{Got, Host, Seen, Val};
pub use proxy::Proxy;
pub use server::Server;
pub use sql::Sql;
