//! The decoder alone: into batches that are sealed and dropped, without the rules of a session.
//!
//! A program of its own: what has one caller is inlined, and the session's counts are to be those of the library.
//! Usage: see measure.rs.

mod measure;
mod messages;
mod walk;

use std::sync::Arc;

use walstream::model::arena::Pool;
use walstream::model::{Event, Kind};
use walstream::stream::outbox::Outbox;
use walstream::wire::{Frame, Head, Message, Position, Tag};

use measure::Way;
use messages::Transaction;

/// What a batch holds at most, as in the worker.
const BATCH_BYTES: usize = 240 << 10;
const BATCH_EVENTS: usize = 1024;

/// One message after the other into the batch's memory; no rule of a session.
struct Decoder {
    outbox: Outbox,
}

impl Way for Decoder {
    fn new(shape: &str) -> Decoder {
        let mut decoder = Decoder { outbox: Outbox::new(Arc::new(Pool::default()), BATCH_EVENTS) };
        decoder.run(&Transaction::first(shape));
        decoder
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

impl Decoder {
    #[inline]
    fn message(&mut self, frame: &[u8]) {
        let Frame::XLogData { start, payload, .. } = Frame::decode(frame).unwrap() else { unreachable!() };
        let head = Head::peek(payload, Position::Plain).unwrap();
        let body = &payload[head.body_start..];
        let event = Event { lsn: start.0, ..Event::new(Kind::INSERT) };
        match head.tag {
            Tag::Begin | Tag::Commit => {
                Message::decode_body(head.tag, body, &mut ()).unwrap();
                self.outbox.plain(event).unwrap();
            }
            Tag::Relation => self.outbox.define(event, head.tag, body, None).unwrap(),
            tag => self.outbox.change(event, tag, body, None).unwrap(),
        }
    }
}

fn main() {
    measure::main::<Decoder>("decode");
}
