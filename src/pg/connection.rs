//! A connection: who owns it, what it knows about itself, and its end.
//!
//! How it comes about is in `connect.rs`, commands in `query.rs`, replication in `copy.rs`. Refuses to end the
//! session of another process: a forked child that drops its copy leaves everything as it is.

use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::Arc;

use super::copy::CopyState;
use super::error::{PgError, Words};
use super::notice::{Notice, Notices};
use super::sys;

/// A session with a server, used by one thread at a time.
pub struct Connection {
    raw: NonNull<sys::PGconn>,
    /// libpq's notice receiver points here.
    notices: Arc<Notices>,
    /// The process whose session it is.
    process: u32,
    pub(super) copy: CopyState,
    /// A frame came since the socket was read last.
    pub(super) came: bool,
    /// See window.rs.
    pub(super) waits_at_server: bool,
    /// Not Sync: libpq's functions on one connection must not run at the same time.
    _not_sync: PhantomData<Cell<()>>,
}

// SAFETY: libpq allows any thread to use a connection, one at a time, and `&mut` or the lack of Sync sees to that.
unsafe impl Send for Connection {}

impl Connection {
    /// # Safety
    ///
    /// `raw` is a connection of libpq's that nobody else uses or finishes.
    pub(super) unsafe fn from_raw(raw: NonNull<sys::PGconn>) -> Connection {
        let notices = Arc::new(Notices::default());
        // SAFETY: `raw` is live; the receiver gets the pointer only until PQfinish, which comes before the Arc is
        // dropped (see Drop). libpq never writes through it.
        unsafe {
            sys::PQsetNoticeReceiver(
                raw.as_ptr(),
                Some(super::notice::receive),
                Arc::as_ptr(&notices).cast_mut().cast(),
            )
        };
        Connection {
            raw,
            notices,
            process: std::process::id(),
            copy: CopyState::None,
            came: false,
            waits_at_server: false,
            _not_sync: PhantomData,
        }
    }

    pub(super) fn raw(&self) -> *mut sys::PGconn {
        self.raw.as_ptr()
    }

    /// The socket to wait for; an error once the connection is lost. libpq may change it while connecting.
    pub fn socket(&self) -> Result<BorrowedFd<'_>, PgError> {
        // SAFETY: a live connection.
        match unsafe { sys::PQsocket(self.raw()) } {
            fd if fd < 0 => Err(self.lost()),
            // SAFETY: libpq keeps it open until a call that takes `&mut self`.
            fd => Ok(unsafe { BorrowedFd::borrow_raw(fd) }),
        }
    }

    /// Has the connection been found broken? It is for the next read or write to find out.
    pub fn is_lost(&self) -> bool {
        // SAFETY: a live connection.
        unsafe { sys::PQstatus(self.raw()) == sys::CONNECTION_BAD }
    }

    /// As in `server_version_num`: 150004 is 15.4.
    pub fn server_version(&self) -> i32 {
        // SAFETY: a live connection.
        unsafe { sys::PQserverVersion(self.raw()) }
    }

    /// A setting that the server reports by itself, such as `server_encoding`.
    pub fn parameter_status(&self, name: &str) -> Option<String> {
        let name = CString::new(name).ok()?;
        // SAFETY: a live connection and a C string.
        let value = unsafe { sys::PQparameterStatus(self.raw(), name.as_ptr()) };
        // SAFETY: not NULL means a C string of the connection's, which no call changes meanwhile.
        (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) }.to_string_lossy().into_owned())
    }

    /// The server process's number, by which the server's views and logs name this session.
    pub fn backend_pid(&self) -> i32 {
        // SAFETY: a live connection.
        unsafe { sys::PQbackendPID(self.raw()) }
    }

    /// Is no command running, and no transaction open?
    pub fn is_idle(&self) -> bool {
        // SAFETY: a live connection.
        unsafe { sys::PQtransactionStatus(self.raw()) == sys::TRANSACTION_IDLE }
    }

    /// By TLS or GSSAPI?
    pub fn is_encrypted(&self) -> bool {
        // SAFETY: a live connection.
        unsafe { sys::PQsslInUse(self.raw()) != 0 || sys::PQgssEncInUse(self.raw()) != 0 }
    }

    /// For messages: which server and database, nothing secret.
    pub fn describe(&self) -> String {
        // SAFETY: a live connection; the texts are NULL or C strings of the connection's.
        let [host, port, database] = unsafe {
            [
                Words::from_c(sys::PQhost(self.raw())),
                Words::from_c(sys::PQport(self.raw())),
                Words::from_c(sys::PQdb(self.raw())),
            ]
        };
        format!("host \"{host}\", port {port}, database \"{database}\"")
    }

    /// The notices that came since the last call, the oldest first. They arrive inside the other calls.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        self.notices.take()
    }

    /// The command-line options that the session was started with (conninfo's `options` or PGOPTIONS).
    pub(super) fn startup_options(&self) -> String {
        // SAFETY: a live connection; the text is NULL or a C string of the connection's.
        unsafe { Words::from_c(sys::PQoptions(self.raw())) }.as_str().to_owned()
    }

    /// libpq's latest complaint about this connection.
    pub(super) fn complaint(&self) -> Words {
        // SAFETY: a live connection; the text is a C string of the connection's.
        unsafe { Words::from_c(sys::PQerrorMessage(self.raw())) }
    }

    pub(super) fn lost(&self) -> PgError {
        PgError::Lost(self.complaint())
    }

    /// After a call that libpq refused.
    pub(super) fn refused(&self) -> PgError {
        if self.is_lost() { self.lost() } else { PgError::Libpq(self.complaint()) }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // PQfinish says goodbye on a socket that a forked child shares with its parent.
        if std::process::id() == self.process {
            // SAFETY: ours by from_raw's contract, and not used after this.
            unsafe { sys::PQfinish(self.raw()) };
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection({})", self.describe())
    }
}
