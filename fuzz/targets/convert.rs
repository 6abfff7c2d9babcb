//! Values of any type, in both forms, as numbers, dates, text and JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use walstream::model::convert::*;
use walstream::model::view::Datum;
use walstream_fuzz::Input;

/// Those that are converted, an array of each sort, and one that nobody knows.
const TYPES: [u32; 36] = [
    16, 17, 18, 19, 20, 21, 23, 25, 26, 28, 29, 114, 142, 700, 701, 1042, 1043, 1082, 1083, 1114, 1184, 1186,
    1266, 1700, 1790, 2950, 3220, 3802, 5069, 1007, 1009, 1231, 1185, 1001, 3807, 99_999,
];

fuzz_target!(|input: &[u8]| {
    let mut input = Input(input);
    let type_oid = TYPES[usize::from(input.u8()) % TYPES.len()];
    let datum = if input.u8() & 1 == 0 { Datum::Text(input.0) } else { Datum::Binary(input.0) };
    let mut sink = Vec::new();
    let _ = to_bool(datum, type_oid);
    let _ = to_int64(datum, type_oid);
    let _ = to_double(datum, type_oid);
    let _ = to_timestamp_us(datum, type_oid);
    let _ = to_date(datum, type_oid);
    let _ = to_uuid(datum, type_oid);
    let _ = to_bytes(datum, type_oid, &mut sink);
    sink.clear();
    if to_text(datum, type_oid, &mut sink).is_ok() && matches!(datum, Datum::Text(_)) {
        assert_eq!(sink, input.0, "text is text");
    }
});
