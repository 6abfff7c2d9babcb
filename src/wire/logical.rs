//! The message that `pg_logical_emit_message` writes into the WAL.

#![forbid(unsafe_code)]

use super::error::WireError;
use super::reader::{Reader, Span};
use crate::lsn::Lsn;

/// PostgreSQL's "logical decoding message".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogicalMessage {
    /// It belongs to the transaction around it. Otherwise it stands for itself, outside any, and survives a rollback.
    pub transactional: bool,
    /// The end of its record.
    pub lsn: Lsn,
    /// Whose message it is.
    pub prefix: Span,
    /// Any bytes.
    pub content: Span,
}

const TRANSACTIONAL: u8 = 1;

impl LogicalMessage {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let flags = r.flags(TRANSACTIONAL, "flags")?;
        let lsn = r.lsn("lsn")?;
        let prefix = r.cstr("prefix")?;
        let len = r.length("content length")?;
        let content = r.take(len, "content")?;
        Ok(LogicalMessage { transactional: flags & TRANSACTIONAL != 0, lsn, prefix, content })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::lsn::Xid;
    use crate::wire::message::Message;
    use crate::wire::samples::{Sample, decode, hex, in_block, plain, refused};

    const ALONE: Sample = plain(
        "
        4D                  tag M
        00                  not transactional
        000000000156A8A0    lsn
        6175 00             prefix
        00000003            content of 3 bytes
        00FF01",
    );

    const IN_BLOCK: Sample = in_block(
        "
        4D                  tag M
        000002E2            subtransaction xid
        01                  transactional
        000000000156A8A0    lsn
        00                  prefix
        00000000            no content",
    );

    pub const SAMPLES: &[Sample] = &[ALONE, IN_BLOCK];

    #[test]
    fn logical_message() {
        let bytes = ALONE.bytes();
        let Message::Logical(message) = decode(ALONE).message else { panic!("not a message") };
        assert_eq!((message.transactional, message.lsn), (false, Lsn(0x156_A8A0)));
        assert_eq!(
            (message.prefix.of(&bytes), message.content.of(&bytes)),
            (&b"au"[..], &b"\x00\xFF\x01"[..])
        );
        let decoded = decode(IN_BLOCK);
        let Message::Logical(message) = decoded.message else { panic!("not a message") };
        assert_eq!(decoded.subxid, Some(Xid(0x2E2)));
        assert_eq!((message.transactional, message.lsn), (true, Lsn(0x156_A8A0)));
        assert_eq!((message.prefix.len, message.content.len), (0, 0));
    }

    #[test]
    fn lies_are_refused() {
        for (bytes, error) in [
            ("4D 02 000000000156A8A0 00 00000000", "Message: flags at byte 1: value 2 not allowed"),
            ("4D 00 000000000156A8A0 61 61", "Message: prefix at byte 10: string without an end"),
            ("4D 00 000000000156A8A0 00 FFFFFFFF", "Message: content length at byte 11: negative length -1"),
            (
                "4D 00 000000000156A8A0 00 7FFFFFFF 00",
                "Message: content at byte 15: needs 2147483647 bytes, 1 left",
            ),
        ] {
            assert_eq!(refused(&hex(bytes)), error);
        }
    }
}
