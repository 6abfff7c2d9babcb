//! Errors as C reads them.

use std::ffi::{CString, c_char};

use super::fork::Generation;
use crate::model::code::ErrorFlag;
use crate::stream::Failure;

/// Library's; give it to walstream_error_free. Grows at the end, up to struct_size.
#[repr(C)]
#[derive(Debug)]
pub struct Error {
    /// sizeof of the library's walstream_error.
    pub struct_size: u32,
    /// walstream_code
    pub code: i32,
    /// WALSTREAM_ERROR_*
    pub flags: u32,
    /// errno of a failed system call, else 0
    pub os_errno: i32,
    /// Five characters, or "".
    pub sqlstate: *const c_char,
    /// One line without a newline: what happened, to which object.
    pub message: *const c_char,
    /// The server's DETAIL, or "".
    pub detail: *const c_char,
    /// What to do, or "".
    pub hint: *const c_char,
}

/// An error with the texts that it points to. `error` comes first: C's pointer is to the whole.
#[repr(C)]
struct Owned {
    error: Error,
    generation: Generation,
    _texts: [CString; 4],
}

/// Gives the failure to the host.
pub(super) fn into_c(failure: &Failure) -> *mut Error {
    let texts =
        [&failure.sqlstate, &failure.message, &failure.detail, &failure.hint].map(|text| c_text(text));
    let mut flags = 0;
    if failure.fatal {
        flags |= ErrorFlag::FATAL as u32;
    } else if failure.is_retriable() {
        flags |= ErrorFlag::RETRIABLE as u32;
    }
    let error = Error {
        struct_size: size_of::<Error>() as u32,
        code: failure.code as i32,
        flags,
        os_errno: failure.os_errno,
        sqlstate: texts[0].as_ptr(),
        message: texts[1].as_ptr(),
        detail: texts[2].as_ptr(),
        hint: texts[3].as_ptr(),
    };
    Box::into_raw(Box::new(Owned { error, generation: Generation::current(), _texts: texts })).cast()
}

/// A NUL in somebody's text ends it no earlier for C than for others: it becomes a space.
pub(super) fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', " ")).unwrap_or_default()
}

/// NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_error_free(error: *mut Error) {
    super::guard::quietly(|| {
        if error.is_null() {
            return;
        }
        // SAFETY: by contract a pointer that `into_c` gave, not freed before.
        let owned = unsafe { Box::from_raw(error.cast::<Owned>()) };
        if !owned.generation.is_ours() {
            std::mem::forget(owned);
        }
    });
}
