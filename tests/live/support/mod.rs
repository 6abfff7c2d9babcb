//! What the live tests stand on: private servers, SQL, a host that uses the C ABI, and a proxy that breaks lines.

#![allow(dead_code, reason = "every test file uses its part")]
#![allow(clippy::undocumented_unsafe_blocks, reason = "a host in C would have no such comments, either")]

pub mod alone;
pub mod case;
pub mod fake;
#[path = "../../../src/stream/session_tests/frames.rs"]
#[allow(dead_code, reason = "the session's tests use them all")]
pub mod frames;
pub mod host;
pub mod proxy;
pub mod server;
pub mod sql;
pub mod tape;

pub use alone::alone;
pub use case::{Case, on_major, wait_until};
pub use fake::{Fake, Peer};
pub use host::{Got, Host, Seen, Val};
pub use proxy::Proxy;
pub use server::Server;
pub use sql::Sql;
pub use tape::assert_tape;
