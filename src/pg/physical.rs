//! What physical replication asks of a server besides the stream itself.

#![forbid(unsafe_code)]

use super::connection::Connection;
use super::error::PgError;
use super::result::{ResultSet, Status};
use super::wait::Patience;
use crate::lsn::Lsn;

/// The timeline that goes on where the one that was streamed has ended, and where it begins. `None`: the results of
/// a COPY that ended for another reason.
pub fn next_timeline(results: &[ResultSet]) -> Result<Option<(u32, Lsn)>, PgError> {
    match results.iter().find(|set| set.status() == Status::Rows) {
        Some(set) => Ok(Some((set.parse(0, 0)?, set.parse(0, 1)?))),
        None => Ok(None),
    }
}

/// What SHOW says of it, such as "16MB".
pub fn segment_size(text: &str) -> Result<u64, PgError> {
    let malformed = PgError::Protocol("a wal_segment_size that is no size");
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[number.len()..] {
        "MB" => 1 << 20,
        "GB" => 1 << 30,
        _ => return Err(malformed),
    };
    let size = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    size.filter(|size| size.is_power_of_two()).ok_or(malformed)
}

impl Connection {
    /// Bytes of a segment of the write-ahead log: a power of two from 1 MB to 1 GB.
    pub fn wal_segment_size(&mut self, patience: &Patience<'_>) -> Result<u64, PgError> {
        segment_size(&self.show("wal_segment_size", patience)?)
    }

    /// Is this a standby? Without SQL, which a physical connection does not take. Before PostgreSQL 14 nobody knows.
    pub fn in_hot_standby(&self) -> bool {
        self.parameter_status("in_hot_standby").as_deref() == Some("on")
    }
}
