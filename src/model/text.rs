//! Text that lives as long as the program, for pointers that are never NULL.

use std::ffi::c_char;

/// "": what a public pointer to text holds when there is none.
pub fn empty() -> *const c_char {
    c"".as_ptr()
}

/// PostgreSQL sends the namespace of system relations as "" (`proto.c: logicalrep_read_namespace`).
pub const SYSTEM_NAMESPACE: &[u8] = b"pg_catalog";

/// The namespace spelt out.
pub fn namespace(sent: &[u8]) -> &[u8] {
    if sent.is_empty() { SYSTEM_NAMESPACE } else { sent }
}
