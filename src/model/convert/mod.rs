//! A value's bytes, by its type, as a number, a date, plain bytes or text.
//!
//! Owns both forms of PostgreSQL's built-in types: the text form as the pinned session gives it (DateStyle ISO,
//! TimeZone UTC, hexadecimal bytea, extra_float_digits 3) and the binary send form. Refuses what does not fit: another
//! type, a number too large, a NULL. Never guesses: types that users made are known in their text form only, as text.

#![forbid(unsafe_code)]

mod array;
mod bytes;
mod calendar;
mod float;
mod integer;
mod interval;
mod numeric;
pub(crate) mod oid;
mod text;
mod timestamp;

pub use bytes::{to_bytes, to_uuid};
pub use calendar::Civil;
pub use float::{is_finite, to_double};
pub use integer::{to_bool, to_int64};
pub use text::to_text;
pub use timestamp::{to_date, to_timestamp_us};

use super::view::Datum;

/// Why a value was not converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// NULL, unchanged or not sent.
    #[error("there is no value")]
    NoValue,
    /// This conversion is not for this type, or not for its binary form.
    #[error("the type cannot be converted so")]
    WrongType,
    /// These bytes are no value of the type.
    #[error("the bytes are not a value of the type")]
    Malformed,
    /// The result has no room for it.
    #[error("the value is out of range")]
    OutOfRange,
}

/// The two forms of a value that is there.
#[derive(Clone, Copy, Debug)]
enum Form<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

impl<'a> Form<'a> {
    /// For types whose text form is ASCII.
    fn of(datum: Datum<'a>) -> Result<Form<'a>, ConvertError> {
        match datum {
            Datum::Text(text) => Ok(Form::Text(str::from_utf8(text).map_err(|_| ConvertError::Malformed)?)),
            Datum::Binary(bytes) => Ok(Form::Binary(bytes)),
            _ => Err(ConvertError::NoValue),
        }
    }
}

/// A binary form of exactly so many bytes.
fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], ConvertError> {
    bytes.try_into().map_err(|_| ConvertError::Malformed)
}
