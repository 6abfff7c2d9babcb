//! The front of a pgoutput message: its tag, whether it may stand where it stands, and the subtransaction's xid
//! that only messages inside a stream block carry. Owns these rules; reads nothing behind them.

#![forbid(unsafe_code)]

use super::error::{Fault, Subject, WireError};
use super::reader::Reader;
use crate::lsn::Xid;

/// Where a message stands in the stream. The bytes do not tell, and the protocol version does not either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Not inside a stream block.
    Plain,
    /// Between Stream Start and Stream Stop.
    InBlock,
}

/// A message's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs)] // Tag::name documents each.
pub enum Tag {
    Begin = b'B',
    Commit = b'C',
    Origin = b'O',
    Relation = b'R',
    Type = b'Y',
    Insert = b'I',
    Update = b'U',
    Delete = b'D',
    Truncate = b'T',
    Logical = b'M',
    StreamStart = b'S',
    StreamStop = b'E',
    StreamCommit = b'c',
    StreamAbort = b'A',
    StreamPrepare = b'p',
    BeginPrepare = b'b',
    Prepare = b'P',
    CommitPrepared = b'K',
    RollbackPrepared = b'r',
}

impl Tag {
    /// The message's name in PostgreSQL's documentation.
    pub fn name(self) -> &'static str {
        match self {
            Tag::Begin => "Begin",
            Tag::Commit => "Commit",
            Tag::Origin => "Origin",
            Tag::Relation => "Relation",
            Tag::Type => "Type",
            Tag::Insert => "Insert",
            Tag::Update => "Update",
            Tag::Delete => "Delete",
            Tag::Truncate => "Truncate",
            Tag::Logical => "Message",
            Tag::StreamStart => "Stream Start",
            Tag::StreamStop => "Stream Stop",
            Tag::StreamCommit => "Stream Commit",
            Tag::StreamAbort => "Stream Abort",
            Tag::StreamPrepare => "Stream Prepare",
            Tag::BeginPrepare => "Begin Prepare",
            Tag::Prepare => "Prepare",
            Tag::CommitPrepared => "Commit Prepared",
            Tag::RollbackPrepared => "Rollback Prepared",
        }
    }

    /// The message that a byte stands for.
    #[inline]
    pub fn from_byte(byte: u8) -> Option<Tag> {
        Some(match byte {
            b'B' => Tag::Begin,
            b'C' => Tag::Commit,
            b'O' => Tag::Origin,
            b'R' => Tag::Relation,
            b'Y' => Tag::Type,
            b'I' => Tag::Insert,
            b'U' => Tag::Update,
            b'D' => Tag::Delete,
            b'T' => Tag::Truncate,
            b'M' => Tag::Logical,
            b'S' => Tag::StreamStart,
            b'E' => Tag::StreamStop,
            b'c' => Tag::StreamCommit,
            b'A' => Tag::StreamAbort,
            b'p' => Tag::StreamPrepare,
            b'b' => Tag::BeginPrepare,
            b'P' => Tag::Prepare,
            b'K' => Tag::CommitPrepared,
            b'r' => Tag::RollbackPrepared,
            _ => return None,
        })
    }

    /// Does this message carry the subtransaction's xid when it stands in a stream block?
    #[inline]
    fn has_subxid_in_block(self) -> bool {
        use Tag::*;
        matches!(self, Insert | Update | Delete | Truncate | Relation | Type | Logical)
    }
}

/// The front of a message. The body may be decoded later, on its own: see `Message::decode_body`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which message.
    pub tag: Tag,
    /// The subtransaction that a message inside a stream block belongs to; the top transaction's own xid counts too.
    pub subxid: Option<Xid>,
    /// Where the body begins in the payload: behind the tag and the xid.
    pub body_start: usize,
}

impl Head {
    /// Reads tag and xid, and checks that such a message may stand at this position.
    #[inline(always)]
    pub fn peek(payload: &[u8], position: Position) -> Result<Head, WireError> {
        Head::read(&mut Reader::without_spans(payload, Subject::Pgoutput), position)
    }

    #[inline(always)]
    pub(super) fn read(r: &mut Reader<'_>, position: Position) -> Result<Head, WireError> {
        let byte = r.u8("tag")?;
        let Some(tag) = Tag::from_byte(byte) else {
            return Err(r.error("tag", 0, Fault::UnknownTag(byte)));
        };
        r.now_reading(Subject::Message(tag));
        let subxid = match position {
            Position::Plain if tag == Tag::StreamStop => {
                return Err(r.error("tag", 0, Fault::OutsideBlock));
            }
            Position::Plain => None,
            Position::InBlock if tag.has_subxid_in_block() => Some(r.nonzero_xid("subtransaction xid")?),
            // Origin follows the first Stream Start, as it follows Begin.
            Position::InBlock if matches!(tag, Tag::Origin | Tag::StreamStop) => None,
            Position::InBlock => return Err(r.error("tag", 0, Fault::InsideBlock)),
        };
        Ok(Head { tag, subxid, body_start: r.offset() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Position::{InBlock, Plain};

    const KNOWN: &[u8] = b"BCORYIUDTMSEcApbPKr";

    #[test]
    fn a_tag_is_its_byte() {
        for byte in 0..=u8::MAX {
            match Tag::from_byte(byte) {
                Some(tag) => assert_eq!(tag as u8, byte),
                None => assert!(!KNOWN.contains(&byte), "{:?}", byte as char),
            }
        }
    }

    #[test]
    fn outside_a_block_no_xid_is_read() {
        for &tag in KNOWN {
            let head = Head::peek(&[tag, 0, 0, 2, 0xE1], Plain);
            if tag == b'E' {
                assert_eq!(
                    head.unwrap_err().to_string(),
                    "Stream Stop: tag at byte 0: not allowed outside a stream block"
                );
            } else {
                let head = head.unwrap();
                assert_eq!((head.tag as u8, head.subxid, head.body_start), (tag, None, 1));
            }
        }
    }

    #[test]
    fn inside_a_block_changes_carry_an_xid_and_transactions_do_not_nest() {
        for &tag in KNOWN {
            let head = Head::peek(&[tag, 0, 0, 2, 0xE1], InBlock);
            match tag {
                b'R' | b'Y' | b'I' | b'U' | b'D' | b'T' | b'M' => {
                    let head = head.unwrap();
                    assert_eq!((head.tag as u8, head.subxid, head.body_start), (tag, Some(Xid(0x2E1)), 5));
                }
                b'O' | b'E' => {
                    let head = head.unwrap();
                    assert_eq!((head.tag as u8, head.subxid, head.body_start), (tag, None, 1));
                }
                _ => assert_eq!(head.unwrap_err().fault, Fault::InsideBlock, "{:?}", tag as char),
            }
        }
    }

    #[test]
    fn bad_fronts_are_refused() {
        let error = |payload: &[u8]| Head::peek(payload, InBlock).unwrap_err().to_string();
        assert_eq!(error(b""), "pgoutput: tag at byte 0: needs 1 bytes, 0 left");
        assert_eq!(error(b"x"), "pgoutput: tag at byte 0: unknown message 0x78");
        assert_eq!(error(b"I\0\0\x01"), "Insert: subtransaction xid at byte 1: needs 4 bytes, 3 left");
        assert_eq!(error(b"I\0\0\0\0"), "Insert: subtransaction xid at byte 1: value 0 not allowed");
    }
}
