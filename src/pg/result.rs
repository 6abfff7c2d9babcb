//! One result of a command: its status, its rows, or the server's error.
//!
//! Refuses to hand libpq a row or column that does not exist: libpq would complain to the notice receiver of a
//! connection that may be gone by then.

use std::borrow::Cow;
use std::ffi::{CStr, c_int};
use std::ptr::NonNull;

use super::error::{PgError, ServerError, SqlState, Words};
use super::sys;

/// A PGresult, freed at the end. It does not need its connection.
pub struct ResultSet {
    raw: NonNull<sys::PGresult>,
    rows: usize,
    columns: usize,
}

// SAFETY: a PGresult is a block of memory of its own, and libpq's functions on it that are used here read nothing
// else: they keep no thread-bound or shared state.
unsafe impl Send for ResultSet {}
// SAFETY: through `&ResultSet` it is only read.
unsafe impl Sync for ResultSet {}

/// What kind of result it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The string held no command.
    Empty,
    /// Done, no rows.
    Command,
    /// Done, with rows (zero or more).
    Rows,
    /// The server sends copy data.
    CopyOut,
    /// The server waits for copy data.
    CopyIn,
    /// Copy data both ways: replication.
    CopyBoth,
    /// The command failed.
    Error,
    /// Something that simple queries never give.
    Other,
}

impl ResultSet {
    /// # Safety
    ///
    /// `raw` is NULL or a result of libpq's that nobody else clears.
    pub(super) unsafe fn from_raw(raw: *mut sys::PGresult) -> Option<ResultSet> {
        let raw = NonNull::new(raw)?;
        // SAFETY: a live result, ours.
        let (rows, columns) = unsafe { (sys::PQntuples(raw.as_ptr()), sys::PQnfields(raw.as_ptr())) };
        Some(ResultSet {
            raw,
            rows: usize::try_from(rows).unwrap_or(0),
            columns: usize::try_from(columns).unwrap_or(0),
        })
    }

    /// What kind of result it is.
    pub fn status(&self) -> Status {
        // SAFETY: a live result.
        match unsafe { sys::PQresultStatus(self.raw.as_ptr()) } {
            sys::RES_EMPTY_QUERY => Status::Empty,
            sys::RES_COMMAND_OK => Status::Command,
            sys::RES_TUPLES_OK => Status::Rows,
            sys::RES_COPY_OUT => Status::CopyOut,
            sys::RES_COPY_IN => Status::CopyIn,
            sys::RES_COPY_BOTH => Status::CopyBoth,
            sys::RES_FATAL_ERROR | sys::RES_BAD_RESPONSE => Status::Error,
            _ => Status::Other,
        }
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The server's word for what it did, such as `START_REPLICATION` or `COPY 0`; "" if it gave none.
    pub fn command_tag(&self) -> Cow<'_, str> {
        // SAFETY: a live result; the C string returned is part of it.
        unsafe { CStr::from_ptr(sys::PQcmdStatus(self.raw.as_ptr())) }.to_string_lossy()
    }

    /// A column's name; `None` when there is no such column.
    pub fn column_name(&self, column: usize) -> Option<Cow<'_, str>> {
        let index = c_int::try_from(column).ok().filter(|_| column < self.columns)?;
        // SAFETY: a live result with such a column; the C string returned is part of it.
        Some(unsafe { CStr::from_ptr(sys::PQfname(self.raw.as_ptr(), index)) }.to_string_lossy())
    }

    /// A value's bytes; `None` for NULL, and when there is no such row or column.
    pub fn bytes(&self, row: usize, column: usize) -> Option<&[u8]> {
        if row >= self.rows || column >= self.columns {
            return None;
        }
        let (row, column) = (c_int::try_from(row).ok()?, c_int::try_from(column).ok()?);
        let raw = self.raw.as_ptr();
        // SAFETY: a live result with such a row and column.
        if unsafe { sys::PQgetisnull(raw, row, column) } != 0 {
            return None;
        }
        // SAFETY: as above.
        let length = usize::try_from(unsafe { sys::PQgetlength(raw, row, column) }).ok()?;
        // SAFETY: PQgetvalue points to that many bytes, which stay unchanged until the result is cleared.
        Some(unsafe { std::slice::from_raw_parts(sys::PQgetvalue(raw, row, column).cast(), length) })
    }

    /// A value as text; `None` for NULL, for no such row or column, and for what is not UTF-8.
    pub fn text(&self, row: usize, column: usize) -> Option<&str> {
        std::str::from_utf8(self.bytes(row, column)?).ok()
    }

    /// A value that must be there and be a `T`.
    pub(super) fn parse<T: std::str::FromStr>(&self, row: usize, column: usize) -> Result<T, PgError> {
        self.text(row, column)
            .and_then(|text| text.parse().ok())
            .ok_or(PgError::Protocol("a value is missing or malformed"))
    }

    /// The server's error; `None` when this is no error or libpq itself made it up.
    pub(super) fn server_error(&self) -> Option<ServerError> {
        // SAFETY: a live result.
        unsafe { field(self.raw.as_ptr(), sys::DIAG_SQLSTATE) }?;
        // SAFETY: a live result.
        Some(unsafe { notice(self.raw.as_ptr()) })
    }
}

impl Drop for ResultSet {
    fn drop(&mut self) {
        // SAFETY: ours to clear by from_raw's contract.
        unsafe { sys::PQclear(self.raw.as_ptr()) };
    }
}

impl std::fmt::Debug for ResultSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResultSet")
            .field("status", &self.status())
            .field("tag", &self.command_tag())
            .field("rows", &self.rows)
            .finish()
    }
}

/// The fields of an error or notice.
///
/// # Safety
///
/// `result` is a live result.
pub(super) unsafe fn notice(result: *const sys::PGresult) -> ServerError {
    // SAFETY: a live result by this function's contract.
    let text = |code| unsafe { field(result, code) }.map(Words::new).unwrap_or_default();
    let untranslated = text(sys::DIAG_SEVERITY_NONLOCALIZED);
    // SAFETY: as above.
    let sqlstate = unsafe { field(result, sys::DIAG_SQLSTATE) }.and_then(SqlState::parse);
    ServerError {
        // libpq's own notices have the translated one only.
        severity: if untranslated.is_empty() { text(sys::DIAG_SEVERITY) } else { untranslated },
        sqlstate: sqlstate.unwrap_or(SqlState::NONE),
        message: text(sys::DIAG_MESSAGE_PRIMARY),
        detail: text(sys::DIAG_MESSAGE_DETAIL),
        hint: text(sys::DIAG_MESSAGE_HINT),
        source_function: text(sys::DIAG_SOURCE_FUNCTION),
    }
}

/// # Safety
///
/// `result` is a live result, and stays so while the bytes are used.
unsafe fn field<'a>(result: *const sys::PGresult, code: u8) -> Option<&'a [u8]> {
    // SAFETY: a live result by this function's contract.
    let text = unsafe { sys::PQresultErrorField(result, c_int::from(code)) };
    // SAFETY: a field that is not NULL is a C string inside the result.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_bytes())
}
