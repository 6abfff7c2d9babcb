//! `Queue` and `Acknowledged`, the files of src/stream/ themselves, in every order in which two threads can go through
//! them. What they stand on (descriptors, the channel, batches) is made of loom's parts beside this file.
//!
//! A wake-up that is lost is a deadlock here, and loom reports it.

// So that queue.rs finds our channel under the name of the one that it uses.
extern crate self as crossbeam_channel;

#[path = "../../../src/stream/acknowledged.rs"]
mod acknowledged;
mod channel;
#[path = "../../../src/lsn.rs"]
mod lsn;
mod model;
mod pg;
#[path = "../../../src/stream/queue.rs"]
mod queue;

pub use channel::{Receiver, Sender, TryRecvError, bounded};

#[cfg(test)]
mod tests;
