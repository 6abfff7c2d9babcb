//! Names, versions and LSNs as text. Nothing here needs a stream.

use std::ffi::{CStr, c_char};
use std::ptr::{null, null_mut};

use super::guard::{self, guard};
use crate::lsn::Lsn;
use crate::model::{Code, Kind};
use crate::stream::Failure;

/// Room for walstream_lsn_format: "FFFFFFFF/FFFFFFFF" and the NUL.
pub const WALSTREAM_LSN_BUFFER: usize = 18;

/// Room for walstream_position.
pub const WALSTREAM_POSITION_BUFFER: usize = 64;

const UNKNOWN: &CStr = c"unknown";

/// "WALSTREAM_E_SLOT_LOST"; "unknown" for others. Static. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn walstream_code_name(code: i32) -> *const c_char {
    let name = Code::ALL.iter().find(|(known, _)| *known as i32 == code);
    name.map_or(UNKNOWN, |(_, name)| name).as_ptr()
}

/// "INSERT"; "unknown" for others. Static. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn walstream_kind_name(kind: u32) -> *const c_char {
    let name = Kind::ALL.iter().find(|(known, _)| *known as u32 == kind);
    name.map_or(UNKNOWN, |(_, name)| name).as_ptr()
}

/// Writes "16/B374D848" and a NUL into buffer[WALSTREAM_LSN_BUFFER]; gives back buffer. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_lsn_format(lsn: u64, buffer: *mut c_char) -> *const c_char {
    guard::or(null(), || {
        if buffer.is_null() {
            return null();
        }
        // SAFETY: by contract room for WALSTREAM_LSN_BUFFER bytes.
        unsafe { write_text(&Lsn(lsn).to_string(), buffer, WALSTREAM_LSN_BUFFER) };
        buffer
    })
}

/// Text and NUL, cut where there is no room for more.
///
/// # Safety
///
/// `buffer` has room for `size` bytes, at least one.
pub(super) unsafe fn write_text(text: &str, buffer: *mut c_char, size: usize) {
    let len = text.len().min(size - 1);
    // SAFETY: len + 1 <= size; the text is elsewhere.
    unsafe {
        buffer.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), len);
        buffer.add(len).write(0);
    }
}

/// OK or E_ARGUMENT, *lsn then unchanged. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_lsn_parse(text: *const c_char, lsn: *mut u64) -> i32 {
    guard(null_mut(), || {
        let text = guard::text(text, "text")?;
        if lsn.is_null() {
            return Err(guard::null("lsn"));
        }
        let parsed: Lsn = text
            .parse()
            .map_err(|error: crate::lsn::ParseLsnError| Failure::new(Code::E_ARGUMENT, error.to_string()))?;
        // SAFETY: not NULL, and by contract a place for a number.
        unsafe { lsn.write(parsed.0) };
        Ok(Code::OK)
    })
}

/// Rises when something that a built program relies on changes (as the SONAME does). Compare with WALSTREAM_VERSION_MAJOR.
#[unsafe(no_mangle)]
pub extern "C" fn walstream_abi_version() -> u32 {
    const { parse_number(env!("CARGO_PKG_VERSION_MAJOR")) }
}

/// "0.1.0". Static.
#[unsafe(no_mangle)]
pub extern "C" fn walstream_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

const fn parse_number(digits: &str) -> u32 {
    let mut number = 0;
    let mut index = 0;
    while index < digits.len() {
        number = number * 10 + (digits.as_bytes()[index] - b'0') as u32;
        index += 1;
    }
    number
}
