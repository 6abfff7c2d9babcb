//! COPY: the mode in which a replication connection spends its life, and in which base backups arrive.
//!
//! The caller's loop: `receive` until it says `Nothing`, then wait for the socket, then `consume_input`. Never
//! `consume_input` while frames are left: libpq's buffer grows with each call and never shrinks. Refuses to
//! block, except where it takes a `Patience`.

use std::ops::Deref;
use std::os::raw::{c_char, c_int};
use std::ptr::{self, NonNull};

use super::connection::Connection;
use super::error::PgError;
use super::result::{ResultSet, Status};
use super::sys;
use super::wait::{Interest, Patience};

/// Where a connection is with COPY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CopyState {
    None,
    /// The server sends.
    Running,
    /// The server has stopped sending; its results are still to be read.
    Ended,
}

/// What a replication command came to.
#[derive(Debug)]
#[must_use]
pub enum Started {
    /// Frames follow.
    Copying,
    /// Nothing to stream: a physical START_REPLICATION at the very end of an old timeline answers at once, with
    /// the row that names the next one.
    AtEnd(Vec<ResultSet>),
}

/// What `receive` found.
#[derive(Debug)]
pub enum Received {
    /// One message's content.
    Frame(CopyData),
    /// No whole message is there: wait for the socket, then `consume_input`.
    Nothing,
    /// The server sends no more; `finish_copy` says why.
    Ended,
}

/// How a COPY ended.
#[derive(Debug)]
pub struct CopyEnd {
    /// Command tags, and rows such as the next timeline's.
    pub results: Vec<ResultSet>,
    /// The server's error, or the end of the connection.
    pub error: Option<PgError>,
    /// Another COPY has begun: `receive` again (base backups up to PostgreSQL 14).
    pub another: bool,
}

impl Connection {
    /// Sends START_REPLICATION. Afterwards `receive`.
    pub fn start_replication(&mut self, command: &str, patience: &Patience<'_>) -> Result<Started, PgError> {
        match self.start_copy(command, Status::CopyBoth, patience)? {
            (_, true) => Ok(Started::Copying),
            (results, false) => Ok(Started::AtEnd(results)),
        }
    }

    /// Sends a command whose answer is COPY OUT, such as BASE_BACKUP, and gives the results that come before it.
    /// Afterwards `receive`.
    pub fn start_copy_out(
        &mut self,
        command: &str,
        patience: &Patience<'_>,
    ) -> Result<Vec<ResultSet>, PgError> {
        match self.start_copy(command, Status::CopyOut, patience)? {
            (results, true) => Ok(results),
            (_, false) => Err(PgError::Protocol("the command ended without COPY")),
        }
    }

    pub(super) fn start_copy(
        &mut self,
        command: &str,
        wanted: Status,
        patience: &Patience<'_>,
    ) -> Result<(Vec<ResultSet>, bool), PgError> {
        self.send_query(command, patience)?;
        let mut results = Vec::new();
        while let Some(set) = self.next_result(patience)? {
            match set.status() {
                status if status == wanted => {
                    self.copy = CopyState::Running;
                    return Ok((results, true));
                }
                Status::Rows | Status::Command => results.push(set),
                _ => return Err(self.unexpected(&set, patience)),
            }
        }
        Ok((results, false))
    }

    /// The next message that has been read from the socket. Never waits. After a broken connection all that came before is
    /// given out first, then `Lost`.
    ///
    /// An encrypted connection is read in here, too: the server seals each message on its own, and one read of libpq's gives
    /// one sealed record. Whoever took that for all that there is would nap, or wait, between two messages.
    #[inline]
    pub fn receive(&mut self) -> Result<Received, PgError> {
        match self.take_frame()? {
            Received::Nothing if self.came => {
                self.came = false;
                if !self.is_encrypted() {
                    return Ok(Received::Nothing);
                }
                self.consume_input()?;
                self.take_frame()
            }
            received => Ok(received),
        }
    }

    fn take_frame(&mut self) -> Result<Received, PgError> {
        match self.copy {
            CopyState::Running => {}
            CopyState::Ended => return Ok(Received::Ended),
            CopyState::None => return Err(PgError::Protocol("no COPY in progress")),
        }
        let mut buffer: *mut c_char = ptr::null_mut();
        // SAFETY: a live connection; libpq stores a malloc'd buffer, or NULL.
        let length = unsafe { sys::PQgetCopyData(self.raw(), &mut buffer, 1) };
        match (usize::try_from(length), NonNull::new(buffer.cast::<u8>())) {
            (Ok(length @ 1..), Some(data)) => {
                self.came = true;
                Ok(Received::Frame(CopyData { data, length }))
            }
            (Ok(_), _) if self.is_lost() => Err(self.lost()),
            (Ok(_), _) => Ok(Received::Nothing),
            (Err(_), _) if length == -1 => {
                self.copy = CopyState::Ended;
                Ok(Received::Ended)
            }
            (Err(_), _) => Err(self.refused()),
        }
    }

    /// Reads from the socket what is there. Call it when the socket is readable or hung up, and only after `receive`
    /// said `Nothing`. A broken connection is no error here: what was read before the break is still to be
    /// received, and after it `receive` or `finish_copy` tells.
    pub fn consume_input(&mut self) -> Result<(), PgError> {
        // Up to libpq 18.5 a read may leave the rest of a TLS record where poll does not see it; libpq reads 8 kB
        // at least, and a record has 16 kB at most.
        let times = if self.is_encrypted() { 2 } else { 1 };
        for _ in 0..times {
            // SAFETY: a live connection.
            if unsafe { sys::PQconsumeInput(self.raw()) } == 0 {
                return if self.is_lost() { Ok(()) } else { Err(self.refused()) };
            }
        }
        Ok(())
    }

    /// Queues one message. `flush` sends it.
    pub fn put_copy_data(&mut self, data: &[u8]) -> Result<(), PgError> {
        let length = c_int::try_from(data.len()).map_err(|_| PgError::OutOfMemory)?;
        // SAFETY: a live connection; libpq copies `length` bytes.
        match unsafe { sys::PQputCopyData(self.raw(), data.as_ptr().cast(), length) } {
            1 => Ok(()),
            // A nonblocking connection says so when it cannot make its buffer larger.
            0 => Err(PgError::OutOfMemory),
            _ => Err(self.refused()),
        }
    }

    /// Queues the end of what we send. `flush` sends it.
    pub fn put_copy_end(&mut self) -> Result<(), PgError> {
        // SAFETY: a live connection; NULL means no error to report to the server.
        match unsafe { sys::PQputCopyEnd(self.raw(), ptr::null()) } {
            1 => Ok(()),
            0 => Err(PgError::OutOfMemory),
            _ => Err(self.refused()),
        }
    }

    /// Sends what is queued as far as the socket takes it. `false`: some is left, wait until it is writable.
    ///
    /// When the socket is full libpq also reads, so that two full sides cannot block each other.
    pub fn flush(&mut self) -> Result<bool, PgError> {
        // SAFETY: a live connection.
        match unsafe { sys::PQflush(self.raw()) } {
            0 => Ok(true),
            1 => Ok(false),
            _ => Err(self.refused()),
        }
    }

    /// After `Ended`: ends our side too and reads all results, so that the connection takes commands again.
    pub fn finish_copy(&mut self, patience: &Patience<'_>) -> Result<CopyEnd, PgError> {
        let mut end = CopyEnd { results: Vec::new(), error: None, another: false };
        while let Some(set) = self.next_result(patience)? {
            match set.status() {
                Status::CopyIn => {
                    self.put_copy_end()?;
                    self.flush_all(patience)?;
                }
                Status::CopyOut => {
                    self.copy = CopyState::Running;
                    end.another = true;
                    return Ok(end);
                }
                Status::Rows | Status::Command => end.results.push(set),
                // The first error says most: behind a FATAL comes only that the connection is closed.
                Status::Error => {
                    let error = self.error_of(&set);
                    end.error.get_or_insert(error);
                }
                _ => return Err(PgError::Protocol("this kind of result does not end a COPY")),
            }
        }
        self.copy = CopyState::None;
        Ok(end)
    }

    /// Ends the COPY from our side: says so, throws away what still comes, reads all results. A server in the
    /// middle of a large transaction sends all of it first, so give it a deadline.
    ///
    /// Commands work afterwards, but a second logical START_REPLICATION on this connection would end at once (seen
    /// up to PostgreSQL 18: the server forgets to reset what it knows of the first one's end). Connect anew for it.
    pub fn end_copy(&mut self, patience: &Patience<'_>) -> Result<CopyEnd, PgError> {
        self.put_copy_end()?;
        self.flush_all(patience)?;
        loop {
            match self.receive()? {
                Received::Frame(_) => {}
                Received::Ended => return self.finish_copy(patience),
                Received::Nothing => {
                    patience.wait(self.socket()?, Interest::Read)?;
                    self.consume_input()?;
                }
            }
        }
    }
}

/// One message's content, in the buffer that libpq made for it. A NUL follows it.
pub struct CopyData {
    data: NonNull<u8>,
    length: usize,
}

// SAFETY: a plain buffer with one owner.
unsafe impl Send for CopyData {}
// SAFETY: through `&CopyData` it is only read.
unsafe impl Sync for CopyData {}

impl CopyData {
    /// The content and the NUL behind it.
    pub fn with_nul(&self) -> &[u8] {
        // SAFETY: libpq's buffer has `length` bytes and a NUL, and is ours until drop.
        unsafe { std::slice::from_raw_parts(self.data.as_ptr(), self.length + 1) }
    }
}

impl Deref for CopyData {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.with_nul()[..self.length]
    }
}

impl AsRef<[u8]> for CopyData {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Drop for CopyData {
    fn drop(&mut self) {
        // SAFETY: libpq allocated it, and nobody else has it.
        unsafe { sys::PQfreemem(self.data.as_ptr().cast()) };
    }
}

impl std::fmt::Debug for CopyData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CopyData({} bytes)", self.length)
    }
}
