//! What can go wrong on this floor, and the words of the server and of libpq that come with it.
//!
//! Refuses passwords: texts come only from places that never quote one (see `conninfo.rs` for the exception).

use std::ffi::CStr;
use std::fmt;

use rustix::io::Errno;

use super::conninfo::ConninfoError;
use super::sys::Text;

/// Why a call of this floor failed.
#[derive(Debug, thiserror::Error)]
pub enum PgError {
    /// The connection string cannot be used.
    #[error(transparent)]
    Conninfo(#[from] ConninfoError),
    /// No connection came about.
    #[error("{0}")]
    Connect(Box<ConnectError>),
    /// The server refused a command or ended the session, and said why.
    #[error("{0}")]
    Server(Box<ServerError>),
    /// The connection broke, or the server closed it without a word.
    #[error("connection lost: {0}")]
    Lost(Words),
    /// libpq refused, with the connection still in place.
    #[error("libpq: {0}")]
    Libpq(Words),
    /// [`Patience::cancelled`](super::Patience::cancelled) came true.
    #[error("cancelled")]
    Cancelled,
    /// The deadline passed.
    #[error("timed out")]
    TimedOut,
    /// The server answered with something that this command never gives.
    #[error("unexpected answer from the server: {0}")]
    Protocol(&'static str),
    /// The server is too old; `needs` is the first major version that can.
    #[error("{what} needs PostgreSQL {needs}")]
    Unsupported {
        /// What was asked for.
        what: &'static str,
        /// The first major version that has it.
        needs: u32,
    },
    /// A text for the server contains a NUL byte.
    #[error("a name or command contains a NUL byte")]
    Nul,
    /// A name for a replication command contains a double quote, which cannot be written there.
    #[error("a name contains a double quote")]
    DoubleQuote,
    /// An allocation failed.
    #[error("out of memory")]
    OutOfMemory,
    /// A system call failed.
    #[error("{0}")]
    System(#[from] Errno),
}

/// A connection attempt's end in libpq's words, which contain the server's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConnectError {
    /// The server's, when a server answered with an error; the last one's when several hosts were tried.
    pub sqlstate: Option<SqlState>,
    /// The C function of the server that refused; "" where it did not say.
    pub source_function: Words,
    /// One line.
    pub message: Words,
    /// The server asked for a password and there was none.
    pub needs_password: bool,
    /// How far the last attempt came, when no server gave a reason.
    pub hurdle: Hurdle,
}

/// What a connection attempt failed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hurdle {
    /// The server was not reached, or did not talk.
    Address,
    /// TLS: not offered, or a certificate was not accepted.
    Tls,
    /// It was over after TLS stood and before the server took the user: also a client certificate's refusal comes so.
    Admission,
    /// libpq refused: the server did not authenticate as `channel_binding` or `require_auth` demand.
    Demand,
}

/// An ErrorResponse or NoticeResponse. Every text is one line, "" where the server sent none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{severity}: {message}")]
pub struct ServerError {
    /// Never translated: ERROR, FATAL, PANIC, WARNING, NOTICE, DEBUG, INFO, LOG.
    pub severity: Words,
    /// What to tell errors apart by.
    pub sqlstate: SqlState,
    /// The primary message, in the server's language.
    pub message: Words,
    /// DETAIL.
    pub detail: Words,
    /// HINT.
    pub hint: Words,
    /// The C function that reported it: the second thing to tell errors apart by.
    pub source_function: Words,
}

/// Five characters of `[0-9A-Z]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqlState(pub [u8; 5]);

impl SqlState {
    /// `successful_completion`: stands where no SQLSTATE was sent.
    pub const NONE: SqlState = SqlState(*b"00000");

    /// Takes exactly five characters of `[0-9A-Z]`.
    pub fn parse(text: &[u8]) -> Option<SqlState> {
        let code: [u8; 5] = text.try_into().ok()?;
        code.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()).then_some(SqlState(code))
    }

    /// The five characters.
    pub fn as_str(&self) -> &str {
        // The field is public: a caller may have put anything into it.
        std::str::from_utf8(&self.0).unwrap_or("?????")
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Somebody else's text on one line: no control characters, trimmed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Words(Box<str>);

impl Words {
    /// Control characters become spaces; what is not UTF-8 becomes U+FFFD (before the client encoding is agreed
    /// on, a server writes in its own).
    pub fn new(text: &[u8]) -> Words {
        let text = String::from_utf8_lossy(text);
        let mut line = String::with_capacity(text.len());
        for part in text.split(char::is_control).map(str::trim).filter(|part| !part.is_empty()) {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(part);
        }
        Words(line.into_boxed_str())
    }

    /// # Safety
    ///
    /// `text` is NULL or a C string that stays unchanged during the call.
    pub(super) unsafe fn from_c(text: Text) -> Words {
        if text.is_null() {
            return Words::default();
        }
        // SAFETY: not NULL, and a C string by this function's contract.
        Words::new(unsafe { CStr::from_ptr(text) }.to_bytes())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Did the server or libpq say nothing?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_one_line() {
        assert_eq!(Words::new(b"  a\n\tb\r\n\n c\x1bd ").as_str(), "a b c d");
        assert_eq!(Words::new(b"caf\xe9\n").as_str(), "caf\u{fffd}");
        assert!(Words::new(b" \n ").is_empty());
    }

    #[test]
    fn sqlstates_are_five_digits_or_capitals() {
        assert_eq!(SqlState::parse(b"57P03").map(|s| s.0), Some(*b"57P03"));
        for text in ["", "57P0", "57P033", "57p03", "57 03", "57P0\u{e9}"] {
            assert_eq!(SqlState::parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
