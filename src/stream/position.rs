//! A position with the identity of the server that it belongs to, as one string to save (delivery-rules.md, 13).

#![forbid(unsafe_code)]

use std::fmt;
use std::str::FromStr;

use crate::lsn::Lsn;

/// Where a stream stands, and in whose write-ahead log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// `IDENTIFY_SYSTEM`'s systemid: made by initdb, the same on all standbys.
    pub system: u64,
    /// The timeline that the server was on.
    pub timeline: u32,
    /// Everything up to here is safe at the host.
    pub lsn: Lsn,
}

/// The text is not a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position: expected SYSTEM:TIMELINE:LSN as walstream_position gives it")]
pub struct ParsePositionError;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.system, self.timeline, self.lsn)
    }
}

impl FromStr for Position {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(':');
        let mut part = || parts.next().filter(|part| !part.starts_with('+')).ok_or(ParsePositionError);
        let position = Position {
            system: part()?.parse().map_err(|_| ParsePositionError)?,
            timeline: part()?.parse().map_err(|_| ParsePositionError)?,
            lsn: part()?.parse().map_err(|_| ParsePositionError)?,
        };
        if parts.next().is_some() { Err(ParsePositionError) } else { Ok(position) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_comes_back() {
        let position = Position { system: 7_412_345_678_901_234_567, timeline: 3, lsn: Lsn(0x16_B374_D848) };
        let text = position.to_string();
        assert_eq!(text, "7412345678901234567:3:16/B374D848");
        assert_eq!(text.parse(), Ok(position));
        for text in ["", "1:2", "1:2:3", "+1:2:0/0", "1:2:0/0:", "1:-2:0/0", "x:1:0/0"] {
            assert_eq!(text.parse::<Position>(), Err(ParsePositionError), "{text:?}");
        }
    }
}
