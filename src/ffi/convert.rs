//! A value as a number, a date, bytes or text, and an event as JSON.

use std::ffi::c_char;

use super::guard;
use crate::model::convert::{self, ConvertError};
use crate::model::sink::Sink;
use crate::model::view::{Datum, EventView};
use crate::model::{Code, Event, Value, json};

/// bool: 1 or 0. As all converters it takes both forms of a value, with the same result, and gives OK, or E_ARGUMENT and leaves *out
/// alone: value is NULL, or its kind is not TEXT or BINARY; type_oid (its column's) is not one of the types named; the bytes
/// are not a value of that type; *out has no room for it. Domains and enums have OIDs of their own. Any thread; none of them waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_value_to_bool(value: *const Value, type_oid: u32, out: *mut i32) -> i32 {
    // SAFETY: this function's contract.
    unsafe { store(value, out, |datum| convert::to_bool(datum, type_oid).map(i32::from)) }
}

/// int2, int4, int8, oid, xid, cid, xid8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_value_to_int64(value: *const Value, type_oid: u32, out: *mut i64) -> i32 {
    // SAFETY: this function's contract.
    unsafe { store(value, out, |datum| convert::to_int64(datum, type_oid)) }
}

/// float4, float8, numeric, int2, int4, int8, oid: the nearest double. NaN and the infinities are values. For all digits
/// of a numeric use walstream_value_to_text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_value_to_double(value: *const Value, type_oid: u32, out: *mut f64) -> i32 {
    // SAFETY: this function's contract.
    unsafe { store(value, out, |datum| convert::to_double(datum, type_oid)) }
}

/// timestamptz; timestamp, taken as UTC; date, at its midnight UTC: microseconds since 1970-01-01 UTC. infinity is INT64_MAX, -infinity
/// INT64_MIN. Beyond the year 294246 there is no room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_value_to_timestamp_us(
    value: *const Value,
    type_oid: u32,
    unix_us: *mut i64,
) -> i32 {
    // SAFETY: this function's contract.
    unsafe { store(value, unix_us, |datum| convert::to_timestamp_us(datum, type_oid)) }
}

/// date: days since 1970-01-01. infinity is INT32_MAX, -infinity INT32_MIN.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_value_to_date(value: *const Value, type_oid: u32, days: *mut i32) -> i32 {
    // SAFETY: this function's contract.
    unsafe { store(value, days, |datum| convert::to_date(datum, type_oid)) }
}

/// uuid: out[16], in the order of its text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_value_to_uuid(value: *const Value, type_oid: u32, out: *mut u8) -> i32 {
    // SAFETY: this function's contract.
    unsafe { store(value, out.cast::<[u8; 16]>(), |datum| convert::to_uuid(datum, type_oid)) }
}

/// bytea. *needed (may be NULL) is how many bytes there are. When they fit, buffer[size] holds them; when they do not, it is
/// unchanged and the result is OK all the same: compare *needed with size. buffer may be NULL when size is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_value_to_bytes(
    value: *const Value,
    type_oid: u32,
    buffer: *mut u8,
    size: usize,
    needed: *mut usize,
) -> i32 {
    guard::or(Code::E_PANIC as i32, || {
        // SAFETY: this function's contract.
        let Some((datum, mut counter)) = (unsafe { datum(value) }).zip(Buffer::new(buffer, 0)) else {
            return Code::E_ARGUMENT as i32;
        };
        // Once to count: a buffer that is too small stays as it was.
        if convert::to_bytes(datum, type_oid, &mut counter).is_err() {
            return Code::E_ARGUMENT as i32;
        }
        if counter.len <= size {
            let Some(mut room) = Buffer::new(buffer, size) else { return Code::E_ARGUMENT as i32 };
            // It could be read a moment ago.
            let _ = convert::to_bytes(datum, type_oid, &mut room);
        }
        // SAFETY: this function's contract.
        unsafe { tell(needed, counter.len) };
        Code::OK as i32
    })
}

/// The text form that the server gives under DateStyle ISO, TimeZone UTC and hexadecimal bytea. Of kind TEXT: the bytes as they are,
/// whatever the type. Of kind BINARY: bool, int2, int4, int8, oid, xid, cid, xid8, pg_lsn, float4, float8, numeric, text, varchar,
/// bpchar, name, "char", xml, json, jsonb, uuid, bytea, date, time, timetz, timestamp, timestamptz, interval, and arrays of these.
/// *needed (may be NULL) is its length without the NUL. It fits when *needed < size; buffer then holds it and a NUL. Else buffer
/// holds "" (if size is not 0), and the result is OK all the same. buffer may be NULL when size is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_value_to_text(
    value: *const Value,
    type_oid: u32,
    buffer: *mut c_char,
    size: usize,
    needed: *mut usize,
) -> i32 {
    guard::or(Code::E_PANIC as i32, || {
        // SAFETY: this function's contract.
        let Some(datum) = (unsafe { datum(value) }) else { return Code::E_ARGUMENT as i32 };
        // Once to count: on failure the buffer stays as it was.
        let mut counter = Buffer::nowhere();
        if convert::to_text(datum, type_oid, &mut counter).is_err() {
            return Code::E_ARGUMENT as i32;
        }
        let write = |sink: &mut dyn Sink| {
            // It could be read a moment ago.
            let _ = convert::to_text(datum, type_oid, sink);
        };
        // SAFETY: this function's contract.
        unsafe { write_text(buffer, size, needed, write) }
    })
}

/// The event as one JSON object without a newline (docs/json.md): always valid UTF-8, and the same bytes for the same event.
/// *needed (may be NULL) is its length without the NUL. It fits when *needed < size; buffer then holds it and a NUL. Else buffer
/// holds "" (if size is not 0), and the result is OK all the same: call again with a buffer of *needed + 1. buffer may be NULL when
/// size is 0. E_ARGUMENT: event is NULL, or buffer is NULL and size is not 0; *needed is then unchanged. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn walstream_event_to_json(
    event: *const Event,
    buffer: *mut c_char,
    size: usize,
    needed: *mut usize,
) -> i32 {
    guard::or(Code::E_PANIC as i32, || {
        // SAFETY: NULL or an event of ours that by contract is alive, with all that it points to.
        let Some(event) = (unsafe { event.as_ref() }) else { return Code::E_ARGUMENT as i32 };
        // SAFETY: as above.
        let view = unsafe { EventView::new(event) };
        // SAFETY: this function's contract.
        unsafe { write_text(buffer, size, needed, |sink| json::write_event(&view, sink)) }
    })
}

/// # Safety
///
/// `value` is NULL or one of an event that is alive; `out` is NULL or a place for a `T`.
unsafe fn store<T>(
    value: *const Value,
    out: *mut T,
    convert: impl FnOnce(Datum<'_>) -> Result<T, ConvertError>,
) -> i32 {
    guard::or(Code::E_PANIC as i32, || {
        // SAFETY: the caller's promise.
        let Some(datum) = (unsafe { datum(value) }).filter(|_| !out.is_null()) else {
            return Code::E_ARGUMENT as i32;
        };
        match convert(datum) {
            Ok(result) => {
                // SAFETY: not NULL, and by contract a place for it.
                unsafe { out.write(result) };
                Code::OK as i32
            }
            Err(_) => Code::E_ARGUMENT as i32,
        }
    })
}

/// # Safety
///
/// `value` is NULL or one of an event that is alive.
unsafe fn datum<'a>(value: *const Value) -> Option<Datum<'a>> {
    // SAFETY: the caller's promise.
    unsafe { Datum::of(value.as_ref()?) }
}

/// # Safety
///
/// `buffer` has room for `size` bytes or is NULL; `needed` is NULL or a place for a number.
unsafe fn write_text(
    buffer: *mut c_char,
    size: usize,
    needed: *mut usize,
    write: impl FnOnce(&mut dyn Sink),
) -> i32 {
    let Some(mut sink) = Buffer::new(buffer.cast(), size) else { return Code::E_ARGUMENT as i32 };
    write(&mut sink);
    if size > 0 {
        // Rather nothing than a part that looks like a whole.
        let end = if sink.len < size { sink.len } else { 0 };
        // SAFETY: end < size.
        unsafe { buffer.add(end).write(0) };
    }
    // SAFETY: the caller's promise.
    unsafe { tell(needed, sink.len) };
    Code::OK as i32
}

/// # Safety
///
/// `needed` is NULL or a place for a number.
unsafe fn tell(needed: *mut usize, len: usize) {
    if !needed.is_null() {
        // SAFETY: not NULL.
        unsafe { needed.write(len) };
    }
}

/// Memory of the host's. Bytes beyond it are only counted.
struct Buffer {
    start: *mut u8,
    size: usize,
    len: usize,
}

impl Buffer {
    /// By contract room for `size` bytes; None for NULL with a size.
    fn new(start: *mut u8, size: usize) -> Option<Buffer> {
        (size == 0 || !start.is_null()).then_some(Buffer { start, size, len: 0 })
    }

    fn nowhere() -> Buffer {
        Buffer { start: std::ptr::null_mut(), size: 0, len: 0 }
    }
}

impl Sink for Buffer {
    fn put(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        if end <= self.size {
            // SAFETY: room for `size` bytes, of which `end` are needed; the source is the server's or ours, never this buffer.
            unsafe { self.start.add(self.len).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        }
        self.len = end;
    }

    fn mark(&self) -> usize {
        self.len
    }

    fn rewind(&mut self, mark: usize) {
        self.len = mark;
    }
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
