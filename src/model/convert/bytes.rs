//! bytea and uuid.

#![forbid(unsafe_code)]

use super::{ConvertError, Form, exactly, oid};
use crate::model::sink::{Sink, put_hex};
use crate::model::view::Datum;

/// Where the hyphens of a uuid stand.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// uuid, in the order of its text.
pub fn to_uuid(datum: Datum<'_>, type_oid: u32) -> Result<[u8; 16], ConvertError> {
    let form = Form::of(datum)?;
    if type_oid != oid::UUID {
        return Err(ConvertError::WrongType);
    }
    let text = match form {
        Form::Binary(bytes) => return exactly(bytes),
        Form::Text(text) => text.as_bytes(),
    };
    if text.len() != 36 || HYPHENS.iter().any(|at| text[*at] != b'-') {
        return Err(ConvertError::Malformed);
    }
    let mut uuid = [0; 16];
    let mut digits = text.iter().enumerate().filter(|(at, _)| !HYPHENS.contains(at)).map(|(_, digit)| *digit);
    for byte in &mut uuid {
        *byte = hex_pair(digits.next(), digits.next())?;
    }
    Ok(uuid)
}

/// bytea: `\x` and hexadecimal digits, or the bytes themselves.
pub fn to_bytes(datum: Datum<'_>, type_oid: u32, sink: &mut dyn Sink) -> Result<(), ConvertError> {
    let form = Form::of(datum)?;
    if type_oid != oid::BYTEA {
        return Err(ConvertError::WrongType);
    }
    let digits = match form {
        Form::Binary(bytes) => {
            sink.put(bytes);
            return Ok(());
        }
        Form::Text(text) => text.strip_prefix("\\x").ok_or(ConvertError::Malformed)?.as_bytes(),
    };
    let mark = sink.mark();
    for pair in digits.chunks(2) {
        match hex_pair(pair.first().copied(), pair.get(1).copied()) {
            Ok(byte) => sink.put(&[byte]),
            Err(error) => {
                sink.rewind(mark);
                return Err(error);
            }
        }
    }
    Ok(())
}

/// The text of a uuid.
pub fn write_uuid(bytes: &[u8], sink: &mut dyn Sink) -> Result<(), ConvertError> {
    let uuid: [u8; 16] = exactly(bytes)?;
    for (index, byte) in uuid.iter().enumerate() {
        if [4, 6, 8, 10].contains(&index) {
            sink.put(b"-");
        }
        put_hex(&[*byte], sink);
    }
    Ok(())
}

fn hex_pair(high: Option<u8>, low: Option<u8>) -> Result<u8, ConvertError> {
    let digit = |digit: Option<u8>| char::from(digit?).to_digit(16);
    match (digit(high), digit(low)) {
        (Some(high), Some(low)) => Ok((high << 4 | low) as u8),
        _ => Err(ConvertError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Datum::{Binary, Text};

    #[test]
    fn uuids() {
        let bytes =
            [0xA0, 0xEE, 0xBC, 0x99, 0x9C, 0x0B, 0x4E, 0xF8, 0xBB, 0x6D, 0x6B, 0xB9, 0xBD, 0x38, 0x0A, 0x11];
        let text = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
        assert_eq!(to_uuid(Text(text.as_bytes()), oid::UUID), Ok(bytes));
        assert_eq!(to_uuid(Binary(&bytes), oid::UUID), Ok(bytes));
        let mut out = Vec::new();
        write_uuid(&bytes, &mut out).unwrap();
        assert_eq!(out, text.as_bytes());
        for wrong in [
            "",
            "a0eebc999c0b4ef8bb6d6bb9bd380a11",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g",
            "a0eebc999-c0b-4ef8-bb6d-6bb9bd380a11",
        ] {
            assert_eq!(to_uuid(Text(wrong.as_bytes()), oid::UUID), Err(ConvertError::Malformed), "{wrong}");
        }
        assert_eq!(to_uuid(Binary(&bytes[1..]), oid::UUID), Err(ConvertError::Malformed));
        assert_eq!(to_uuid(Text(text.as_bytes()), oid::TEXT), Err(ConvertError::WrongType));
    }

    #[test]
    fn byteas() {
        for (datum, expected) in [
            (Text(b"\\x"), Ok(&b""[..])),
            (Text(b"\\x00ff10"), Ok(&[0, 255, 16])),
            (Binary(&[0, 255, 16]), Ok(&[0, 255, 16])),
            (Text(b"\\x00f"), Err(ConvertError::Malformed)),
            (Text(b"\\x00fg"), Err(ConvertError::Malformed)),
            (Text(b"abc"), Err(ConvertError::Malformed)),
            (Datum::Unchanged, Err(ConvertError::NoValue)),
        ] {
            let mut out = b"kept".to_vec();
            let result = to_bytes(datum, oid::BYTEA, &mut out);
            assert_eq!(result.map(|()| &out[4..]), expected, "{datum:?}");
            assert!(result.is_ok() || out == b"kept");
        }
    }
}
