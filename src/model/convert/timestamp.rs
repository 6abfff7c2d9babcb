//! date, time, timetz, timestamp and timestamptz.

#![forbid(unsafe_code)]

use super::calendar::Civil;
use super::{ConvertError, Form, exactly, oid};
use crate::model::sink::Sink;
use crate::model::view::Datum;
use crate::time::PgTime;

const SECOND_US: i64 = 1_000_000;
const DAY_US: i64 = 86_400 * SECOND_US;

/// From 1970-01-01 to 2000-01-01, where PostgreSQL's dates begin.
const PG_EPOCH_DAYS: i64 = 10_957;

/// timestamp, timestamptz, or date at its midnight: microseconds since 1970-01-01 UTC. `infinity` is i64::MAX, `-infinity` i64::MIN.
pub fn to_timestamp_us(datum: Datum<'_>, type_oid: u32) -> Result<i64, ConvertError> {
    let us = match (Form::of(datum)?, type_oid) {
        (_, oid::DATE) => match to_date(datum, type_oid)? {
            i32::MAX => return Ok(i64::MAX),
            i32::MIN => return Ok(i64::MIN),
            days => i64::from(days).checked_mul(DAY_US),
        },
        (Form::Text("infinity"), oid::TIMESTAMP | oid::TIMESTAMPTZ) => return Ok(i64::MAX),
        (Form::Text("-infinity"), oid::TIMESTAMP | oid::TIMESTAMPTZ) => return Ok(i64::MIN),
        (Form::Text(text), oid::TIMESTAMP | oid::TIMESTAMPTZ) => {
            let (days, us) =
                parse_timestamp(text, type_oid == oid::TIMESTAMPTZ).ok_or(ConvertError::Malformed)?;
            days.checked_mul(DAY_US).and_then(|start| start.checked_add(us))
        }
        (Form::Binary(bytes), oid::TIMESTAMP | oid::TIMESTAMPTZ) => match i64::from_be_bytes(exactly(bytes)?)
        {
            infinite @ (i64::MAX | i64::MIN) => return Ok(infinite),
            us => us.checked_add(PgTime(0).unix_us()),
        },
        _ => return Err(ConvertError::WrongType),
    };
    us.filter(|us| !matches!(*us, i64::MAX | i64::MIN)).ok_or(ConvertError::OutOfRange)
}

/// date: days since 1970-01-01. `infinity` is i32::MAX, `-infinity` i32::MIN.
pub fn to_date(datum: Datum<'_>, type_oid: u32) -> Result<i32, ConvertError> {
    let form = Form::of(datum)?;
    if type_oid != oid::DATE {
        return Err(ConvertError::WrongType);
    }
    let days = match form {
        Form::Text("infinity") => return Ok(i32::MAX),
        Form::Text("-infinity") => return Ok(i32::MIN),
        Form::Text(text) => {
            let mut reader = Reader::new(text);
            let days = reader.date().filter(|_| reader.rest.is_empty());
            days.ok_or(ConvertError::Malformed)?
        }
        Form::Binary(bytes) => match i32::from_be_bytes(exactly(bytes)?) {
            infinite @ (i32::MAX | i32::MIN) => return Ok(infinite),
            days => i64::from(days) + PG_EPOCH_DAYS,
        },
    };
    let days = i32::try_from(days).ok().filter(|days| !matches!(*days, i32::MAX | i32::MIN));
    days.ok_or(ConvertError::OutOfRange)
}

/// Days and microseconds, as PostgreSQL prints them in ISO style.
fn parse_timestamp(text: &str, with_zone: bool) -> Option<(i64, i64)> {
    let mut reader = Reader::new(text);
    let days = reader.date()?;
    reader.take(' ')?;
    let mut us = reader.time()?;
    if with_zone {
        us -= reader.zone()? * SECOND_US;
    }
    reader.rest.is_empty().then_some((days, us))
}

/// Reads from the front.
struct Reader<'a> {
    rest: &'a str,
    before_christ: bool,
}

impl<'a> Reader<'a> {
    /// " BC" stands at the very end, behind the time.
    fn new(text: &'a str) -> Reader<'a> {
        let christian = text.strip_suffix(" BC");
        Reader { rest: christian.unwrap_or(text), before_christ: christian.is_some() }
    }

    fn take(&mut self, wanted: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(wanted)?;
        Some(())
    }

    /// A number of so many digits.
    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let count = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        if (least..=most).contains(&count) { digits.parse().ok() } else { None }
    }

    fn date(&mut self) -> Option<i64> {
        let year = self.number(4, 7)?;
        self.take('-')?;
        let month = self.number(2, 2)? as u8;
        self.take('-')?;
        let day = self.number(2, 2)? as u8;
        let year = match (self.before_christ, year) {
            (_, 0) => return None,
            (true, year) => 1 - year,
            (false, year) => year,
        };
        Civil { year, month, day }.to_days()
    }

    /// HH:MM:SS and up to six digits of a second, in microseconds.
    fn time(&mut self) -> Option<i64> {
        let hours = self.number(2, 2)?;
        self.take(':')?;
        let minutes = self.number(2, 2)?;
        self.take(':')?;
        let seconds = self.number(2, 2)?;
        let mut us = 0;
        if self.take('.').is_some() {
            let before = self.rest.len();
            us = self.number(1, 6)?;
            let digits = (before - self.rest.len()) as u32;
            us *= 10_i64.pow(6 - digits);
        }
        let good = hours <= 24 && minutes < 60 && seconds <= 60;
        good.then_some(((hours * 60 + minutes) * 60 + seconds) * SECOND_US + us)
    }

    /// +HH, +HH:MM or +HH:MM:SS: seconds east of Greenwich.
    fn zone(&mut self) -> Option<i64> {
        let sign = if self.take('+').is_some() { 1 } else { self.take('-').map(|()| -1)? };
        let mut seconds = self.number(2, 2)? * 3600;
        for unit in [60, 1] {
            if self.take(':').is_none() {
                break;
            }
            seconds += self.number(2, 2)? * unit;
        }
        Some(sign * seconds)
    }
}

/// The text of a binary date.
pub fn write_date(bytes: &[u8], sink: &mut dyn Sink) -> Result<(), ConvertError> {
    match i32::from_be_bytes(exactly(bytes)?) {
        i32::MAX => sink.put(b"infinity"),
        i32::MIN => sink.put(b"-infinity"),
        days => {
            let civil = Civil::from_days(i64::from(days) + PG_EPOCH_DAYS);
            put_date(civil, sink);
            put_era(civil, sink);
        }
    }
    Ok(())
}

/// The text of a binary timestamp; `zone` is what follows the time.
pub fn write_timestamp(bytes: &[u8], zone: &[u8], sink: &mut dyn Sink) -> Result<(), ConvertError> {
    match i64::from_be_bytes(exactly(bytes)?) {
        i64::MAX => sink.put(b"infinity"),
        i64::MIN => sink.put(b"-infinity"),
        us => {
            let civil = Civil::from_days(us.div_euclid(DAY_US) + PG_EPOCH_DAYS);
            put_date(civil, sink);
            sink.put(b" ");
            put_time(us.rem_euclid(DAY_US), sink);
            sink.put(zone);
            put_era(civil, sink);
        }
    }
    Ok(())
}

/// The text of a binary time.
pub fn write_time(bytes: &[u8], sink: &mut dyn Sink) -> Result<(), ConvertError> {
    let us = i64::from_be_bytes(exactly(bytes)?);
    if !(0..=DAY_US).contains(&us) {
        return Err(ConvertError::Malformed);
    }
    put_time(us, sink);
    Ok(())
}

/// The text of a binary timetz, whose zone counts seconds west of Greenwich.
pub fn write_timetz(bytes: &[u8], sink: &mut dyn Sink) -> Result<(), ConvertError> {
    let (time, zone) = bytes.split_at_checked(8).ok_or(ConvertError::Malformed)?;
    let west = i64::from(i32::from_be_bytes(exactly(zone)?));
    write_time(time, sink)?;
    let (hours, minutes, seconds) = split(west.abs());
    sink.print(format_args!("{}{hours:02}", if west > 0 { '-' } else { '+' }));
    if minutes != 0 || seconds != 0 {
        sink.print(format_args!(":{minutes:02}"));
    }
    if seconds != 0 {
        sink.print(format_args!(":{seconds:02}"));
    }
    Ok(())
}

fn put_date(civil: Civil, sink: &mut dyn Sink) {
    let year = if civil.year > 0 { civil.year } else { 1 - civil.year };
    sink.print(format_args!("{year:04}-{:02}-{:02}", civil.month, civil.day));
}

fn put_era(civil: Civil, sink: &mut dyn Sink) {
    if civil.year <= 0 {
        sink.put(b" BC");
    }
}

fn put_time(us: i64, sink: &mut dyn Sink) {
    let (hours, minutes, seconds) = split(us / SECOND_US);
    sink.print(format_args!("{hours:02}:{minutes:02}:{seconds:02}"));
    put_fraction(us % SECOND_US, sink);
}

fn split(seconds: i64) -> (i64, i64, i64) {
    (seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Microseconds of a second without zeros at their end, nothing for 0.
pub(super) fn put_fraction(us: i64, sink: &mut dyn Sink) {
    if us == 0 {
        return;
    }
    let (mut us, mut width) = (us, 6);
    while us % 10 == 0 {
        us /= 10;
        width -= 1;
    }
    sink.print(format_args!(".{us:0width$}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use Datum::{Binary, Text};

    /// Checked with: select extract(epoch from …) * 1000000.
    #[test]
    fn timestamps_in_both_forms() {
        let infinite = Ok(i64::MAX);
        for (type_oid, text, pg_us, expected) in [
            (oid::TIMESTAMPTZ, "2000-01-01 00:00:00+00", 0, Ok(946_684_800_000_000)),
            (oid::TIMESTAMPTZ, "1999-12-31 23:59:59.999999+00", -1, Ok(946_684_799_999_999)),
            (oid::TIMESTAMP, "1970-01-01 00:00:00", -946_684_800_000_000, Ok(0)),
            (oid::TIMESTAMP, "1969-12-31 23:59:59.5", -946_684_800_500_000, Ok(-500_000)),
            (oid::TIMESTAMP, "0044-03-15 12:00:00 BC", -64_464_465_600_000_000, Ok(-63_517_780_800_000_000)),
            (
                oid::TIMESTAMPTZ,
                "4713-11-24 00:00:00+00 BC",
                -211_781_865_600_000_000,
                Ok(-210_835_180_800_000_000),
            ),
            (oid::TIMESTAMP, "infinity", i64::MAX, infinite),
            (oid::TIMESTAMPTZ, "-infinity", i64::MIN, Ok(i64::MIN)),
            (
                oid::TIMESTAMP,
                "294276-12-31 23:59:59.999999",
                9_223_371_331_199_999_999,
                Err(ConvertError::OutOfRange),
            ),
        ] {
            assert_eq!(to_timestamp_us(Text(text.as_bytes()), type_oid), expected, "{text}");
            let binary = i64::to_be_bytes(pg_us);
            assert_eq!(to_timestamp_us(Binary(&binary), type_oid), expected, "{text}");
            let mut out = Vec::new();
            let zone: &[u8] = if type_oid == oid::TIMESTAMPTZ { b"+00" } else { b"" };
            write_timestamp(&binary, zone, &mut out).unwrap();
            assert_eq!(str::from_utf8(&out), Ok(text));
        }
    }

    #[test]
    fn zones_are_taken_off() {
        for (text, seconds) in [
            ("1970-01-01 05:30:00+05:30", 0),
            ("1969-12-31 16:00:00-08", 0),
            ("1970-01-01 00:19:33+00:19:32", 1),
            ("1970-01-02 00:00:00-00:00:01", 86_401),
        ] {
            assert_eq!(
                to_timestamp_us(Text(text.as_bytes()), oid::TIMESTAMPTZ),
                Ok(seconds * SECOND_US),
                "{text}"
            );
        }
    }

    #[test]
    fn dates_in_both_forms() {
        for (text, pg_days, expected) in [
            ("2000-01-01", 0, Ok(10_957)),
            ("1970-01-01", -10_957, Ok(0)),
            ("0001-01-01", -730_119, Ok(-719_162)),
            ("0001-12-31 BC", -730_120, Ok(-719_163)),
            ("5874897-12-31", 2_145_031_948, Ok(2_145_042_905)),
            ("infinity", i32::MAX, Ok(i32::MAX)),
            ("-infinity", i32::MIN, Ok(i32::MIN)),
        ] {
            let binary = i32::to_be_bytes(pg_days);
            assert_eq!(to_date(Text(text.as_bytes()), oid::DATE), expected, "{text}");
            assert_eq!(to_date(Binary(&binary), oid::DATE), expected, "{text}");
            let mut out = Vec::new();
            write_date(&binary, &mut out).unwrap();
            assert_eq!(str::from_utf8(&out), Ok(text));
        }
        assert_eq!(to_timestamp_us(Text(b"1970-01-02"), oid::DATE), Ok(DAY_US));
        assert_eq!(to_timestamp_us(Text(b"infinity"), oid::DATE), Ok(i64::MAX));
        assert_eq!(to_timestamp_us(Text(b"5874897-12-31"), oid::DATE), Err(ConvertError::OutOfRange));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "2024",
            "2024-1-1 00:00:00",
            "2024-02-30 00:00:00",
            "0000-01-01 00:00:00",
            "2024-01-01",
            "2024-01-01T00:00:00",
            "2024-01-01 25:00:00",
            "2024-01-01 00:60:00",
            "2024-01-01 00:00:00.",
            "2024-01-01 00:00:00.1234567",
            "2024-01-01 00:00:00+00",
            "2024-01-01 00:00:00 AD",
            "Mon Jan 01 00:00:00 2024",
        ] {
            assert_eq!(
                to_timestamp_us(Text(text.as_bytes()), oid::TIMESTAMP),
                Err(ConvertError::Malformed),
                "{text}"
            );
        }
        assert_eq!(
            to_timestamp_us(Text(b"2024-01-01 00:00:00"), oid::TIMESTAMPTZ),
            Err(ConvertError::Malformed)
        );
        assert_eq!(to_date(Text(b"2024-01-01"), oid::TIMESTAMP), Err(ConvertError::WrongType));
        assert_eq!(to_timestamp_us(Text(b"00:00:00"), oid::TIME), Err(ConvertError::WrongType));
    }
}
