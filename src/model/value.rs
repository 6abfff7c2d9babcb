//! One column of one row, as C reads it.

use std::ffi::c_char;

/// walstream_value.kind
/// cbindgen:rename-all=prefix:WALSTREAM_VALUE_
#[allow(non_camel_case_types, clippy::upper_case_acronyms)]
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// SQL NULL.
    NULL = 0,
    /// The type's text form.
    TEXT = 1,
    /// The type's send form, network byte order.
    BINARY = 2,
    /// A stored-apart (TOAST) value that this update did not touch and the server did not send. Not NULL.
    UNCHANGED = 3,
    /// Old rows of kind KEY: the column is not part of the key. Not NULL.
    NOT_SENT = 4,
}

/// One column of one row. 16 bytes, never changes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Value {
    /// TEXT, BINARY: never NULL, also when size is 0; a NUL follows. Other kinds: NULL.
    pub data: *const c_char,
    /// Bytes at data, without the NUL.
    pub size: u32,
    /// WALSTREAM_VALUE_*
    pub kind: u32,
}

impl Value {
    /// Does `data` point to bytes?
    pub fn has_data(&self) -> bool {
        self.kind == ValueKind::TEXT as u32 || self.kind == ValueKind::BINARY as u32
    }
}
