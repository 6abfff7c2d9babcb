//! `Message`, any one message of pgoutput. Owns the way from tag to body; the bodies are read in the files of their
//! families.

#![forbid(unsafe_code)]

use super::chunk::{StreamAbort, StreamCommit, StreamStart};
use super::error::{Subject, WireError};
use super::logical::LogicalMessage;
use super::reader::{Reader, whole};
use super::relation::{Relation, Type};
use super::row::{Delete, Insert, Truncate, Update};
use super::tag::{Head, Position, Tag};
use super::tuple::FieldSink;
use super::txn::{Begin, BeginPrepare, Commit, CommitPrepared, Origin, Prepare, RollbackPrepared};
use crate::lsn::Xid;

/// One message of the output plugin pgoutput, protocol versions 1 to 4.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Each is documented at its struct.
pub enum Message {
    Begin(Begin),
    Commit(Commit),
    Origin(Origin),
    Relation(Relation),
    Type(Type),
    Insert(Insert),
    Update(Update),
    Delete(Delete),
    Truncate(Truncate),
    Logical(LogicalMessage),
    StreamStart(StreamStart),
    /// The stream block ends; its transaction may go on in another.
    StreamStop,
    StreamCommit(StreamCommit),
    StreamAbort(StreamAbort),
    /// A streamed transaction is prepared.
    StreamPrepare(Prepare),
    BeginPrepare(BeginPrepare),
    Prepare(Prepare),
    CommitPrepared(CommitPrepared),
    RollbackPrepared(RollbackPrepared),
}

/// A message, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// See [`Head::subxid`].
    pub subxid: Option<Xid>,
    /// The message. Its spans count from the payload's start.
    pub message: Message,
}

impl Message {
    /// Decodes the payload of one XLogData. Columns of rows go to `fields`; nothing is allocated but the
    /// lists of Relation and Truncate.
    #[inline]
    pub fn decode<S: FieldSink + ?Sized>(
        payload: &[u8],
        position: Position,
        fields: &mut S,
    ) -> Result<Decoded, WireError> {
        let mut r = Reader::new(payload, Subject::Pgoutput)?;
        let head = Head::read(&mut r, position)?;
        let message = Message::read(head.tag, r, fields)?;
        Ok(Decoded { subxid: head.subxid, message })
    }

    /// Decodes a body that was kept after [`Head::peek`]. Spans and offsets of errors count from the body's start.
    #[inline]
    pub fn decode_body<S: FieldSink + ?Sized>(
        tag: Tag,
        body: &[u8],
        fields: &mut S,
    ) -> Result<Message, WireError> {
        Message::read(tag, Reader::new(body, Subject::Message(tag))?, fields)
    }

    #[inline(always)]
    fn read<S: FieldSink + ?Sized>(tag: Tag, r: Reader<'_>, fields: &mut S) -> Result<Message, WireError> {
        match tag {
            Tag::Insert => whole(r, |r| Insert::read(r, fields)).map(Message::Insert),
            Tag::Update => whole(r, |r| Update::read(r, fields)).map(Message::Update),
            Tag::Delete => whole(r, |r| Delete::read(r, fields)).map(Message::Delete),
            Tag::Begin => whole(r, Begin::read).map(Message::Begin),
            Tag::Commit => whole(r, Commit::read).map(Message::Commit),
            Tag::Origin => whole(r, Origin::read).map(Message::Origin),
            Tag::Relation => whole(r, Relation::read).map(Message::Relation),
            Tag::Type => whole(r, Type::read).map(Message::Type),
            Tag::Truncate => whole(r, Truncate::read).map(Message::Truncate),
            Tag::Logical => whole(r, LogicalMessage::read).map(Message::Logical),
            Tag::StreamStart => whole(r, StreamStart::read).map(Message::StreamStart),
            Tag::StreamStop => r.finish().map(|()| Message::StreamStop),
            Tag::StreamCommit => whole(r, StreamCommit::read).map(Message::StreamCommit),
            Tag::StreamAbort => whole(r, StreamAbort::read).map(Message::StreamAbort),
            Tag::StreamPrepare => whole(r, Prepare::read).map(Message::StreamPrepare),
            Tag::BeginPrepare => whole(r, BeginPrepare::read).map(Message::BeginPrepare),
            Tag::Prepare => whole(r, Prepare::read).map(Message::Prepare),
            Tag::CommitPrepared => whole(r, CommitPrepared::read).map(Message::CommitPrepared),
            Tag::RollbackPrepared => whole(r, RollbackPrepared::read).map(Message::RollbackPrepared),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::error::Fault;
    use crate::wire::samples::{all, every_strict_prefix};
    use crate::wire::tuple::Fields;
    use std::collections::HashSet;

    #[test]
    fn every_tag_has_a_sample() {
        let tags: HashSet<u8> = all().map(|sample| sample.bytes()[0]).collect();
        assert_eq!(tags, HashSet::from(*b"BCORYIUDTMSEcApbPKr"));
    }

    #[test]
    fn a_strict_prefix_is_never_a_message() {
        for sample in all() {
            let bytes = sample.bytes();
            for prefix in every_strict_prefix(&bytes) {
                // The one message with two lengths.
                let is_short_abort = bytes[0] == b'A' && prefix.len() == 9;
                let decoded = Message::decode(prefix, sample.position, &mut Fields::default());
                assert_eq!(decoded.is_ok(), is_short_abort, "{} bytes of {sample:?}", prefix.len());
            }
        }
    }

    #[test]
    fn a_byte_too_many_is_refused() {
        for sample in all() {
            let mut bytes = sample.bytes();
            let end = bytes.len();
            bytes.push(0);
            let error = Message::decode(&bytes, sample.position, &mut ()).unwrap_err();
            let expected = match (bytes[0], end) {
                (b'A', 9) => Fault::Truncated { needed: 8, left: 1 },
                _ => Fault::Trailing { left: 1 },
            };
            assert_eq!((error.offset, error.fault), (end, expected), "{sample:?}");
        }
    }

    /// Decoding in one go and decoding a kept body give the same, but for the body's own start.
    #[test]
    fn a_body_may_be_decoded_later() {
        for sample in all() {
            let payload = sample.bytes();
            let head = Head::peek(&payload, sample.position).unwrap();
            let body = &payload[head.body_start..];
            let mut fields = Fields::default();
            let message = Message::decode_body(head.tag, body, &mut fields).unwrap();

            let mut whole_fields = Fields::default();
            let whole = Message::decode(&payload, sample.position, &mut whole_fields).unwrap();
            assert_eq!(whole.subxid, head.subxid);
            assert_eq!(std::mem::discriminant(&message), std::mem::discriminant(&whole.message));
            assert_eq!(fields.tuples(), whole_fields.tuples());
            for index in 0..fields.tuples() {
                let (part, whole) = (fields.tuple(index), whole_fields.tuple(index));
                assert_eq!(part.len(), whole.len());
                for (&(kind, span), &(whole_kind, whole_span)) in part.iter().zip(whole) {
                    assert_eq!((kind, span.of(body)), (whole_kind, whole_span.of(&payload)));
                }
            }
        }
    }

    /// Whatever the bytes, there is no panic, and no span reaches beyond them.
    #[test]
    fn damaged_messages_are_survived() {
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        let mut next = |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 33) as usize % below
        };
        let mut survived = 0;
        for sample in all() {
            for _ in 0..2000 {
                let mut bytes = sample.bytes();
                for _ in 0..=next(3) {
                    let at = next(bytes.len());
                    bytes[at] = [0, 1, 0x7F, 0x80, 0xFF, next(256) as u8][next(6)];
                }
                bytes.truncate(bytes.len() - next(2));
                let mut fields = Fields::default();
                for position in [Position::Plain, Position::InBlock] {
                    fields.clear();
                    survived += usize::from(Message::decode(&bytes, position, &mut fields).is_ok());
                    for index in 0..fields.tuples() {
                        for (_, span) in fields.tuple(index) {
                            assert!(span.start as usize + span.len as usize <= bytes.len());
                        }
                    }
                }
            }
        }
        // Otherwise the damage was too great to test more than the first field.
        assert!(survived > 1000, "{survived}");
    }
}
