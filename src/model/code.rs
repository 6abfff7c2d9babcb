//! What calls come to, and the states of a stream: numbers that cross the ABI.

/// What a call came to. Functions return it as int32_t. Values are never reused.
/// cbindgen:rename-all=prefix:WALSTREAM_
#[allow(non_camel_case_types, clippy::upper_case_acronyms, missing_docs)]
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    OK = 0,
    /// timeout_ms passed; nothing was lost.
    TIMEOUT = 1,
    /// walstream_wake was called.
    WOKEN = 2,
    /// The stream came to its end (stop_lsn, walstream_stop). Every later read says so again.
    END = 3,
    /// A NULL, an unknown option, a value that is not allowed.
    E_ARGUMENT = -1,
    /// This call does not fit the stream's state, such as a read before start.
    E_STATE = -2,
    /// Another thread is inside start, next_event, next_batch or stop of this stream.
    E_BUSY = -3,
    /// walstream_free was called while this call was in progress.
    E_CLOSED = -4,
    /// The server was not reached, or the connection was lost for longer than the options allow.
    E_CONNECT = -5,
    /// The server refused user, password, certificate or host.
    E_AUTH = -6,
    /// The server reported an error that no other code names.
    E_SERVER = -7,
    /// The slot does not exist.
    E_SLOT_MISSING = -8,
    /// Another connection reads the slot, or is making it, longer than slot.wait_ms.
    E_SLOT_IN_USE = -9,
    /// The server invalidated the slot: what it had not sent is gone.
    E_SLOT_LOST = -10,
    /// A publication does not exist.
    E_PUBLICATION = -11,
    /// Changes were skipped, or lie on another timeline.
    E_GAP = -12,
    /// Another database cluster answers at this address.
    E_WRONG_SYSTEM = -13,
    /// Bytes that are not what PostgreSQL's protocol allows.
    E_PROTOCOL = -14,
    /// An acknowledgement beyond what was handed to the host.
    E_ACK_AHEAD = -15,
    /// A file or descriptor failed.
    E_IO = -16,
    /// Out of memory.
    E_MEMORY = -17,
    /// This server's version cannot do what an option asks for.
    E_UNSUPPORTED = -18,
    /// A bug of the library, caught at its boundary.
    E_PANIC = -19,
    /// A resent transaction differs from the part already handed out.
    E_DIVERGED = -20,
}

impl Code {
    /// Every code with its name in C.
    pub const ALL: [(Code, &'static std::ffi::CStr); 24] = [
        (Code::OK, c"WALSTREAM_OK"),
        (Code::TIMEOUT, c"WALSTREAM_TIMEOUT"),
        (Code::WOKEN, c"WALSTREAM_WOKEN"),
        (Code::END, c"WALSTREAM_END"),
        (Code::E_ARGUMENT, c"WALSTREAM_E_ARGUMENT"),
        (Code::E_STATE, c"WALSTREAM_E_STATE"),
        (Code::E_BUSY, c"WALSTREAM_E_BUSY"),
        (Code::E_CLOSED, c"WALSTREAM_E_CLOSED"),
        (Code::E_CONNECT, c"WALSTREAM_E_CONNECT"),
        (Code::E_AUTH, c"WALSTREAM_E_AUTH"),
        (Code::E_SERVER, c"WALSTREAM_E_SERVER"),
        (Code::E_SLOT_MISSING, c"WALSTREAM_E_SLOT_MISSING"),
        (Code::E_SLOT_IN_USE, c"WALSTREAM_E_SLOT_IN_USE"),
        (Code::E_SLOT_LOST, c"WALSTREAM_E_SLOT_LOST"),
        (Code::E_PUBLICATION, c"WALSTREAM_E_PUBLICATION"),
        (Code::E_GAP, c"WALSTREAM_E_GAP"),
        (Code::E_WRONG_SYSTEM, c"WALSTREAM_E_WRONG_SYSTEM"),
        (Code::E_PROTOCOL, c"WALSTREAM_E_PROTOCOL"),
        (Code::E_ACK_AHEAD, c"WALSTREAM_E_ACK_AHEAD"),
        (Code::E_IO, c"WALSTREAM_E_IO"),
        (Code::E_MEMORY, c"WALSTREAM_E_MEMORY"),
        (Code::E_UNSUPPORTED, c"WALSTREAM_E_UNSUPPORTED"),
        (Code::E_PANIC, c"WALSTREAM_E_PANIC"),
        (Code::E_DIVERGED, c"WALSTREAM_E_DIVERGED"),
    ];
}

/// walstream_error.flags
/// cbindgen:rename-all=prefix:WALSTREAM_ERROR_
#[allow(non_camel_case_types, clippy::upper_case_acronyms)]
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorFlag {
    /// The stream is over: every later read returns the same code again, only free is left.
    FATAL = 1,
    /// The same call may succeed later without any change.
    RETRIABLE = 2,
}

/// walstream_stats.state
/// cbindgen:rename-all=prefix:WALSTREAM_STATE_
#[allow(non_camel_case_types, clippy::upper_case_acronyms, missing_docs)]
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    OPEN = 0,
    CONNECTING = 1,
    STREAMING = 2,
    WAITING_TO_RETRY = 3,
    ENDED = 4,
    FAILED = 5,
}
