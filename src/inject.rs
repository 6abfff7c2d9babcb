//! Panics on demand, so that tests can see what becomes of them. Only with the feature `inject-panic`, which no library
//! for use is built with.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// Where to panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the boundary, in the next call of an exported function on this thread.
    Boundary,
    /// Inside a stream, in the next call on one on this thread.
    Stream,
    /// In the next replication thread that comes by.
    ReplicationThread,
}

thread_local! {
    static CALL: Cell<Option<Place>> = const { Cell::new(None) };
}
static THREAD: AtomicBool = AtomicBool::new(false);

/// One panic, the next time.
pub fn arm(place: Place) {
    match place {
        Place::ReplicationThread => THREAD.store(true, SeqCst),
        place => CALL.set(Some(place)),
    }
}

/// Is it still to come on this thread?
pub fn armed() -> bool {
    CALL.get().is_some()
}

/// A place where it may happen.
pub fn point(place: Place) {
    let hit = match place {
        Place::ReplicationThread => THREAD.swap(false, SeqCst),
        place => CALL.get() == Some(place) && CALL.take().is_some(),
    };
    assert!(!hit, "asked for by a test");
}
