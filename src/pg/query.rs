//! Commands and their results, by the simple protocol: a replication connection refuses any other.
//!
//! After `Cancelled`, `TimedOut` or `Protocol` the command may still run: the connection is then good for nothing but
//! to be dropped.

use std::ffi::CString;
use std::time::Instant;

use super::connection::Connection;
use super::error::PgError;
use super::result::{ResultSet, Status};
use super::sys;
use super::wait::{EventFd, Interest, Patience, wait};

impl Connection {
    /// Runs one or several commands and gives the result of each. The first error of the server's ends it.
    pub fn query(&mut self, sql: &str, patience: &Patience<'_>) -> Result<Vec<ResultSet>, PgError> {
        self.send_query(sql, patience)?;
        let mut sets = Vec::new();
        while let Some(set) = self.next_result(patience)? {
            match set.status() {
                Status::Command | Status::Rows | Status::Empty => sets.push(set),
                _ => return Err(self.unexpected(&set, patience)),
            }
        }
        Ok(sets)
    }

    /// Runs one command that gives rows.
    pub fn query_rows(&mut self, sql: &str, patience: &Patience<'_>) -> Result<ResultSet, PgError> {
        let mut sets = self.query(sql, patience)?;
        match sets.pop() {
            Some(set) if sets.is_empty() && set.status() == Status::Rows => Ok(set),
            _ => Err(PgError::Protocol("not one set of rows")),
        }
    }

    /// Did the server end this idle session? What it said meanwhile is dropped.
    pub fn has_ended(&mut self, wake: &EventFd) -> Result<bool, PgError> {
        let socket = self.socket()?;
        let ready = wait(Some((socket, Interest::Read)), wake, Some(Instant::now()))?;
        if ready.readable || ready.hangup {
            self.consume_input()?;
            // Between two commands libpq takes an error for a notice, once it looks at what it has read.
            // SAFETY: a live connection.
            unsafe { sys::PQisBusy(self.raw()) };
        }
        // The end of the connection may come a moment behind the last words.
        let last_words =
            self.take_notices().iter().any(|notice| matches!(notice.severity.as_str(), "FATAL" | "PANIC"));
        Ok(last_words || self.is_lost())
    }

    pub(super) fn send_query(&mut self, sql: &str, patience: &Patience<'_>) -> Result<(), PgError> {
        let sql = CString::new(sql).map_err(|_| PgError::Nul)?;
        // SAFETY: a live connection and a C string, which libpq copies.
        if unsafe { sys::PQsendQuery(self.raw(), sql.as_ptr()) } == 0 {
            return Err(self.refused());
        }
        self.flush_all(patience)
    }

    /// Sends all that is queued. Reads meanwhile: two sides that both only write would wait for ever.
    pub(super) fn flush_all(&mut self, patience: &Patience<'_>) -> Result<(), PgError> {
        // A broken connection is told by what is read next, which may be the server's last words.
        while !self.is_lost() && !self.flush()? {
            let ready = patience.wait(self.socket()?, Interest::ReadWrite)?;
            if ready.readable || ready.hangup {
                self.consume_input()?;
            }
        }
        Ok(())
    }

    /// The next result of the running command; `None` when there is none left.
    pub(super) fn next_result(&mut self, patience: &Patience<'_>) -> Result<Option<ResultSet>, PgError> {
        // SAFETY: a live connection.
        while unsafe { sys::PQisBusy(self.raw()) } != 0 && !self.is_lost() {
            patience.wait(self.socket()?, Interest::Read)?;
            self.consume_input()?;
        }
        // It does not wait: either a whole result is there, or the connection is broken and the result says so.
        // SAFETY: a live connection; the result is ours.
        Ok(unsafe { ResultSet::from_raw(sys::PQgetResult(self.raw())) })
    }

    /// The error that a result means, where another was expected. What follows it is read and thrown away: after
    /// the server's FATAL comes libpq's complaint about the closed connection, which says less.
    pub(super) fn unexpected(&mut self, set: &ResultSet, patience: &Patience<'_>) -> PgError {
        if set.status() != Status::Error {
            return PgError::Protocol("this kind of result does not belong to the command");
        }
        let error = self.error_of(set);
        // A copy that was begun by a later command of the same string would never end.
        let mut rest = self.next_result(patience);
        while let Ok(Some(set)) = rest {
            match set.status() {
                Status::CopyBoth | Status::CopyIn | Status::CopyOut => break,
                _ => rest = self.next_result(patience),
            }
        }
        error
    }

    /// The error that an error result stands for.
    pub(super) fn error_of(&self, set: &ResultSet) -> PgError {
        match set.server_error() {
            Some(error) => PgError::Server(Box::new(error)),
            None => self.refused(),
        }
    }
}
