//! How a connection comes about: libpq's asynchronous calls, driven by the one wait.

use std::ffi::{CString, c_char, c_int};
use std::os::fd::BorrowedFd;
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

use super::connect_error::{Digest, digest};
use super::connection::Connection;
use super::conninfo::{Conninfo, Options};
use super::error::{ConnectError, Hurdle, PgError, Words};
use super::sys;
use super::wait::{Interest, Patience};

/// How a connection is named in the server's views when the host gives it no name.
const APPLICATION_NAME: &std::ffi::CStr = c"walstream";

impl Connection {
    /// Connects. `defaults` stand where `conninfo` says nothing; `extra` overrides what it says:
    /// `("replication", "database")` and the like.
    ///
    /// Looking up host names blocks inside libpq: until the resolver is done, `patience` is not asked.
    pub fn connect(
        conninfo: &Conninfo,
        defaults: &[(&str, &str)],
        extra: &[(&str, &str)],
        patience: &Patience<'_>,
    ) -> Result<Connection, PgError> {
        let mut connection = start(conninfo, defaults, extra)?;
        // Without a PGresult only the verbose text has the SQLSTATE of a refusal.
        // SAFETY: a live connection.
        unsafe { sys::PQsetErrorVerbosity(connection.raw(), sys::ERRORS_VERBOSE) };
        connection.poll(patience)?;
        // SAFETY: a live connection.
        unsafe { sys::PQsetErrorVerbosity(connection.raw(), sys::ERRORS_DEFAULT) };
        // SAFETY: a live connection.
        if unsafe { sys::PQsetnonblocking(connection.raw(), 1) } != 0 {
            return Err(connection.refused());
        }
        Ok(connection)
    }

    fn poll(&mut self, patience: &Patience<'_>) -> Result<(), PgError> {
        let mut attempt = Attempt::new(self);
        // libpq says to behave at first as if it had asked for writing.
        let mut interest = Interest::Write;
        loop {
            if self.is_lost() {
                return Err(self.failure(&attempt));
            }
            // Asked for anew each time: the next address has another socket.
            let socket = self.socket()?;
            if patience.wait_until(socket, interest, attempt.deadline(self))?.timed_out {
                attempt.give_up(socket);
            }
            // SAFETY: a live connection.
            (attempt.stage, attempt.encrypted) =
                unsafe { (sys::PQstatus(self.raw()), sys::PQsslInUse(self.raw()) != 0) };
            // SAFETY: a live connection.
            interest = match unsafe { sys::PQconnectPoll(self.raw()) } {
                sys::POLLING_OK => return Ok(()),
                sys::POLLING_READING => Interest::Read,
                sys::POLLING_WRITING => Interest::Write,
                sys::POLLING_FAILED => return Err(self.failure(&attempt)),
                _ => return Err(PgError::Protocol("a state of connecting that this library does not know")),
            };
        }
    }

    fn failure(&self, attempt: &Attempt) -> PgError {
        // SAFETY: a live connection; the text is a C string of the connection's.
        let text = unsafe { std::ffi::CStr::from_ptr(sys::PQerrorMessage(self.raw())) }.to_string_lossy();
        let Digest { sqlstate, source_function, message } = digest(&text);
        let message = match attempt.gave_up {
            true => Words::new(format!("{message}; no answer within connect_timeout").as_bytes()),
            false => message,
        };
        // SAFETY: a live connection.
        let needs_password = unsafe { sys::PQconnectionNeedsPassword(self.raw()) } != 0;
        PgError::Connect(Box::new(ConnectError {
            sqlstate,
            source_function,
            message,
            needs_password,
            hurdle: self.hurdle(attempt),
        }))
    }

    fn hurdle(&self, attempt: &Attempt) -> Hurdle {
        // SAFETY: a live connection.
        let in_place = unsafe { sys::PQsocket(self.raw()) >= 0 };
        match attempt.stage {
            sys::CONNECTION_SSL_STARTUP => Hurdle::Tls,
            // libpq lets go of a socket that broke, and keeps one over which it heard what it does not like.
            sys::CONNECTION_AWAITING_RESPONSE if in_place && attempt.demanding => Hurdle::Demand,
            sys::CONNECTION_AWAITING_RESPONSE if attempt.encrypted => Hurdle::Admission,
            _ => Hurdle::Address,
        }
    }
}

/// Hands the parameters to libpq. Name look-ups happen in here.
fn start(
    conninfo: &Conninfo,
    defaults: &[(&str, &str)],
    extra: &[(&str, &str)],
) -> Result<Connection, PgError> {
    let owned = |pairs: &[(&str, &str)]| {
        let owned = pairs.iter().map(|&(keyword, value)| Ok((CString::new(keyword)?, CString::new(value)?)));
        owned.collect::<Result<Vec<_>, std::ffi::NulError>>().map_err(|_| PgError::Nul)
    };
    let (defaults, extra) = (owned(defaults)?, owned(extra)?);
    let pointers = |(keyword, value): &(CString, CString)| (keyword.as_ptr(), value.as_ptr());
    // Later ones win, and `dbname` stands for all that the connection string sets.
    let (keywords, values): (Vec<*const c_char>, Vec<*const c_char>) =
        std::iter::once((c"fallback_application_name".as_ptr(), APPLICATION_NAME.as_ptr()))
            .chain(defaults.iter().map(pointers))
            .chain(std::iter::once((c"dbname".as_ptr(), conninfo.as_c_str().as_ptr())))
            .chain(extra.iter().map(pointers))
            .chain(std::iter::once((ptr::null(), ptr::null())))
            .unzip();
    // SAFETY: two arrays of C strings of the same length, each ended by NULL, alive during the call; libpq copies.
    let raw = unsafe { sys::PQconnectStartParams(keywords.as_ptr(), values.as_ptr(), 1) };
    let raw = NonNull::new(raw).ok_or(PgError::OutOfMemory)?;
    // SAFETY: libpq has just made it for us.
    Ok(unsafe { Connection::from_raw(raw) })
}

/// The attempt at one address, which `connect_timeout` bounds. libpq keeps to that option only in its blocking
/// calls; without it one dead host in a list would keep us from the living ones behind it.
struct Attempt {
    timeout: Option<Duration>,
    address: [Words; 3],
    since: Instant,
    gave_up: bool,
    /// libpq's state of connecting before its last step.
    stage: c_int,
    /// And whether TLS stood then.
    encrypted: bool,
    /// Is there a condition on how the server authenticates?
    demanding: bool,
}

impl Attempt {
    fn new(connection: &Connection) -> Attempt {
        // SAFETY: a live connection; the list is a copy of its own.
        let options = unsafe { Options::from_raw(sys::PQconninfo(connection.raw())) };
        let set = |keyword| options.as_ref().and_then(|options| options.value(keyword));
        let seconds = set("connect_timeout")
            .and_then(|text| text.trim().parse::<u64>().ok())
            .filter(|&seconds| seconds > 0);
        Attempt {
            // Two at least, as in libpq.
            timeout: seconds.map(|seconds| Duration::from_secs(seconds.max(2))),
            address: address(connection),
            since: Instant::now(),
            gave_up: false,
            stage: sys::CONNECTION_BAD,
            encrypted: false,
            demanding: set("channel_binding").is_some_and(|value| *value == "require")
                || set("require_auth").is_some_and(|value| !value.is_empty()),
        }
    }

    fn deadline(&mut self, connection: &Connection) -> Option<Instant> {
        let timeout = self.timeout?;
        let address = address(connection);
        if address != self.address {
            *self = Attempt { address, since: Instant::now(), gave_up: false, ..*self };
        }
        // One that is given up already has its error on the socket.
        if self.gave_up { None } else { self.since.checked_add(timeout) }
    }

    /// There is no call to tell libpq to go on to the next address. A shut-down socket makes it do so by itself.
    fn give_up(&mut self, socket: BorrowedFd<'_>) {
        self.gave_up = true;
        // If it fails, then the socket has an error already.
        let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Both);
    }
}

fn address(connection: &Connection) -> [Words; 3] {
    let raw = connection.raw();
    // SAFETY: a live connection; the texts are NULL or C strings of the connection's.
    unsafe {
        [
            Words::from_c(sys::PQhost(raw)),
            Words::from_c(sys::PQhostaddr(raw)),
            Words::from_c(sys::PQport(raw)),
        ]
    }
}
