//! Results that no server sent: for the fuzz target `result`. libpq makes them, so that what reads them is as in earnest.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

use super::result::ResultSet;
use super::sys;

/// libpq's PGresAttDesc.
#[repr(C)]
#[derive(Clone, Copy)]
struct Description {
    name: *const c_char,
    table: u32,
    column: c_int,
    format: c_int,
    type_oid: u32,
    type_length: c_int,
    type_modifier: c_int,
}

unsafe extern "C" {
    fn PQmakeEmptyPGresult(conn: *mut sys::PGconn, status: c_int) -> *mut sys::PGresult;
    fn PQsetResultAttrs(res: *mut sys::PGresult, count: c_int, descriptions: *mut Description) -> c_int;
    fn PQsetvalue(
        res: *mut sys::PGresult,
        row: c_int,
        column: c_int,
        value: *mut c_char,
        len: c_int,
    ) -> c_int;
}

/// Columns, all alike: names and types are of no interest to those who read by number.
fn describe(raw: *mut sys::PGresult, columns: usize) -> bool {
    let one = Description {
        name: c"c".as_ptr(),
        table: 0,
        column: 0,
        format: 0,
        type_oid: 25,
        type_length: -1,
        type_modifier: -1,
    };
    let mut all = vec![one; columns];
    // SAFETY: a live result without columns, and as many descriptions as it says, which libpq copies.
    columns == 0 || unsafe { PQsetResultAttrs(raw, columns as c_int, all.as_mut_ptr()) } != 0
}

impl ResultSet {
    /// Rows of `columns` values each; `None` is NULL, as is what the last row lacks.
    pub fn made_of(columns: usize, values: &[Option<&[u8]>]) -> ResultSet {
        // SAFETY: without a connection, it is a block of memory.
        let raw = unsafe { PQmakeEmptyPGresult(null_mut(), sys::RES_TUPLES_OK) };
        assert!(!raw.is_null() && describe(raw, columns));
        for (index, value) in values.iter().enumerate().filter(|_| columns > 0) {
            let (row, column) = ((index / columns) as c_int, (index % columns) as c_int);
            let (at, length) =
                value.map_or((null_mut(), -1), |value| (value.as_ptr().cast_mut(), value.len() as c_int));
            // SAFETY: a live result with this column, and a row that is there or the next one; libpq copies the value.
            assert!(unsafe { PQsetvalue(raw, row, column, at.cast(), length) } != 0);
        }
        // SAFETY: a result that is nobody's but ours.
        unsafe { ResultSet::from_raw(raw) }.unwrap()
    }
}
