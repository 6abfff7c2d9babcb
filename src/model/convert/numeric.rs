//! numeric's send form (`numeric_send`): groups of four decimal digits.

#![forbid(unsafe_code)]

use super::{ConvertError, exactly};
use crate::model::sink::Sink;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;

/// More digits behind the point than this there are not (NUMERIC_DSCALE_MASK).
const MAX_SCALE: u16 = 0x3FFF;

/// A checked numeric.
#[derive(Clone, Copy, Debug)]
pub struct Numeric<'a> {
    /// Two bytes each, from 0 to 9999.
    groups: &'a [u8],
    /// Groups before the point, less one.
    weight: i32,
    sign: u16,
    /// Digits shown behind the point.
    scale: usize,
}

impl<'a> Numeric<'a> {
    /// From its send form.
    pub fn parse(bytes: &'a [u8]) -> Result<Numeric<'a>, ConvertError> {
        let (head, groups) = bytes.split_at_checked(8).ok_or(ConvertError::Malformed)?;
        let word = |at: usize| exactly(&head[at..at + 2]).map(u16::from_be_bytes);
        let (count, weight, sign, scale) = (word(0)?, word(2)?, word(4)?, word(6)?);
        // A server sends no group of zeros in front (`numeric.c: make_result`): they would be digits in front of the number, too.
        let stripped =
            weight as i16 <= 0 || groups.chunks_exact(2).next().is_some_and(|group| value(group) > 0);
        let good = stripped
            && groups.len() == usize::from(count) * 2
            && groups.chunks_exact(2).all(|group| value(group) < 10_000)
            && [0, NEGATIVE, NAN, INFINITY, NEGATIVE_INFINITY].contains(&sign)
            && scale <= MAX_SCALE;
        if !good {
            return Err(ConvertError::Malformed);
        }
        Ok(Numeric { groups, weight: i32::from(weight as i16), sign, scale: usize::from(scale) })
    }

    /// A number with digits?
    pub fn is_finite(&self) -> bool {
        matches!(self.sign, 0 | NEGATIVE)
    }

    /// As `numeric_out`.
    pub fn write(&self, sink: &mut dyn Sink) {
        match self.sign {
            NAN => return sink.put(b"NaN"),
            INFINITY => return sink.put(b"Infinity"),
            NEGATIVE_INFINITY => return sink.put(b"-Infinity"),
            NEGATIVE => sink.put(b"-"),
            _ => {}
        }
        if self.weight < 0 {
            sink.put(b"0");
        }
        for index in 0..=self.weight {
            match index {
                0 => sink.print(format_args!("{}", self.group(index))),
                _ => sink.put(&four_digits(self.group(index))),
            }
        }
        if self.scale > 0 {
            sink.put(b".");
        }
        let mut left = self.scale;
        let mut index = self.weight + 1;
        while left > 0 {
            let digits = four_digits(self.group(index));
            let shown = left.min(4);
            sink.put(&digits[..shown]);
            left -= shown;
            index += 1;
        }
    }

    /// Groups that are not stored are 0.
    fn group(&self, index: i32) -> u16 {
        let stored = usize::try_from(index).ok().and_then(|index| self.groups.get(index * 2..index * 2 + 2));
        stored.map_or(0, value)
    }
}

fn value(group: &[u8]) -> u16 {
    group.iter().fold(0, |value, byte| value << 8 | u16::from(*byte))
}

fn four_digits(group: u16) -> [u8; 4] {
    [1000, 100, 10, 1].map(|unit| b'0' + (group / unit % 10) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: &[u16]) -> Result<String, ConvertError> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        let mut out = Vec::new();
        Numeric::parse(&bytes)?.write(&mut out);
        Ok(String::from_utf8(out).unwrap())
    }

    /// Words from numeric_send: count, weight, sign, scale, groups.
    #[test]
    fn send_forms_and_their_texts() {
        for (words, expected) in [
            (&[0, 0, 0, 0][..], "0"),
            (&[0, 0, 0, 2], "0.00"),
            (&[1, 0, 0, 0, 1], "1"),
            (&[2, 0, 0x4000, 2, 12, 3400], "-12.34"),
            (&[1, 0xFFFF, 0, 4, 1], "0.0001"),
            (&[1, 0xFFFE, 0, 8, 12], "0.00000012"),
            (&[1, 1, 0, 0, 1], "10000"),
            (&[1, 3, 0, 1, 5], "5000000000000.0"),
            (&[3, 1, 0, 3, 1, 2, 30], "10002.003"),
            (&[0, 0, 0xC000, 0], "NaN"),
            (&[0, 0, 0xD000, 32], "Infinity"),
            (&[0, 0, 0xF000, 32], "-Infinity"),
        ] {
            assert_eq!(text(words).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        for words in [
            &[][..],
            &[0, 0, 0],
            &[1, 0, 0, 0],
            &[0, 0, 0, 0, 1],
            &[1, 0, 0, 0, 10_000],
            &[0, 0, 1, 0],
            &[0, 1, 0, 0],
            &[2, 1, 0, 0, 0, 1],
            &[0, 0, 0, 0x4000],
        ] {
            assert_eq!(text(words), Err(ConvertError::Malformed), "{words:?}");
        }
    }
}
