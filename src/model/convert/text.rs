//! Any value's text form: as it came, or made from the binary form.

#![forbid(unsafe_code)]

use super::{ConvertError, array, bytes, exactly, float, integer, interval, numeric, oid, timestamp};
use crate::lsn::Lsn;
use crate::model::sink::{Sink, put_hex};
use crate::model::view::Datum;

/// A text form of any type as it came; of a binary form the text that the pinned session would have sent. On failure nothing is put.
pub fn to_text(datum: Datum<'_>, type_oid: u32, sink: &mut dyn Sink) -> Result<(), ConvertError> {
    let bytes = match datum {
        Datum::Text(text) => {
            sink.put(text);
            return Ok(());
        }
        Datum::Binary(bytes) => bytes,
        _ => return Err(ConvertError::NoValue),
    };
    let mark = sink.mark();
    let result = from_binary(bytes, type_oid, sink);
    if result.is_err() {
        sink.rewind(mark);
    }
    result
}

/// May leave a part behind when it fails.
pub(super) fn from_binary(bytes: &[u8], type_oid: u32, sink: &mut dyn Sink) -> Result<(), ConvertError> {
    match type_oid {
        oid::BOOL => {
            let word: &[u8] = if integer::to_bool(Datum::Binary(bytes), type_oid)? { b"t" } else { b"f" };
            sink.put(word);
        }
        oid::INT2 | oid::INT4 | oid::INT8 | oid::OID | oid::XID | oid::CID => {
            sink.print(format_args!("{}", integer::to_int64(Datum::Binary(bytes), type_oid)?));
        }
        oid::XID8 => sink.print(format_args!("{}", u64::from_be_bytes(exactly(bytes)?))),
        oid::PG_LSN => sink.print(format_args!("{}", Lsn(u64::from_be_bytes(exactly(bytes)?)))),
        oid::FLOAT4 => float::write_f32(f32::from_be_bytes(exactly(bytes)?), sink),
        oid::FLOAT8 => float::write_f64(f64::from_be_bytes(exactly(bytes)?), sink),
        oid::NUMERIC => numeric::Numeric::parse(bytes)?.write(sink),
        oid::DATE => timestamp::write_date(bytes, sink)?,
        oid::TIME => timestamp::write_time(bytes, sink)?,
        oid::TIMETZ => timestamp::write_timetz(bytes, sink)?,
        oid::TIMESTAMP => timestamp::write_timestamp(bytes, b"", sink)?,
        oid::TIMESTAMPTZ => timestamp::write_timestamp(bytes, b"+00", sink)?,
        oid::INTERVAL => interval::write_interval(bytes, sink)?,
        oid::UUID => bytes::write_uuid(bytes, sink)?,
        oid::BYTEA => {
            sink.put(b"\\x");
            put_hex(bytes, sink);
        }
        oid::CHAR => write_char(bytes, sink)?,
        oid::NAME | oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::XML | oid::JSON | oid::REFCURSOR => {
            sink.put(bytes)
        }
        oid::JSONB => sink.put(bytes.strip_prefix(&[1]).ok_or(ConvertError::Malformed)?),
        _ => return array::write_array(bytes, type_oid, sink),
    }
    Ok(())
}

/// "char", one byte: a zero byte is "", one above 127 three octal digits (`charout`, PostgreSQL 16 and later).
fn write_char(bytes: &[u8], sink: &mut dyn Sink) -> Result<(), ConvertError> {
    match exactly(bytes)? {
        [0] => {}
        [byte @ 1..=127] => sink.put(&[byte]),
        [byte] => sink.print(format_args!("\\{byte:03o}")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(datum: Datum<'_>, type_oid: u32) -> Result<String, ConvertError> {
        let mut out = b"kept".to_vec();
        let result = to_text(datum, type_oid, &mut out);
        let text = String::from_utf8(out.split_off(4)).unwrap();
        assert!(result.is_ok() || text.is_empty());
        result.map(|()| text)
    }

    #[test]
    fn text_stays_as_it_came() {
        assert_eq!(text(Datum::Text(b"anything"), 16_384).as_deref(), Ok("anything"));
        assert_eq!(text(Datum::Text(b""), oid::INT4).as_deref(), Ok(""));
        assert_eq!(text(Datum::Null, oid::TEXT), Err(ConvertError::NoValue));
        assert_eq!(text(Datum::Unchanged, oid::TEXT), Err(ConvertError::NoValue));
    }

    /// The bytes were read with: COPY … (FORMAT binary).
    #[test]
    fn binary_becomes_text() {
        for (type_oid, bytes, expected) in [
            (oid::BOOL, &[1][..], "t"),
            (oid::INT2, &[0xFF, 0xFF], "-1"),
            (oid::OID, &[0xFF, 0xFF, 0xFF, 0xFF], "4294967295"),
            (oid::XID8, &[0xFF; 8], "18446744073709551615"),
            (oid::PG_LSN, &[0, 0, 0, 0x16, 0xB3, 0x74, 0xD8, 0x48], "16/B374D848"),
            (oid::FLOAT4, &[0x3D, 0xCC, 0xCC, 0xCD], "0.1"),
            (oid::FLOAT8, &[0x3F, 0xF0, 0, 0, 0, 0, 0, 0], "1"),
            (oid::TIME, &[0, 0, 0, 0x14, 0x1D, 0xD7, 0x60, 0], "24:00:00"),
            (oid::TIMETZ, &[0, 0, 0, 0, 0, 0, 0, 1, 0xFF, 0xFF, 0xB2, 0xA8], "00:00:00.000001+05:30"),
            (oid::BYTEA, &[0xDE, 0xAD], "\\xdead"),
            (oid::CHAR, &[0], ""),
            (oid::CHAR, &[0xE9], "\\351"),
            (oid::TEXT, b"t\xC3\xA9xt", "téxt"),
            (oid::JSONB, b"\x01{\"a\": 1}", "{\"a\": 1}"),
        ] {
            assert_eq!(text(Datum::Binary(bytes), type_oid).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        for (type_oid, bytes, expected) in [
            (oid::INT4, &[0; 3][..], ConvertError::Malformed),
            (oid::TIME, &[0x80, 0, 0, 0, 0, 0, 0, 0], ConvertError::Malformed),
            (oid::TIMETZ, &[0; 8], ConvertError::Malformed),
            (oid::JSONB, b"\x02{}", ConvertError::Malformed),
            (oid::UUID, &[0; 15], ConvertError::Malformed),
            (16_384, b"mood", ConvertError::WrongType),
            (600, &[0; 16], ConvertError::WrongType),
        ] {
            assert_eq!(text(Datum::Binary(bytes), type_oid), Err(expected), "{type_oid}");
        }
    }
}
