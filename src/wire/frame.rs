//! What travels inside CopyData: XLogData and keepalives from the server, status updates and hot standby
//! feedback from us. Owns the outer frame only; what an XLogData carries is opaque here.

#![forbid(unsafe_code)]

use super::error::{Fault, Subject, WireError};
use super::reader::Reader;
use crate::lsn::{Lsn, Xid};
use crate::time::PgTime;

/// One frame from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// WAL, or one message of the output plugin.
    XLogData {
        /// Where the data lies in the WAL. Zero in logical streaming means "nowhere", not "at the start".
        start: Lsn,
        /// In logical streaming the same as `start`.
        end: Lsn,
        /// The server's clock.
        sent_at: PgTime,
        /// The data.
        payload: &'a [u8],
    },
    /// The server is alive, and tells how far it has come.
    Keepalive {
        /// The server's position.
        end: Lsn,
        /// The server's clock.
        sent_at: PgTime,
        /// It wants a status update at once, or else it will hang up.
        reply_requested: bool,
    },
}

impl<'a> Frame<'a> {
    /// Decodes what one CopyData message holds.
    #[inline(always)]
    pub fn decode(bytes: &'a [u8]) -> Result<Frame<'a>, WireError> {
        let mut r = Reader::new(bytes, Subject::CopyData)?;
        match r.u8("tag")? {
            b'w' => {
                r.now_reading(Subject::XLogData);
                // Each row comes in one: a single check where the front is whole. Where it is not, the fields tell which one is cut.
                match r.at_least::<24>() {
                    Some((mut front, payload)) => Frame::xlog_data(&mut front, payload),
                    None => Frame::xlog_data(&mut r, &[]),
                }
            }
            tag => Frame::other(r, tag),
        }
    }

    #[inline(always)]
    fn xlog_data(r: &mut Reader<'_>, payload: &'a [u8]) -> Result<Frame<'a>, WireError> {
        Ok(Frame::XLogData {
            start: r.lsn("start")?,
            end: r.lsn("end")?,
            sent_at: r.time("send time")?,
            payload,
        })
    }

    #[inline(never)]
    fn other(mut r: Reader<'a>, tag: u8) -> Result<Frame<'a>, WireError> {
        if tag != b'k' {
            return Err(r.error("tag", 0, Fault::UnknownTag(tag)));
        }
        r.now_reading(Subject::Keepalive);
        let frame = Frame::Keepalive {
            end: r.lsn("end")?,
            sent_at: r.time("send time")?,
            reply_requested: r.flags(1, "reply requested")? == 1,
        };
        r.finish()?;
        Ok(frame)
    }
}

/// Standby status update: how far we have come. Zero means "do not know" and changes nothing at the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusUpdate {
    /// Received.
    pub write: Lsn,
    /// Durable: the only one that moves a slot.
    pub flush: Lsn,
    /// Applied.
    pub apply: Lsn,
    /// Our clock.
    pub at: PgTime,
    /// Ask the server for a keepalive at once.
    pub reply_requested: bool,
}

impl StatusUpdate {
    /// The content of one CopyData message.
    pub fn encode(&self) -> [u8; 34] {
        let mut w = Writer::new();
        w.put([b'r']);
        w.put(self.write.0.to_be_bytes());
        w.put(self.flush.0.to_be_bytes());
        w.put(self.apply.0.to_be_bytes());
        w.put(self.at.0.to_be_bytes());
        w.put([u8::from(self.reply_requested)]);
        w.bytes
    }
}

/// Hot standby feedback: which rows the server's vacuum has to keep for us. Zero means "none".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HotStandbyFeedback {
    /// Our clock.
    pub at: PgTime,
    /// Oldest transaction whose rows we need.
    pub xmin: Xid,
    /// How often xids had wrapped around at `xmin`.
    pub xmin_epoch: u32,
    /// The same for system catalogs.
    pub catalog_xmin: Xid,
    /// How often xids had wrapped around at `catalog_xmin`.
    pub catalog_xmin_epoch: u32,
}

impl HotStandbyFeedback {
    /// The content of one CopyData message.
    pub fn encode(&self) -> [u8; 25] {
        let mut w = Writer::new();
        w.put([b'h']);
        w.put(self.at.0.to_be_bytes());
        w.put(self.xmin.0.to_be_bytes());
        w.put(self.xmin_epoch.to_be_bytes());
        w.put(self.catalog_xmin.0.to_be_bytes());
        w.put(self.catalog_xmin_epoch.to_be_bytes());
        w.bytes
    }
}

/// Fills an array front to back. The sizes are constants: a message that does not fit fails in every test.
struct Writer<const SIZE: usize> {
    bytes: [u8; SIZE],
    at: usize,
}

impl<const SIZE: usize> Writer<SIZE> {
    fn new() -> Self {
        Writer { bytes: [0; SIZE], at: 0 }
    }

    fn put<const N: usize>(&mut self, field: [u8; N]) {
        self.bytes[self.at..self.at + N].copy_from_slice(&field);
        self.at += N;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{every_strict_prefix, hex};

    const XLOG_DATA: &str = "
        77                  tag w
        0000000001569DE8    start
        0000000001569DF0    end
        0002B24C5A5E0001    send time
        42 43               payload";

    const KEEPALIVE: &str = "
        6B                  tag k
        00000016B374D848    end
        0002B24C5A5E0002    send time
        01                  reply requested";

    #[test]
    fn xlog_data() {
        let bytes = hex(XLOG_DATA);
        assert_eq!(
            Frame::decode(&bytes),
            Ok(Frame::XLogData {
                start: Lsn(0x156_9DE8),
                end: Lsn(0x156_9DF0),
                sent_at: PgTime(0x2_B24C_5A5E_0001),
                payload: b"BC",
            })
        );
        // The payload may be of any length, none included, but the 25 bytes before it are needed.
        for prefix in every_strict_prefix(&bytes) {
            assert_eq!(Frame::decode(prefix).is_ok(), prefix.len() >= 25, "{} bytes", prefix.len());
        }
    }

    #[test]
    fn keepalive() {
        let mut bytes = hex(KEEPALIVE);
        let expected = |reply_requested| Frame::Keepalive {
            end: Lsn(0x16_B374_D848),
            sent_at: PgTime(0x2_B24C_5A5E_0002),
            reply_requested,
        };
        assert_eq!(Frame::decode(&bytes), Ok(expected(true)));
        for prefix in every_strict_prefix(&bytes) {
            assert!(Frame::decode(prefix).is_err(), "{} bytes", prefix.len());
        }
        bytes[17] = 0;
        assert_eq!(Frame::decode(&bytes), Ok(expected(false)));
        bytes[17] = 2;
        let error = Frame::decode(&bytes).unwrap_err();
        assert_eq!(error.to_string(), "Primary keepalive: reply requested at byte 17: value 2 not allowed");
        bytes[17] = 0;
        bytes.push(0);
        assert_eq!(Frame::decode(&bytes).unwrap_err().fault, Fault::Trailing { left: 1 });
    }

    #[test]
    fn other_frames_are_refused() {
        assert_eq!(Frame::decode(b"").unwrap_err().fault, Fault::Truncated { needed: 1, left: 0 });
        assert_eq!(
            Frame::decode(b"d123").unwrap_err().to_string(),
            "CopyData: tag at byte 0: unknown message 0x64"
        );
    }

    #[test]
    fn status_update() {
        let update = StatusUpdate {
            write: Lsn(0x16_B374_D848),
            flush: Lsn(0x16_B374_D840),
            apply: Lsn(0x16_B374_D838),
            at: PgTime(-2),
            reply_requested: true,
        };
        let expected = hex("
            72                  tag r
            00000016B374D848    write
            00000016B374D840    flush
            00000016B374D838    apply
            FFFFFFFFFFFFFFFE    our clock
            01                  reply requested");
        assert_eq!(update.encode()[..], expected);
        assert_eq!(StatusUpdate { reply_requested: false, ..update }.encode()[33], 0);
    }

    #[test]
    fn hot_standby_feedback() {
        let feedback = HotStandbyFeedback {
            at: PgTime(3),
            xmin: Xid(0x2E1),
            xmin_epoch: 1,
            catalog_xmin: Xid(0x2E0),
            catalog_xmin_epoch: 2,
        };
        let expected = hex("
            68                  tag h
            0000000000000003    our clock
            000002E1            xmin
            00000001            its epoch
            000002E0            catalog xmin
            00000002            its epoch");
        assert_eq!(feedback.encode()[..], expected);
    }
}
