//! `Lsn`, a position in the write-ahead log, and the two other numbers of PostgreSQL's that must not be
//! mixed up with it. Owns their text form; refuses nothing else.

#![forbid(unsafe_code)]

use std::fmt;
use std::str::FromStr;

/// A byte position in the write-ahead log, PostgreSQL's `XLogRecPtr`. Zero is "none" (`InvalidXLogRecPtr`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Lsn(pub u64);

/// A transaction's 32-bit number, PostgreSQL's `TransactionId`. Zero is "none".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Xid(pub u32);

/// A catalog object's number: of a relation or a type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Oid(pub u32);

impl Lsn {
    /// PostgreSQL's `InvalidXLogRecPtr`.
    pub const ZERO: Lsn = Lsn(0);

    /// Is this "none"?
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Bytes from `earlier` to here; 0 when `earlier` is not earlier.
    pub fn bytes_since(self, earlier: Lsn) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// As PostgreSQL prints a `pg_lsn`: two hexadecimal halves without leading zeros.
impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl fmt::Display for Xid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text is not an LSN such as `16/B374D848`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an LSN: expected two hexadecimal numbers of up to eight digits, as in 16/B374D848")]
pub struct ParseLsnError;

/// The same texts that PostgreSQL's `pg_lsn_in` takes, without surrounding space.
impl FromStr for Lsn {
    type Err = ParseLsnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (high, low) = text.split_once('/').ok_or(ParseLsnError)?;
        Ok(Lsn(half(high)? << 32 | half(low)?))
    }
}

fn half(digits: &str) -> Result<u64, ParseLsnError> {
    // from_str_radix alone would take a sign.
    let plain = (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if !plain {
        return Err(ParseLsnError);
    }
    u64::from_str_radix(digits, 16).map_err(|_| ParseLsnError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_postgresqls() {
        for (lsn, text) in
            [(0, "0/0"), (0x16_B374_D848, "16/B374D848"), (u64::MAX, "FFFFFFFF/FFFFFFFF"), (1 << 32, "1/0")]
        {
            assert_eq!(Lsn(lsn).to_string(), text);
            assert_eq!(text.parse(), Ok(Lsn(lsn)));
        }
        assert_eq!("16/b374d848".parse(), Ok(Lsn(0x16_B374_D848)));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "/", "1", "1/", "/1", "+1/2", "1/-2", " 1/2", "1/2 ", "1/2/3", "123456789/0", "g/0"]
        {
            assert_eq!(text.parse::<Lsn>(), Err(ParseLsnError), "{text:?}");
        }
    }
}
