//! Calling off a command that runs.
//!
//! Dropping the connection would not do: a server process that waits for a lock looks at its client only when it has
//! the lock. Refuses to leave open what became of the command: it reads its results.

use std::ffi::c_char;
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::error::{PgError, Words};
use super::result::{ResultSet, Status};
use super::sys;
use super::wait::Patience;

/// A request that overtook its command is ignored by the server, so it is repeated.
const REPEAT: Duration = Duration::from_millis(200);

impl Connection {
    /// Cancels what runs, and gives its outcome: the server's error, or its results if it was done before. To be used
    /// after `Cancelled` or `TimedOut`; the connection takes commands again afterwards, unless this fails in another way
    /// than by the server's error.
    ///
    /// Opens a connection of its own for a moment, and waits for that without regard to `patience`.
    pub fn cancel_command(&mut self, patience: &Patience<'_>) -> Result<Vec<ResultSet>, PgError> {
        let mut sets = Vec::new();
        let mut error = None;
        self.request_cancel()?;
        loop {
            let repeat_at = Instant::now() + REPEAT;
            let until = patience.deadline.map_or(repeat_at, |deadline| deadline.min(repeat_at));
            let short = Patience { deadline: Some(until), ..*patience };
            match self.flush_all(&short).and_then(|()| self.next_result(&short)) {
                Ok(Some(set)) if set.status() == Status::Error => {
                    let of_set = self.error_of(&set);
                    error.get_or_insert(of_set);
                }
                Ok(Some(set)) => sets.push(set),
                Ok(None) => return error.map_or(Ok(sets), Err),
                Err(PgError::TimedOut) if patience.deadline.is_none_or(|at| Instant::now() < at) => {
                    self.request_cancel()?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn request_cancel(&mut self) -> Result<(), PgError> {
        // SAFETY: a live connection; libpq makes a copy of what it needs, or gives NULL.
        let cancel = unsafe { sys::PQgetCancel(self.raw()) };
        if cancel.is_null() {
            return Err(self.lost());
        }
        let mut complaint = [0u8; 256];
        // SAFETY: not NULL, made by PQgetCancel, freed once; the buffer has the size that is told.
        let sent = unsafe {
            let sent = sys::PQcancel(cancel, complaint.as_mut_ptr().cast::<c_char>(), complaint.len() as i32);
            sys::PQfreeCancel(cancel);
            sent
        };
        if sent == 1 {
            return Ok(());
        }
        let text = complaint.split(|byte| *byte == 0).next().unwrap_or_default();
        Err(PgError::Libpq(Words::new(text)))
    }
}
