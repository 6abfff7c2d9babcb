//! PostgreSQL's clock on the wire: microseconds since 2000-01-01 UTC (`timestamp.h`, POSTGRES_EPOCH_JDATE).

#![forbid(unsafe_code)]

/// Microseconds from the Unix epoch to PostgreSQL's.
const EPOCH_OFFSET_US: i64 = 946_684_800_000_000;

/// A server time stamp, microseconds since 2000-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct PgTime(pub i64);

impl PgTime {
    /// Microseconds since 1970-01-01 UTC. A time stamp beyond what fits is clamped.
    pub fn unix_us(self) -> i64 {
        self.0.saturating_add(EPOCH_OFFSET_US)
    }

    /// From microseconds since 1970-01-01 UTC.
    pub fn from_unix_us(us: i64) -> PgTime {
        PgTime(us.saturating_sub(EPOCH_OFFSET_US))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_is_the_year_2000() {
        // date -u -d @946684800 prints Sat Jan  1 00:00:00 UTC 2000.
        assert_eq!(PgTime(0).unix_us(), 946_684_800 * 1_000_000);
        assert_eq!(PgTime::from_unix_us(PgTime(5).unix_us()), PgTime(5));
        assert_eq!(PgTime(i64::MAX).unix_us(), i64::MAX);
    }
}
