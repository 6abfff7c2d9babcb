//! Days since 1970-01-01 and dates of the Gregorian calendar, carried on into the past as PostgreSQL does.

#![forbid(unsafe_code)]

/// A date. Years count without a gap: 0 is 1 BC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// 1 is AD 1, 0 is 1 BC.
    pub year: i64,
    /// 1 to 12
    pub month: u8,
    /// 1 to 31
    pub day: u8,
}

/// A cycle of the calendar, 400 years.
const CYCLE_DAYS: i64 = 146_097;

/// From 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;

impl Civil {
    /// The date so many days after 1970-01-01.
    pub fn from_days(days: i64) -> Civil {
        // Years begin in March here: the leap day is their last.
        let days = days.saturating_add(EPOCH_DAYS);
        let (cycle, of_cycle) = (days.div_euclid(CYCLE_DAYS), days.rem_euclid(CYCLE_DAYS));
        let year = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
        let of_year = of_cycle - (365 * year + year / 4 - year / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = (of_year - (153 * shifted + 2) / 5 + 1) as u8;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 } as u8;
        Civil { year: year + cycle * 400 + i64::from(month <= 2), month, day }
    }

    /// Days after 1970-01-01; None when there is no such day. Years beyond what PostgreSQL's dates reach are refused, too.
    pub fn to_days(self) -> Option<i64> {
        let in_reach = (-6_000_000..=6_000_000).contains(&self.year);
        if !in_reach || !(1..=12).contains(&self.month) || self.day == 0 {
            return None;
        }
        let year = self.year - i64::from(self.month <= 2);
        let (cycle, of_cycle) = (year.div_euclid(400), year.rem_euclid(400));
        let shifted = i64::from((self.month + 9) % 12);
        let of_year = (153 * shifted + 2) / 5 + i64::from(self.day) - 1;
        let days = cycle * CYCLE_DAYS + of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year - EPOCH_DAYS;
        // The 31st of a shorter month comes back as another day.
        (Civil::from_days(days) == self).then_some(days)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checked with: select '…'::date - '1970-01-01'.
    #[test]
    fn known_days() {
        for (year, month, day, days) in [
            (1970, 1, 1, 0),
            (2000, 1, 1, 10_957),
            (2000, 2, 29, 11_016),
            (2024, 12, 31, 20_088),
            (1969, 12, 31, -1),
            (1900, 3, 1, -25_508),
            (1, 1, 1, -719_162),
            (0, 12, 31, -719_163),
            (-4713, 11, 24, -2_440_588),
            (5_874_897, 12, 31, 2_145_042_905),
        ] {
            let civil = Civil { year, month, day };
            assert_eq!(civil.to_days(), Some(days), "{civil:?}");
            assert_eq!(Civil::from_days(days), civil);
        }
    }

    #[test]
    fn days_that_are_not() {
        for (year, month, day) in [
            (2023, 2, 29),
            (1900, 2, 29),
            (2024, 4, 31),
            (2024, 13, 1),
            (2024, 0, 1),
            (2024, 1, 0),
            (2024, 1, 32),
        ] {
            assert_eq!(Civil { year, month, day }.to_days(), None);
        }
    }
}
