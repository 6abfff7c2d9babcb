//! The libpq functions that this floor calls, and nothing else of libpq.
//!
//! libpq-sys gives libpq's C enums as Rust enums. A newer libpq that returns a value unknown to the header it was
//! built with would then be undefined behaviour, so every function returning an enum is declared again here,
//! with the `int` that C gives it. The list of re-exports is spelt out so that none of the others slips in.

use std::ffi::{c_char, c_int};

pub use libpq_sys::{
    PGconn, PGresult, PQbackendPID, PQcancel, PQclear, PQcmdStatus, PQconnectStartParams,
    PQconnectionNeedsPassword, PQconninfo, PQconninfoFree, PQconninfoOption, PQconninfoParse, PQconsumeInput,
    PQdb, PQerrorMessage, PQfinish, PQflush, PQfname, PQfreeCancel, PQfreemem, PQgetCancel, PQgetCopyData,
    PQgetResult, PQgetisnull, PQgetlength, PQgetvalue, PQgssEncInUse, PQhost, PQhostaddr, PQisBusy,
    PQlibVersion, PQnfields, PQntuples, PQoptions, PQparameterStatus, PQport, PQputCopyData, PQputCopyEnd,
    PQresultErrorField, PQsendQuery, PQserverVersion, PQsetNoticeReceiver, PQsetnonblocking, PQsocket,
    PQsslInUse,
};

unsafe extern "C" {
    /// One of `POLLING_*`.
    pub fn PQconnectPoll(conn: *mut PGconn) -> c_int;
    /// `CONNECTION_OK`, `CONNECTION_BAD`, or a state of connecting.
    pub fn PQstatus(conn: *const PGconn) -> c_int;
    /// One of `RES_*`.
    pub fn PQresultStatus(res: *const PGresult) -> c_int;
    /// `TRANSACTION_IDLE`, or another state.
    pub fn PQtransactionStatus(conn: *const PGconn) -> c_int;
    /// Takes and returns one of `ERRORS_*`.
    pub fn PQsetErrorVerbosity(conn: *mut PGconn, verbosity: c_int) -> c_int;
}

/// libpq's texts are read through this, which is what its functions return.
pub type Text = *const c_char;

pub const POLLING_FAILED: c_int = 0;
pub const POLLING_READING: c_int = 1;
pub const POLLING_WRITING: c_int = 2;
pub const POLLING_OK: c_int = 3;

pub const CONNECTION_BAD: c_int = 1;
pub const CONNECTION_AWAITING_RESPONSE: c_int = 4;
pub const CONNECTION_SSL_STARTUP: c_int = 7;

pub const TRANSACTION_IDLE: c_int = 0;

pub const ERRORS_DEFAULT: c_int = 1;
pub const ERRORS_VERBOSE: c_int = 2;

pub const RES_EMPTY_QUERY: c_int = 0;
pub const RES_COMMAND_OK: c_int = 1;
pub const RES_TUPLES_OK: c_int = 2;
pub const RES_COPY_OUT: c_int = 3;
pub const RES_COPY_IN: c_int = 4;
pub const RES_BAD_RESPONSE: c_int = 5;
pub const RES_FATAL_ERROR: c_int = 7;
pub const RES_COPY_BOTH: c_int = 8;

pub const DIAG_SEVERITY_NONLOCALIZED: u8 = b'V';
pub const DIAG_SEVERITY: u8 = b'S';
pub const DIAG_SQLSTATE: u8 = b'C';
pub const DIAG_MESSAGE_PRIMARY: u8 = b'M';
pub const DIAG_MESSAGE_DETAIL: u8 = b'D';
pub const DIAG_MESSAGE_HINT: u8 = b'H';
pub const DIAG_SOURCE_FUNCTION: u8 = b'R';

#[cfg(test)]
mod tests {
    use super::*;
    use libpq_sys::{
        ConnStatusType, ExecStatusType, PGTransactionStatusType, PGVerbosity, PostgresPollingStatusType,
    };

    // The constants above are written by hand; the header that libpq-sys read has the last word.
    #[test]
    fn constants_are_the_headers() {
        for (ours, headers) in [
            (POLLING_FAILED, PostgresPollingStatusType::PGRES_POLLING_FAILED),
            (POLLING_READING, PostgresPollingStatusType::PGRES_POLLING_READING),
            (POLLING_WRITING, PostgresPollingStatusType::PGRES_POLLING_WRITING),
            (POLLING_OK, PostgresPollingStatusType::PGRES_POLLING_OK),
        ] {
            assert_eq!(ours, headers as c_int);
        }
        for (ours, headers) in [
            (RES_EMPTY_QUERY, ExecStatusType::PGRES_EMPTY_QUERY),
            (RES_COMMAND_OK, ExecStatusType::PGRES_COMMAND_OK),
            (RES_TUPLES_OK, ExecStatusType::PGRES_TUPLES_OK),
            (RES_COPY_OUT, ExecStatusType::PGRES_COPY_OUT),
            (RES_COPY_IN, ExecStatusType::PGRES_COPY_IN),
            (RES_BAD_RESPONSE, ExecStatusType::PGRES_BAD_RESPONSE),
            (RES_FATAL_ERROR, ExecStatusType::PGRES_FATAL_ERROR),
            (RES_COPY_BOTH, ExecStatusType::PGRES_COPY_BOTH),
        ] {
            assert_eq!(ours, headers as c_int);
        }
        for (ours, headers) in [
            (CONNECTION_BAD, ConnStatusType::CONNECTION_BAD),
            (CONNECTION_AWAITING_RESPONSE, ConnStatusType::CONNECTION_AWAITING_RESPONSE),
            (CONNECTION_SSL_STARTUP, ConnStatusType::CONNECTION_SSL_STARTUP),
        ] {
            assert_eq!(ours, headers as c_int);
        }
        assert_eq!(TRANSACTION_IDLE, PGTransactionStatusType::PQTRANS_IDLE as c_int);
        assert_eq!(ERRORS_DEFAULT, PGVerbosity::PQERRORS_DEFAULT as c_int);
        assert_eq!(ERRORS_VERBOSE, PGVerbosity::PQERRORS_VERBOSE as c_int);
        assert_eq!(
            [
                DIAG_SEVERITY_NONLOCALIZED,
                DIAG_SEVERITY,
                DIAG_SQLSTATE,
                DIAG_MESSAGE_PRIMARY,
                DIAG_MESSAGE_DETAIL,
                DIAG_MESSAGE_HINT,
                DIAG_SOURCE_FUNCTION
            ],
            [
                libpq_sys::PG_DIAG_SEVERITY_NONLOCALIZED,
                libpq_sys::PG_DIAG_SEVERITY,
                libpq_sys::PG_DIAG_SQLSTATE,
                libpq_sys::PG_DIAG_MESSAGE_PRIMARY,
                libpq_sys::PG_DIAG_MESSAGE_DETAIL,
                libpq_sys::PG_DIAG_MESSAGE_HINT,
                libpq_sys::PG_DIAG_SOURCE_FUNCTION
            ]
        );
    }
}
