//! float4 and float8: their shortest text as PostgreSQL prints it, and any number as a double.

#![forbid(unsafe_code)]

use std::fmt::Write;

use super::numeric::Numeric;
use super::{ConvertError, Form, exactly, integer, oid};
use crate::model::sink::Sink;
use crate::model::view::Datum;

/// float4, float8, numeric and the integers, rounded to the nearest double.
pub fn to_double(datum: Datum<'_>, type_oid: u32) -> Result<f64, ConvertError> {
    match (Form::of(datum)?, type_oid) {
        // Read as it is stored, so that both forms of a value give the same double.
        (Form::Text(text), oid::FLOAT4) => parse::<f32>(text).map(f64::from),
        (Form::Text(text), oid::FLOAT8 | oid::NUMERIC) => {
            let number = parse::<f64>(text)?;
            let fits = number.is_finite() || !text.ends_with(|c: char| c.is_ascii_digit());
            if fits { Ok(number) } else { Err(ConvertError::OutOfRange) }
        }
        (Form::Binary(bytes), oid::FLOAT4) => Ok(f64::from(f32::from_be_bytes(exactly(bytes)?))),
        (Form::Binary(bytes), oid::FLOAT8) => Ok(f64::from_be_bytes(exactly(bytes)?)),
        (Form::Binary(bytes), oid::NUMERIC) => {
            let mut text = Vec::new();
            Numeric::parse(bytes)?.write(&mut text);
            to_double(Datum::Text(&text), oid::NUMERIC)
        }
        (_, oid::INT2 | oid::INT4 | oid::INT8 | oid::OID) => {
            integer::to_int64(datum, type_oid).map(|n| n as f64)
        }
        _ => Err(ConvertError::WrongType),
    }
}

/// Is a float4, float8 or numeric a number with digits, not NaN or an infinity?
pub fn is_finite(datum: Datum<'_>, type_oid: u32) -> bool {
    match (datum, type_oid) {
        (Datum::Text(text), _) => text.last().is_some_and(u8::is_ascii_digit),
        (Datum::Binary(bytes), oid::NUMERIC) => {
            Numeric::parse(bytes).is_ok_and(|numeric| numeric.is_finite())
        }
        _ => to_double(datum, type_oid).is_ok_and(f64::is_finite),
    }
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, ConvertError> {
    // Rust would take other spellings, too.
    let starts = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let known =
        starts(text.strip_prefix('-').unwrap_or(text)) || ["NaN", "Infinity", "-Infinity"].contains(&text);
    if known { text.parse().map_err(|_| ConvertError::Malformed) } else { Err(ConvertError::Malformed) }
}

/// As `float4out` with extra_float_digits above 0.
pub fn write_f32(value: f32, sink: &mut dyn Sink) {
    if let Some(word) = word(value.into(), value.is_sign_negative()) {
        return sink.put(word);
    }
    let bits = value.to_bits();
    let (exponent, fraction) = ((bits >> 23 & 0xFF) as i32, u64::from(bits & 0x7F_FFFF));
    let exact = Exact::new(exponent, fraction, 23, 150);
    let magnitude = value.abs();
    let digits = exact.shortest(&magnitude, 9, |text| text.parse() == Ok(magnitude));
    digits.write(value < 0.0, 6, sink);
}

/// As `float8out` with extra_float_digits above 0.
pub fn write_f64(value: f64, sink: &mut dyn Sink) {
    if let Some(word) = word(value, value.is_sign_negative()) {
        return sink.put(word);
    }
    let bits = value.to_bits();
    let (exponent, fraction) = ((bits >> 52 & 0x7FF) as i32, bits & 0xF_FFFF_FFFF_FFFF);
    let exact = Exact::new(exponent, fraction, 52, 1075);
    let magnitude = value.abs();
    let digits = exact.shortest(&magnitude, 17, |text| text.parse() == Ok(magnitude));
    digits.write(value < 0.0, 15, sink);
}

/// What has no digits to be found.
fn word(value: f64, negative: bool) -> Option<&'static [u8]> {
    Some(match (value, negative) {
        (value, _) if value.is_nan() => b"NaN",
        (f64::INFINITY, _) => b"Infinity",
        (f64::NEG_INFINITY, _) => b"-Infinity",
        (0.0, false) => b"0",
        (0.0, true) => b"-0",
        _ => return None,
    })
}

/// A finite float above 0: mantissa × 2^exponent.
struct Exact {
    mantissa: u64,
    exponent: i32,
    /// The next float below is nearer than the one above.
    at_step: bool,
}

impl Exact {
    fn new(exponent: i32, fraction: u64, bits: u32, bias: i32) -> Exact {
        match exponent {
            0 => Exact { mantissa: fraction, exponent: 1 - bias, at_step: false },
            _ => Exact {
                mantissa: fraction | 1 << bits,
                exponent: exponent - bias,
                at_step: fraction == 0 && exponent > 1,
            },
        }
    }

    /// The fewest digits that lead back to the value, and of those the nearest, an even last digit in a tie. PostgreSQL leaves out the two
    /// borders half-way to the neighbours (`d2s.c`, STRICTLY_SHORTEST 0), Rust takes them.
    fn shortest<F>(&self, value: &F, most: usize, leads_back: impl Fn(&str) -> bool) -> Digits
    where
        F: std::fmt::LowerExp,
    {
        let mut short = Scratch::default();
        let _ = write!(short, "{value:e}");
        let digits = Digits::read(short.as_str());
        let borderline = self.is_border(&digits);
        for count in digits.count()..=most {
            let mut text = Scratch::default();
            let _ = write!(text, "{value:.*e}", count - 1);
            let rounded = Digits::read(text.as_str());
            if leads_back(text.as_str()) && !self.is_border(&rounded) {
                return rounded;
            }
            // Below a power of two the nearest may be too far off.
            if !borderline {
                return digits;
            }
        }
        digits
    }

    /// Exactly half-way to a neighbour?
    fn is_border(&self, digits: &Digits) -> bool {
        let above = (u128::from(self.mantissa) * 2 + 1, self.exponent - 1);
        let below = match self.at_step {
            true => (u128::from(self.mantissa) * 4 - 1, self.exponent - 2),
            false => (u128::from(self.mantissa) * 2 - 1, self.exponent - 1),
        };
        digits.as_odd().is_some_and(|odd| odd == above || odd == below)
    }
}

/// 0.ddd × 10^point, without zeros at either end.
struct Digits {
    text: Scratch,
    point: i32,
}

impl Digits {
    /// From Rust's "d.ddde-7".
    fn read(text: &str) -> Digits {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let mut digits = Scratch::default();
        for byte in mantissa.bytes().filter(u8::is_ascii_digit) {
            digits.push(byte);
        }
        digits.trim_zeros();
        Digits { text: digits, point: exponent.parse().unwrap_or(0) + 1 }
    }

    fn count(&self) -> usize {
        self.text.len
    }

    /// As an odd number × 2^k; None if it has no such form with a small odd number.
    fn as_odd(&self) -> Option<(u128, i32)> {
        let number: u128 = self.text.as_str().parse().ok()?;
        let exponent = self.point - self.count() as i32;
        // Borders have at most 55 bits, and 5^24 has more.
        let fives = 5_u128.checked_pow(exponent.unsigned_abs()).filter(|_| exponent.abs() <= 24)?;
        let odd = match exponent {
            0.. => number.checked_mul(fives)?,
            _ if number.is_multiple_of(fives) => number / fives,
            _ => return None,
        };
        let twos = odd.trailing_zeros();
        Some((odd >> twos, exponent + twos as i32))
    }

    /// Plain from 0.0001 on and below 10^plain, like 1.5e+20 else.
    fn write(&self, negative: bool, plain: i32, sink: &mut dyn Sink) {
        let digits = self.text.as_str().as_bytes();
        let point = self.point;
        if negative {
            sink.put(b"-");
        }
        match usize::try_from(point) {
            _ if !(-3..=plain).contains(&point) => {
                let (first, rest) = digits.split_at(digits.len().min(1));
                sink.put(first);
                if !rest.is_empty() {
                    sink.put(b".");
                    sink.put(rest);
                }
                let sign = if point > 0 { '+' } else { '-' };
                sink.print(format_args!("e{sign}{:02}", (point - 1).abs()));
            }
            Ok(whole) if whole > 0 => {
                sink.put(&digits[..whole.min(digits.len())]);
                zeros(whole.saturating_sub(digits.len()), sink);
                if whole < digits.len() {
                    sink.put(b".");
                    sink.put(&digits[whole..]);
                }
            }
            _ => {
                sink.put(b"0.");
                zeros(point.unsigned_abs() as usize, sink);
                sink.put(digits);
            }
        }
    }
}

fn zeros(count: usize, sink: &mut dyn Sink) {
    for _ in 0..count {
        sink.put(b"0");
    }
}

/// Room for the longest text of a float with its exponent.
#[derive(Default)]
struct Scratch {
    bytes: [u8; 32],
    len: usize,
}

impl Scratch {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    fn trim_zeros(&mut self) {
        while self.len > 1 && self.bytes[self.len - 1] == b'0' {
            self.len -= 1;
        }
    }

    fn as_str(&self) -> &str {
        // Only ASCII is pushed.
        str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl Write for Scratch {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        text.bytes().for_each(|byte| self.push(byte));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: f64) -> String {
        let mut out = Vec::new();
        write_f64(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn text4(value: f32) -> String {
        let mut out = Vec::new();
        write_f32(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// From the tests of PostgreSQL: expected/float8.out.
    #[test]
    fn doubles_as_postgresql_prints_them() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-34.84, "-34.84"),
            (1004.3, "1004.3"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e14, "100000000000000"),
            (123456789012345.0, "123456789012345"),
            (1e15, "1e+15"),
            (1.2345678901234e+200, "1.2345678901234e+200"),
            (1.2345678901234e-200, "1.2345678901234e-200"),
            (5e-324, "5e-324"),
            (1e23, "9.999999999999999e+22"),
            (1_125_899_906_842_624.3, "1.1258999068426242e+15"),
            (f64::MAX, "1.7976931348623157e+308"),
            (9007199254740991.0, "9.007199254740991e+15"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(text(value), expected);
        }
    }

    /// From expected/float4.out.
    #[test]
    fn floats_as_postgresql_prints_them() {
        for (value, expected) in [
            (0.1, "0.1"),
            (999999.0, "999999"),
            (1e6, "1e+06"),
            (1.2345679e+20, "1.2345679e+20"),
            (1.2345679e-20, "1.2345679e-20"),
            (f32::MAX, "3.4028235e+38"),
            (-34.84, "-34.84"),
        ] {
            assert_eq!(text4(value), expected);
        }
    }

    #[test]
    fn every_text_leads_back() {
        let mut seed = 88_172_645_463_325_252_u64;
        for _ in 0..20_000 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let (long, short) = (f64::from_bits(seed), f32::from_bits(seed as u32));
            if long.is_finite() {
                assert_eq!(text(long).parse(), Ok(long));
            }
            if short.is_finite() {
                assert_eq!(text4(short).parse(), Ok(short));
            }
        }
    }

    #[test]
    fn both_forms_give_the_same_double() {
        let short = Datum::Binary(&[0x3D, 0xCC, 0xCC, 0xCD]);
        assert_eq!(to_double(Datum::Text(b"0.1"), oid::FLOAT4), to_double(short, oid::FLOAT4));
        assert_eq!(to_double(Datum::Text(b"0.1"), oid::FLOAT8), Ok(0.1));
        assert_eq!(to_double(Datum::Text(b"-Infinity"), oid::FLOAT8), Ok(f64::NEG_INFINITY));
        assert_eq!(to_double(Datum::Text(b"Infinity"), oid::NUMERIC), Ok(f64::INFINITY));
        assert!(to_double(Datum::Text(b"NaN"), oid::FLOAT4).unwrap().is_nan());
        assert_eq!(to_double(Datum::Text(b"16777217"), oid::INT4), Ok(16_777_217.0));
        let large = ["9"; 400].concat();
        assert_eq!(to_double(Datum::Text(large.as_bytes()), oid::NUMERIC), Err(ConvertError::OutOfRange));
        for text in ["", "-", "inf", "nan", "+1", ".5", "1x", "0x1"] {
            assert_eq!(
                to_double(Datum::Text(text.as_bytes()), oid::FLOAT8),
                Err(ConvertError::Malformed),
                "{text}"
            );
        }
        assert_eq!(to_double(Datum::Text(b"1"), oid::TEXT), Err(ConvertError::WrongType));
    }
}
