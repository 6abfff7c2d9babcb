//! Which side of a fork this is. A child shares its parent's descriptors but has none of its threads: it must neither
//! speak on the connection nor wait for anybody.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

static GENERATION: AtomicU32 = AtomicU32::new(0);
static WATCH: Once = Once::new();

/// The process in which something was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation(u32);

impl Generation {
    /// This process. From the first call on forks are noticed.
    pub fn current() -> Generation {
        WATCH.call_once(|| {
            // SAFETY: the handler only adds to an atomic, and the library is never unloaded (-z nodelete).
            // Without memory for the handler a child is not told apart, as before the first call.
            unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        });
        Generation(GENERATION.load(Relaxed))
    }

    /// Was it made here, not in a parent?
    pub fn is_ours(self) -> bool {
        self.0 == GENERATION.load(Relaxed)
    }
}

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Relaxed);
}
