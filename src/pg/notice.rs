//! Where the server's notices go: into a queue, never to stderr.

use std::ffi::c_void;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::ServerError;
use super::result;
use super::sys::PGresult;

/// A warning or remark of the server's; it has the fields of an error.
pub type Notice = ServerError;

/// More than this many between two looks are dropped: a server may warn for each row of a long stream.
const KEPT: usize = 64;

/// The notices of one connection. libpq holds a pointer to it, which is why it lives in an `Arc` that never moves it.
#[derive(Debug, Default)]
pub(super) struct Notices(Mutex<Vec<Notice>>);

impl Notices {
    /// All that came since the last call.
    pub(super) fn take(&self) -> Vec<Notice> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Notice>> {
        // Nothing that panics runs under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// libpq's PQnoticeReceiver; `notices` is a `Notices`.
///
/// # Safety
///
/// Called by libpq only, with the pointer that connecting registered and a result that lives during the call.
pub(super) unsafe extern "C" fn receive(notices: *mut c_void, result: *const PGresult) {
    // SAFETY: the connection that registered the pointer keeps its Notices alive until after PQfinish.
    let notices = unsafe { &*notices.cast::<Notices>() };
    let mut queue = notices.lock();
    if queue.len() < KEPT {
        // SAFETY: libpq's result, alive during this call.
        queue.push(unsafe { result::notice(result) });
    }
}
