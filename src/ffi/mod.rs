//! The C ABI: argument checks, the panic guard, handles. No logic.
//!
//! Every exported function is one call inside one guard. Its comment is the contract with the host, and goes into
//! include/walstream.h word for word.

#![allow(
    clippy::missing_safety_doc,
    reason = "the manual at the top of the header states the caller's duties"
)]

mod batch;
mod config;
mod convert;
mod error;
mod fork;
mod guard;
mod names;
mod stats;
mod stream;

// The header follows this order.
mod admin;
mod admin_types;
mod check;

pub use admin::*;
pub use admin_types::*;
pub use batch::*;
pub use check::*;
pub use config::*;
pub use convert::*;
pub use error::*;
pub use names::*;
pub use stats::*;
pub use stream::*;
