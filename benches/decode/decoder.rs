//! The decoder alone, without the rules of a session: `decode` finds every field of a message (as the walk does), `batch` also makes
//! events of them, in batches that are sealed and dropped.
//!
//! A program of its own: what has one caller is inlined, and the session's counts are to be those of the library.
//! Usage: see measure.rs.

mod measure;
mod messages;
mod walk;

use std::hint::black_box;
use std::mem;
use std::sync::Arc;

use walstream::lsn::Lsn;
use walstream::model::arena::Pool;
use walstream::model::{Event, Kind};
use walstream::stream::outbox::Outbox;
use walstream::wire::{
    Begin, Commit, FieldKind, FieldSink, Frame, Head, Message, Position, Span, Tag, decode_row,
};

use measure::Way;
use messages::Transaction;

/// What a batch holds at most, as in the worker.
const BATCH_BYTES: usize = 1008 << 10;
const BATCH_EVENTS: usize = 8192;

/// Where a field begins, how long it is, of which kind.
type Field = (Span, FieldKind);

/// Twice what the widest of the messages has.
const FIELDS: usize = 40;

/// Finds every field of a message.
struct Decoder([Field; FIELDS]);

/// Where the next field goes.
struct Room<'a>(&'a mut [Field]);

impl FieldSink for Room<'_> {
    #[inline]
    fn begin(&mut self, count: u16) {
        assert!(usize::from(count) <= self.0.len());
    }

    #[inline]
    fn field(&mut self, kind: FieldKind, span: Span) {
        if let Some((next, rest)) = mem::take(&mut self.0).split_first_mut() {
            *next = (span, kind);
            self.0 = rest;
        }
    }
}

impl Way for Decoder {
    fn new(_: &str) -> Decoder {
        Decoder([(Span::EMPTY, FieldKind::Null); FIELDS])
    }

    #[inline(never)]
    fn run(&mut self, transaction: &Transaction) -> u64 {
        transaction.frames.iter().map(|frame| self.message(black_box(frame)) as u64).sum()
    }
}

impl Decoder {
    /// How many fields there were.
    #[inline]
    fn message(&mut self, frame: &[u8]) -> usize {
        let mut room = Room(&mut self.0);
        let (_, head, body) = front(frame);
        match head.tag {
            Tag::Insert | Tag::Update | Tag::Delete => _ = decode_row(head.tag, body, &mut room).unwrap(),
            Tag::Begin => _ = Begin::decode(body).unwrap(),
            Tag::Commit => _ = Commit::decode(body).unwrap(),
            tag => _ = Message::decode_body(tag, body, &mut ()).unwrap(),
        }
        let left = room.0.len();
        black_box(&mut self.0);
        FIELDS - left
    }
}

/// One message after the other into the batch's memory.
struct Batches {
    outbox: Outbox,
}

impl Way for Batches {
    fn new(shape: &str) -> Batches {
        let mut batches = Batches { outbox: Outbox::new(Arc::new(Pool::default()), BATCH_EVENTS) };
        batches.run(&Transaction::first(shape));
        batches
    }

    #[inline(never)]
    fn run(&mut self, transaction: &Transaction) -> u64 {
        for frame in &transaction.frames {
            self.message(frame);
            if self.outbox.is_full(BATCH_BYTES) {
                while self.outbox.take().unwrap().is_some() {}
            }
        }
        self.outbox.events()
    }
}

impl Batches {
    #[inline]
    fn message(&mut self, frame: &[u8]) {
        let (start, head, body) = front(frame);
        let event = Event { lsn: start.0, ..Event::new(Kind::INSERT) };
        match head.tag {
            Tag::Begin => {
                Begin::decode(body).unwrap();
                self.outbox.plain(event).unwrap();
            }
            Tag::Commit => {
                Commit::decode(body).unwrap();
                self.outbox.plain(event).unwrap();
            }
            Tag::Relation => self.outbox.define(event, head.tag, body, None).unwrap(),
            tag => self.outbox.change(&event, tag, body, None).unwrap(),
        }
    }
}

#[inline(always)]
fn front(frame: &[u8]) -> (Lsn, Head, &[u8]) {
    let Frame::XLogData { start, payload, .. } = Frame::decode(frame).unwrap() else { unreachable!() };
    let head = Head::peek(payload, Position::Plain).unwrap();
    (start, head, &payload[head.body_start..])
}

fn main() {
    measure::main(&[("decode", measure::best::<Decoder>), ("batch", measure::best::<Batches>)]);
}
