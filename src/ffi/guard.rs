//! The boundary: nothing unwinds across it, and errors leave by the out-parameter.

use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::time::Duration;

use super::error::{Error, into_c};
use crate::model::Code;
use crate::stream::Failure;

/// What a guarded call came to: a code of 0 or more, or why not.
pub(super) type Outcome = Result<Code, Failure>;

/// Runs one call. `error` may be NULL.
#[inline]
pub(super) fn guard(error: *mut *mut Error, call: impl FnOnce() -> Outcome) -> i32 {
    match catch(call) {
        Ok(Ok(code)) => {
            if !error.is_null() {
                // SAFETY: not NULL, and by contract a place for a pointer.
                unsafe { error.write(null_mut()) };
            }
            code as i32
        }
        Ok(Err(failure)) => fail(error, &failure),
        Err(_) => fail(error, &panicked()),
    }
}

#[cold]
fn fail(error: *mut *mut Error, failure: &Failure) -> i32 {
    if !error.is_null() {
        // SAFETY: as above.
        unsafe { error.write(into_c(failure)) };
    }
    failure.code as i32
}

/// A bug that was caught.
#[cold]
pub(super) fn panicked() -> Failure {
    Failure::new(Code::E_PANIC, "walstream panicked inside this call").hint(
        "this is a bug of walstream: please report it; free the stream and open another one, nothing unacknowledged is lost",
    )
}

/// Runs a call that has no way to tell of a failure.
pub(super) fn quietly(call: impl FnOnce()) {
    // A panic in a destructor would be one more bug, of which nobody here can be told.
    let _ = catch(call);
}

/// Runs a call whose answer has a value for "none".
pub(super) fn or<T>(none: T, call: impl FnOnce() -> T) -> T {
    catch(call).unwrap_or(none)
}

#[inline]
fn catch<T>(call: impl FnOnce() -> T) -> std::thread::Result<T> {
    catch_unwind(AssertUnwindSafe(|| {
        #[cfg(feature = "inject-panic")]
        crate::inject::point(crate::inject::Place::Boundary);
        call()
    }))
}

/// The failure of an argument that is NULL.
#[cold]
pub(super) fn null(what: &str) -> Failure {
    Failure::new(Code::E_ARGUMENT, format!("{what} is NULL")).hint(format!("pass a valid {what}"))
}

/// Text of the host's.
pub(super) fn text<'a>(text: *const c_char, what: &str) -> Result<&'a str, Failure> {
    if text.is_null() {
        return Err(null(what));
    }
    // SAFETY: by contract a C string that lives for the call.
    unsafe { CStr::from_ptr(text) }.to_str().map_err(|_| {
        Failure::new(Code::E_ARGUMENT, format!("{what} is not UTF-8")).hint("encode it as UTF-8")
    })
}

/// A place for a result. Whatever becomes of the call, it holds `none` from now on.
pub(super) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// `place` may be NULL, which `get` refuses.
    #[inline]
    pub(super) fn new(place: *mut T, none: T) -> Out<T> {
        if !place.is_null() {
            // SAFETY: not NULL, and by contract a place for a T that only this call uses.
            unsafe { place.write(none) };
        }
        Out(place)
    }

    #[inline]
    pub(super) fn get(&self, what: &str) -> Result<*mut T, Failure> {
        if self.0.is_null() { Err(null(what)) } else { Ok(self.0) }
    }
}

/// Milliseconds; -1: no limit.
#[inline]
pub(super) fn timeout(ms: i32) -> Result<Option<Duration>, Failure> {
    match u32::try_from(ms) {
        Ok(ms) => Ok(Some(Duration::from_millis(ms.into()))),
        Err(_) if ms == -1 => Ok(None),
        Err(_) => Err(bad_timeout(ms)),
    }
}

#[cold]
fn bad_timeout(ms: i32) -> Failure {
    Failure::new(Code::E_ARGUMENT, format!("timeout_ms is {ms}"))
        .hint("0 does not wait, -1 waits without limit, anything else is in milliseconds")
}
