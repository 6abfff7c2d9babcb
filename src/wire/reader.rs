//! `Reader`, the one place of the decoder that indexes bytes, and `Span`, what it gives for bytes of the
//! message. Every read is checked against what is left; nothing is copied or interpreted as text.

#![forbid(unsafe_code)]

use super::error::{Fault, Subject, WireError};
use crate::lsn::{Lsn, Oid, Xid};
use crate::time::PgTime;

/// A range of the payload that was decoded. A range, not a slice: whoever owns the payload may go on to write into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// First byte, counted from the payload's start.
    pub start: u32,
    /// Number of bytes.
    pub len: u32,
}

impl Span {
    /// No bytes: the span of a field that has no value.
    pub const EMPTY: Span = Span { start: 0, len: 0 };

    /// The bytes themselves.
    ///
    /// # Panics
    /// When `payload` is shorter than the one that was decoded: that is a mix-up of ours, and silence would hand
    /// wrong values to the host.
    #[inline]
    pub fn of(self, payload: &[u8]) -> &[u8] {
        let start = self.start as usize;
        &payload[start..start + self.len as usize]
    }
}

/// Reads one message from front to back. Each read names its field, for the error.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    len: usize,
    subject: Subject,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `bytes`. `subject` goes into errors.
    #[inline]
    pub fn new(bytes: &'a [u8], subject: Subject) -> Result<Self, WireError> {
        let reader = Reader::without_spans(bytes, subject);
        // Afterwards every offset and length fits a Span, and a negative length is longer than the message.
        if bytes.len() > i32::MAX as usize {
            return Err(reader.error("length", 0, Fault::TooLong));
        }
        Ok(reader)
    }

    /// For messages of fixed size, and fronts: what gives no Span may be of any length.
    #[inline]
    pub(super) fn without_spans(bytes: &'a [u8], subject: Subject) -> Self {
        Reader { rest: bytes, len: bytes.len(), subject }
    }

    /// From here on errors speak of this: a message is known only after its tag.
    #[inline]
    pub fn now_reading(&mut self, subject: Subject) {
        self.subject = subject;
    }

    /// Where the next read begins.
    #[inline]
    pub fn offset(&self) -> usize {
        self.len - self.rest.len()
    }

    /// Bytes not read yet.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// All bytes not read yet.
    #[inline]
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// A reader of the next N bytes, and all behind them, if there are as many; nothing is read yet. The compiler knows their number:
    /// reads of fields of fixed size need no check of their own.
    #[inline(always)]
    pub fn at_least<const N: usize>(&self) -> Option<(Reader<'a>, &'a [u8])> {
        let (front, behind) = self.rest.split_first_chunk::<N>()?;
        // As if what is behind were read already.
        Some((Reader { rest: front, len: self.len - behind.len(), subject: self.subject }, behind))
    }

    /// The same where nothing may be behind them.
    #[inline(always)]
    pub fn exactly<const N: usize>(&mut self) -> Option<Reader<'a>> {
        let (front, []) = self.at_least::<N>()? else { return None };
        self.rest = &[];
        Some(front)
    }

    /// The message must end here.
    #[inline]
    pub fn finish(&self) -> Result<(), WireError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.trailing()) }
    }

    /// One byte.
    #[inline]
    pub fn u8(&mut self, field: &'static str) -> Result<u8, WireError> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    /// `Int16`, unsigned: PostgreSQL's counts of columns are.
    #[inline]
    pub fn u16(&mut self, field: &'static str) -> Result<u16, WireError> {
        self.array(field).map(u16::from_be_bytes)
    }

    /// `Int32`.
    #[inline]
    pub fn i32(&mut self, field: &'static str) -> Result<i32, WireError> {
        self.array(field).map(i32::from_be_bytes)
    }

    /// `Int32`, unsigned.
    #[inline]
    pub fn u32(&mut self, field: &'static str) -> Result<u32, WireError> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// `Int64`.
    #[inline]
    pub fn i64(&mut self, field: &'static str) -> Result<i64, WireError> {
        self.array(field).map(i64::from_be_bytes)
    }

    /// `Int64`, unsigned.
    #[inline]
    pub fn u64(&mut self, field: &'static str) -> Result<u64, WireError> {
        self.array(field).map(u64::from_be_bytes)
    }

    /// A position in the WAL. Zero is allowed.
    #[inline]
    pub fn lsn(&mut self, field: &'static str) -> Result<Lsn, WireError> {
        self.u64(field).map(Lsn)
    }

    /// A position in the WAL where zero, "none", would make the message useless.
    #[inline]
    pub fn nonzero_lsn(&mut self, field: &'static str) -> Result<Lsn, WireError> {
        let at = self.offset();
        let lsn = self.lsn(field)?;
        if lsn.is_zero() { Err(self.error(field, at, Fault::BadValue(0))) } else { Ok(lsn) }
    }

    /// A transaction's number. Zero is allowed.
    #[inline]
    pub fn xid(&mut self, field: &'static str) -> Result<Xid, WireError> {
        self.u32(field).map(Xid)
    }

    /// A transaction's number where zero, "none", would make the message useless.
    #[inline]
    pub fn nonzero_xid(&mut self, field: &'static str) -> Result<Xid, WireError> {
        let at = self.offset();
        let xid = self.xid(field)?;
        if xid.0 == 0 { Err(self.error(field, at, Fault::BadValue(0))) } else { Ok(xid) }
    }

    /// An object's number.
    #[inline]
    pub fn oid(&mut self, field: &'static str) -> Result<Oid, WireError> {
        self.u32(field).map(Oid)
    }

    /// The server's clock.
    #[inline]
    pub fn time(&mut self, field: &'static str) -> Result<PgTime, WireError> {
        self.i64(field).map(PgTime)
    }

    /// A byte of flags of which only those in `known` may be set. A new flag would come with a new protocol version,
    /// so an unknown one means that we are not where we believe to be.
    #[inline]
    pub fn flags(&mut self, known: u8, field: &'static str) -> Result<u8, WireError> {
        let at = self.offset();
        let flags = self.u8(field)?;
        if flags & !known == 0 {
            Ok(flags)
        } else {
            Err(self.error(field, at, Fault::BadValue(flags.into())))
        }
    }

    /// A length: `Int32`, not negative.
    #[inline]
    pub fn length(&mut self, field: &'static str) -> Result<usize, WireError> {
        let at = self.offset();
        let length = self.i32(field)?;
        usize::try_from(length).map_err(|_| self.error(field, at, Fault::NegativeLength(length)))
    }

    /// Are there bytes enough for `count` elements of at least `each` bytes? To be asked before making room for them.
    /// `at` is where the count stands.
    #[inline]
    pub fn expect(&self, count: u32, each: usize, field: &'static str, at: usize) -> Result<(), WireError> {
        let left = self.rest.len();
        if u64::from(count) * each as u64 <= left as u64 {
            Ok(())
        } else {
            Err(self.error(field, at, Fault::CountTooLarge { count, left }))
        }
    }

    /// The next byte, if there is one; it is not read yet.
    #[inline(always)]
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Takes up to `most` times this byte, an `Int32` length and so many bytes, as long as all of that is there: one check instead of
    /// three. What else comes is not read, and the fields read one by one tell what is wrong. Returns how many it took.
    #[inline(always)]
    pub fn take_tagged(&mut self, wanted: u8, most: u16, mut each: impl FnMut(Span)) -> u16 {
        let (bytes, before) = (self.rest, self.offset());
        // 32 bits of it, so that the compiler knows that sums do not overflow.
        let (mut at, mut taken) = (0u32, 0);
        while taken < most {
            let start = at as usize + 5;
            let Some(&[tag, a, b, c, d]) = bytes.get(at as usize..start) else { break };
            let len = u32::from_be_bytes([a, b, c, d]);
            let end = start + len as usize;
            if tag != wanted || end > bytes.len() {
                break;
            }
            each(Span { start: (before + start) as u32, len });
            at = end as u32;
            taken += 1;
        }
        self.rest = &bytes[at as usize..];
        taken
    }

    /// The next `n` bytes.
    #[inline]
    pub fn take(&mut self, n: usize, field: &'static str) -> Result<Span, WireError> {
        // `new` made sure that both fit 32 bits.
        let span = Span { start: self.offset() as u32, len: n as u32 };
        match self.rest.split_at_checked(n) {
            Some((_, rest)) => {
                self.rest = rest;
                Ok(span)
            }
            None => Err(self.truncated(n, field)),
        }
    }

    /// A string up to its NUL, which is read too and is not part of the span.
    #[inline]
    pub fn cstr(&mut self, field: &'static str) -> Result<Span, WireError> {
        match self.rest.iter().position(|&byte| byte == 0) {
            Some(len) => {
                let span = self.take(len, field)?;
                self.u8(field)?;
                Ok(span)
            }
            None => Err(self.error(field, self.offset(), Fault::Unterminated)),
        }
    }

    /// An error about a field that began at `offset`.
    #[cold]
    pub fn error(&self, field: &'static str, offset: usize, fault: Fault) -> WireError {
        WireError { message: self.subject.name(), field, offset, fault }
    }

    #[inline]
    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], WireError> {
        match self.rest.split_first_chunk::<N>() {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(*bytes)
            }
            None => Err(self.truncated(N, field)),
        }
    }

    #[cold]
    fn truncated(&self, needed: usize, field: &'static str) -> WireError {
        self.error(field, self.offset(), Fault::Truncated { needed, left: self.rest.len() })
    }

    #[cold]
    fn trailing(&self) -> WireError {
        self.error("end", self.offset(), Fault::Trailing { left: self.rest.len() })
    }
}

/// Reads one body to the message's very end. Takes the reader by value: see `tuple::read`.
#[inline(always)]
pub(super) fn whole<'a, T>(
    mut r: Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, WireError>,
) -> Result<T, WireError> {
    let body = read(&mut r)?;
    r.finish()?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tag::Tag;

    #[test]
    fn integers_are_big_endian_and_move_on() {
        let bytes: Vec<u8> = (1..=27).collect();
        let mut r = Reader::new(&bytes, Subject::CopyData).unwrap();
        assert_eq!(r.u8("a"), Ok(0x01));
        assert_eq!(r.u16("b"), Ok(0x0203));
        assert_eq!(r.u32("c"), Ok(0x0405_0607));
        assert_eq!(r.i32("d"), Ok(0x0809_0A0B));
        assert_eq!(r.u64("e"), Ok(0x0C0D_0E0F_1011_1213));
        assert_eq!((r.offset(), r.remaining()), (19, 8));
        assert_eq!(r.i64("f"), Ok(0x1415_1617_1819_1A1B));
        assert_eq!(r.finish(), Ok(()));
    }

    #[test]
    fn a_short_read_names_its_field_and_takes_nothing() {
        let mut r = Reader::new(&[1, 2, 3], Subject::Message(Tag::Begin)).unwrap();
        r.u8("flags").unwrap();
        let error = r.u32("xid").unwrap_err();
        assert_eq!(error.to_string(), "Begin: xid at byte 1: needs 4 bytes, 2 left");
        assert_eq!(r.u16("rest"), Ok(0x0203));
    }

    #[test]
    fn strings_end_at_their_nul() {
        let mut r = Reader::new(b"ab\0\0cd", Subject::CopyData).unwrap();
        assert_eq!(r.cstr("a"), Ok(Span { start: 0, len: 2 }));
        assert_eq!(r.cstr("b"), Ok(Span { start: 3, len: 0 }));
        let error = r.cstr("c").unwrap_err();
        assert_eq!((error.offset, error.fault), (4, Fault::Unterminated));
    }

    #[test]
    fn spans_find_their_bytes_again() {
        let payload = b"0123456789";
        let mut r = Reader::new(payload, Subject::CopyData).unwrap();
        r.take(3, "a").unwrap();
        let span = r.take(4, "b").unwrap();
        assert_eq!(span.of(payload), b"3456");
        assert_eq!(r.take(4, "c").unwrap_err().fault, Fault::Truncated { needed: 4, left: 3 });
        assert_eq!(r.finish().unwrap_err().fault, Fault::Trailing { left: 3 });
        assert_eq!(r.rest(), b"789");
        assert_eq!(r.finish(), Ok(()));
    }

    #[test]
    fn counts_do_not_overflow() {
        let r = Reader::new(&[0; 8], Subject::CopyData).unwrap();
        assert_eq!(r.expect(2, 4, "n", 0), Ok(()));
        assert_eq!(
            r.expect(u32::MAX, usize::MAX >> 32, "n", 0).unwrap_err().fault,
            Fault::CountTooLarge { count: u32::MAX, left: 8 }
        );
        let mut r = Reader::new(&[0xFF, 0xFF, 0xFF, 0xFE], Subject::CopyData).unwrap();
        assert_eq!(r.length("n").unwrap_err().fault, Fault::NegativeLength(-2));
    }
}
