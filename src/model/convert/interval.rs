//! interval's text in IntervalStyle postgres (`EncodeInterval`).

#![forbid(unsafe_code)]

use super::timestamp::put_fraction;
use super::{ConvertError, exactly};
use crate::model::sink::Sink;

/// The text of a binary interval: microseconds, days, months.
pub fn write_interval(bytes: &[u8], sink: &mut dyn Sink) -> Result<(), ConvertError> {
    let bytes: [u8; 16] = exactly(bytes)?;
    let us = i64::from_be_bytes(exactly(&bytes[..8])?);
    let days = i32::from_be_bytes(exactly(&bytes[8..12])?);
    let months = i32::from_be_bytes(exactly(&bytes[12..])?);
    match (us, days, months) {
        // PostgreSQL 17 and later.
        (i64::MAX, i32::MAX, i32::MAX) => sink.put(b"infinity"),
        (i64::MIN, i32::MIN, i32::MIN) => sink.put(b"-infinity"),
        _ => {
            let mut parts = Parts { sink, any: false, below_zero: false };
            parts.put(months / 12, "year");
            parts.put(months % 12, "mon");
            parts.put(days, "day");
            parts.put_time(us);
        }
    }
    Ok(())
}

struct Parts<'a> {
    sink: &'a mut dyn Sink,
    any: bool,
    /// Was the last part that was not zero negative? Then a positive one behind it shows its sign.
    below_zero: bool,
}

impl Parts<'_> {
    fn put(&mut self, value: i32, unit: &str) {
        if value == 0 {
            return;
        }
        let space = if self.any { " " } else { "" };
        let plus = if self.below_zero && value > 0 { "+" } else { "" };
        let plural = if value == 1 { "" } else { "s" };
        self.sink.print(format_args!("{space}{plus}{value} {unit}{plural}"));
        self.any = true;
        self.below_zero = value < 0;
    }

    fn put_time(&mut self, us: i64) {
        if self.any && us == 0 {
            return;
        }
        let space = if self.any { " " } else { "" };
        let sign = match us {
            ..0 => "-",
            _ if self.below_zero => "+",
            _ => "",
        };
        let size = us.unsigned_abs();
        let seconds = size / 1_000_000;
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        self.sink.print(format_args!("{space}{sign}{hours:02}:{minutes:02}:{:02}", seconds % 60));
        put_fraction((size % 1_000_000) as i64, self.sink);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checked with: select interval '…'.
    #[test]
    fn known_intervals() {
        for (months, days, us, expected) in [
            (0, 0, 0, "00:00:00"),
            (14, 3, 14_706_500_000, "1 year 2 mons 3 days 04:05:06.5"),
            (-1, 1, 0, "-1 mons +1 day"),
            (0, -1, 3_600_000_000, "-1 days +01:00:00"),
            (0, 1, -1, "1 day -00:00:00.000001"),
            (-13, 0, 0, "-1 years -1 mons"),
            (0, 0, 360_000_000_000_000, "100000:00:00"),
            (i32::MAX, i32::MAX, i64::MAX, "infinity"),
        ] {
            let bytes =
                [&i64::to_be_bytes(us)[..], &i32::to_be_bytes(days), &i32::to_be_bytes(months)].concat();
            let mut out = Vec::new();
            write_interval(&bytes, &mut out).unwrap();
            assert_eq!(str::from_utf8(&out), Ok(expected));
        }
    }
}
