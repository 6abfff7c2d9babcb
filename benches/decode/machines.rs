//! What the messages go through: the decoder alone, up to batches that are sealed and dropped; and a whole session, with
//! identities, order and acknowledgements, whose batches are read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use walstream::lsn::Lsn;
use walstream::model::arena::Pool;
use walstream::model::{Event, Kind, Value};
use walstream::stream::Options;
use walstream::stream::outbox::Outbox;
use walstream::stream::session::{Connected, Now, Session};
use walstream::wire::{Frame, Head, Message, Position, Tag};

use crate::messages::Transaction;

/// What a batch holds at most, as in the worker.
const BATCH_BYTES: usize = 240 << 10;
const BATCH_EVENTS: usize = 1024;

/// One message after the other into the batch's memory; no rule of a session.
pub struct Decoder {
    outbox: Outbox,
}

impl Decoder {
    pub fn new(shape: &str) -> Decoder {
        let mut decoder = Decoder { outbox: Outbox::new(Arc::new(Pool::default()), BATCH_EVENTS) };
        decoder.run(&Transaction::first(shape));
        decoder
    }

    #[inline(never)]
    pub fn run(&mut self, transaction: &Transaction) {
        for frame in &transaction.frames {
            self.message(frame);
            if self.outbox.is_full(BATCH_BYTES) {
                while self.outbox.take().unwrap().is_some() {}
            }
        }
    }

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

fn touch(values: *const Value, count: u32) -> u64 {
    let mut sum = 0;
    for index in 0..count as usize {
        // SAFETY: a row of a batch that is alive has `count` values.
        let value = unsafe { &*values.add(index) };
        sum += u64::from(value.size) + u64::from(value.kind) + value.data as u64;
    }
    sum
}

pub struct Machine {
    session: Session,
    now: Now,
}

impl Machine {
    pub fn new(shape: &str) -> Machine {
        let now = Now { instant: Instant::now(), unix_us: 1_700_000_000_000_000 };
        let mut session = Session::new(&Options::default(), now, Arc::new(Pool::default()));
        let connected = Connected {
            slot: Lsn(0x100),
            start: Lsn::ZERO,
            wal_sender_timeout: Duration::from_secs(60),
            streaming: false,
        };
        session.connected(now, &connected).unwrap();
        let mut machine = Machine { session, now };
        machine.run(&Transaction::first(shape));
        machine
    }

    #[inline(never)]
    pub fn run(&mut self, transaction: &Transaction) -> u64 {
        let mut sum = 0;
        for frame in &transaction.frames {
            self.session.handle_frame(self.now, frame).unwrap();
            if self.session.is_full(BATCH_BYTES) {
                sum += self.hand_over();
            }
        }
        sum
    }

    fn hand_over(&mut self) -> u64 {
        let mut sum = 0;
        while let Some(batch) = self.session.outbox().take().unwrap() {
            for event in batch.events() {
                sum += touch(event.old_values, event.old_count) + touch(event.new_values, event.new_count);
            }
        }
        sum
    }
}
