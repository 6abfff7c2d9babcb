//! What travels inside the CopyData of a base backup from PostgreSQL 15 on. Before, all of it was plain data.

#![forbid(unsafe_code)]

use super::error::{Fault, Subject, WireError};
use super::reader::{Reader, Span};

/// One message of a base backup. Ranges are of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupMessage {
    /// A new archive begins.
    Archive {
        /// Such as `base.tar.gz`.
        name: Span,
        /// The tablespace's location; empty for the data directory.
        location: Span,
    },
    /// The manifest begins.
    Manifest,
    /// Of the archive or manifest.
    Data(Span),
    /// Bytes sent of all archives, uncompressed.
    Progress(u64),
}

impl BackupMessage {
    /// Decodes what one CopyData message holds.
    pub fn decode(bytes: &[u8]) -> Result<BackupMessage, WireError> {
        let mut r = Reader::new(bytes, Subject::Backup)?;
        let message = match r.u8("tag")? {
            b'n' => BackupMessage::Archive { name: r.cstr("archive")?, location: r.cstr("tablespace")? },
            b'm' => BackupMessage::Manifest,
            b'd' => BackupMessage::Data(r.take(r.remaining(), "data")?),
            b'p' => BackupMessage::Progress(r.u64("progress")?),
            tag => return Err(r.error("tag", 0, Fault::UnknownTag(tag))),
        };
        r.finish()?;
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{every_strict_prefix, hex};

    const ARCHIVE: &str = "
        6E                          tag n
        62 61 73 65 2E 74 61 72 00  base.tar
        2F 74 00                    /t";

    #[test]
    fn archives() {
        let bytes = hex(ARCHIVE);
        let Ok(BackupMessage::Archive { name, location }) = BackupMessage::decode(&bytes) else { panic!() };
        assert_eq!((name.of(&bytes), location.of(&bytes)), (&b"base.tar"[..], &b"/t"[..]));
        for prefix in every_strict_prefix(&bytes) {
            assert!(BackupMessage::decode(prefix).is_err(), "{} bytes", prefix.len());
        }
    }

    #[test]
    fn the_rest() {
        assert_eq!(BackupMessage::decode(b"m"), Ok(BackupMessage::Manifest));
        assert_eq!(BackupMessage::decode(b"mx").unwrap_err().fault, Fault::Trailing { left: 1 });
        assert_eq!(BackupMessage::decode(b"d"), Ok(BackupMessage::Data(Span { start: 1, len: 0 })));
        assert_eq!(BackupMessage::decode(b"dxyz"), Ok(BackupMessage::Data(Span { start: 1, len: 3 })));
        assert_eq!(BackupMessage::decode(b"p\0\0\0\0\0\0\x01\x02"), Ok(BackupMessage::Progress(258)));
        assert!(BackupMessage::decode(b"p\0\0\0\0\0\0\x01").is_err());
        assert_eq!(BackupMessage::decode(b"x").unwrap_err().fault, Fault::UnknownTag(b'x'));
    }
}
