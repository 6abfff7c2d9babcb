//! An eventfd: signalled or not, and a wait for it.

use loom::sync::{Condvar, Mutex};

#[derive(Debug)]
pub struct PgError;

#[derive(Debug, Default)]
pub struct EventFd {
    signalled: Mutex<bool>,
    changed: Condvar,
}

impl EventFd {
    pub fn new() -> Result<EventFd, PgError> {
        Ok(EventFd::default())
    }

    pub fn signal(&self) {
        *self.signalled.lock().unwrap() = true;
        self.changed.notify_all();
    }

    pub fn drain(&self) {
        *self.signalled.lock().unwrap() = false;
    }

    /// poll
    pub fn wait(&self) {
        let mut signalled = self.signalled.lock().unwrap();
        while !*signalled {
            signalled = self.changed.wait(signalled).unwrap();
        }
    }

    pub fn is_readable(&self) -> bool {
        *self.signalled.lock().unwrap()
    }
}
