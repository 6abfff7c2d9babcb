//! bool, the integers, and the numbers of PostgreSQL's own that look like them.

#![forbid(unsafe_code)]

use std::str::FromStr;

use super::{ConvertError, Form, exactly, oid};
use crate::model::view::Datum;

/// bool.
pub fn to_bool(datum: Datum<'_>, type_oid: u32) -> Result<bool, ConvertError> {
    let form = Form::of(datum)?;
    if type_oid != oid::BOOL {
        return Err(ConvertError::WrongType);
    }
    match form {
        Form::Text("t") | Form::Binary([1]) => Ok(true),
        Form::Text("f") | Form::Binary([0]) => Ok(false),
        _ => Err(ConvertError::Malformed),
    }
}

/// int2, int4, int8, oid, xid, cid, xid8.
pub fn to_int64(datum: Datum<'_>, type_oid: u32) -> Result<i64, ConvertError> {
    match (Form::of(datum)?, type_oid) {
        (Form::Text(text), oid::INT2) => parse::<i16>(text).map(i64::from),
        (Form::Text(text), oid::INT4) => parse::<i32>(text).map(i64::from),
        (Form::Text(text), oid::INT8) => parse::<i64>(text),
        (Form::Text(text), oid::OID | oid::XID | oid::CID) => parse::<u32>(text).map(i64::from),
        (Form::Text(text), oid::XID8) => parse::<u64>(text).and_then(signed),
        (Form::Binary(bytes), oid::INT2) => Ok(i64::from(i16::from_be_bytes(exactly(bytes)?))),
        (Form::Binary(bytes), oid::INT4) => Ok(i64::from(i32::from_be_bytes(exactly(bytes)?))),
        (Form::Binary(bytes), oid::INT8) => Ok(i64::from_be_bytes(exactly(bytes)?)),
        (Form::Binary(bytes), oid::OID | oid::XID | oid::CID) => {
            Ok(i64::from(u32::from_be_bytes(exactly(bytes)?)))
        }
        (Form::Binary(bytes), oid::XID8) => signed(u64::from_be_bytes(exactly(bytes)?)),
        _ => Err(ConvertError::WrongType),
    }
}

fn signed(number: u64) -> Result<i64, ConvertError> {
    i64::try_from(number).map_err(|_| ConvertError::OutOfRange)
}

/// As PostgreSQL prints it: without a plus sign, which Rust would take.
fn parse<T: FromStr>(text: &str) -> Result<T, ConvertError> {
    match text.parse() {
        Ok(number) if !text.starts_with('+') => Ok(number),
        _ => Err(ConvertError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Datum::{Binary, Text};

    #[test]
    fn both_forms_of_bool() {
        for (datum, expected) in [
            (Text(b"t"), Ok(true)),
            (Text(b"f"), Ok(false)),
            (Binary(&[1]), Ok(true)),
            (Binary(&[0]), Ok(false)),
            (Text(b"true"), Err(ConvertError::Malformed)),
            (Text(b""), Err(ConvertError::Malformed)),
            (Binary(&[]), Err(ConvertError::Malformed)),
            (Binary(&[0, 1]), Err(ConvertError::Malformed)),
            (Datum::Null, Err(ConvertError::NoValue)),
            (Datum::Unchanged, Err(ConvertError::NoValue)),
            (Datum::NotSent, Err(ConvertError::NoValue)),
        ] {
            assert_eq!(to_bool(datum, oid::BOOL), expected, "{datum:?}");
        }
        assert_eq!(to_bool(Text(b"t"), oid::TEXT), Err(ConvertError::WrongType));
    }

    #[test]
    fn both_forms_of_integers() {
        let wrong = Err(ConvertError::WrongType);
        let malformed = Err(ConvertError::Malformed);
        for (type_oid, datum, expected) in [
            (oid::INT2, Text(b"-32768"), Ok(-32768)),
            (oid::INT2, Binary(&[0x80, 0]), Ok(-32768)),
            (oid::INT2, Text(b"32768"), malformed),
            (oid::INT4, Text(b"0"), Ok(0)),
            (oid::INT4, Binary(&[0xFF; 4]), Ok(-1)),
            (oid::INT4, Binary(&[0xFF; 8]), malformed),
            (oid::INT4, Text(b"+1"), malformed),
            (oid::INT4, Text(b" 1"), malformed),
            (oid::INT4, Text(b""), malformed),
            (oid::INT8, Text(b"-9223372036854775808"), Ok(i64::MIN)),
            (oid::INT8, Text(b"9223372036854775808"), malformed),
            (oid::INT8, Binary(&[0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), Ok(i64::MAX)),
            (oid::OID, Text(b"4294967295"), Ok(4_294_967_295)),
            (oid::OID, Binary(&[0xFF; 4]), Ok(4_294_967_295)),
            (oid::XID8, Binary(&[0xFF; 8]), Err(ConvertError::OutOfRange)),
            (oid::XID8, Text(b"18446744073709551615"), Err(ConvertError::OutOfRange)),
            (oid::FLOAT8, Text(b"1"), wrong),
            (oid::NUMERIC, Text(b"1"), wrong),
            (16_384, Text(b"1"), wrong),
            (oid::INT4, Datum::Null, Err(ConvertError::NoValue)),
        ] {
            assert_eq!(to_int64(datum, type_oid), expected, "{type_oid} {datum:?}");
        }
    }
}
